//! The blocks of a page: data, and a CRC over it and over where it belongs.

use embedded_storage::nor_flash::NorFlash;

use super::layout::Place;
use super::region::{Page, Region};
use crate::bytes::copy;
use crate::crc::crc32_after;
use crate::files::store::StoreError;

impl<F: NorFlash, const BLOCK: usize> Region<F, BLOCK> {
    /// Where the data begins in the block of that place: behind what else the page begins with.
    fn start(place: Place) -> u32 {
        Self::lead(place.index).saturating_sub(place.block.wrapping_mul(BLOCK as u32))
    }

    /// The check of a block, which is that of no other place and no other file.
    fn check(id: u32, place: Place, block: &[u8; BLOCK]) -> u32 {
        let data = block.get(Self::start(place) as usize..Self::DATA as usize).unwrap_or_default();
        let labels = [id, u32::from(place.index), place.block];
        crc32_after(labels.iter().fold(0, |crc, label| crc32_after(crc, &label.to_le_bytes())), data)
    }

    /// Reads the block of that place; false when it is not what was written.
    pub(super) fn read_block(&mut self, page: Page, id: u32, place: Place, block: &mut [u8; BLOCK]) -> bool {
        self.read(page, place.block.wrapping_mul(BLOCK as u32), block).is_ok()
            && block.last_chunk().is_some_and(|check| u32::from_le_bytes(*check) == Self::check(id, place, block))
    }

    /// Writes the block of that place, which is where its data begins, with `len` bytes of data; they stand in it where they belong.
    pub(super) fn write_block(
        &mut self,
        page: Page,
        id: u32,
        place: Place,
        block: &mut [u8; BLOCK],
        len: usize,
    ) -> Result<(), StoreError> {
        let start = place.at as usize;
        block.get_mut(start.wrapping_add(len)..).unwrap_or_default().fill(0xff);
        let check = Self::check(id, place, block).to_le_bytes();
        copy(block.get_mut(Self::DATA as usize..).unwrap_or_default(), &check);
        let at = place.block.wrapping_mul(BLOCK as u32).wrapping_add(place.at);
        self.write(page, at, block.get(start..).unwrap_or_default())
    }
}
