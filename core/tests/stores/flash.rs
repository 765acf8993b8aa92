//! A NOR flash that holds its user to the rules, wears, and can lose its power at any word or in the middle of an erasing.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use crate::content::Random;

/// What a flash consists of; it outlives the store that is mounted on it.
pub struct Chip {
    pub bytes: Vec<u8>,
    /// What was written since it was erased, in units of a write.
    written: Vec<bool>,
    /// Erasings of each page.
    pub wear: Vec<u32>,
    /// Words written and pages erased so far.
    pub steps: usize,
    /// The step in which the power goes.
    pub cut_at: Option<usize>,
    /// Writes fail from now on.
    pub is_off: bool,
    chance: Random,
}

/// A flash that writes `WRITE` bytes at once and erases `ERASE`.
#[derive(Clone)]
pub struct Flash<const WRITE: usize, const ERASE: usize>(pub Rc<RefCell<Chip>>);

impl<const WRITE: usize, const ERASE: usize> Flash<WRITE, ERASE> {
    pub fn new(pages: usize) -> Self {
        Self::with(vec![0xff; pages * ERASE], 0)
    }

    /// With these bytes in it; what happens when the power goes follows from the seed.
    pub fn with(bytes: Vec<u8>, seed: u64) -> Self {
        let written = bytes.chunks(WRITE).map(is_written).collect();
        let wear = vec![0; bytes.len() / ERASE];
        let chance = Random::new(seed);
        Self(Rc::new(RefCell::new(Chip { bytes, written, wear, steps: 0, cut_at: None, is_off: false, chance })))
    }

    pub fn cut_at(&self, step: usize) {
        self.0.borrow_mut().cut_at = Some(step);
    }

    pub fn is_off(&self) -> bool {
        self.0.borrow().is_off
    }

    /// The power is back, for good.
    pub fn power_up(&self) {
        let mut chip = self.0.borrow_mut();
        (chip.is_off, chip.cut_at) = (false, None);
    }

    pub fn erasings(&self) -> u32 {
        self.0.borrow().wear.iter().sum()
    }

    pub fn steps(&self) -> usize {
        self.0.borrow().steps
    }
}

fn is_written(unit: &[u8]) -> bool {
    unit.iter().any(|byte| *byte != 0xff)
}

impl Chip {
    /// Counts a step; true when it is the one in which the power goes.
    fn is_cut(&mut self) -> bool {
        self.is_off = self.cut_at == Some(self.steps);
        self.steps += 1;
        self.is_off
    }

    /// What an erasing leaves that was cut short: some of the old, some of the new, or anything.
    fn spoil(&mut self, from: usize, to: usize, unit: usize) {
        let (way, middle) = (self.chance.below(6), from + self.chance.below(to - from) / unit * unit);
        for start in (from..to).step_by(unit) {
            let is_erased = match way {
                0 => false,
                1 => true,
                2 => start < middle,
                3 => start >= middle,
                _ => self.chance.below(2) == 0,
            };
            for at in start..start + unit {
                self.bytes[at] |= if is_erased { 0xff } else { 0 };
                if way == 5 {
                    self.bytes[at] |= self.chance.number() as u8;
                }
            }
        }
    }
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for Flash<WRITE, ERASE> {
    type Error = NorFlashErrorKind;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Flash<WRITE, ERASE> {
    const READ_SIZE: usize = WRITE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len()).expect("a read within the flash");
        let chip = self.0.borrow();
        bytes.copy_from_slice(&chip.bytes[offset as usize..offset as usize + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for Flash<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to).expect("an erasing of whole pages within the flash");
        let (from, to) = (from as usize, to as usize);
        let mut chip = self.0.borrow_mut();
        for page in (from..to).step_by(ERASE) {
            if chip.is_off {
                return Err(NorFlashErrorKind::Other);
            }
            if chip.is_cut() {
                chip.spoil(page, page + ERASE, WRITE);
            } else {
                chip.wear[page / ERASE] += 1;
                chip.bytes[page..page + ERASE].fill(0xff);
            }
            for unit in page / WRITE..(page + ERASE) / WRITE {
                chip.written[unit] = is_written(&chip.bytes[unit * WRITE..(unit + 1) * WRITE]);
            }
        }
        if chip.is_off { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len()).expect("a write of whole words within the flash");
        let mut chip = self.0.borrow_mut();
        for (unit, word) in (offset as usize / WRITE..).zip(bytes.chunks(WRITE)) {
            if chip.is_off {
                return Err(NorFlashErrorKind::Other);
            }
            assert!(!chip.written[unit], "the word at {} is written twice", unit * WRITE);
            let is_cut = chip.is_cut();
            let way = if is_cut { chip.chance.below(4) } else { 1 };
            for (at, byte) in (unit * WRITE..).zip(word) {
                // Bits only go from one to zero; when the power goes, none of them, all, or some.
                let kept = match way {
                    0 => 0xff,
                    1 => 0,
                    _ => chip.chance.number() as u8,
                };
                chip.bytes[at] &= byte | kept;
            }
            chip.written[unit] = !is_cut || is_written(&chip.bytes[unit * WRITE..(unit + 1) * WRITE]);
            if is_cut {
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }
}
