//! The directory as what the transfers know: a store.

use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use pocketmux_core::files::{About, Digest, Entry, FileId, Name, Space, Store, StoreError};
use tracing::warn;

use super::dir::{How, Seen};
use super::listing::file_entry;
use super::note::Note;
use super::partial::{promised, sum};
use super::{Folder, HIDDEN, Open, Purpose, SYNC_EVERY, failed};

impl Store for Folder {
    fn space(&mut self) -> Space {
        let (_, capacity) = self.dir.space().unwrap_or_default();
        let free = self.room().unwrap_or_default();
        let most = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        Space { free: most(free), capacity: most(capacity) }
    }

    fn entry(&mut self, index: usize) -> Option<Entry> {
        // Whoever lists begins at the first: what people have changed meanwhile shows then.
        if index == 0 || self.listed.is_none() {
            let listed = self.list().inspect_err(|error| warn!("The directory cannot be read: {error}."));
            self.listed = Some(listed.unwrap_or_default());
        }
        self.listed.as_ref()?.get(index).cloned()
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        let place = self.place()?;
        let (file, seen) = self.dir.file(name.as_str(), How::Read).map_err(|error| failed(name.as_str(), &error))?;
        let hidden = self.hidden().ok().flatten();
        let entry = file_entry(name.clone(), &seen, hidden.as_ref()).ok_or(StoreError::Missing)?;
        self.put(place, Open { name: name.clone(), file, purpose: Purpose::Reading(seen) });
        Ok((FileId(place as u16), entry))
    }

    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError> {
        let place = self.place()?;
        if self.find(|open| open.name == about.name && matches!(open.purpose, Purpose::Writing { .. })) {
            return Err(StoreError::InUse);
        }
        let (file, stored) = self.receive_into(about).map_err(|error| match error {
            // The directory itself is gone.
            StoreError::Missing => StoreError::Failed,
            error => error,
        })?;
        self.listed = None;
        let purpose = Purpose::Writing { size: about.size, stored, unsynced: 0, note: promised(about) };
        self.put(place, Open { name: about.name.clone(), file, purpose });
        Ok((FileId(place as u16), stored))
    }

    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let Open { name, file, .. } = self.in_use(file)?;
        let mut len = 0;
        while len < out.len() {
            let at = u64::from(offset) + len as u64;
            let rest = out.get_mut(len..).unwrap_or_default();
            match file.read_at(rest, at).map_err(|error| failed(name.as_str(), &error)) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(_) => return Err(StoreError::Failed),
            }
        }
        Ok(len)
    }

    fn append(&mut self, partial: FileId, data: &[u8]) -> Result<(), StoreError> {
        let Open { name, file, purpose } = self.in_use(partial)?;
        let Purpose::Writing { size, stored, unsynced, .. } = purpose else { return Err(StoreError::Failed) };
        let len = u32::try_from(data.len()).map_err(|_| StoreError::NoRoom)?;
        if len > size.saturating_sub(*stored) {
            return Err(StoreError::NoRoom);
        }
        let fail = |error| match failed(name.as_str(), &error) {
            // Others than this process fill the same disk.
            StoreError::NoRoom => StoreError::NoRoom,
            _ => StoreError::Failed,
        };
        file.write_all(data).map_err(fail)?;
        (*stored, *unsynced) = (*stored + len, *unsynced + len);
        if *unsynced >= SYNC_EVERY {
            file.sync_data().map_err(fail)?;
            *unsynced = 0;
        }
        Ok(())
    }

    fn restart(&mut self, partial: FileId) -> Result<(), StoreError> {
        let Open { name, file, purpose } = self.in_use(partial)?;
        let Purpose::Writing { stored, .. } = purpose else { return Err(StoreError::Failed) };
        file.set_len(0).map_err(|error| failed(name.as_str(), &error))?;
        *stored = 0;
        Ok(())
    }

    fn finish(&mut self, partial: FileId) -> Result<(), StoreError> {
        self.listed = None;
        let open = self.take(partial).ok_or(StoreError::Failed)?;
        let Purpose::Writing { size, stored, note, .. } = &open.purpose else { return Err(StoreError::Failed) };
        if stored != size {
            return Err(StoreError::Failed);
        }
        self.put_in_place(&open, note).map_err(|error| {
            warn!("{}: {error}", open.name);
            StoreError::Failed
        })
    }

    fn discard(&mut self, partial: FileId) {
        self.listed = None;
        let Some(open) = self.take(partial) else { return };
        if matches!(open.purpose, Purpose::Writing { .. })
            && let Err(error) = self.drop_partial(&open.name)
        {
            warn!("{}: {error}", open.name);
        }
    }

    fn close(&mut self, file: FileId) {
        let Some(open) = self.take(file) else { return };
        if matches!(open.purpose, Purpose::Writing { .. }) {
            self.listed = None;
            // What does not get onto the medium now is missing at most after a loss of power.
            let _ = open.file.sync_data();
        }
    }

    fn note(&mut self, file: FileId, digest: Digest) {
        let Ok(Open { name, file, purpose: Purpose::Reading(seen) }) = self.in_use(file) else { return };
        // It was reckoned of what was there then, if nobody has changed that meanwhile.
        if !Seen::of(file).is_ok_and(|now| now == *seen) {
            return;
        }
        let Ok(size) = u32::try_from(seen.len) else { return };
        let (name, note) = (name.clone(), Note { size, digest, kind: Default::default(), modified: seen.modified });
        let written = self.dir.make_folder(HIDDEN).and_then(|hidden| note.write(&hidden, &sum(&name)));
        if let Err(error) = written {
            warn!("{name}: its digest is not remembered: {error}");
        }
        self.listed = None;
    }

    fn remove(&mut self, name: &Name) -> Result<(), StoreError> {
        if self.find(|open| open.name == *name) {
            return Err(StoreError::InUse);
        }
        self.listed = None;
        match self.remove_file(name) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Missing),
            Err(error) => Err(failed(name.as_str(), &error)),
        }
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError> {
        if self.find(|open| open.name == *from || open.name == *to) {
            return Err(StoreError::InUse);
        }
        let fail = |error| failed(from.as_str(), &error);
        if !self.dir.look(from.as_str()).map_err(fail)?.is_some_and(|seen| seen.is_file) {
            return Err(StoreError::Missing);
        }
        if self.dir.look(to.as_str()).map_err(fail)?.is_some() {
            return Err(StoreError::Exists);
        }
        self.listed = None;
        self.rename_file(from, to).map_err(fail)
    }
}
