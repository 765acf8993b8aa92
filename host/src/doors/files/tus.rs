//! What clients of the protocol tus do: begin an upload, ask how far it is, go on with it, remove it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::check::Check;
use super::metadata::Metadata;
use super::range::number;
use super::receive::{blocking, drain, receive};
use super::reply::{Refused, Reply, TUS_RESUMABLE, UPLOAD_LENGTH, UPLOAD_OFFSET, VERSION};
use super::turn::Turn;
use super::{FOLDER, Files, Place};
use crate::depot::{FileId, New, TakeError, Upload};
use crate::transfers;

/// What the body of an upload is.
const BYTES: &str = "application/offset+octet-stream";
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const TRANSFER: HeaderName = HeaderName::from_static("pocketmux-transfer");

/// How far an upload is now.
struct Progress {
    offset: u64,
    /// What sends it to its device, once it is whole.
    transfer: Option<String>,
}

impl Progress {
    fn reply(self, status: StatusCode) -> Reply {
        let reply = Reply::new(status, Body::empty()).with(UPLOAD_OFFSET, self.offset);
        match self.transfer {
            Some(id) => reply.with_text(TRANSFER, &id),
            None => reply,
        }
    }
}

impl Files {
    /// Does what a request asks for that states the version of the protocol.
    pub(super) async fn change(
        mut self,
        method: Method,
        place: Place,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Reply, Refused> {
        if headers.get(TUS_RESUMABLE) != Some(&VERSION) {
            drain(body.into_data_stream()).await;
            let sentence =
                "Say which version of the protocol tus this is: Tus-Resumable: 1.0.0. The host knows no other.";
            return Err(Refused::new(StatusCode::PRECONDITION_FAILED, sentence));
        }
        match (method, place) {
            (Method::POST, Place::Folder) => self.create(headers, body).await,
            (Method::HEAD, Place::File(id)) => self.offset(id).await,
            (Method::PATCH, Place::File(id)) => self.go_on(id, headers, body).await,
            (Method::DELETE, Place::File(id)) => self.remove(id).await,
            _ => Err(Refused::not_here()),
        }
    }

    async fn create(&mut self, headers: &HeaderMap, body: Body) -> Result<Reply, Refused> {
        let (upload, check, turn) = match self.make(headers).await {
            Ok(made) => made,
            Err(refused) => return Err(refuse(refused, body).await),
        };
        let id = upload.id();
        let received =
            if is_bytes(headers) { receive(upload, body, check, &turn, &mut self.shutdown).await } else { Ok(upload) };
        let progress = match received {
            Ok(upload) => self.finish(upload).await,
            Err(refused) => Err(refused),
        };
        if progress.is_err() {
            // Its client does not know where it is, and so cannot go on with it.
            let depot = self.depot.clone();
            let _ = blocking(move || Ok(depot.remove(id)?)).await;
        }
        Ok(progress?.reply(StatusCode::CREATED).with_text(header::LOCATION, &format!("{FOLDER}/{id}")))
    }

    async fn make(&self, headers: &HeaderMap) -> Result<(Upload, Option<Check>, Turn), Refused> {
        if headers.contains_key("upload-defer-length") {
            return Err(Refused::bad("The length of an upload must be known when it begins."));
        }
        let size = count(headers, &UPLOAD_LENGTH)?;
        let Metadata { name, kind, device, text } = Metadata::of(headers)?;
        if device.is_some() {
            transfers::fits_device(name.as_str(), size).map_err(|refused| Refused::bad(refused.to_string()))?;
        }
        let check = Check::of(headers)?;
        let depot = self.depot.clone();
        let new = New { id: None, name, kind, size, from: None, device, metadata: text };
        let upload = blocking(move || Ok(depot.create(new)?)).await?;
        let turn = self.turn(upload.id()).await?;
        Ok((upload, check, turn))
    }

    async fn go_on(&mut self, id: FileId, headers: &HeaderMap, body: Body) -> Result<Reply, Refused> {
        let (upload, check, turn) = match self.take_up(id, headers).await {
            Ok(taken) => taken,
            Err(refused) => return Err(refuse(refused, body).await),
        };
        let upload = receive(upload, body, check, &turn, &mut self.shutdown).await?;
        Ok(self.finish(upload).await?.reply(StatusCode::NO_CONTENT))
    }

    /// Takes up an upload if a request fits it.
    async fn take_up(&self, id: FileId, headers: &HeaderMap) -> Result<(Upload, Option<Check>, Turn), Refused> {
        if !is_bytes(headers) {
            let sentence = format!("The bytes of an upload come with Content-Type: {BYTES}.");
            return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
        }
        let offset = count(headers, &UPLOAD_OFFSET)?;
        let check = Check::of(headers)?;
        let coming = headers.get(header::CONTENT_LENGTH).and_then(|value| number(value.to_str().unwrap_or_default()));
        let turn = self.turn(id).await?;
        let depot = self.depot.clone();
        if depot.entry(id).is_some_and(|entry| entry.from.is_some() && entry.sha256.is_none()) {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "This file comes from a device, and nobody else adds to it.",
            ));
        }
        let upload = blocking(move || Ok(depot.upload(id)?)).await?;
        if upload.offset() != offset {
            let sentence = format!("The upload has {} bytes, and goes on from there.", upload.offset());
            return Err(Refused::new(StatusCode::CONFLICT, sentence));
        }
        if coming.is_some_and(|coming| coming > upload.size() - offset) {
            let sentence = format!("This is more than the {} bytes that the upload was to have.", upload.size());
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, sentence));
        }
        Ok((upload, check, turn))
    }

    async fn turn(&self, id: FileId) -> Result<Turn, Refused> {
        // So that nobody makes up ids and fills the table of turns.
        self.depot.entry(id).ok_or_else(Refused::missing)?;
        self.turns.take(id).await.ok_or_else(Refused::locked)
    }

    /// Makes a file of an upload that has all it should, and begins to send it to the device that it is for.
    async fn finish(&self, upload: Upload) -> Result<Progress, Refused> {
        let depot = self.depot.clone();
        blocking(move || {
            let offset = upload.offset();
            if offset < upload.size() {
                return Ok(Progress { offset, transfer: None });
            }
            let file = upload.finish()?;
            Ok(Progress { offset, transfer: depot.hand_over(&file) })
        })
        .await
    }

    /// How far an upload is. One that has all its bytes, but could not be made a file for want of room, is made one first.
    async fn offset(&self, id: FileId) -> Result<Reply, Refused> {
        let _turn = self.turn(id).await?;
        let entry = self.depot.entry(id).ok_or_else(Refused::missing)?;
        let depot = self.depot.clone();
        let taken = blocking(move || match depot.upload(id) {
            Err(TakeError::Whole(file)) => Ok(Err(file.size)),
            other => Ok(Ok(other?)),
        });
        let progress = match taken.await? {
            Ok(upload) if entry.from.is_some() => Progress { offset: upload.offset(), transfer: None },
            Ok(upload) => self.finish(upload).await?,
            Err(size) => Progress { offset: size, transfer: None },
        };
        let reply = progress.reply(StatusCode::OK).with(UPLOAD_LENGTH, entry.size);
        Ok(match entry.metadata {
            Some(text) => reply.with_text(UPLOAD_METADATA, &text),
            None => reply,
        })
    }

    async fn remove(&self, id: FileId) -> Result<Reply, Refused> {
        let _turn = self.turn(id).await?;
        let depot = self.depot.clone();
        blocking(move || Ok(depot.remove(id)?)).await?;
        Ok(Reply::new(StatusCode::NO_CONTENT, Body::empty()))
    }
}

fn is_bytes(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static(BYTES))
}

/// A number of bytes that a header must state.
fn count(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Refused> {
    let stated = headers.get(name).and_then(|value| number(value.to_str().unwrap_or_default()));
    stated.ok_or_else(|| Refused::bad(format!("{name} must say a number of bytes.")))
}

/// Hears a client out before it is refused.
async fn refuse(refused: Refused, body: Body) -> Refused {
    drain(body.into_data_stream()).await;
    refused
}
