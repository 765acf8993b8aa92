//! Where things stand in a page, and which offset of a file is where; see the table in [`nor`](super).

use embedded_storage::nor_flash::NorFlash;

use super::header::{ABOUT_LEN, HEADER_LEN};
use super::region::{Region, UNIT_MAX};

/// Length of the CRC behind the data of a block.
const CHECK: usize = 4;

/// Where a byte of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The page, counted in its file.
    pub(super) index: u16,
    /// The block in the page.
    pub(super) block: u32,
    /// The byte in the block.
    pub(super) at: u32,
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

const fn smaller(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

impl<F: NorFlash, const BLOCK: usize> Region<F, BLOCK> {
    /// Everything that is written on its own begins and ends at a multiple of this.
    const UNIT: usize = larger(larger(F::WRITE_SIZE, F::READ_SIZE), 4);
    /// Bytes of a page.
    pub(super) const PAGE: u32 = F::ERASE_SIZE as u32;
    /// Bytes of data and padding in a block.
    pub(super) const DATA: u32 = (BLOCK - CHECK) as u32;
    pub(super) const MARK_LEN: usize = Self::UNIT;
    pub(super) const HEADER_LEN: usize = Self::whole_units(HEADER_LEN);
    pub(super) const ABOUT_LEN: usize = Self::whole_units(ABOUT_LEN);
    /// Where the mark is that the page is no longer in use.
    pub(super) const GONE: u32 = Self::HEADER_LEN as u32;
    /// Where a first page says what file it is.
    pub(super) const ABOUT: u32 = Self::GONE + Self::MARK_LEN as u32;
    /// Where the mark is in a first page that its file is whole.
    pub(super) const WHOLE: u32 = Self::ABOUT + Self::ABOUT_LEN as u32;
    /// Where the data of a first page begins.
    const FIRST: u32 = Self::WHOLE + Self::MARK_LEN as u32;
    /// Where the data of another page begins.
    const LATER: u32 = Self::ABOUT;
    /// Bytes of data in a page if there were nothing but blocks.
    const PAGE_DATA: u32 = Self::PAGE / BLOCK as u32 * Self::DATA;
    const FIRST_DATA: u32 = Self::PAGE_DATA - Self::skipped(Self::FIRST);
    const LATER_DATA: u32 = Self::PAGE_DATA - Self::skipped(Self::LATER);
    /// A store of other dimensions is not understood, rather than misread.
    pub(super) const DIMENSIONS: u32 = (BLOCK as u32) << 16 | Self::UNIT as u32;

    /// What must hold of a flash and a block; for a `const` assertion.
    pub(super) const FITS: bool = Self::UNIT.is_power_of_two()
        && Self::UNIT <= UNIT_MAX
        && Self::UNIT.is_multiple_of(F::WRITE_SIZE)
        && Self::UNIT.is_multiple_of(F::READ_SIZE)
        && BLOCK.is_power_of_two()
        && BLOCK >= 16
        && BLOCK <= 128
        && BLOCK.is_multiple_of(Self::UNIT)
        && F::ERASE_SIZE.is_multiple_of(BLOCK)
        && F::ERASE_SIZE >= Self::FIRST as usize + BLOCK;

    const fn whole_units(len: usize) -> usize {
        len.next_multiple_of(Self::UNIT)
    }

    /// How many bytes of data the first `len` bytes of a page would have held.
    const fn skipped(len: u32) -> u32 {
        let block = BLOCK as u32;
        len / block * Self::DATA + smaller((len % block) as usize, Self::DATA as usize) as u32
    }

    /// Where the data begins in a page of a file.
    pub(super) fn lead(index: u16) -> u32 {
        if index == 0 { Self::FIRST } else { Self::LATER }
    }

    /// What the largest file in so many pages has.
    pub(super) fn capacity(pages: u32) -> u32 {
        match pages.checked_sub(1) {
            Some(later) => Self::FIRST_DATA.saturating_add(Self::LATER_DATA.saturating_mul(later)),
            None => 0,
        }
    }

    /// How many pages a file has.
    #[inline(never)]
    pub(super) fn pages(size: u32) -> u32 {
        size.saturating_sub(Self::FIRST_DATA).div_ceil(Self::LATER_DATA).wrapping_add(1)
    }

    /// Where that offset is.
    #[inline(never)]
    pub(super) fn place(offset: u32) -> Place {
        let (index, spot) = match offset.checked_sub(Self::FIRST_DATA) {
            None => (0, offset.wrapping_add(const { Self::skipped(Self::FIRST) })),
            Some(beyond) => {
                let spot = (beyond % Self::LATER_DATA).wrapping_add(const { Self::skipped(Self::LATER) });
                ((beyond / Self::LATER_DATA).wrapping_add(1), spot)
            }
        };
        // No file has more pages than the map, whose bound is far lower.
        Place { index: index.min(u32::from(u16::MAX)) as u16, block: spot / Self::DATA, at: spot % Self::DATA }
    }

    /// Where the blocks end that hold the first `stored` bytes of a file, in its page `index`.
    pub(super) fn end(index: u16, stored: u32) -> u32 {
        let (lead, data) = if index == 0 { (Self::FIRST, Self::FIRST_DATA) } else { (Self::LATER, Self::LATER_DATA) };
        match stored.saturating_sub(Self::capacity(u32::from(index))).min(data) {
            0 => lead,
            within => within.wrapping_add(Self::skipped(lead)).div_ceil(Self::DATA).wrapping_mul(BLOCK as u32),
        }
    }
}
