//! The part of the nRF51's own flash that the memory map keeps for files, written and erased by the chip's NVMC.
//!
//! The processor stands still while the flash is written or erased: 46 us a word, in which no byte is lost, and 22 ms a page, in which the UART overflows if
//! somebody sends. Interrupts stay on between the words.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use nrf51_pac::NVMC;

/// Bytes of a page.
const PAGE: usize = 1024;
const WORD: usize = 4;

unsafe extern "C" {
    /// The first byte of the region, and the one behind its last: places that `memory/microbit.x` names.
    static _store_start: u8;
    static _store_end: u8;
}

/// That region, from its own offset 0 on; nothing beyond it is ever touched.
pub struct Flash {
    nvmc: NVMC,
}

impl Flash {
    /// Makes the flash writable by nobody else.
    pub fn new(nvmc: NVMC) -> Self {
        Self { nvmc }
    }

    fn start() -> *const u8 {
        &raw const _store_start
    }

    /// The end of the region, counted from its start.
    pub fn len() -> u32 {
        (&raw const _store_end as u32).wrapping_sub(Self::start() as u32)
    }

    fn wait(&self) {
        while self.nvmc.ready.read().ready().is_busy() {}
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        // SAFETY: all of it is in the region, which is readable memory, holds nothing that the program knows of, and is not written meanwhile, since
        // only `self` does.
        unsafe { Self::start().add(offset as usize).copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn capacity(&self) -> usize {
        Self::len() as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.nvmc.config.write(|w| w.wen().een());
        for page in (from..to).step_by(PAGE) {
            let address = Self::start().wrapping_add(page as usize) as u32;
            // SAFETY: it is the address of a page in the region, where no part of the program is.
            self.nvmc.erasepage().write(|w| unsafe { w.bits(address) });
            self.wait();
        }
        self.nvmc.config.write(|w| w.wen().ren());
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        self.nvmc.config.write(|w| w.wen().wen());
        let (words, _) = bytes.as_chunks::<WORD>();
        for (place, word) in (offset as usize..).step_by(WORD).zip(words) {
            let address = Self::start().wrapping_add(place).cast_mut().cast::<u32>();
            // SAFETY: it is a whole word of the region, where no part of the program is and nobody has a reference to.
            unsafe { address.write_volatile(u32::from_ne_bytes(*word)) };
            self.wait();
        }
        self.nvmc.config.write(|w| w.wen().ren());
        Ok(())
    }
}
