//! Files in RAM, for boards whose files need not live through a reboot, and for tests.
//!
//! One array of bytes holds all contents, one behind the other. When a file goes, what is behind it moves down: there are never holes,
//! and every byte that is free serves the next file.

use super::name::Name;
use super::store::{About, Entry, FileId, Space, Store, StoreError};
use crate::bytes::{copy, move_down};

/// Up to `FILES` files and partials with `BYTES` bytes of content.
///
/// Costs those bytes and about 160 more a file. A file that is replaced while it is being read stays until it is closed, and takes its room until then.
#[derive(Debug)]
pub struct Ram<const BYTES: usize, const FILES: usize> {
    bytes: [u8; BYTES],
    files: [Option<Held>; FILES],
}

/// A file or partial, and where it is.
#[derive(Debug)]
struct Held {
    about: About,
    start: usize,
    stored: usize,
    state: State,
    /// How often it is open.
    users: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Partial,
    Whole,
    /// It was replaced, and somebody reads it still.
    Hidden,
}

impl Held {
    fn size(&self) -> usize {
        self.about.size as usize
    }

    fn entry(&self) -> Entry {
        let About { name, size, digest, kind } = self.about.clone();
        Entry { name, size, stored: self.stored as u32, digest: Some(digest), kind }
    }

    fn is(&self, name: &Name, state: State) -> bool {
        self.state == state && self.about.name == *name
    }
}

impl<const BYTES: usize, const FILES: usize> Ram<BYTES, FILES> {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(
                BYTES <= u32::MAX as usize && FILES <= u16::MAX as usize,
                "a store of at most 4 GiB and 65535 files"
            )
        };
        Self { bytes: [0; BYTES], files: [const { None }; FILES] }
    }

    fn used(&self) -> usize {
        self.files.iter().flatten().map(Held::size).sum()
    }

    fn find(&self, name: &Name, state: State) -> Option<usize> {
        self.files.iter().position(|held| held.as_ref().is_some_and(|held| held.is(name, state)))
    }

    fn held(&mut self, place: usize) -> Option<&mut Held> {
        self.files.get_mut(place)?.as_mut()
    }

    /// What is open under that number.
    fn in_use(&mut self, file: FileId) -> Result<&mut Held, StoreError> {
        self.held(usize::from(file.0)).filter(|held| held.users > 0).ok_or(StoreError::Failed)
    }

    fn receiving(&mut self, partial: FileId) -> Result<&mut Held, StoreError> {
        self.in_use(partial).ok().filter(|held| held.state == State::Partial).ok_or(StoreError::Failed)
    }

    fn is_in_use(&mut self, place: Option<usize>) -> bool {
        place.and_then(|place| self.held(place)).is_some_and(|held| held.users > 0)
    }

    /// Forgets a file, and closes the gap.
    fn forget(&mut self, place: usize) {
        let used = self.used();
        let Some(gone) = self.files.get_mut(place).and_then(Option::take) else { return };
        let (size, end) = (gone.size(), gone.start.saturating_add(gone.size()));
        // All of it is within the array, and so it moves.
        let _ = move_down(&mut self.bytes, end, gone.start, used.saturating_sub(end));
        for held in self.files.iter_mut().flatten().filter(|held| held.start > gone.start) {
            held.start = held.start.saturating_sub(size);
        }
    }
}

impl<const BYTES: usize, const FILES: usize> Default for Ram<BYTES, FILES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, const FILES: usize> Store for Ram<BYTES, FILES> {
    fn space(&mut self) -> Space {
        let has_place = self.files.iter().any(Option::is_none);
        let free = if has_place { BYTES.saturating_sub(self.used()) } else { 0 };
        Space { free: free as u32, capacity: BYTES as u32 }
    }

    fn entry(&mut self, index: usize) -> Option<Entry> {
        self.files.iter().flatten().filter(|held| held.state != State::Hidden).nth(index).map(Held::entry)
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        let place = self.find(name, State::Whole).ok_or(StoreError::Missing)?;
        let held = self.held(place).ok_or(StoreError::Missing)?;
        held.users = held.users.checked_add(1).ok_or(StoreError::TooMany)?;
        Ok((FileId(place as u16), held.entry()))
    }

    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError> {
        let old = self.find(&about.name, State::Partial);
        if self.is_in_use(old) {
            return Err(StoreError::InUse);
        }
        let mut room = BYTES.saturating_sub(self.used());
        if let Some((place, held)) = old.and_then(|place| Some((place, self.held(place)?))) {
            if held.about.size == about.size && held.about.digest == about.digest {
                held.users = 1;
                return Ok((FileId(place as u16), held.stored as u32));
            }
            room = room.saturating_add(held.size());
        }
        let place = old.or_else(|| self.files.iter().position(Option::is_none)).ok_or(StoreError::TooMany)?;
        if usize::try_from(about.size).is_ok_and(|size| size > room) {
            return Err(StoreError::NoRoom);
        }
        self.forget(place);
        let start = self.used();
        let held = self.files.get_mut(place).ok_or(StoreError::TooMany)?;
        *held = Some(Held { about: about.clone(), start, stored: 0, state: State::Partial, users: 1 });
        Ok((FileId(place as u16), 0))
    }

    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let &mut Held { start, stored, .. } = self.in_use(file)?;
        let content = self.bytes.get(start..start.saturating_add(stored)).unwrap_or_default();
        Ok(copy(out, content.get(offset as usize..).unwrap_or_default()))
    }

    fn append(&mut self, partial: FileId, data: &[u8]) -> Result<(), StoreError> {
        let held = self.receiving(partial)?;
        if data.len() > held.size().saturating_sub(held.stored) {
            return Err(StoreError::NoRoom);
        }
        let end = held.start.saturating_add(held.stored);
        held.stored = held.stored.saturating_add(data.len());
        copy(self.bytes.get_mut(end..).unwrap_or_default(), data);
        Ok(())
    }

    fn restart(&mut self, partial: FileId) -> Result<(), StoreError> {
        self.receiving(partial)?.stored = 0;
        Ok(())
    }

    fn finish(&mut self, partial: FileId) -> Result<(), StoreError> {
        let held = self.receiving(partial).ok().filter(|held| held.stored == held.size()).ok_or(StoreError::Failed)?;
        let name = held.about.name.clone();
        let old = self.find(&name, State::Whole);
        let held = self.receiving(partial)?;
        (held.state, held.users) = (State::Whole, 0);
        match old.and_then(|place| self.held(place)) {
            Some(replaced) if replaced.users > 0 => replaced.state = State::Hidden,
            _ => old.into_iter().for_each(|place| self.forget(place)),
        }
        Ok(())
    }

    fn discard(&mut self, partial: FileId) {
        if self.receiving(partial).is_ok() {
            self.forget(usize::from(partial.0));
        }
    }

    fn close(&mut self, file: FileId) {
        let Ok(held) = self.in_use(file) else { return };
        held.users = held.users.saturating_sub(1);
        if (held.users, held.state) == (0, State::Hidden) {
            self.forget(usize::from(file.0));
        }
    }

    fn remove(&mut self, name: &Name) -> Result<(), StoreError> {
        let [file, partial] = [State::Whole, State::Partial].map(|state| self.find(name, state));
        let place = file.or(partial).ok_or(StoreError::Missing)?;
        if self.is_in_use(Some(place)) {
            return Err(StoreError::InUse);
        }
        self.forget(place);
        Ok(())
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError> {
        let place = self.find(from, State::Whole).ok_or(StoreError::Missing)?;
        if self.find(to, State::Whole).is_some() {
            return Err(StoreError::Exists);
        }
        let held = self.held(place).filter(|held| held.users == 0).ok_or(StoreError::InUse)?;
        held.about.name = to.clone();
        Ok(())
    }
}
