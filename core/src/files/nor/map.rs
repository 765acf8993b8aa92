//! Which page of the region is whose.

use super::region::Page;

/// Bits of the index of a page in its file.
const INDEX_BITS: u16 = 10;
/// Most pages of a store.
pub(super) const PAGES_MAX: usize = 1 << INDEX_BITS;
/// Most files of a store; one number fewer than there could be, so that no owner looks like none.
pub(super) const FILES_MAX: usize = (1 << (16 - INDEX_BITS)) - 1;

/// A page of the file in a slot of the table; two bytes, because there is one for each page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner(u16);

impl Owner {
    const NONE: Self = Self(u16::MAX);

    fn new(slot: usize, index: u16) -> Self {
        Self((slot as u16).wrapping_shl(INDEX_BITS.into()) | index)
    }

    fn slot(self) -> usize {
        usize::from(self.0 >> INDEX_BITS)
    }

    fn index(self) -> u16 {
        self.0 & (PAGES_MAX as u16 - 1)
    }
}

/// The owners of all pages.
#[derive(Debug)]
pub(super) struct Map<const PAGES: usize> {
    owners: [Owner; PAGES],
    /// Where the search for a free page begins: behind the last that was taken, so that all wear alike.
    next: usize,
}

impl<const PAGES: usize> Map<PAGES> {
    /// Nobody's pages.
    pub(super) fn new() -> Self {
        Self { owners: [Owner::NONE; PAGES], next: 0 }
    }

    /// Makes this the page that was taken last.
    pub(super) fn continue_behind(&mut self, page: Page) {
        self.next = usize::from(page.0).wrapping_add(1);
    }

    /// Where a page of a file is.
    #[inline(never)]
    pub(super) fn find(&self, slot: usize, index: u16) -> Option<Page> {
        let owner = Owner::new(slot, index);
        self.owners.iter().position(|other| *other == owner).map(|page| Page(page as u16))
    }

    /// How many pages are nobody's.
    pub(super) fn free(&self) -> u32 {
        self.owners.iter().filter(|owner| **owner == Owner::NONE).count() as u32
    }

    /// The next page that is nobody's; it stays so until it is given.
    pub(super) fn next_free(&mut self) -> Option<Page> {
        let is_free = |&(_, owner): &(usize, &Owner)| *owner == Owner::NONE;
        let pages = || self.owners.iter().enumerate();
        let (page, _) = pages().skip(self.next).find(is_free).or_else(|| pages().find(is_free))?;
        self.next = page.wrapping_add(1);
        Some(Page(page as u16))
    }

    /// Makes a page that of a file.
    pub(super) fn give(&mut self, page: Page, slot: usize, index: u16) {
        self.set(page, Owner::new(slot, index));
    }

    /// Makes a page nobody's.
    pub(super) fn take(&mut self, page: Page) {
        self.set(page, Owner::NONE);
    }

    fn set(&mut self, page: Page, owner: Owner) {
        if let Some(place) = self.owners.get_mut(usize::from(page.0)) {
            *place = owner;
        }
    }

    /// Takes the pages of a file from that one on.
    pub(super) fn take_from(&mut self, slot: usize, index: u16) {
        for owner in &mut self.owners {
            if *owner != Owner::NONE && owner.slot() == slot && owner.index() >= index {
                *owner = Owner::NONE;
            }
        }
    }
}
