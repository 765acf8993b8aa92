//! The folder on the disk, and the few things that are done in it, each a step that may be the last one before a crash.
//!
//! What is replaced is replaced by renaming: a crash leaves the old or the new, never a half. A name counts once its folder was
//! brought to the disk, which every step here does that changes one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::digest::Digest;
use super::id::FileId;

#[cfg(test)]
pub(super) mod faults;

/// Why the disk did not take something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    /// There is no room; it may be taken once something else has gone.
    #[error("There is no room left on the host's disk.")]
    Full,
    /// Anything else.
    #[error("The host's disk does not do its part: {0}.")]
    Broken(io::Error),
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Broken(error),
        }
    }
}

#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    #[cfg(test)]
    pub(super) faults: faults::Faults,
}

impl Disk {
    /// Makes the folders that are missing.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let disk = Self {
            root: root.to_owned(),
            #[cfg(test)]
            faults: faults::Faults::here(),
        };
        for folder in [disk.entries(), disk.uploads(), disk.blobs()] {
            fs::create_dir_all(folder)?;
        }
        sync_folder(root)?;
        Ok(disk)
    }

    pub(super) fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(super) fn entry(&self, id: FileId) -> PathBuf {
        self.entries().join(format!("{id}.json"))
    }

    pub(super) fn upload(&self, id: FileId) -> PathBuf {
        self.uploads().join(id.to_string())
    }

    /// Says where an upload goes back to, as long as what follows is not known to be right.
    pub(super) fn until(&self, id: FileId) -> PathBuf {
        self.uploads().join(format!("{id}.until"))
    }

    pub(super) fn blob(&self, digest: Digest) -> PathBuf {
        self.blobs().join(digest.to_string())
    }

    /// Bytes that the disk has room for.
    pub(super) fn room(&self) -> io::Result<u64> {
        let about = statvfs(&self.root)?;
        // What these numbers are made of differs between systems.
        #[allow(clippy::useless_conversion)]
        Ok(u64::from(about.blocks_available()).saturating_mul(u64::from(about.fragment_size())))
    }

    /// Here a test breaks off.
    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.step()?;
        Ok(())
    }

    /// Puts these bytes at a path, whatever was there.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let replaced = self.write(&new, bytes).and_then(|()| self.rename(&new, path));
        if replaced.is_err() {
            // Where there was no room, this makes some; a start of the host does it too.
            let _ = self.step().and_then(|()| fs::remove_file(&new));
        }
        replaced
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut file = fs::File::create(path)?;
        self.step()?;
        file.write_all(bytes)?;
        self.sync(&file)
    }

    /// Makes an empty file where there is none.
    pub(super) fn make(&self, path: &Path) -> io::Result<fs::File> {
        self.step()?;
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        self.sync_folder_of(path)?;
        Ok(file)
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<fs::File> {
        fs::OpenOptions::new().read(true).write(true).open(path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)?;
        self.sync_folder_of(to)
    }

    /// Removes a file if it is there.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_folder_of(path),
        }
    }

    pub(super) fn truncate(&self, file: &fs::File, len: u64) -> io::Result<()> {
        self.step()?;
        file.set_len(len)?;
        self.sync(file)
    }

    pub(super) fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.step()?;
        file.sync_all()
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        path.parent().map_or(Ok(()), sync_folder)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
