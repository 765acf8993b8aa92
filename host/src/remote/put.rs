//! A file to a device, through the host: to the host first, which sends it on.

use std::path::Path;

use axum::http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::Session;
use super::follow::Transfer;
use super::source::Source;
use crate::depot;
use crate::direct::{Meter, Trouble};

/// What is on the host is looked for so often, when others who send the same have removed it meanwhile.
const ATTEMPTS: u32 = 5;

/// A file of the host.
#[derive(Debug, Deserialize)]
struct Known {
    id: String,
    size: u64,
    sha256: Option<String>,
    name: String,
}

/// A transfer that was begun.
struct Begun {
    transfer: String,
    /// Its file is on the host for nothing else.
    is_brought: bool,
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
        for _ in 0..ATTEMPTS {
            let Some(Begun { transfer, is_brought }) = self.begin_to(&source, &mut meter).await? else { continue };
            let followed = self.follow(&transfer, &mut meter).await;
            if !is_brought {
                return followed.map(drop);
            }
            let is_at_rest = followed.as_ref().err().is_none_or(Trouble::is_refusal);
            let Ok(Transfer { file: Some(file), state, .. }) = self.transfer(&transfer).await else {
                return followed.map(drop);
            };
            // What was brought was on the host only to get to the device, which has it now, or does not take it.
            if is_at_rest {
                self.discard(&file).await;
            } else if state == "failed" && self.told_of(&file).await?.is_none() {
                // Somebody else who brought it has removed it, and did not know of this transfer.
                continue;
            }
            return followed.map(drop);
        }
        Err(Trouble::failed(format!("{}: others remove it from the host again and again.", source.name)))
    }

    /// Brings the file to the host, unless it is there, and lets it be sent on; `None` when what was there has gone meanwhile.
    async fn begin_to(&self, source: &Source, meter: &mut Meter) -> Result<Option<Begun>, Trouble> {
        let metadata = source.metadata(&self.device);
        let known: Vec<Known> = self.api.get("/files/").await?;
        let is_named = |known: &&Known| known.size == source.size && known.name == source.name.as_str();
        let mut whole = None;
        for known in known.iter().filter(is_named) {
            match &known.sha256 {
                Some(sha256) if *sha256 == depot::Digest(source.sha256).to_string() => whole = Some(known),
                None if self.told_of(&known.id).await?.is_some_and(|told| told == metadata) => {
                    return self.bring(&known.id, source, meter).await;
                }
                _ => {}
            }
        }
        let Some(known) = whole else {
            let upload = self.create(source, &metadata).await?;
            return self.bring(&upload, source, meter).await;
        };
        let Some(told) = self.told_of(&known.id).await? else { return Ok(None) };
        let mut transfers = self.transfers_of(&known.id).await?;
        transfers.retain(Transfer::is_open);
        let transfer = match transfers.pop() {
            Some(transfer) => Some(transfer),
            None => self.send_on(&known.id).await?,
        };
        // By this command, before it was interrupted, or else by somebody who may want to keep it.
        self.begun(transfer, told == metadata).await
    }

    /// Goes on with an upload until the host has it all, and sends it on.
    async fn bring(&self, id: &str, source: &Source, meter: &mut Meter) -> Result<Option<Begun>, Trouble> {
        let Some(arrived) = self.upload(id, source, meter).await? else { return Ok(None) };
        if let Some(transfer) = arrived.transfer {
            return Ok(Some(Begun { transfer, is_brought: true }));
        }
        // It has not said that it sends it on: it may have before the answer was lost, or to somebody else who brings the same.
        let transfer = match self.transfers_of(id).await?.pop() {
            Some(transfer) => Some(transfer),
            None => self.send_on(id).await?,
        };
        self.begun(transfer, true).await
    }

    async fn begun(&self, transfer: Option<Transfer>, is_brought: bool) -> Result<Option<Begun>, Trouble> {
        let Some(transfer) = transfer else { return Ok(None) };
        self.resume(&transfer).await?;
        Ok(Some(Begun { transfer: transfer.id, is_brought }))
    }

    /// The transfers of a file of the host to this device, the latest last.
    async fn transfers_of(&self, file: &str) -> Result<Vec<Transfer>, Trouble> {
        let mut transfers = self.transfers().await?;
        transfers.retain(|transfer| transfer.direction == "to" && transfer.file.as_deref() == Some(file));
        Ok(transfers)
    }

    /// Begins to send a file of the host, unless it has gone.
    async fn send_on(&self, file: &str) -> Result<Option<Transfer>, Trouble> {
        let wanted = json!({ "device": self.device, "direction": "to", "file": file }).to_string();
        let json = [(header::CONTENT_TYPE, "application/json".to_owned())];
        let reply = self.api.tell(Method::POST, "/api/transfers", &json, wanted.into()).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => reply.json().map(Some),
            _ => Err(reply.trouble()),
        }
    }
}
