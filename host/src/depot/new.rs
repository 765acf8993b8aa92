//! What a new file is to be, and why there may be none.

use super::disk::DiskError;
use super::id::FileId;
use super::name::Name;

/// How much there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a file.
    pub(crate) size_max: u64,
    /// Files, uploads among them.
    pub(crate) files_max: usize,
}

/// What a new file is to be.
#[derive(Clone, Debug)]
pub(crate) struct New {
    /// The id that it is to have; else one is made up.
    pub(crate) id: Option<FileId>,
    pub(crate) name: Name,
    /// Its media type.
    pub(crate) kind: String,
    pub(crate) size: u64,
    /// The device that it comes from.
    pub(crate) from: Option<String>,
    /// The device that it is to be sent to once it is whole.
    pub(crate) device: Option<String>,
    /// What the client has said of it, in its own words.
    pub(crate) metadata: Option<String>,
}

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("A file has at most {0} bytes here. The host's --file-size-max says so.")]
    TooLarge(u64),
    #[error(
        "There are {0} files already, as many as there may be. Remove some, or start the host with a higher --files-max."
    )]
    TooMany(usize),
    /// The id that it was to have is another's.
    #[error("There is a file of this id already.")]
    Exists,
    #[error(transparent)]
    Disk(#[from] DiskError),
}
