//! What keeps files: the trait, and the words that it speaks in.
//!
//! A store has *files*, which are whole, and *partials*, which are still arriving; a partial lives through a reboot as far as it was
//! stored. [`Ram`](super::Ram) and [`Nor`](super::Nor) are two; a folder is easily a third.

use core::fmt;

use heapless::String;

use super::digest::Digest;
use super::name::Name;

/// Longest media type of a file, in bytes.
pub const KIND_MAX: usize = 32;

/// A media type (RFC 2046), such as `text/plain`; may be empty.
pub type Kind = String<KIND_MAX>;

/// What is known of a file before it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct About {
    /// What it is called.
    pub name: Name,
    /// Its length in bytes.
    pub size: u32,
    /// Of the whole content.
    pub digest: Digest,
    /// What it is.
    pub kind: Kind,
}

/// A file or partial in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// What it is called.
    pub name: Name,
    /// The length that it has when it is whole, in bytes.
    pub size: u32,
    /// How much of it is there; all of `size` for a file.
    pub stored: u32,
    /// Of the whole content, where the store knows it without reading all of it.
    pub digest: Option<Digest>,
    /// What it is.
    pub kind: Kind,
}

/// How full a store is, in bytes of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Space {
    /// What the largest file that it takes now may have.
    pub free: u32,
    /// What the largest file of an empty store may have.
    pub capacity: u32,
}

/// Stands for a file or partial that is being read or written, until it is closed, finished or discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FileId(pub u16);

/// Why a store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError {
    /// So large a file does not fit now: remove others.
    NoRoom,
    /// So many files, or so many at once, are not kept: remove others, or wait.
    TooMany,
    /// There is no such file.
    Missing,
    /// There is a file of that name already.
    Exists,
    /// It is being read or written.
    InUse,
    /// The medium did not do what it was told.
    Failed,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "the store has no room for it",
            Self::TooMany => "the store keeps no more files",
            Self::Missing => "there is no such file",
            Self::Exists => "there is a file of that name",
            Self::InUse => "the file is in use",
            Self::Failed => "the store has failed",
        })
    }
}

impl core::error::Error for StoreError {}

/// Keeps files.
///
/// What a call has returned from survives a loss of power, within what [`append`](Store::append) says. A call may take as long as the medium does for one step.
pub trait Store {
    /// How full it is.
    fn space(&mut self) -> Space;

    /// The `index`-th file or partial, from 0, in an order that changes only when one comes or goes; `None` beyond the last.
    fn entry(&mut self, index: usize) -> Option<Entry>;

    /// Opens a file for reading; a partial is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::TooMany`], [`StoreError::Failed`].
    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError>;

    /// Opens the partial of exactly that name, size and digest for writing, and says how much of it is stored; where there is none, makes one
    /// with room for all of it, in place of another partial of that name. The file of that name stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoom`], [`StoreError::TooMany`], [`StoreError::InUse`], [`StoreError::Failed`]; nothing has changed then.
    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError>;

    /// Takes one step, such as erasing a page, towards a partial to which can be [appended](Store::append) without delay; true when there are no more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`].
    fn prepare(&mut self, _partial: FileId) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Reads what is stored from `offset` on, as much as fits into `out`, and returns how much that was; less only at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`].
    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError>;

    /// Puts data at the end of a partial. What is not [prepared](Store::prepare) by then is prepared now, as far as this data needs it.
    ///
    /// Of what was appended, less than one block of the medium, at most 240 bytes, may be missing after a loss of power.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoom`] beyond the size it was made with, or when others have filled the medium; [`StoreError::Failed`].
    fn append(&mut self, partial: FileId, data: &[u8]) -> Result<(), StoreError>;

    /// Empties a partial, which may be prepared again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`].
    fn restart(&mut self, partial: FileId) -> Result<(), StoreError>;

    /// Makes a partial of which everything is there a file, in place of the file of its name if there is one, and closes it: after a loss of power
    /// there is the one or the other.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`]; the file of that name is as it was.
    fn finish(&mut self, partial: FileId) -> Result<(), StoreError>;

    /// Removes a partial.
    fn discard(&mut self, partial: FileId);

    /// Ends the use of a file or partial; a partial stays.
    fn close(&mut self, file: FileId);

    /// Notes the digest of a file of which it was not known.
    fn note(&mut self, _file: FileId, _digest: Digest) {}

    /// Removes the file of that name; if there is none, the partial.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::Failed`].
    fn remove(&mut self, name: &Name) -> Result<(), StoreError>;

    /// Gives a file another name, and leaves partials of either name alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Exists`], [`StoreError::InUse`], [`StoreError::TooMany`], [`StoreError::Failed`].
    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError>;
}

/// A store that stays where it is, such as a large one in a `static`.
impl<S: Store + ?Sized> Store for &mut S {
    fn space(&mut self) -> Space {
        (**self).space()
    }

    fn entry(&mut self, index: usize) -> Option<Entry> {
        (**self).entry(index)
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        (**self).open(name)
    }

    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError> {
        (**self).receive(about)
    }

    fn prepare(&mut self, partial: FileId) -> Result<bool, StoreError> {
        (**self).prepare(partial)
    }

    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        (**self).read(file, offset, out)
    }

    fn append(&mut self, partial: FileId, data: &[u8]) -> Result<(), StoreError> {
        (**self).append(partial, data)
    }

    fn restart(&mut self, partial: FileId) -> Result<(), StoreError> {
        (**self).restart(partial)
    }

    fn finish(&mut self, partial: FileId) -> Result<(), StoreError> {
        (**self).finish(partial)
    }

    fn discard(&mut self, partial: FileId) {
        (**self).discard(partial);
    }

    fn close(&mut self, file: FileId) {
        (**self).close(file);
    }

    fn note(&mut self, file: FileId, digest: Digest) {
        (**self).note(file, digest);
    }

    fn remove(&mut self, name: &Name) -> Result<(), StoreError> {
        (**self).remove(name)
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError> {
        (**self).rename(from, to)
    }
}
