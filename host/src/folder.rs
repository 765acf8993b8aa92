//! A store of files on a directory that people see.
//!
//! Files are there under their own names, and people may put others beside them, change them and take them away. What is arriving is in a
//! hidden folder, as is what was once reckoned:
//!
//! | in `.pocketmux/` | what |
//! |---|---|
//! | `NAME.part` | a file as far as it has come; its length is how far that is |
//! | `NAME.json` | its size, digest and type, written before any of it came |
//! | `NAME.sum` | the digest of the file `NAME`, which holds while that has the same length and time of change |
//!
//! A file that is whole takes its name at once, when it is on the medium. A program that is killed leaves all that it had written; after a
//! loss of power up to 256 KiB may be missing, and what the medium made of them is found by the digest of the part and of the whole.
//!
//! Only regular files are looked at, with names that [`Name`] allows, at most 4096 of them; links are not followed, and nothing outside
//! the directory is touched.

use std::fs::File;
use std::io;
use std::path::Path;

use pocketmux_core::files::{Algorithm, Digest, Entry, FileId, Hasher, Name, Store as _, StoreError};
use tracing::warn;

use dir::{Dir, Seen};
use note::Note;

mod dir;
mod listing;
mod note;
mod partial;
mod store;

/// Where the store keeps what is not a file yet.
const HIDDEN: &str = ".pocketmux";
/// Files and partials that are looked at.
const ENTRIES_MAX: usize = 4096;
/// Files that are open at a time.
const OPEN_MAX: usize = 16;
/// So many bytes are written before they are waited for.
const SYNC_EVERY: u32 = 256 << 10;

/// A store of files on a directory.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Dir,
    open: [Option<Open>; OPEN_MAX],
    /// What was last listed, while nothing of it was changed from here.
    listed: Option<Vec<Entry>>,
}

/// A file or partial in use.
#[derive(Debug)]
struct Open {
    name: Name,
    file: File,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    /// To be read; how it was when it was opened.
    Reading(Seen),
    /// To be written.
    Writing { size: u32, stored: u32, unsynced: u32, note: Note },
}

impl Folder {
    /// The store on that directory, tidied up after a program that was killed.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let folder = Self { dir: Dir::open(path)?, open: Default::default(), listed: None };
        if let Some(hidden) = folder.hidden()? {
            folder.tidy(&hidden)?;
        }
        Ok(folder)
    }

    /// Reckons the digest of a file, if there is one and its digest is not known.
    pub(crate) fn learn(&mut self, name: &Name) -> Result<(), StoreError> {
        let (id, entry) = self.open(name)?;
        let reckoned = if entry.digest.is_none() { self.reckon(id) } else { Ok(None) };
        if let Ok(Some(digest)) = reckoned {
            self.note(id, digest);
        }
        self.close(id);
        reckoned.map(drop)
    }

    fn reckon(&mut self, id: FileId) -> Result<Option<Digest>, StoreError> {
        let Some(mut hasher) = Hasher::new(Algorithm::BEST) else { return Ok(None) };
        let mut buf = vec![0; 1 << 16];
        let mut at = 0;
        loop {
            let len = self.read(id, at, &mut buf)?;
            hasher.update(buf.get(..len).unwrap_or_default());
            at = at.saturating_add(len as u32);
            if len < buf.len() {
                return Ok(Some(hasher.digest()));
            }
        }
    }

    /// Leaves no trace beside the files but of what is still arriving: forgets the digests of these, and the hidden folder if it is empty then.
    pub(crate) fn leave(&self, names: &[Name]) {
        if let Ok(Some(hidden)) = self.hidden() {
            for name in names {
                let _ = hidden.remove(&format!("{name}.sum"));
            }
            self.dir.remove_folder(HIDDEN);
        }
    }

    fn hidden(&self) -> io::Result<Option<Dir>> {
        self.dir.folder(HIDDEN)
    }

    /// Removes what is of no use: half a note, the note of a file that is gone, that of a partial which has become the file.
    fn tidy(&self, hidden: &Dir) -> io::Result<()> {
        for entry in hidden.names()? {
            let Some((stem, suffix)) = entry.rsplit_once('.') else { continue };
            let file = || self.dir.look(stem);
            let is_useless = match suffix {
                "new" => true,
                "sum" => file()?.is_none(),
                "json" if hidden.look(&format!("{stem}.part"))?.is_none() => {
                    let known = Note::read(hidden, &format!("{stem}.sum"));
                    let awaited = Note::read(hidden, &entry);
                    let fits = |known: &Note| file().is_ok_and(|seen| seen.is_some_and(|seen| known.fits(&seen)));
                    known.as_ref().is_some_and(fits)
                        && known.map(|known| known.digest) == awaited.map(|note| note.digest)
                }
                _ => false,
            };
            if is_useless {
                // A directory in its place stays.
                let _ = hidden.remove(&entry);
            }
        }
        Ok(())
    }

    fn find(&self, is_it: impl Fn(&Open) -> bool) -> bool {
        self.open.iter().flatten().any(is_it)
    }

    fn place(&self) -> Result<usize, StoreError> {
        self.open.iter().position(Option::is_none).ok_or(StoreError::TooMany)
    }

    fn put(&mut self, place: usize, open: Open) {
        if let Some(free) = self.open.get_mut(place) {
            *free = Some(open);
        }
    }

    fn in_use(&mut self, file: FileId) -> Result<&mut Open, StoreError> {
        self.open.get_mut(usize::from(file.0)).and_then(Option::as_mut).ok_or(StoreError::Failed)
    }

    fn take(&mut self, file: FileId) -> Option<Open> {
        self.open.get_mut(usize::from(file.0))?.take()
    }

    /// Bytes that are free and not promised to what is arriving.
    fn room(&self) -> io::Result<u64> {
        let promised = self.open.iter().flatten().map(|open| match open.purpose {
            Purpose::Reading(_) => 0,
            Purpose::Writing { size, stored, .. } => u64::from(size.saturating_sub(stored)),
        });
        Ok(self.dir.space()?.0.saturating_sub(promised.sum()))
    }
}

/// What the store says of what the system said, which is logged.
fn failed(name: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Missing,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            warn!("{name}: the disk is full");
            StoreError::NoRoom
        }
        _ => {
            warn!("{name}: {error}");
            StoreError::Failed
        }
    }
}

#[cfg(test)]
mod tests;
