//! Finds the files in a flash, whatever is in it.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::header::Header;
use super::map::{FILES_MAX, Map, PAGES_MAX};
use super::region::{Page, Region};
use super::slot::{Slot, State, Tail};
use super::{Nor, RECEIVED_AT_ONCE};
use crate::files::store::StoreError;

impl<F: NorFlash, const PAGES: usize, const FILES: usize, const BLOCK: usize> Nor<F, PAGES, FILES, BLOCK> {
    /// The store in that part of a flash: its first `PAGES` pages. What is no file is room for files. Nothing is erased.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] for a range that is not in the flash, does not begin where a page does, or has fewer pages.
    pub fn mount(flash: F, range: Range<u32>) -> Result<Self, StoreError> {
        const {
            assert!(
                Region::<F, BLOCK>::FITS,
                "a block of 16 to 128 bytes, a power of two, of whole writes, and several in a page"
            );
            assert!(PAGES >= 2 && PAGES <= PAGES_MAX, "2 to 1024 pages");
            assert!(FILES >= 1 && FILES <= FILES_MAX, "1 to 63 files");
        }
        let region = Region::new(flash, range.start);
        if !region.holds(PAGES as u32)
            || range.end.saturating_sub(range.start) / Region::<F, BLOCK>::PAGE < PAGES as u32
        {
            return Err(StoreError::Failed);
        }
        let tails = [const { Tail::EMPTY }; RECEIVED_AT_ONCE];
        let mut nor = Self { region, map: Map::new(), slots: [None; FILES], tails, next_id: 0 };
        nor.adopt_pages(true);
        nor.adopt_pages(false);
        for place in 0..FILES {
            nor.settle(place);
        }
        for place in 0..FILES {
            nor.drop_older(place);
        }
        Ok(nor)
    }

    /// Finds first pages, each of which makes a file, or the others.
    fn adopt_pages(&mut self, are_first: bool) {
        for page in (0..PAGES as u16).map(Page) {
            let Some(header) = self.region.header(page) else { continue };
            let next_id = header.id.wrapping_add(1);
            if next_id >= self.next_id {
                self.next_id = next_id;
                self.map.continue_behind(page);
            }
            if (header.index == 0) == are_first && !self.is_gone(page) {
                self.adopt(page, header);
            }
        }
    }

    fn is_gone(&mut self, page: Page) -> bool {
        self.region.is_marked(page, Region::<F, BLOCK>::GONE)
    }

    /// Gives a page to the file that it says it is of.
    fn adopt(&mut self, page: Page, header: Header) {
        let known = self.slots.iter().position(|slot| slot.is_some_and(|slot| slot.id == header.id));
        let place = match header.index {
            0 => self.region.about(page, header.id).and_then(|about| self.place_for(header.id, known, about.size)),
            _ => known,
        };
        let Some(place) = place else { return };
        let size = self.slot(place).map_or(0, |slot| slot.size);
        if u32::from(header.index) >= Region::<F, BLOCK>::pages(size) {
            return;
        }
        let other = self.map.find(place, header.index);
        let before = other.and_then(|other| self.region.header(other));
        if before.is_some_and(|before| before.generation >= header.generation) {
            return self.abandon(page);
        }
        // It moved here, and the power went before that was noted.
        other.into_iter().for_each(|other| self.abandon(other));
        self.map.give(page, place, header.index);
    }

    /// The slot of a file: the one it has, or a new one.
    fn place_for(&mut self, id: u32, known: Option<usize>, size: u32) -> Option<usize> {
        if known.is_some() || Region::<F, BLOCK>::pages(size) > PAGES as u32 {
            return known;
        }
        let place = self.slots.iter().position(Option::is_none)?;
        let slot = Slot { id, size, stored: 0, linked: 0, state: State::Partial, is_torn: false, users: 0 };
        self.slots.get_mut(place)?.replace(slot);
        Some(place)
    }

    /// Gives up a page for good: if it came back after the page that counts is erased, it would be what it was.
    fn abandon(&mut self, page: Page) {
        // There is nothing else to be done with a flash that cannot be written.
        self.region.mark(page, Region::<F, BLOCK>::GONE).unwrap_or_default();
        self.map.take(page);
    }

    /// Sees what is there of a file.
    fn settle(&mut self, place: usize) {
        let (Some(mut slot), Some(first)) = (self.slot(place).copied(), self.map.find(place, 0)) else { return };
        let needed = Region::<F, BLOCK>::pages(slot.size);
        let missing = (0..needed as u16).find(|index| self.map.find(place, *index).is_none());
        slot.linked = missing.unwrap_or(needed as u16);
        if self.region.is_marked(first, Region::<F, BLOCK>::WHOLE) {
            if missing.is_some() {
                return self.forget(place);
            }
            (slot.state, slot.stored) = (State::Whole, slot.size);
        } else {
            self.map.take_from(place, slot.linked);
            self.measure(place, &mut slot);
        }
        self.slot(place).into_iter().for_each(|place| *place = slot);
    }

    /// Counts what is stored of a partial: a page is begun only when the one before it is full.
    fn measure(&mut self, place: usize, slot: &mut Slot) {
        let last = slot.linked.wrapping_sub(1);
        let end = Region::<F, BLOCK>::capacity(slot.linked.into()).min(slot.size);
        let Some(page) = self.map.find(place, last) else { return };
        let mut block = [0; BLOCK];
        slot.stored = Region::<F, BLOCK>::capacity(last.into());
        while slot.stored < end {
            let at = Region::<F, BLOCK>::place(slot.stored);
            if !self.region.read_block(page, slot.id, at, &mut block) {
                break;
            }
            let len = Region::<F, BLOCK>::DATA.wrapping_sub(at.at);
            slot.stored = slot.stored.wrapping_add(len).min(end);
        }
        slot.is_torn =
            slot.stored < slot.size && !self.region.is_blank(page, Region::<F, BLOCK>::end(last, slot.stored));
    }

    /// Of two files of one name the newer counts: the power went before the older was marked as gone. A file that was given the name
    /// of a partial may be the newer of the two, though the partial was finished after that: then it stays.
    fn drop_older(&mut self, place: usize) {
        let Some(slot) = self.slot(place).copied() else { return };
        let Some(about) = self.about(place) else { return };
        for other in 0..FILES {
            let is_older = self.slot(other).is_some_and(|other| other.state == slot.state && other.id < slot.id);
            if is_older && self.about(other).is_some_and(|other| other.name == about.name) {
                self.mark_gone(other).unwrap_or_default();
                self.forget(other);
            }
        }
    }
}
