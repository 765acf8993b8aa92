//! How a file comes to be: received beside the others, put in place at once, removed, renamed.

use std::fs::{File, TryLockError};
use std::io;

use pocketmux_core::files::{About, Name, StoreError};
use tracing::warn;

use super::dir::{How, Seen};
use super::note::Note;
use super::{ENTRIES_MAX, Folder, HIDDEN, Open, failed};

impl Folder {
    /// Opens the partial for what is offered, or makes one.
    pub(super) fn receive_into(&self, about: &About) -> Result<(File, u32), StoreError> {
        let name = about.name.as_str();
        let fail = |error: io::Error| failed(name, &error);
        if self.dir.look(name).map_err(fail)?.is_some_and(|seen| !seen.is_file) {
            warn!("{name}: something is there that is no file");
            return Err(StoreError::Exists);
        }
        let hidden = self.dir.make_folder(HIDDEN).map_err(fail)?;
        let part = part(&about.name);
        let known = hidden.look(&part).map_err(fail)?;
        let note = Note::read(&hidden, &json(&about.name));
        if note.is_some_and(|note| (note.size, note.digest) == (about.size, about.digest))
            && let Some(seen) = known.filter(|seen| seen.is_file && seen.links == 1)
        {
            let stored = u32::try_from(seen.len).ok().filter(|stored| *stored <= about.size);
            if self.room().map_err(fail)? < u64::from(about.size - stored.unwrap_or(0)) {
                return Err(StoreError::NoRoom);
            }
            let (file, _) = hidden.file(&part, How::Append).map_err(fail)?;
            lock(&file, name)?;
            if stored.is_none() {
                // Longer than it can be: not what was written here.
                file.set_len(0).map_err(fail)?;
            }
            return Ok((file, stored.unwrap_or(0)));
        }
        self.check_new(about, known.map_or(0, |seen| seen.len))?;
        if let Ok((old, _)) = hidden.file(&part, How::Append) {
            lock(&old, name)?;
        }
        // In this order no note is ever beside a part that it is not of.
        hidden.remove(&part).map_err(fail)?;
        promised(about).write(&hidden, &json(&about.name)).map_err(fail)?;
        let (file, _) = hidden.file(&part, How::New).map_err(fail)?;
        lock(&file, name)?;
        hidden.sync().map_err(fail)?;
        Ok((file, 0))
    }

    /// Whether one more may come, in place of so many bytes.
    fn check_new(&self, about: &About, replaced: u64) -> Result<(), StoreError> {
        let fail = |error: io::Error| failed(about.name.as_str(), &error);
        if self.room().map_err(fail)?.saturating_add(replaced) < u64::from(about.size) {
            return Err(StoreError::NoRoom);
        }
        if self.list().map_err(fail)?.len() >= ENTRIES_MAX { Err(StoreError::TooMany) } else { Ok(()) }
    }

    /// Makes the part the file.
    pub(super) fn put_in_place(&self, open: &Open, note: &Note) -> io::Result<()> {
        let name = open.name.as_str();
        open.file.sync_all()?;
        let hidden = self.hidden()?.ok_or(io::ErrorKind::NotFound)?;
        if self.dir.look(name)?.is_some_and(|seen| !seen.is_file) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // What the digest is of is known before there is anyone to ask for it: a program that is killed now need not receive the file again.
        let seen = Seen::of(&open.file)?;
        Note { modified: seen.modified, ..note.clone() }.write(&hidden, &sum(&open.name))?;
        hidden.rename(&part(&open.name), &self.dir, name)?;
        self.dir.sync()?;
        hidden.sync()?;
        let _ = hidden.remove(&json(&open.name));
        Ok(())
    }

    pub(super) fn drop_partial(&self, name: &Name) -> io::Result<bool> {
        let Some(hidden) = self.hidden()? else { return Ok(false) };
        let is_part = hidden.remove(&part(name))?;
        let is_note = hidden.remove(&json(name))?;
        hidden.sync()?;
        Ok(is_part || is_note)
    }

    pub(super) fn remove_file(&self, name: &Name) -> io::Result<bool> {
        if !self.dir.look(name.as_str())?.is_some_and(|seen| seen.is_file) {
            return self.drop_partial(name);
        }
        let is_removed = self.dir.remove(name.as_str())?;
        if let Some(hidden) = self.hidden()? {
            let _ = hidden.remove(&sum(name));
        }
        self.dir.sync()?;
        Ok(is_removed)
    }

    pub(super) fn rename_file(&self, from: &Name, to: &Name) -> io::Result<()> {
        self.dir.rename(from.as_str(), &self.dir, to.as_str())?;
        if let Some(hidden) = self.hidden()? {
            let _ = hidden.rename(&sum(from), &hidden, &sum(to));
        }
        self.dir.sync()
    }
}

/// What is written down of a file before any of it has come.
pub(super) fn promised(about: &About) -> Note {
    Note { size: about.size, digest: about.digest, kind: about.kind.clone(), modified: 0 }
}

/// Another program may receive into the same directory, but not the same file.
fn lock(part: &File, name: &str) -> Result<(), StoreError> {
    match part.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        // A medium without locks is one of which only one program knows.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(failed(name, &error)),
    }
}

fn part(name: &Name) -> String {
    format!("{name}.part")
}

fn json(name: &Name) -> String {
    format!("{name}.json")
}

pub(super) fn sum(name: &Name) -> String {
    format!("{name}.sum")
}
