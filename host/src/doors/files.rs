//! The files door: uploads that can be resumed, by the protocol tus 1.0 with creation (also with the first bytes), termination and
//! checksums; and downloads, whole or in part.
//!
//! ```text
//! GET    /files/      lists files and uploads       POST   /files/      begins an upload
//! GET    /files/ID    gives out a file              HEAD   /files/ID    says how far an upload is, with Tus-Resumable
//! PATCH  /files/ID    goes on with an upload        DELETE /files/ID    removes a file or an upload
//! ```
//!
//! What changes something runs to its end in a task of its own: hyper drops a handler when its connection breaks, and what came by then
//! is to be kept.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::depot::{Depot, FileId};
use crate::shutdown::Shutdown;

mod check;
mod content;
mod metadata;
mod range;
mod receive;
mod reply;
mod turn;
mod tus;

use receive::blocking;
use reply::{Refused, Reply, TUS_RESUMABLE};
use turn::Turns;

/// Where the door is.
const FOLDER: &str = "/files";

/// Whether a path is the door's.
pub(crate) fn holds(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The door. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    depot: Depot,
    turns: Turns,
    shutdown: Shutdown,
}

/// What a path means.
#[derive(Clone, Copy)]
enum Place {
    Folder,
    File(FileId),
    Nothing,
}

impl Place {
    fn at(path: &str) -> Self {
        match path.strip_prefix(FOLDER).unwrap_or_default() {
            "" | "/" => Self::Folder,
            rest => rest.strip_prefix('/').and_then(|id| id.parse().ok()).map_or(Self::Nothing, Self::File),
        }
    }
}

impl Files {
    pub(crate) fn new(depot: Depot, shutdown: Shutdown) -> Self {
        Self { depot, turns: Turns::default(), shutdown }
    }

    /// Answers a request of a page that may ask.
    pub(crate) async fn answer(&self, parts: Parts, body: Body) -> Response<Body> {
        let replied = match (method(&parts), Place::at(parts.uri.path())) {
            (Method::OPTIONS, _) => Ok(Reply::options(&parts.headers, self.depot.limits().size_max)),
            (_, Place::Nothing) => Err(Refused::missing()),
            (Method::GET | Method::HEAD, Place::Folder) => self.list().await,
            (Method::GET, Place::File(id)) => self.content(id, &parts.headers, true).await,
            (Method::HEAD, Place::File(id)) if !parts.headers.contains_key(TUS_RESUMABLE) => {
                self.content(id, &parts.headers, false).await
            }
            (method @ (Method::POST | Method::HEAD | Method::PATCH | Method::DELETE), place) => {
                let (door, headers) = (self.clone(), parts.headers.clone());
                let change = tokio::spawn(async move { door.change(method, place, &headers, body).await });
                change.await.unwrap_or_else(|_| Err(Refused::stopping()))
            }
            _ => Err(Refused::not_here()),
        };
        replied.unwrap_or_else(Reply::from).shared(&parts.headers)
    }

    /// The files and uploads in JSON.
    async fn list(&self) -> Result<Reply, Refused> {
        let depot = self.depot.clone();
        let listed = blocking(move || Ok(serde_json::to_string(&depot.list()).unwrap_or_default())).await?;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        Ok(Reply::new(StatusCode::OK, listed).with(header::CONTENT_TYPE, json))
    }

    async fn content(&self, id: FileId, headers: &HeaderMap, is_wanted: bool) -> Result<Reply, Refused> {
        content::answer(&self.depot, id, headers, is_wanted, &self.shutdown).await
    }
}

/// What is to be done. Where a client cannot say so itself it may call that `POST`.
fn method(parts: &Parts) -> Method {
    let stated = parts.headers.get("x-http-method-override").filter(|_| parts.method == Method::POST);
    stated.and_then(|stated| Method::from_bytes(stated.as_bytes()).ok()).unwrap_or_else(|| parts.method.clone())
}

#[cfg(test)]
mod tests;
