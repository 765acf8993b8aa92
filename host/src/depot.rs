//! The files of the host: a folder that has each content once, under its SHA-256.
//!
//! ```text
//! entries/ID.json      a file or an upload: what it is called, what it has
//! uploads/ID           the bytes of an upload so far: as many as there are, count
//! uploads/ID.until     where that upload goes back to, as long as what follows is not known to be right
//! blobs/SHA-256        a whole content, never changed, for all files that have it
//! ```
//!
//! An upload becomes a file in two steps: its entry names the content, then the bytes are renamed to it. Whatever step is the last
//! before a crash, the next start finds the file whole or the upload as it was; see `recover`. Nothing is removed that an entry
//! names, or may have named that cannot be read any more.
//!
//! Paths are made of ids and digests alone, never of what a client has said. All of this waits for the disk: call it where that holds up
//! nobody.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;
use tracing::warn;

mod digest;
mod disk;
mod entry;
mod file;
mod id;
mod name;
mod new;
mod opening;
mod recover;
mod taking;
mod upload;

pub(crate) use digest::Digest;
pub(crate) use disk::DiskError;
pub(crate) use entry::Entry;
pub(crate) use file::File;
pub(crate) use id::FileId;
pub(crate) use name::Name;
pub(crate) use new::{CreateError, Limits, New};
pub(crate) use taking::TakeError;
pub(crate) use upload::{AppendError, FinishError, Upload};

use disk::Disk;
use upload::Slot;

/// The files of the host. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Depot(Arc<Inner>);

struct Inner {
    disk: Disk,
    limits: Limits,
    records: Mutex<HashMap<FileId, Record>>,
    on_whole: OnceLock<Box<Hook>>,
    /// Counts what has come and gone.
    changes: watch::Sender<u64>,
    /// Says to other hosts that the folder is taken, until this one ends, in whatever way.
    _lock: fs::File,
    /// A folder that goes with the run.
    passing: Option<PathBuf>,
}

/// Begins to send a file to its device; gives the id of the transfer, and calls what it is given once that outlives the host.
type Hook = dyn Fn(&File, Box<dyn FnOnce() + Send>) -> Option<String> + Send + Sync;

#[derive(Debug)]
struct Record {
    entry: Entry,
    /// Of an upload: the bytes it has.
    offset: Arc<AtomicU64>,
    /// Whether someone has the upload.
    is_taken: bool,
}

/// A file or an upload, as it is listed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    #[serde(flatten)]
    pub(crate) entry: Entry,
    /// The bytes that are there: of a file, all.
    pub(crate) offset: u64,
}

impl Depot {
    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    fn disk(&self) -> &Disk {
        &self.0.disk
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, Record>> {
        self.0.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an upload, durably.
    ///
    /// # Errors
    ///
    /// [`CreateError`]
    pub(crate) fn create(&self, new: New) -> Result<Upload, CreateError> {
        let Limits { size_max, files_max } = self.0.limits;
        let New { id, name, kind, size, from, device, metadata } = new;
        if size > size_max {
            return Err(CreateError::TooLarge(size_max));
        }
        // Better told now than when most of it has come.
        if size > self.disk().room().map_err(DiskError::from)? {
            return Err(DiskError::Full.into());
        }
        let id = id.unwrap_or_else(FileId::new);
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let created = u64::try_from(created).unwrap_or(u64::MAX);
        let entry = Entry { id, name, kind, size, sha256: None, from, device, created, metadata };
        let mut records = self.lock();
        if records.len() >= files_max {
            return Err(CreateError::TooMany(files_max));
        }
        if records.contains_key(&id) {
            return Err(CreateError::Exists);
        }
        let made = self.keep(&entry).and_then(|()| self.disk().make(&self.disk().upload(id)));
        let file = made.inspect_err(|_| {
            let rests = [self.disk().entry(id), self.disk().upload(id)];
            let _ = rests.iter().try_for_each(|rest| self.disk().remove(rest));
        });
        let file = file.map_err(DiskError::from)?;
        let offset = Arc::new(AtomicU64::new(0));
        records.insert(id, Record { entry: entry.clone(), offset: offset.clone(), is_taken: true });
        self.tell_change();
        Ok(Upload::new(file, &entry, offset, Slot { depot: self.clone(), id }))
    }

    fn keep(&self, entry: &Entry) -> io::Result<()> {
        self.disk().replace(&self.disk().entry(entry.id), &entry.written()?)
    }

    fn whole(&self, entry: &Entry) -> Option<File> {
        entry.sha256.map(|digest| File::new(entry, digest, self.disk().blob(digest)))
    }

    /// Takes up an upload where it is.
    ///
    /// # Errors
    ///
    /// [`TakeError`]
    pub(crate) fn upload(&self, id: FileId) -> Result<Upload, TakeError> {
        let mut records = self.lock();
        let record = records.get_mut(&id).ok_or(TakeError::Missing)?;
        if let Some(file) = self.whole(&record.entry) {
            return Err(TakeError::Whole(Box::new(file)));
        }
        if record.is_taken {
            return Err(TakeError::Taken);
        }
        let (file, offset) = upload::open(self.disk(), &record.entry).map_err(DiskError::from)?;
        record.offset.store(offset, Ordering::Relaxed);
        record.is_taken = true;
        Ok(Upload::new(file, &record.entry, record.offset.clone(), Slot { depot: self.clone(), id }))
    }

    /// A file or an upload.
    pub(crate) fn entry(&self, id: FileId) -> Option<Entry> {
        self.lock().get(&id).map(|record| record.entry.clone())
    }

    /// A file that is whole.
    pub(crate) fn file(&self, id: FileId) -> Option<File> {
        self.whole(&self.lock().get(&id)?.entry)
    }

    /// All files and uploads, the oldest first, without what clients have said of them in their own words.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let listed = |Record { entry, offset, .. }: &Record| {
            let offset = if entry.sha256.is_some() { entry.size } else { offset.load(Ordering::Relaxed) };
            Listed { entry: Entry { metadata: None, ..entry.clone() }, offset }
        };
        let mut all: Vec<Listed> = self.lock().values().map(listed).collect();
        all.sort_by_key(|listed| (listed.entry.created, listed.entry.id));
        all
    }

    /// Removes a file or an upload, durably. Whoever reads it may read on.
    ///
    /// # Errors
    ///
    /// [`TakeError`]
    pub(crate) fn remove(&self, id: FileId) -> Result<(), TakeError> {
        let records = self.lock();
        if records.get(&id).ok_or(TakeError::Missing)?.is_taken {
            return Err(TakeError::Taken);
        }
        Ok(self.forget(records, id)?)
    }

    /// Tells whom to ask when a file is whole that is to be sent to a device, and asks for those that were whole before.
    pub(crate) fn on_whole(&self, begin: Box<Hook>) {
        if self.0.on_whole.set(begin).is_err() {
            return;
        }
        let whole: Vec<File> = self.lock().values().filter_map(|record| self.whole(&record.entry)).collect();
        for file in whole {
            self.hand_over(&file);
        }
    }

    /// Begins to send a file to the device that it is for, if it is for one; gives the id of the transfer.
    pub(crate) fn hand_over(&self, file: &File) -> Option<String> {
        file.device.as_ref()?;
        let (depot, id) = (Arc::downgrade(&self.0), file.id);
        let kept = move || depot.upgrade().into_iter().for_each(|inner| Self(inner).note_handed_over(id));
        self.0.on_whole.get()?(file, Box::new(kept))
    }

    fn note_handed_over(&self, id: FileId) {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&id) else { return };
        record.entry.device = None;
        if let Err(error) = self.keep(&record.entry) {
            warn!("It could not be noted that {} is being sent ({error}): it may be sent twice.", record.entry.name);
        }
    }

    /// Changes when a file or an upload has come, become whole or gone.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn tell_change(&self) {
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    fn release(&self, id: FileId) {
        if let Some(record) = self.lock().get_mut(&id) {
            record.is_taken = false;
        }
    }

    /// Makes a file of an upload whose bytes are all on the disk.
    fn seal(&self, id: FileId, digest: Digest) -> Result<File, DiskError> {
        let mut records = self.lock();
        let record = records.get_mut(&id).expect("whoever has the upload has its record");
        let entry = Entry { sha256: Some(digest), ..record.entry.clone() };
        let sealed = recover::seal(self.disk(), &entry, digest);
        // Where the bytes have their new name it is a file, even if that name is not known to be on the disk yet.
        if sealed.is_ok() || !self.disk().upload(id).exists() {
            record.entry = entry;
            self.tell_change();
        }
        sealed?;
        Ok(File::new(&record.entry, digest, self.disk().blob(digest)))
    }

    /// Removes an entry and what nothing else needs. Without the entry the rest is rubbish that the next start clears away.
    fn forget(&self, mut records: MutexGuard<'_, HashMap<FileId, Record>>, id: FileId) -> Result<(), DiskError> {
        self.disk().remove(&self.disk().entry(id))?;
        let Some(Record { entry, .. }) = records.remove(&id) else { return Ok(()) };
        self.tell_change();
        let rubbish = match entry.sha256 {
            None => vec![self.disk().upload(id), self.disk().until(id)],
            Some(digest) if records.values().any(|record| record.entry.sha256 == Some(digest)) => Vec::new(),
            Some(digest) => vec![self.disk().blob(digest)],
        };
        for path in rubbish {
            if let Err(error) = self.disk().remove(&path) {
                warn!("{} could not be removed: {error}.", path.display());
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Depot").field("disk", &self.disk).field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
