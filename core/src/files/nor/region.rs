//! The part of the flash that a store has, page by page.

use embedded_storage::nor_flash::NorFlash;

use crate::files::store::StoreError;

/// Most bytes that a flash may write at once.
pub(super) const UNIT_MAX: usize = 64;

/// A page that can be erased, counted from the start of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page(pub(super) u16);

/// Pages of a flash; what stands where in a page is in [`layout`](super::layout).
#[derive(Debug)]
pub(super) struct Region<F, const BLOCK: usize> {
    flash: F,
    from: u32,
}

impl<F: NorFlash, const BLOCK: usize> Region<F, BLOCK> {
    /// The region that begins at `from`.
    pub(super) fn new(flash: F, from: u32) -> Self {
        Self { flash, from }
    }

    /// True when so many pages from its start on are in the flash, and it begins where a page does.
    pub(super) fn holds(&self, pages: u32) -> bool {
        let end = pages.checked_mul(Self::PAGE).and_then(|len| self.from.checked_add(len));
        let is_inside = end.is_some_and(|end| usize::try_from(end).is_ok_and(|end| end <= self.flash.capacity()));
        is_inside && self.from.is_multiple_of(Self::PAGE)
    }

    fn address(&self, page: Page, at: u32) -> u32 {
        self.from.wrapping_add(u32::from(page.0).wrapping_mul(Self::PAGE)).wrapping_add(at)
    }

    pub(super) fn read(&mut self, page: Page, at: u32, out: &mut [u8]) -> Result<(), StoreError> {
        let address = self.address(page, at);
        self.flash.read(address, out).map_err(|_| StoreError::Failed)
    }

    pub(super) fn write(&mut self, page: Page, at: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let address = self.address(page, at);
        self.flash.write(address, bytes).map_err(|_| StoreError::Failed)
    }

    /// Erases a page, unless it reads as erased: every erasing wears the flash, and holds the chip for milliseconds.
    pub(super) fn make_blank(&mut self, page: Page) -> Result<(), StoreError> {
        if self.is_blank(page, 0) {
            return Ok(());
        }
        let (from, to) = (self.address(page, 0), self.address(page, Self::PAGE));
        self.flash.erase(from, to).map_err(|_| StoreError::Failed)
    }

    /// True when nothing is written from `at` on; a flash that cannot even read it says no.
    pub(super) fn is_blank(&mut self, page: Page, mut at: u32) -> bool {
        let mut bytes = [0; BLOCK];
        while at < Self::PAGE {
            // To the end of a block, so that the last piece ends where the page does.
            let len = (BLOCK as u32).wrapping_sub(at & (BLOCK as u32).wrapping_sub(1));
            let piece = bytes.get_mut(..len as usize).unwrap_or_default();
            if self.read(page, at, piece).is_err() || piece.iter().any(|byte| *byte != 0xff) {
                return false;
            }
            at = at.wrapping_add(len);
        }
        true
    }

    /// Sets the mark at that place, unless it is set: nothing is written twice.
    pub(super) fn mark(&mut self, page: Page, at: u32) -> Result<(), StoreError> {
        if self.is_marked(page, at) {
            return Ok(());
        }
        self.write(page, at, [0; UNIT_MAX].get(..Self::MARK_LEN).unwrap_or_default())
    }

    /// True when the mark at that place is set, or began to be: who began it had done all that comes before it.
    pub(super) fn is_marked(&mut self, page: Page, at: u32) -> bool {
        let mut bytes = [0; UNIT_MAX];
        let mark = bytes.get_mut(..Self::MARK_LEN).unwrap_or_default();
        self.read(page, at, mark).is_err() || mark.iter().any(|byte| *byte != 0xff)
    }

    /// Copies from one page to the same place of an erased one.
    pub(super) fn copy(&mut self, from: Page, to: Page, mut at: u32, end: u32) -> Result<(), StoreError> {
        let mut bytes = [0; BLOCK];
        while at < end {
            let len = (BLOCK as u32).wrapping_sub(at & (BLOCK as u32).wrapping_sub(1));
            let piece = bytes.get_mut(..len as usize).unwrap_or_default();
            self.read(from, at, piece)?;
            self.write(to, at, piece)?;
            at = at.wrapping_add(len);
        }
        Ok(())
    }
}
