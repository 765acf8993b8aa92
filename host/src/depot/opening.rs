//! Opens the folder: finds what is in it, and keeps other hosts out.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::warn;

use super::disk::Disk;
use super::entry::Entry;
use super::id::FileId;
use super::new::Limits;
use super::recover;
use super::{Depot, Inner, Record};

const FOLDER: &str = "files";

impl Depot {
    /// Opens the files in a data directory; where that cannot be, in a folder that goes with the run.
    ///
    /// # Errors
    ///
    /// There is no place for such a folder either.
    pub(crate) async fn open_somewhere(data: Option<PathBuf>, limits: Limits) -> io::Result<Self> {
        // An upload that has all its bytes is read through.
        let opening = spawn_blocking(move || {
            let Some(data) = data else { return Self::open(None, limits) };
            Self::open(Some(&data), limits).or_else(|error| {
                warn!(
                    "The files in {} cannot be used: {error}. They are left as they are; this run keeps its files elsewhere, and forgets \
                     them when it ends.",
                    data.display()
                );
                Self::open(None, limits)
            })
        });
        opening.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Opens the files in a data directory; without one, in a new folder that goes with the run.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or read, or another host has it.
    pub(crate) fn open(data: Option<&Path>, limits: Limits) -> io::Result<Self> {
        let (root, passing) = match data {
            Some(data) => (data.join(FOLDER), None),
            None => {
                let own = std::env::temp_dir().join(format!("pocketmux-files-{}", FileId::new()));
                // It must be new: in a folder for everyone, what is there already is someone else's.
                fs::DirBuilder::new().mode(0o700).create(&own)?;
                (own.clone(), Some(own))
            }
        };
        fs::create_dir_all(&root)?;
        let lock = fs::File::create(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other("another host has it"),
            fs::TryLockError::Error(error) => error,
        })?;
        let disk = Disk::new(&root)?;
        let found = recover::recover(&disk)?;
        let record = |(entry, offset): (Entry, u64)| {
            (entry.id, Record { entry, offset: Arc::new(offset.into()), is_taken: false })
        };
        let records = Mutex::new(found.into_iter().map(record).collect());
        let (on_whole, changes) = (OnceLock::new(), watch::Sender::new(0));
        Ok(Self(Arc::new(Inner { disk, limits, records, on_whole, changes, _lock: lock, passing })))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(folder) = &self.passing {
            let _ = fs::remove_dir_all(folder);
        }
    }
}
