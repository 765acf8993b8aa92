//! Why a transfer ended early, or a request was refused.

use core::fmt;

use super::name::NameError;
use super::store::StoreError;

/// The reason of a CANCEL ([section 8](crate::protocol#8-files)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// Somebody does not want it any more; what had arrived is dropped.
    Cancelled = 1,
    /// Somebody wants to go on later.
    Paused = 2,
    /// The other side did not go on for too long, or knows nothing of the transfer: begin it again.
    Stalled = 3,
    /// The store has no room for it.
    NoRoom = 4,
    /// The name is not allowed.
    Name = 5,
    /// There is no such file.
    Missing = 6,
    /// There is a file of that name.
    Exists = 7,
    /// The digest of what arrived is not the one that was offered; what had arrived is dropped.
    Mismatch = 8,
    /// Too much at once, or the file is in use: try again later.
    Busy = 9,
    /// The store has failed.
    Failed = 10,
    /// Digests of that algorithm cannot be made here.
    Digest = 11,
    /// The other side said what the protocol does not have.
    Protocol = 12,
}

impl Reason {
    /// In the order of their numbers, from 1.
    const ALL: [Self; 12] = [
        Self::Cancelled,
        Self::Paused,
        Self::Stalled,
        Self::NoRoom,
        Self::Name,
        Self::Missing,
        Self::Exists,
        Self::Mismatch,
        Self::Busy,
        Self::Failed,
        Self::Digest,
        Self::Protocol,
    ];

    /// One of a later version is read as [`Reason::Protocol`].
    pub(super) fn from_wire(byte: u8) -> Self {
        let place = usize::from(byte).wrapping_sub(1);
        Self::ALL.get(place).copied().unwrap_or(Self::Protocol)
    }

    /// What had arrived is of no use any more.
    pub(super) fn drops_partial(self) -> bool {
        matches!(self, Self::Cancelled | Self::Mismatch)
    }
}

impl From<NameError> for Reason {
    fn from(_: NameError) -> Self {
        Self::Name
    }
}

impl From<StoreError> for Reason {
    #[inline(never)]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoRoom => Self::NoRoom,
            StoreError::TooMany | StoreError::InUse => Self::Busy,
            StoreError::Missing => Self::Missing,
            StoreError::Exists => Self::Exists,
            StoreError::Failed => Self::Failed,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "it was cancelled",
            Self::Paused => "it was paused",
            Self::Stalled => "it did not go on for too long",
            Self::NoRoom => "the store has no room for it",
            Self::Name => "the name is not allowed",
            Self::Missing => "there is no such file",
            Self::Exists => "there is a file of that name",
            Self::Mismatch => "the digest of what arrived is not that of the file",
            Self::Busy => "too much is under way",
            Self::Failed => "the store has failed",
            Self::Digest => "such a digest cannot be made there",
            Self::Protocol => "the other side was not understood",
        })
    }
}

impl core::error::Error for Reason {}
