//! A file on its way to the host, by tus: in pieces, each with its SHA-256, and gone on with whatever breaks.

use axum::body::Bytes;
use axum::http::{HeaderName, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::{Duration, sleep};

use super::api::Reply;
use super::source::Source;
use super::{HOST_PATIENCE, LOOK_INTERVAL, Session, deadline};
use crate::direct::{Meter, Trouble};

/// Sent at once: what an interruption may cost on the way to the host. Less where it does not get through.
const PIECE: usize = 1 << 20;
const PIECE_MIN: usize = 1 << 16;
/// Answers in a row that may pass, with nothing taken.
const MISSES_MAX: u32 = 12;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// The host has all of it.
pub(super) struct Arrived {
    /// The transfer that has begun with the last byte, if the host says so.
    pub(super) transfer: Option<String>,
}

/// How an upload stands.
enum Standing {
    /// The host has so much of it.
    At(u64, Arrived),
    /// It is not on the host.
    Gone,
    /// The same may succeed a moment later.
    NotNow(Trouble),
}

impl Standing {
    /// As an answer has it.
    fn of(reply: &Reply) -> Result<Self, Trouble> {
        let text = |name| reply.headers.get(name).and_then(|value| value.to_str().ok());
        match reply.status {
            status if status.is_success() => {
                let at = text(UPLOAD_OFFSET).and_then(|at| at.parse().ok());
                let at = at.ok_or_else(|| Trouble::failed("The host has not said how much it has."))?;
                let transfer = text(HeaderName::from_static("pocketmux-transfer")).map(str::to_owned);
                Ok(Self::At(at, Arrived { transfer }))
            }
            StatusCode::NOT_FOUND => Ok(Self::Gone),
            status if may_pass(status) => Ok(Self::NotNow(reply.trouble())),
            _ => Err(reply.trouble()),
        }
    }
}

/// The upload is elsewhere than was thought, somebody else goes on with it, the piece came damaged, or the host is about to stop.
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 409 | 423 | 429 | 460 | 500..=506 | 508..)
}

impl Session {
    /// Begins an upload; gives its id.
    pub(super) async fn create(&self, source: &Source, metadata: &str) -> Result<String, Trouble> {
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

    /// Goes on with an upload until it is whole; `None` when somebody else, who went on with it as well, has removed it.
    pub(super) async fn upload(
        &self,
        id: &str,
        source: &Source,
        meter: &mut Meter,
    ) -> Result<Option<Arrived>, Trouble> {
        let path = format!("/files/{id}");
        let (mut at, mut best) = (None, 0);
        let (mut len_max, mut misses) = (PIECE, 0);
        loop {
            let standing = match at {
                // The host may start anew meanwhile.
                None => {
                    let until = deadline(Some(self.through.within(HOST_PATIENCE)));
                    Standing::of(&self.api.patiently(until, async || self.look(&path).await).await?)?
                }
                Some(at) => match self.give(&path, at, source.piece(at, len_max)?).await {
                    Ok(reply) => Standing::of(&reply)?,
                    Err(trouble) if trouble.is_absence() => {
                        len_max = (len_max / 2).max(PIECE_MIN);
                        Standing::NotNow(trouble)
                    }
                    Err(trouble) => return Err(trouble),
                },
            };
            match standing {
                Standing::At(now, arrived) if now >= source.size => return Ok(Some(arrived)),
                Standing::At(now, _) if at.is_some_and(|at| now <= at) => {
                    return Err(Trouble::failed("The host took a piece and has no more than before."));
                }
                Standing::At(now, _) => {
                    meter.say(&format!("{now} of {} bytes are on the host", source.size));
                    if now > best {
                        (best, misses) = (now, 0);
                    }
                    at = Some(now);
                }
                Standing::Gone if misses > 0 || best == 0 => return Ok(None),
                Standing::Gone => {
                    return Err(Trouble::failed(format!("{}: it was removed from the host.", source.name)));
                }
                Standing::NotNow(trouble) if misses == MISSES_MAX => return Err(trouble),
                Standing::NotNow(_) => {
                    misses += 1;
                    at = None;
                    sleep(pause(misses)).await;
                }
            }
        }
    }

    /// Gives the host a piece.
    async fn give(&self, path: &str, at: u64, piece: Vec<u8>) -> Result<Reply, Trouble> {
        let headers = [
            (TUS_RESUMABLE, "1.0.0".to_owned()),
            (UPLOAD_OFFSET, at.to_string()),
            (header::CONTENT_TYPE, "application/offset+octet-stream".to_owned()),
            (HeaderName::from_static("upload-checksum"), format!("sha256 {}", STANDARD.encode(digest(&piece)))),
        ];
        self.api.tell(Method::PATCH, path, &headers, piece.into()).await
    }

    /// Removes a file of the host.
    pub(super) async fn discard(&self, file: &str) {
        let headers = [(TUS_RESUMABLE, "1.0.0".to_owned())];
        // What stays may be of use to somebody.
        let _ = self.api.ask(Method::DELETE, &format!("/files/{file}"), &headers, Bytes::new()).await;
    }

    async fn look(&self, path: &str) -> Result<Reply, Trouble> {
        self.api.tell(Method::HEAD, path, &[(TUS_RESUMABLE, "1.0.0".to_owned())], Bytes::new()).await
    }

    /// What the host was told of a file or an upload, if it has it.
    pub(super) async fn told_of(&self, id: &str) -> Result<Option<String>, Trouble> {
        let reply = self.look(&format!("/files/{id}")).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let told = reply.headers.get(UPLOAD_METADATA).and_then(|told| told.to_str().ok());
        Ok(Some(told.unwrap_or_default().to_owned()))
    }
}

/// How long to wait before the host is asked again. Whoever asks interrupts the others that go on with the same, so each has a time of its own.
fn pause(misses: u32) -> Duration {
    LOOK_INTERVAL * (misses - 1) + LOOK_INTERVAL * (std::process::id() % 100) / 100
}

fn digest(piece: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(piece).into()
}
