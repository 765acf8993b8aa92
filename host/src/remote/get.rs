//! A file from a device, through the host: to the host first, and from there into a directory.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use pocketmux_core::files::Name;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Session;
use super::follow::Transfer;
use crate::depot;
use crate::direct::{Meter, Trouble};

/// What has come of a file: gone with this, unless it has got its name.
struct Part {
    file: fs::File,
    /// Beside where the file will be, under a name that no file of a device can have.
    path: PathBuf,
    folder: PathBuf,
    to: PathBuf,
}

impl Part {
    fn new(folder: &Path, name: &Name) -> io::Result<Self> {
        let to = folder.join(name.as_str());
        if fs::symlink_metadata(&to).is_ok_and(|there| there.is_dir()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let path = folder.join(format!(".{}.part", name.as_str()));
        // It may be a link to something else, and is of somebody who was killed.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = fs::File::create_new(&path)?;
        Ok(Self { file, path, folder: folder.to_owned(), to })
    }

    /// Gives it the file's name, once it is on the disk.
    fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        if !self.is_there() {
            return Err(io::Error::other("somebody else fetches the same to there"));
        }
        fs::rename(&self.path, &self.to)?;
        fs::File::open(&self.folder)?.sync_all()
    }

    /// Whether its name is still its own: another command may have removed it, and have one of its own there.
    fn is_there(&self) -> bool {
        let id = |data: fs::Metadata| (data.dev(), data.ino());
        let named = fs::symlink_metadata(&self.path).map(id).ok();
        named.is_some() && named == self.file.metadata().map(id).ok()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.is_there() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Session {
    /// Fetches a file into a directory.
    pub(super) async fn get(&self, name: &Name, output: &Path) -> Result<(), Trouble> {
        // Before anything crosses for nothing.
        let unwritable = |error: io::Error| {
            Trouble::failed(format!("{} cannot be written: {error}.", output.join(name.as_str()).display()))
        };
        let mut part = Part::new(output, name).map_err(unwritable)?;
        let is_its =
            |transfer: &Transfer| transfer.is_open() && transfer.direction == "from" && transfer.name == name.as_str();
        let mut meter = Meter::new(name.as_str());
        let (id, is_joined) = match self.transfers().await?.into_iter().find(is_its) {
            Some(transfer) => {
                self.resume(&transfer).await?;
                (transfer.id, true)
            }
            None => {
                let wanted = json!({ "device": self.device, "direction": "from", "name": name.as_str() });
                let transfer: Transfer = self.api.post("/api/transfers", &wanted).await?;
                (transfer.id, false)
            }
        };
        let done = self.follow(&id, &mut meter).await?;
        let file = done.file.as_deref().ok_or_else(|| Trouble::failed("The host has not said where the file is."))?;
        let path = format!("/files/{file}");
        self.fetch(&path, name, done.sha256(), |piece| part.file.write_all(piece).map_err(unwritable)).await?;
        part.finish().map_err(unwritable)?;
        // It was on the host only to get here, unless somebody else had asked for it.
        if !is_joined {
            self.discard(file).await;
        }
        Ok(())
    }

    /// Takes all of a file of the host.
    async fn fetch(
        &self,
        path: &str,
        name: &Name,
        sha256: Option<&str>,
        mut take: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let (status, _, mut body) = self.api.open(Method::GET, path, &[], Bytes::new()).await?;
        if status != StatusCode::OK {
            return Err(Trouble::failed(format!("{name}: the host answers {status}.")));
        }
        let mut hasher = Sha256::new();
        while let Some(piece) = body.next().await.map_err(|trouble| trouble.about(name.as_str()))? {
            hasher.update(&piece);
            take(&piece)?;
        }
        let digest = depot::Digest(hasher.finalize().into()).to_string();
        if sha256.is_some_and(|sha256| sha256 != digest) {
            return Err(Trouble::failed(format!(
                "{name}: what came from the host has the SHA-256 {digest}, which is not the file's."
            )));
        }
        Ok(())
    }
}
