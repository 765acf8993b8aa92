//! A file whose content is whole.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::digest::Digest;
use super::entry::Entry;
use super::id::FileId;
use super::name::Name;

/// A file whose content is whole.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: FileId,
    pub(crate) name: Name,
    /// Its media type.
    pub(crate) kind: String,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    /// The device that it is to be sent to, until that has begun.
    pub(crate) device: Option<String>,
    blob: PathBuf,
}

impl File {
    pub(super) fn new(entry: &Entry, sha256: Digest, blob: PathBuf) -> Self {
        let Entry { id, name, kind, size, device, .. } = entry.clone();
        Self { id, name, kind, size, sha256, device, blob }
    }

    /// Opens its content. What is open stays readable when the file is removed.
    pub(crate) fn open(&self) -> io::Result<fs::File> {
        fs::File::open(&self.blob)
    }
}
