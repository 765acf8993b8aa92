//! What is kept about a file beside its content.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::FileId;
use super::name::Name;

/// Longest entry that is read: more than one with the longest texts.
const ENTRY_MAX: u64 = 64 << 10;

/// A file or an upload, as `entries/` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: FileId,
    pub(crate) name: Name,
    /// Its media type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) size: u64,
    /// What its content is kept under; an upload has none.
    pub(crate) sha256: Option<Digest>,
    /// The device that it comes from.
    pub(crate) from: Option<String>,
    /// The device that it is to be sent to, until that has begun.
    pub(crate) device: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub(crate) created: u64,
    /// What the client that uploads it has said of it, in the client's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
}

impl Entry {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        fs::File::open(path)?.take(ENTRY_MAX + 1).read_to_string(&mut text)?;
        if text.len() as u64 > ENTRY_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(serde_json::from_str(&text)?)
    }

    pub(super) fn written(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}
