//! Files in NOR flash, through any loss of power.
//!
//! # Layout
//!
//! A file has whole pages (what the flash erases at once) for itself. Each begins with who it belongs to; what follows is written once
//! and never again until the page is erased, which is all that `embedded-storage` promises for every flash.
//!
//! | in a page | bytes | what |
//! |---|---|---|
//! | header | 16 | `pmf1`, id of the file (u32), index of the page in it (u16), generation (u16), CRC-32 |
//! | gone | 4 | written when the page is no longer in use |
//! | about; in the first page | 139 | CRC-32, size, digest, name, kind |
//! | whole; in the first page | 4 | written when everything is there: what was a partial is a file |
//! | blocks | the rest | of `BLOCK` bytes each, of which the last four are a CRC-32 over the data and over where it belongs |
//!
//! Each begins at a multiple of what the flash writes at once, of at least four bytes; blocks at a multiple of their own length, so that the first of a page
//! is shorter by what is before it. All integers are little endian. The last block of a file is filled up with ones.
//!
//! How much of a partial is there follows from how many of its blocks have the right CRC: nothing is counted in the flash, and a write that was
//! cut short is noticed. What is behind it cannot be written again; the page then moves to an erased one, under the next generation,
//! before the partial goes on. A page that moves gets its header last, and the old one its mark after that: at any moment the higher generation is
//! complete. A file that is replaced by another of its name is marked as gone after that is whole; between the two, the newer id counts. A partial that is
//! replaced or emptied is marked as gone first, so that there is never one more than the table has slots for.
//!
//! A flash with anything else in it is an empty store, and is erased page by page as it fills.
//!
//! # Costs
//!
//! RAM: 2 bytes a page, 20 a file, `BLOCK` + 8 for each of [`RECEIVED_AT_ONCE`], and a kilobyte of stack in a call. Flash: 5 % of a page of 1 KiB
//! with blocks of 128 (4 % of one of 4 KiB), 140 bytes more a file, what a file leaves of its last page, and one page for the
//! whole store, which is never filled: what moves, moves there. A page is erased only when it is needed, one in a call, and in
//! turn, so that all wear alike. Blocks of 64 lose less with the power and cost 3 % more.
//!
//! # Limits
//!
//! 1024 pages, 63 files, pages of at least 512 bytes for blocks of 128, writes of up to 64 bytes, [`RECEIVED_AT_ONCE`] partials
//! in the making. Mounted with fewer pages or files than it was filled with, a store forgets what it has no place for.

mod block;
mod header;
mod layout;
mod map;
mod mount;
mod pages;
mod region;
mod slot;

use embedded_storage::nor_flash::NorFlash;

use self::map::Map;
use self::region::Region;
use self::slot::{Slot, State, Tail};
use super::name::Name;
use super::store::{About, Entry, FileId, Space, Store, StoreError};
use crate::bytes::copy;

/// How many partials a [`Nor`] takes data for at once; it keeps a block of each in RAM.
pub const RECEIVED_AT_ONCE: usize = 2;

/// Up to `FILES` files and partials in `PAGES` pages of a flash, in blocks of `BLOCK` bytes: a power of two up to 128, of which one less may be missing of a
/// partial after a loss of power.
///
/// A file that is replaced while it is being read stays until it is closed, and takes its room until then. A partial that is closed
/// keeps its last block in RAM until two others are received.
#[derive(Debug)]
pub struct Nor<F, const PAGES: usize, const FILES: usize, const BLOCK: usize> {
    region: Region<F, BLOCK>,
    map: Map<PAGES>,
    slots: [Option<Slot>; FILES],
    tails: [Tail<BLOCK>; RECEIVED_AT_ONCE],
    /// Of the next file.
    next_id: u32,
}

impl<F: NorFlash, const PAGES: usize, const FILES: usize, const BLOCK: usize> Store for Nor<F, PAGES, FILES, BLOCK> {
    fn space(&mut self) -> Space {
        let has_slot = self.slots.iter().any(Option::is_none);
        let pages = if has_slot { self.room() } else { 0 };
        let capacity = Region::<F, BLOCK>::capacity;
        Space { free: capacity(pages), capacity: capacity((PAGES as u32).saturating_sub(1)) }
    }

    fn entry(&mut self, index: usize) -> Option<Entry> {
        let mut shown = self.slots.iter().enumerate();
        let (place, _) =
            shown.by_ref().filter(|(_, slot)| slot.is_some_and(|slot| slot.state != State::Hidden)).nth(index)?;
        self.entry_at(place)
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        let place = self.find(name, State::Whole).ok_or(StoreError::Missing)?;
        let entry = self.entry_at(place).ok_or(StoreError::Failed)?;
        let slot = self.slot(place).ok_or(StoreError::Missing)?;
        slot.users = slot.users.checked_add(1).ok_or(StoreError::TooMany)?;
        Ok((FileId(place as u16), entry))
    }

    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError> {
        let old = self.find(&about.name, State::Partial);
        let (mut place, mut room) = (None, self.room());
        if let Some(old) = old {
            let size = self.slot(old).filter(|slot| slot.users == 0).ok_or(StoreError::InUse)?.size;
            if size == about.size && self.about(old).is_some_and(|known| known.digest == about.digest) {
                return self.resume(old);
            }
            room = room.saturating_add(Region::<F, BLOCK>::pages(size));
            place = Some(old);
        }
        let place = place.or_else(|| self.slots.iter().position(Option::is_none)).ok_or(StoreError::TooMany)?;
        if !self.has_tail(place) {
            return Err(StoreError::TooMany);
        }
        if Region::<F, BLOCK>::pages(about.size) > room {
            return Err(StoreError::NoRoom);
        }
        self.begin(place, about)?;
        self.resume(place)
    }

    fn prepare(&mut self, partial: FileId) -> Result<bool, StoreError> {
        let (place, slot) = self.receiving(partial)?;
        if slot.is_torn {
            self.mend(place, slot)?;
            return Ok(false);
        }
        let needed = Region::<F, BLOCK>::pages(slot.size);
        let mut linked = u32::from(slot.linked);
        if linked < needed {
            let page = self.blank_page()?;
            self.map.give(page, place, slot.linked);
            linked = linked.wrapping_add(1);
            self.slot(place).ok_or(StoreError::Failed)?.linked = linked as u16;
        }
        Ok(linked == needed)
    }

    fn read(&mut self, file: FileId, mut offset: u32, mut out: &mut [u8]) -> Result<usize, StoreError> {
        let (place, slot) = self.in_use(file)?;
        let mut block = [0; BLOCK];
        let mut total = 0usize;
        while offset < slot.stored && !out.is_empty() {
            let at = Region::<F, BLOCK>::place(offset);
            let page = self.map.find(place, at.index).ok_or(StoreError::Failed)?;
            if !self.region.read_block(page, slot.id, at, &mut block) {
                return Err(StoreError::Failed);
            }
            let end = Region::<F, BLOCK>::DATA.min(at.at.wrapping_add(slot.stored.wrapping_sub(offset)));
            let len = copy(out, block.get(at.at as usize..end as usize).unwrap_or_default());
            out = out.get_mut(len..).unwrap_or_default();
            offset = offset.wrapping_add(len as u32);
            total = total.wrapping_add(len);
        }
        if let (Some(tail), Some(beyond)) =
            (self.tails.iter().find(|tail| tail.is_of(place)), offset.checked_sub(slot.stored))
        {
            let start = (Region::<F, BLOCK>::place(slot.stored).at as usize).wrapping_add(beyond as usize);
            let data = tail.block.get(start..).unwrap_or_default().get(..tail.len.saturating_sub(beyond as usize));
            total = total.wrapping_add(copy(out, data.unwrap_or_default()));
        }
        Ok(total)
    }

    fn append(&mut self, partial: FileId, mut data: &[u8]) -> Result<(), StoreError> {
        let (place, slot) = self.receiving(partial)?;
        let tail = self.tails.iter().position(|tail| tail.is_of(place)).ok_or(StoreError::Failed)?;
        let room = (slot.size.wrapping_sub(slot.stored) as usize).saturating_sub(self.tail_len(place));
        if data.len() > room {
            return Err(StoreError::NoRoom);
        }
        while !data.is_empty() {
            self.prepare_block(partial)?;
            let added = self.fill(place, tail, data)?;
            data = data.get(added..).filter(|_| added > 0).ok_or(StoreError::Failed)?;
        }
        Ok(())
    }

    fn restart(&mut self, partial: FileId) -> Result<(), StoreError> {
        let (place, slot) = self.receiving(partial)?;
        let page = self.map.find(place, 0).ok_or(StoreError::Failed)?;
        let about = self.region.about(page, slot.id).ok_or(StoreError::Failed)?;
        self.begin(place, &about)?;
        self.resume(place).map(drop)
    }

    fn finish(&mut self, partial: FileId) -> Result<(), StoreError> {
        let (place, slot) = self.receiving(partial)?;
        let page = self.map.find(place, 0).filter(|_| slot.stored == slot.size).ok_or(StoreError::Failed)?;
        let about = self.region.about(page, slot.id).ok_or(StoreError::Failed)?;
        let old = self.find(&about.name, State::Whole);
        self.region.mark(page, Region::<F, BLOCK>::WHOLE)?;
        self.give_up_tail(place);
        if let Some(slot) = self.slot(place) {
            (slot.state, slot.users) = (State::Whole, 0);
        }
        if let Some(old) = old {
            // If it cannot be marked, the next mount sees which of the two is newer.
            self.mark_gone(old).unwrap_or_default();
            match self.slot(old) {
                Some(replaced) if replaced.users > 0 => replaced.state = State::Hidden,
                _ => self.forget(old),
            }
        }
        Ok(())
    }

    fn discard(&mut self, partial: FileId) {
        if let Ok((place, _)) = self.receiving(partial) {
            // If it cannot be marked, it is there again after the next mount, which is a partial that nobody asks for.
            self.mark_gone(place).unwrap_or_default();
            self.forget(place);
        }
    }

    fn close(&mut self, file: FileId) {
        let Ok((place, _)) = self.in_use(file) else { return };
        let Some(slot) = self.slot(place) else { return };
        slot.users = slot.users.saturating_sub(1);
        if (slot.users, slot.state) == (0, State::Hidden) {
            self.forget(place);
        }
    }

    fn remove(&mut self, name: &Name) -> Result<(), StoreError> {
        let [file, partial] = [State::Whole, State::Partial].map(|state| self.find(name, state));
        let place = file.or(partial).ok_or(StoreError::Missing)?;
        self.slot(place).filter(|slot| slot.users == 0).ok_or(StoreError::InUse)?;
        self.mark_gone(place)?;
        self.forget(place);
        Ok(())
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError> {
        let place = self.find(from, State::Whole).ok_or(StoreError::Missing)?;
        if self.find(to, State::Whole).is_some() {
            return Err(StoreError::Exists);
        }
        let slot = *self.slot(place).filter(|slot| slot.users == 0).ok_or(StoreError::InUse)?;
        let mut about = self.about(place).ok_or(StoreError::Failed)?;
        about.name = to.clone();
        self.move_page(place, slot, 0, Some(about))
    }
}
