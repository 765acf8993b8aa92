//! The transfers door: files between the host and its devices, and what is in the stores of those.
//!
//! ```text
//! GET    /api/transfers              lists              POST   /api/transfers      begins one
//! GET    /api/transfers/ID[?after=N] one, or its next change
//! PATCH  /api/transfers/ID           pauses, goes on    DELETE /api/transfers/ID   cancels, and forgets
//! GET    /api/devices/NAME/files     what a device has
//! PATCH  /api/devices/NAME/files/FILE  another name     DELETE /api/devices/NAME/files/FILE
//! ```

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode, Uri};
use pocketmux_core::files;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Duration, timeout};

use super::body::read_json;
use super::reply::Reply;
use crate::depot::{Depot, File, FileId};
use crate::errand::{Answer, Refusal, What};
use crate::hub::Hub;
use crate::shelf::describe;
use crate::transfers::{Direction, Refused, State, Transfer};

const TRANSFERS: &str = "/api/transfers";
const DEVICES: &str = "/api/devices/";
/// How long a question for the next change waits for it.
const CHANGE_PATIENCE: Duration = Duration::from_secs(10);
/// Longest body of a request, in bytes.
const BODY_MAX: usize = 16 << 10;

type Replied = Result<Reply, Reply>;

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Transfers,
    Transfer(FileId),
    Files { device: String },
    File { device: String, name: String },
}

impl Place {
    /// What is at that path; `None` when that is another's.
    pub(crate) fn at(path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix(TRANSFERS) {
            return match rest {
                "" | "/" => Some(Self::Transfers),
                id => id.strip_prefix('/')?.parse().ok().map(Self::Transfer),
            };
        }
        let (device, rest) = path.strip_prefix(DEVICES)?.split_once("/files")?;
        let device = decode(device)?;
        match rest {
            "" | "/" => Some(Self::Files { device }),
            name => Some(Self::File { device, name: decode(name.strip_prefix('/')?)? }),
        }
    }
}

/// Removes percent-encoding; `None` for what is none, or no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

/// What begins a transfer.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
struct Wanted {
    device: String,
    direction: Direction,
    file: Option<FileId>,
    name: Option<String>,
}

/// What changes one.
#[derive(Deserialize)]
struct Wish {
    state: State,
}

/// What changes a device's file.
#[derive(Deserialize)]
struct NewName {
    name: String,
}

/// A file of a device, as it is listed.
#[derive(Serialize)]
struct Listed<'e> {
    name: &'e str,
    size: u32,
    /// Bytes of it that are there.
    stored: u32,
    #[serde(rename = "type")]
    kind: &'e str,
    digest: Option<String>,
}

/// Begins to send a file to the device that it is for; gives the id of the transfer, and calls `kept` when that outlives the host.
pub(crate) fn send(hub: &Hub, file: &File, kept: Box<dyn FnOnce() + Send>) -> Option<String> {
    let device = file.device.as_deref()?;
    match hub.begin_transfer(|transfers| transfers.begin_to(device, file, None)) {
        Ok(transfer) => {
            hub.transfers().when_written(transfer.id, kept);
            Some(transfer.id.to_string())
        }
        Err(refused) => {
            tracing::warn!("{} cannot be sent to its device. {refused}", file.name);
            None
        }
    }
}

/// Answers a request of a page that may ask.
pub(crate) async fn answer(hub: &Arc<Hub>, depot: &Depot, place: Place, parts: &Parts, body: Body) -> Response<Body> {
    let door = Door { hub, depot };
    let replied = match (place, parts.method.clone()) {
        (_, Method::OPTIONS) => Ok(Reply::preflight(&parts.headers)),
        (Place::Transfers, Method::GET) => Ok(Reply::json(StatusCode::OK, &hub.transfers().list())),
        (Place::Transfers, Method::POST) => door.begin(body).await,
        (Place::Transfer(id), Method::GET) => door.show(id, &parts.uri).await,
        (Place::Transfer(id), Method::PATCH) => door.change(id, body).await,
        (Place::Transfer(id), Method::DELETE) => door.cancel(id).await,
        (Place::Files { device }, Method::GET) => door.list(&device).await,
        (Place::File { device, name }, Method::DELETE) => door.ask(&device, What::Remove(name)).await,
        (Place::File { device, name: from }, Method::PATCH) => match read_json::<NewName>(body, BODY_MAX).await {
            Ok(NewName { name: to }) => door.ask(&device, What::Rename { from, to }).await,
            Err(refused) => Err(refused),
        },
        _ => Err(Reply::error(StatusCode::METHOD_NOT_ALLOWED, "That cannot be asked here.").allowing()),
    };
    replied.unwrap_or_else(|refused| refused).shared(&parts.headers)
}

struct Door<'h> {
    hub: &'h Arc<Hub>,
    depot: &'h Depot,
}

impl Door<'_> {
    async fn begin(&self, body: Body) -> Replied {
        let Wanted { device, direction, file, name } = read_json(body, BODY_MAX).await?;
        self.speaks_of_files(&device).map_err(refuse)?;
        let begun = match (direction, file, &name) {
            (Direction::To, Some(file), _) => {
                let Some(file) = self.depot.file(file) else {
                    return Err(Reply::error(StatusCode::NOT_FOUND, "There is no file of this id that is whole."));
                };
                self.hub.begin_transfer(|transfers| transfers.begin_to(&device, &file, name.as_deref()))
            }
            (Direction::From, None, Some(name)) => {
                self.hub.begin_transfer(|transfers| transfers.begin_from(&device, name))
            }
            _ => {
                let words = "Say `file`, an id, of what is to go to the device, or `name` of what is to come from it.";
                return Err(Reply::error(StatusCode::BAD_REQUEST, words));
            }
        };
        let transfer = begun.map_err(|refused| refuse_transfer(&refused))?;
        if let Err(refused) = self.hub.transfers().written(transfer.id).await {
            // Whoever hears that it is refused may try again: it is not to go on behind their back.
            let _ = self.cancel(transfer.id).await;
            return Err(refuse_transfer(&refused));
        }
        Ok(Reply::json(StatusCode::CREATED, &transfer))
    }

    /// Whether there is such a device, and its channel of files, if it has one yet, is more than a stream of messages.
    fn speaks_of_files(&self, device: &str) -> Result<(), Refusal> {
        let known = self.hub.devices().into_iter().find(|known| known.name == device);
        let known = known.ok_or(Refusal::Unknown)?;
        let has_channel = known.channels.iter().any(|channel| channel == files::FILE_CHANNEL);
        let about = known.about.get(files::FILE_CHANNEL);
        if has_channel && about.and_then(|about| files::algorithm_of(&about.meta)).is_none() {
            return Err(Refusal::NoFiles);
        }
        Ok(())
    }

    async fn show(&self, id: FileId, uri: &Uri) -> Replied {
        let after = uri.query().and_then(|query| query.strip_prefix("after="));
        let transfer = match after.map(str::parse) {
            None => self.hub.transfers().get(id),
            Some(Ok(after)) => {
                let changed = timeout(CHANGE_PATIENCE, self.hub.transfers().changed_since(id, after)).await;
                changed.unwrap_or_else(|_elapsed| self.hub.transfers().get(id))
            }
            Some(Err(_)) => return Err(Reply::error(StatusCode::BAD_REQUEST, "`after` is a revision: a number.")),
        };
        match transfer {
            Some(transfer) => Ok(Reply::json(StatusCode::OK, &transfer)),
            None => Err(refuse_transfer(&Refused::Missing)),
        }
    }

    async fn change(&self, id: FileId, body: Body) -> Replied {
        let Wish { state } = read_json(body, BODY_MAX).await?;
        let state = match state {
            State::Running | State::Waiting => State::Waiting,
            State::Paused | State::Cancelled => state,
            State::Done | State::Failed => {
                return Err(Reply::error(StatusCode::BAD_REQUEST, "`state` may be running, paused or cancelled."));
            }
        };
        let transfer = self.wish(id, state).map_err(|refused| refuse_transfer(&refused))?;
        Ok(Reply::json(StatusCode::OK, &transfer))
    }

    async fn cancel(&self, id: FileId) -> Replied {
        match self.wish(id, State::Cancelled) {
            Ok(_) => {}
            Err(Refused::Over(_)) => self.drop_part(id),
            Err(refused) => return Err(refuse_transfer(&refused)),
        }
        if let Some(revision) = self.hub.transfers().forget(id) {
            self.hub.show_forgotten(id, revision);
        }
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    fn wish(&self, id: FileId, state: State) -> Result<Transfer, Refused> {
        let transfer = self.hub.transfers().wish(id, state)?;
        self.hub.show_transfer(&transfer);
        if state == State::Cancelled {
            self.drop_part(id);
        }
        Ok(transfer)
    }

    /// Removes what has come of a file that will not be whole.
    fn drop_part(&self, id: FileId) {
        let (hub, depot) = (self.hub.clone(), self.depot.clone());
        tokio::task::spawn_blocking(move || hub.drop_part(&depot, id));
    }

    async fn list(&self, device: &str) -> Replied {
        self.speaks_of_files(device).map_err(refuse)?;
        let answer = self.hub.ask(device, What::List).await.map_err(refuse)?;
        let Answer::Files(entries, space) = answer else { return Err(refuse(Refusal::NoAnswer)) };
        let listed = |entry: &files::Entry| {
            let (size, stored, digest) = (entry.size, entry.stored, entry.digest.as_ref().map(describe));
            json!(Listed { name: entry.name.as_str(), size, stored, kind: &entry.kind, digest })
        };
        let listed: Vec<_> = entries.iter().map(listed).collect();
        Ok(Reply::json(StatusCode::OK, &json!({ "free": space.free, "capacity": space.capacity, "files": listed })))
    }

    async fn ask(&self, device: &str, what: What) -> Replied {
        let names = match &what {
            What::List => vec![],
            What::Remove(name) => vec![name],
            What::Rename { from, to } => vec![from, to],
        };
        for name in names {
            files::Name::new(name).map_err(|error| Reply::error(StatusCode::BAD_REQUEST, &format!("{error}.")))?;
        }
        self.speaks_of_files(device).map_err(refuse)?;
        self.hub.ask(device, what).await.map_err(refuse)?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

fn refuse(refusal: Refusal) -> Reply {
    let status = match refusal {
        Refusal::Unknown => StatusCode::NOT_FOUND,
        Refusal::Device(files::Reason::Missing) => StatusCode::NOT_FOUND,
        Refusal::Offline | Refusal::NoFiles | Refusal::Device(_) => StatusCode::CONFLICT,
        Refusal::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
        Refusal::Busy => return Reply::busy(&refusal.to_string()),
    };
    Reply::error(status, &refusal.to_string())
}

fn refuse_transfer(refused: &Refused) -> Reply {
    let status = match refused {
        Refused::Missing => StatusCode::NOT_FOUND,
        Refused::Over(_) => StatusCode::CONFLICT,
        Refused::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refused::Name(_) => StatusCode::BAD_REQUEST,
        Refused::TooMany => return Reply::busy(&refused.to_string()),
        Refused::Disk(_) => StatusCode::INSUFFICIENT_STORAGE,
    };
    Reply::error(status, &refused.to_string())
}

#[cfg(test)]
mod tests;
