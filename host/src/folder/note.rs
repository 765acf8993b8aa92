//! What is written beside a file: how long it is or will be, its digest, what it is.

use std::io::{self, Read as _, Write as _};

use pocketmux_core::files::{Digest, Kind};
use serde::{Deserialize, Serialize};

use super::dir::{Dir, How, Seen};
use crate::shelf::describe;

/// Longer ones are none of ours.
const LEN_MAX: u64 = 1024;

/// A note on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) size: u32,
    pub(super) digest: Digest,
    pub(super) kind: Kind,
    /// When the content was last changed of which this is the digest; 0 for one that is still arriving.
    pub(super) modified: i128,
}

/// The note as it is on the medium.
#[derive(Serialize, Deserialize)]
struct Written {
    size: u32,
    digest: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    modified: String,
}

impl Note {
    /// Reads a note; `None` if there is none that makes sense.
    pub(super) fn read(dir: &Dir, name: &str) -> Option<Self> {
        let (file, _) = dir.file(name, How::Read).ok()?;
        let mut text = Vec::new();
        file.take(LEN_MAX).read_to_end(&mut text).ok()?;
        let written: Written = serde_json::from_slice(&text).ok()?;
        Some(Self {
            size: written.size,
            digest: digest(&written.digest)?,
            kind: Kind::try_from(written.kind.as_str()).ok()?,
            modified: written.modified.parse().unwrap_or_default(),
        })
    }

    /// Writes a note in place of that of its name: after a loss of power it is the one or the other.
    pub(super) fn write(&self, dir: &Dir, name: &str) -> io::Result<()> {
        let written = Written {
            size: self.size,
            digest: describe(&self.digest),
            kind: self.kind.as_str().into(),
            modified: self.modified.to_string(),
        };
        let new = format!("{name}.new");
        dir.remove(&new)?;
        let (mut file, _) = dir.file(&new, How::New)?;
        let put = file.write_all(&serde_json::to_vec(&written)?).and_then(|()| file.sync_all());
        if let Err(error) = put.and_then(|()| dir.rename(&new, dir, name)) {
            let _ = dir.remove(&new);
            return Err(error);
        }
        dir.sync()
    }

    /// True while the content is the one that this was noted of.
    pub(super) fn fits(&self, seen: &Seen) -> bool {
        u64::from(self.size) == seen.len && self.modified == seen.modified
    }
}

/// Reads what [`describe`] writes.
fn digest(text: &str) -> Option<Digest> {
    let (algorithm, hex) = text.split_once(':')?;
    match algorithm {
        "crc-32" => Some(Digest::Crc32(u32::from_str_radix(hex, 16).ok()?)),
        "sha-256" if hex.len() == 64 && hex.is_ascii() => {
            let mut hash = [0; 32];
            for (at, byte) in hash.iter_mut().enumerate() {
                *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
            }
            Some(Digest::Sha256(hash))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{describe, digest};
    use pocketmux_core::files::Digest;

    #[test]
    fn a_digest_is_read_as_it_was_written_and_nothing_else_is() {
        for known in [Digest::Crc32(0x00c0_ffee), Digest::Sha256(std::array::from_fn(|at| at as u8 * 7))] {
            assert_eq!(digest(&describe(&known)), Some(known));
        }
        let no_hex = format!("sha-256:{}", "x".repeat(64));
        let halves = format!("sha-256:{}", "é".repeat(32));
        for none in ["", "crc-32", "crc-32:", "crc-32:123456789", "md5:00", "sha-256:00", &no_hex, &halves] {
            assert_eq!(digest(none), None, "{none}");
        }
    }
}
