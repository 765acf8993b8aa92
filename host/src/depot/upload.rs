//! A file whose content is not whole yet, in the hands of the one who adds to it.
//!
//! What was written survives the end of the host, and after [`Upload::sync`] that of the machine. What follows a [`Upload::mark`]
//! counts only once it is settled: whoever takes the upload up next, also after a crash, finds it as it was at the mark.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

use super::Depot;
use super::digest::Digest;
use super::disk::{Disk, DiskError};
use super::entry::Entry;
use super::file::File;
use super::id::FileId;

/// An upload, which nobody else has while this is there.
#[derive(Debug)]
pub(crate) struct Upload {
    file: fs::File,
    size: u64,
    offset: Arc<AtomicU64>,
    is_marked: bool,
    slot: Slot,
}

/// The right to an upload, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) depot: Depot,
    pub(super) id: FileId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.depot.release(self.id);
    }
}

/// Why bytes were not added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// They are more than the upload said it would have; none were added.
    #[error("This is more than the {0} bytes that the upload was to have.")]
    TooLong(u64),
    /// Some may have been added: see the offset.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Why an upload did not become a file. It stays an upload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FinishError {
    #[error("{0} bytes are missing.")]
    Short(u64),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Upload {
    pub(super) fn new(file: fs::File, entry: &Entry, offset: Arc<AtomicU64>, slot: Slot) -> Self {
        Self { file, size: entry.size, offset, is_marked: false, slot }
    }

    pub(crate) fn id(&self) -> FileId {
        self.slot.id
    }

    /// Bytes that it is to have.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that it has.
    pub(crate) fn offset(&self) -> u64 {
        self.offset.load(Ordering::Relaxed)
    }

    fn disk(&self) -> &Disk {
        self.slot.depot.disk()
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// [`AppendError`]
    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> Result<(), AppendError> {
        let mut offset = self.offset();
        if bytes.len() as u64 > self.size.saturating_sub(offset) {
            return Err(AppendError::TooLong(self.size));
        }
        while !bytes.is_empty() {
            match self.file.write_at(bytes, offset) {
                Ok(0) => return Err(DiskError::from(io::Error::from(io::ErrorKind::WriteZero)).into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                    self.offset.store(offset, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError::from(error).into()),
            }
        }
        Ok(())
    }

    /// Reads what it has from `offset` on, as the system gives it.
    pub(crate) fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(out, offset)
    }

    /// Brings to the disk what it has.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        Ok(self.disk().sync(&self.file)?)
    }

    /// From here on nothing counts until it is settled.
    pub(crate) fn mark(&mut self) -> Result<(), DiskError> {
        let offset = self.offset();
        self.disk().replace(&self.disk().until(self.id()), offset.to_string().as_bytes())?;
        self.is_marked = true;
        Ok(())
    }

    /// Brings to the disk what it has, all of which counts.
    pub(crate) fn settle(&mut self) -> Result<(), DiskError> {
        self.sync()?;
        if self.is_marked {
            self.disk().remove(&self.disk().until(self.id()))?;
            self.is_marked = false;
        }
        Ok(())
    }

    /// Forgets what came after an offset, which is that of the mark if there is one.
    pub(crate) fn go_back(&mut self, offset: u64) -> Result<(), DiskError> {
        self.disk().truncate(&self.file, offset)?;
        self.offset.store(offset, Ordering::Relaxed);
        self.settle()
    }

    /// Makes a file of it, durably. Reads all of it for its digest.
    ///
    /// # Errors
    ///
    /// [`FinishError`]
    pub(crate) fn finish(self) -> Result<File, FinishError> {
        self.is_whole()?;
        let digest = Digest::of(&self.file).map_err(DiskError::from)?;
        self.finish_as(digest)
    }

    /// Makes a file of it, durably, whose digest is known.
    ///
    /// # Errors
    ///
    /// [`FinishError`]
    pub(crate) fn finish_as(self, digest: Digest) -> Result<File, FinishError> {
        self.is_whole()?;
        self.sync()?;
        Ok(self.slot.depot.seal(self.id(), digest)?)
    }

    fn is_whole(&self) -> Result<(), FinishError> {
        match self.size.saturating_sub(self.offset()) {
            0 => Ok(()),
            missing => Err(FinishError::Short(missing)),
        }
    }

    /// Removes it and all that it has.
    pub(crate) fn discard(self) -> Result<(), DiskError> {
        self.slot.depot.forget(self.slot.depot.lock(), self.id())
    }
}

/// Opens the bytes of an upload as they count: without what follows a mark. Gives their number too.
pub(super) fn open(disk: &Disk, entry: &Entry) -> io::Result<(fs::File, u64)> {
    let path = disk.upload(entry.id);
    let file = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.make(&path)?,
        other => other?,
    };
    let len = file.metadata()?.len();
    let until = disk.until(entry.id);
    let counts = match fs::read_to_string(&until) {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            warn!("{} is damaged: this upload begins anew.", until.display());
            0
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => u64::MAX,
        Err(error) => return Err(error),
    };
    let counts = counts.min(entry.size);
    if counts < len {
        disk.truncate(&file, counts)?;
    }
    if until.exists() {
        disk.remove(&until)?;
    }
    Ok((file, counts.min(len)))
}
