//! Why something cannot be done with a file that is there.

use super::disk::DiskError;
use super::file::File;

/// Why an upload cannot be gone on with, or a file be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error("There is no file of this id.")]
    Missing,
    /// It is whole.
    #[error("This file is whole already.")]
    Whole(Box<File>),
    #[error("Someone else adds to this upload right now.")]
    Taken,
    #[error(transparent)]
    Disk(#[from] DiskError),
}
