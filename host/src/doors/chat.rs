//! The chat door: the history of the channel `chat` over HTTP, and its live feed over a WebSocket.
//!
//! `GET /api/messages` lists, `POST /api/messages` says something, and at `/ws` every message is told that was committed, whichever door
//! or board it came in by. What is answered with 201 is committed and will be told; an id that is known is answered with what the
//! history has under it, so a client that did not hear the answer may ask again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::Utf8Bytes;
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode};
use serde::Serialize;

use super::reply::Reply;
use crate::history::Row;
use crate::hub::Hub;

mod list;
mod post;

/// Where messages are listed and posted.
pub(crate) const MESSAGES: &str = "/api/messages";
/// Where the live feed is.
pub(crate) const FEED: &str = "/ws";
/// What the live feed starts with.
pub(crate) const WELCOME: Utf8Bytes =
    Utf8Bytes::from_static(r#"{"type":"system","content":"Connected to real-time chat"}"#);

#[derive(Serialize)]
struct News<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    data: &'r Row,
}

/// A message as the live feed tells it.
pub(crate) fn news(row: &Row) -> Utf8Bytes {
    serde_json::to_string(&News { kind: "new_message", data: row }).unwrap_or_default().into()
}

/// Answers a request for [`MESSAGES`] of a page that may ask.
pub(crate) async fn answer(hub: &Arc<Hub>, parts: &Parts, body: Body) -> Response<Body> {
    let reply = match parts.method {
        Method::GET | Method::HEAD => list::answer(hub, &parts.uri).await,
        Method::POST => post::answer(hub, body).await,
        Method::OPTIONS => Ok(Reply::preflight(&parts.headers)),
        _ => Err(Reply::error(StatusCode::METHOD_NOT_ALLOWED, "Only GET and POST are answered here.").allowing()),
    };
    reply.unwrap_or_else(|refused| refused).shared(&parts.headers)
}

#[cfg(test)]
mod tests;
