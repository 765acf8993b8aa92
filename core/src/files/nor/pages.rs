//! The steps that a store is made of: pages and blocks of a file in their order.

use embedded_storage::nor_flash::NorFlash;

use super::Nor;
use super::header::Header;
use super::region::{Page, Region};
use super::slot::{Slot, State, Tail};
use crate::bytes::copy;
use crate::files::name::Name;
use crate::files::store::{About, Entry, FileId, Store as _, StoreError};

impl<F: NorFlash, const PAGES: usize, const FILES: usize, const BLOCK: usize> Nor<F, PAGES, FILES, BLOCK> {
    pub(super) fn slot(&mut self, place: usize) -> Option<&mut Slot> {
        self.slots.get_mut(place)?.as_mut()
    }

    /// What is open under that number.
    #[inline(never)]
    pub(super) fn in_use(&mut self, file: FileId) -> Result<(usize, Slot), StoreError> {
        let place = usize::from(file.0);
        self.slot(place).filter(|slot| slot.users > 0).map(|slot| (place, *slot)).ok_or(StoreError::Failed)
    }

    #[inline(never)]
    pub(super) fn receiving(&mut self, partial: FileId) -> Result<(usize, Slot), StoreError> {
        self.in_use(partial).ok().filter(|(_, slot)| slot.state == State::Partial).ok_or(StoreError::Failed)
    }

    /// What the flash says of a file.
    pub(super) fn about(&mut self, place: usize) -> Option<About> {
        let id = self.slot(place)?.id;
        let page = self.map.find(place, 0)?;
        self.region.about(page, id)
    }

    pub(super) fn entry_at(&mut self, place: usize) -> Option<Entry> {
        let About { name, size, digest, kind } = self.about(place)?;
        let stored = self.slot(place)?.stored.wrapping_add(self.tail_len(place) as u32);
        Some(Entry { name, size, stored, digest: Some(digest), kind })
    }

    pub(super) fn find(&mut self, name: &Name, state: State) -> Option<usize> {
        (0..FILES).find(|place| {
            self.slot(*place).is_some_and(|slot| slot.state == state)
                && self.about(*place).is_some_and(|about| about.name == *name)
        })
    }

    /// How many pages another file may have: one is kept for pages that move, and some are promised to partials.
    pub(super) fn room(&self) -> u32 {
        let promised = self.slots.iter().flatten().fold(1u32, |sum, slot| {
            let missing = Region::<F, BLOCK>::pages(slot.size).saturating_sub(slot.linked.into());
            sum.wrapping_add(missing)
        });
        self.map.free().saturating_sub(promised)
    }

    /// An erased page, which is nobody's yet.
    pub(super) fn blank_page(&mut self) -> Result<Page, StoreError> {
        let page = self.map.next_free().ok_or(StoreError::Failed)?;
        self.region.make_blank(page)?;
        Ok(page)
    }

    /// Makes an empty partial in that slot, in place of the one that was there.
    pub(super) fn begin(&mut self, place: usize, about: &About) -> Result<(), StoreError> {
        let page = self.blank_page()?;
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.region.write_about(page, id, about)?;
        // First the one goes and then the other comes: if there were both and the power went, a mount could have one more than it has slots for.
        self.mark_gone(place)?;
        self.forget(place);
        self.region.write_header(page, Header { id, index: 0, generation: 0 })?;
        self.map.give(page, place, 0);
        let slot = Slot { id, size: about.size, stored: 0, linked: 1, state: State::Partial, is_torn: false, users: 0 };
        self.slots.get_mut(place).ok_or(StoreError::TooMany)?.replace(slot);
        Ok(())
    }

    /// Opens a partial for writing.
    pub(super) fn resume(&mut self, place: usize) -> Result<(FileId, u32), StoreError> {
        let tail = self.tail_for(place).ok_or(StoreError::TooMany)?;
        let tail = self.tails.get_mut(tail).ok_or(StoreError::TooMany)?;
        if !tail.is_of(place) {
            (tail.slot, tail.len) = (Some(place as u8), 0);
        }
        let len = tail.len as u32;
        let slot = self.slot(place).ok_or(StoreError::Missing)?;
        slot.users = 1;
        Ok((FileId(place as u16), slot.stored.wrapping_add(len)))
    }

    pub(super) fn has_tail(&self, place: usize) -> bool {
        self.tail_for(place).is_some()
    }

    /// The tail of that partial, or one that nobody uses.
    fn tail_for(&self, place: usize) -> Option<usize> {
        let is_idle = |tail: &Tail<BLOCK>| {
            let owner = tail.slot.and_then(|owner| self.slots.get(usize::from(owner))?.as_ref());
            owner.is_none_or(|owner| owner.users == 0)
        };
        let find = |wanted: &dyn Fn(&Tail<BLOCK>) -> bool| self.tails.iter().position(wanted);
        find(&|tail| tail.is_of(place)).or_else(|| find(&|tail| tail.slot.is_none())).or_else(|| find(&is_idle))
    }

    pub(super) fn tail_len(&self, place: usize) -> usize {
        self.tails.iter().find(|tail| tail.is_of(place)).map_or(0, |tail| tail.len)
    }

    pub(super) fn give_up_tail(&mut self, place: usize) {
        self.tails.iter_mut().filter(|tail| tail.is_of(place)).for_each(|tail| tail.slot = None);
    }

    /// Makes sure that there is an erased place for the block that comes next: moves the page if it is torn, and takes one more if it has none.
    pub(super) fn prepare_block(&mut self, partial: FileId) -> Result<(), StoreError> {
        for _ in 0..2 {
            let (_, slot) = self.receiving(partial)?;
            if slot.is_torn || slot.linked <= Region::<F, BLOCK>::place(slot.stored).index {
                self.prepare(partial)?;
            }
        }
        Ok(())
    }

    /// Puts data into the tail of a partial, and the tail into the flash when it is full or the last; how much data that took.
    #[inline(never)]
    pub(super) fn fill(&mut self, place: usize, tail: usize, data: &[u8]) -> Result<usize, StoreError> {
        let slot = self.slots.get_mut(place).and_then(Option::as_mut).ok_or(StoreError::Failed)?;
        let tail = self.tails.get_mut(tail).ok_or(StoreError::Failed)?;
        let at = Region::<F, BLOCK>::place(slot.stored);
        let room = tail.block.get_mut((at.at as usize).wrapping_add(tail.len)..Region::<F, BLOCK>::DATA as usize);
        let room = room.unwrap_or_default();
        let added = copy(room, data);
        let is_full = added == room.len();
        let len = tail.len.wrapping_add(added);
        tail.len = len;
        let stored = slot.stored.wrapping_add(len as u32);
        if !is_full && stored < slot.size {
            return Ok(added);
        }
        tail.len = 0;
        // Whatever goes wrong from here on, something may have been written.
        slot.is_torn = true;
        let page = self.map.find(place, at.index).ok_or(StoreError::Failed)?;
        let is_first = Region::<F, BLOCK>::end(at.index, slot.stored) == Region::<F, BLOCK>::lead(at.index);
        // It has one when the power went just behind it, or when it has moved.
        if is_first && self.region.header(page).is_none() {
            self.region.write_header(page, Header { id: slot.id, index: at.index, generation: 0 })?;
        }
        self.region.write_block(page, slot.id, at, &mut tail.block, len)?;
        (slot.is_torn, slot.stored) = (false, stored);
        Ok(added)
    }

    /// Moves the page that a partial goes on in, so that behind what is stored there is an erased place.
    pub(super) fn mend(&mut self, place: usize, slot: Slot) -> Result<(), StoreError> {
        self.move_page(place, slot, Region::<F, BLOCK>::place(slot.stored).index, None)?;
        self.slot(place).ok_or(StoreError::Failed)?.is_torn = false;
        Ok(())
    }

    /// Moves what is stored in a page to an erased one, and in the first changes what it says of the file.
    pub(super) fn move_page(
        &mut self,
        place: usize,
        slot: Slot,
        index: u16,
        about: Option<About>,
    ) -> Result<(), StoreError> {
        let old = self.map.find(place, index).ok_or(StoreError::Failed)?;
        let generation = self.region.header(old).map_or(0, |header| header.generation).wrapping_add(1);
        let page = self.blank_page()?;
        if index == 0 {
            let about = about.or_else(|| self.region.about(old, slot.id)).ok_or(StoreError::Failed)?;
            self.region.write_about(page, slot.id, &about)?;
            if slot.state != State::Partial {
                self.region.mark(page, Region::<F, BLOCK>::WHOLE)?;
            }
        }
        let (lead, end) = (Region::<F, BLOCK>::lead(index), Region::<F, BLOCK>::end(index, slot.stored));
        self.region.copy(old, page, lead, end)?;
        self.region.write_header(page, Header { id: slot.id, index, generation })?;
        self.map.take(old);
        self.map.give(page, place, index);
        self.region.mark(old, Region::<F, BLOCK>::GONE)
    }

    /// Marks a file as gone, which is what removes it: one short write.
    pub(super) fn mark_gone(&mut self, place: usize) -> Result<(), StoreError> {
        match self.map.find(place, 0) {
            Some(page) => self.region.mark(page, Region::<F, BLOCK>::GONE),
            None => Ok(()),
        }
    }

    /// Forgets a file, whose pages are for others now.
    pub(super) fn forget(&mut self, place: usize) {
        self.give_up_tail(place);
        self.map.take_from(place, 0);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = None;
        }
    }
}
