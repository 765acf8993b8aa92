//! A file of this machine that is to be sent.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pocketmux_core::files::{Algorithm, Digest, Hasher, Name};

use crate::direct::{Exit, Trouble};

/// Read at once.
const READ: usize = 1 << 20;

/// The file, and what its content was when it was opened.
pub(super) struct Source {
    pub(super) name: Name,
    file: File,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let unreadable = |error: io::Error| Trouble::failed(format!("{} cannot be read: {error}.", path.display()));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name =
            Name::new(name).map_err(|error| Trouble::new(Exit::Usage, format!("{}: {error}.", path.display())))?;
        // Something else, such as a pipe, might not even let itself be opened.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(Trouble::failed(format!("{} is no file.", path.display())));
        }
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut source = Self { name, file, size, sha256: [0; 32] };
        let mut hasher = Hasher::new(Algorithm::Sha256).expect("the host has it");
        let mut at = 0;
        while at < source.size {
            let piece = source.piece(at, READ)?;
            hasher.update(&piece);
            at += piece.len() as u64;
        }
        if let Digest::Sha256(hash) = hasher.digest() {
            source.sha256 = hash;
        }
        Ok(source)
    }

    /// So much of what is to be sent from there on, or all of it.
    pub(super) fn piece(&self, at: u64, len_max: usize) -> Result<Vec<u8>, Trouble> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(len_max)];
        let read = self.file.read_exact_at(&mut piece, at);
        read.map_err(|error| Trouble::failed(format!("{} cannot be read: {error}.", self.name)))?;
        Ok(piece)
    }

    /// What the host is told of it. The digest makes an upload of another content another upload.
    pub(super) fn metadata(&self, device: &str) -> String {
        let [name, device, digest] =
            [self.name.as_str().as_bytes(), device.as_bytes(), &self.sha256].map(|text| STANDARD.encode(text));
        format!("filename {name},device {device},digest {digest}")
    }
}
