//! A file from a device, through the host: to the host first, and from there into a directory.

use std::fs;
use std::io::{self, Write as _};
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
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Session {
    /// Fetches a file into a directory.
    pub(super) async fn get(&self, name: &Name, output: &Path) -> Result<(), Trouble> {
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
        self.fetch(&path, name, output, done.sha256()).await?;
        // It was on the host only to get here, unless somebody else had asked for it.
        if !is_joined {
            self.discard(file).await;
        }
        Ok(())
    }

    /// Brings a file of the host into a directory: under its name only when it is whole and on the disk.
    async fn fetch(&self, path: &str, name: &Name, output: &Path, sha256: Option<&str>) -> Result<(), Trouble> {
        let to = output.join(name.as_str());
        let unwritable = |error: io::Error| Trouble::failed(format!("{} cannot be written: {error}.", to.display()));
        let (status, _, mut body) = self.api.open(Method::GET, path, &[], Bytes::new()).await?;
        if status != StatusCode::OK {
            return Err(Trouble::failed(format!("{name}: the host answers {status}.")));
        }
        // Beside the file, under a name that no file of a device can have.
        let part = Part(output.join(format!(".{}.part", name.as_str())));
        let mut file = fs::File::create(&part.0).map_err(unwritable)?;
        let mut hasher = Sha256::new();
        while let Some(piece) = body.next().await.map_err(|trouble| trouble.about(name.as_str()))? {
            hasher.update(&piece);
            file.write_all(&piece).map_err(unwritable)?;
        }
        let digest = depot::Digest(hasher.finalize().into()).to_string();
        if sha256.is_some_and(|sha256| sha256 != digest) {
            return Err(Trouble::failed(format!(
                "{name}: what came from the host has the SHA-256 {digest}, which is not the file's."
            )));
        }
        file.sync_all().and_then(|()| fs::rename(&part.0, &to)).map_err(unwritable)
    }
}
