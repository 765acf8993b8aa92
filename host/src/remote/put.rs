//! A file to a device, through the host: by tus to the host, which sends it on.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use axum::body::Bytes;
use axum::http::{HeaderName, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pocketmux_core::files::{Algorithm, Digest, Hasher, Name};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::api::Reply;
use super::follow::Transfer;
use super::{DEVICE_PATIENCE, Session, deadline};
use crate::depot;
use crate::direct::{Exit, Meter, Trouble};

/// Sent at once: what an interruption may cost on the way to the host.
const PIECE: usize = 1 << 20;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// A file of the host.
#[derive(Debug, Deserialize)]
struct Known {
    id: String,
    size: u64,
    sha256: Option<String>,
    name: String,
}

/// What is to be sent.
struct Source {
    name: Name,
    file: File,
    size: u64,
    sha256: [u8; 32],
}

/// A transfer that was begun.
struct Begun {
    transfer: String,
    /// Its file is on the host for nothing else.
    is_brought: bool,
}

impl Begun {
    fn brought(transfer: String) -> Self {
        Self { transfer, is_brought: true }
    }
}

impl Session {
    /// Sends a file.
    pub(super) async fn put(&self, path: &Path) -> Result<(), Trouble> {
        let source = {
            // To read all of a large file takes long, and nothing else would be done meanwhile.
            let path = path.to_owned();
            let opened = spawn_blocking(move || Source::open(&path)).await;
            opened.unwrap_or_else(|error| Err(Trouble::failed(format!("The file was not read: {error}."))))?
        };
        let mut meter = Meter::new(source.name.as_str());
        let Begun { transfer: begun, is_brought } = self.begin_to(&source, &mut meter).await?;
        let followed = self.follow(&begun, &mut meter).await;
        // What was brought was on the host only to get to the device, which has it now, or does not take it.
        if is_brought
            && followed.as_ref().err().is_none_or(Trouble::is_refusal)
            && let Ok(Transfer { file: Some(file), .. }) = self.transfer(&begun).await
        {
            self.discard(&file).await;
        }
        followed.map(drop)
    }

    /// Brings the file to the host, unless it is there, and lets it be sent on.
    async fn begin_to(&self, source: &Source, meter: &mut Meter) -> Result<Begun, Trouble> {
        let metadata = source.metadata(&self.device);
        let known: Vec<Known> = self.api.get("/files/").await?;
        let is_named = |known: &&Known| known.size == source.size && known.name == source.name.as_str();
        let mut whole = None;
        for known in known.iter().filter(is_named) {
            match &known.sha256 {
                Some(sha256) if *sha256 == depot::Digest(source.sha256).to_string() => whole = Some(known),
                None if self.told_of(known).await? == metadata => {
                    return Ok(Begun::brought(self.upload(&known.id, source, meter).await?));
                }
                _ => {}
            }
        }
        let Some(known) = whole else {
            let upload = self.create(source, &metadata).await?;
            return Ok(Begun::brought(self.upload(&upload, source, meter).await?));
        };
        // By this command, before it was interrupted, or else by somebody who may want to keep it.
        let is_brought = self.told_of(known).await? == metadata;
        let is_its = |transfer: &Transfer| transfer.is_open() && transfer.file.as_deref() == Some(&known.id);
        match self.transfers().await?.into_iter().find(is_its) {
            Some(transfer) => {
                self.resume(&transfer).await?;
                Ok(Begun { transfer: transfer.id, is_brought })
            }
            None => {
                let wanted = json!({ "device": self.device, "direction": "to", "file": known.id });
                let transfer: Transfer = self.api.post("/api/transfers", &wanted).await?;
                Ok(Begun { transfer: transfer.id, is_brought })
            }
        }
    }

    /// Begins an upload; gives its id.
    async fn create(&self, source: &Source, metadata: &str) -> Result<String, Trouble> {
        let headers = [
            (TUS_RESUMABLE, "1.0.0".to_owned()),
            (HeaderName::from_static("upload-length"), source.size.to_string()),
            (UPLOAD_METADATA, metadata.to_owned()),
        ];
        let reply = self.api.ask(Method::POST, "/files/", &headers, Bytes::new()).await?;
        let location = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let id = location.and_then(|location| location.rsplit('/').next());
        id.map(str::to_owned).ok_or_else(|| Trouble::failed("The host has not said where the file is to go."))
    }

    /// Goes on with an upload until it is whole; gives the id of the transfer that the host begins then.
    async fn upload(&self, id: &str, source: &Source, meter: &mut Meter) -> Result<String, Trouble> {
        let path = format!("/files/{id}");
        let mut offset = None;
        loop {
            // The host may start anew meanwhile.
            let until = deadline(Some(DEVICE_PATIENCE));
            let at = match offset {
                Some(at) => at,
                None => self.api.patiently(until, async || self.offset(&path).await).await?,
            };
            meter.say(&format!("{at} of {} bytes are on the host", source.size));
            let piece = source.piece(at)?;
            let len = piece.len() as u64;
            let headers = [
                (TUS_RESUMABLE, "1.0.0".to_owned()),
                (UPLOAD_OFFSET, at.to_string()),
                (header::CONTENT_TYPE, "application/offset+octet-stream".to_owned()),
                (HeaderName::from_static("upload-checksum"), format!("sha256 {}", STANDARD.encode(digest(&piece)))),
            ];
            match self.api.ask(Method::PATCH, &path, &headers, piece.into()).await {
                Ok(reply) if at + len == source.size => {
                    let transfer = reply.headers.get("pocketmux-transfer").and_then(|id| id.to_str().ok());
                    let words = "The host has the file, and has not begun to send it: see what it logs.";
                    return transfer.map(str::to_owned).ok_or_else(|| Trouble::failed(words));
                }
                Ok(_) => offset = Some(at + len),
                Err(trouble) if trouble.is_absence() => offset = None,
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Removes a file of the host.
    pub(super) async fn discard(&self, file: &str) {
        let headers = [(TUS_RESUMABLE, "1.0.0".to_owned())];
        // What stays may be of use to somebody.
        let _ = self.api.ask(Method::DELETE, &format!("/files/{file}"), &headers, Bytes::new()).await;
    }

    async fn look(&self, path: &str) -> Result<Reply, Trouble> {
        self.api.ask(Method::HEAD, path, &[(TUS_RESUMABLE, "1.0.0".to_owned())], Bytes::new()).await
    }

    /// What the host was told of an upload.
    async fn told_of(&self, known: &Known) -> Result<String, Trouble> {
        let reply = self.look(&format!("/files/{}", known.id)).await?;
        let told = reply.headers.get(UPLOAD_METADATA).and_then(|told| told.to_str().ok());
        Ok(told.unwrap_or_default().to_owned())
    }

    /// How much of an upload the host has.
    async fn offset(&self, path: &str) -> Result<u64, Trouble> {
        let reply = self.look(path).await?;
        let offset = reply.headers.get(UPLOAD_OFFSET).and_then(|offset| offset.to_str().ok()?.parse().ok());
        offset
            .filter(|_| reply.status == StatusCode::OK)
            .ok_or_else(|| Trouble::failed("The host has not said how much it has."))
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self, Trouble> {
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
            let piece = source.piece(at)?;
            hasher.update(&piece);
            at += piece.len() as u64;
        }
        if let Digest::Sha256(hash) = hasher.digest() {
            source.sha256 = hash;
        }
        Ok(source)
    }

    /// What is to be sent from there on.
    fn piece(&self, at: u64) -> Result<Vec<u8>, Trouble> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(PIECE)];
        let read = self.file.read_exact_at(&mut piece, at);
        read.map_err(|error| Trouble::failed(format!("{} cannot be read: {error}.", self.name)))?;
        Ok(piece)
    }

    /// What the host is told of it. The digest makes an upload of another content another upload.
    fn metadata(&self, device: &str) -> String {
        let [name, device, digest] =
            [self.name.as_str().as_bytes(), device.as_bytes(), &self.sha256].map(|text| STANDARD.encode(text));
        format!("filename {name},device {device},digest {digest}")
    }
}

fn digest(piece: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(piece).into()
}
