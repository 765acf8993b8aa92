//! Lists messages.
//!
//! Without a query, all of them by timestamp. `since` is the id of a message, for those committed after it in the order in which they
//! were, so that the last of an answer is the next `since`; or a timestamp, for those with a later one. `limit` takes the first of
//! those, and without `since` the newest of all; `before`, the id of a message, takes those that stand before it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Query as Fields;
use axum::http::{StatusCode, Uri};
use futures_util::stream;
use serde::Deserialize;
use tracing::warn;

use crate::doors::reply::Reply;
use crate::history::{Query, Range};
use crate::hub::Hub;

/// Most messages that `limit` may ask for.
const LIMIT_MAX: u32 = 1000;

#[derive(Debug, Default, Deserialize)]
struct Asked {
    since: Option<String>,
    before: Option<String>,
    limit: Option<String>,
}

/// Answers with what the query of an address asks for.
pub(super) async fn answer(hub: &Arc<Hub>, uri: &Uri) -> Result<Reply, Reply> {
    let query = read(uri).map_err(|sentence| Reply::error(StatusCode::BAD_REQUEST, &sentence))?;
    let Some(history) = hub.history() else { return Ok(Reply::json(StatusCode::OK, &[(); 0])) };
    match history.range(query).await {
        Ok(Some(range)) => Ok(Reply::streamed(StatusCode::OK, Body::from_stream(written(hub.clone(), range)))),
        Ok(None) => {
            let sentence = "The history has no message of this id, and it is no timestamp such as 2025-01-31T12:00:00.000Z. Without \
                            `since` and `before`, everything is listed.";
            Err(Reply::error(StatusCode::NOT_FOUND, sentence))
        }
        Err(error) => {
            warn!("The history could not be read: {error}.");
            Err(Reply::busy("The history could not be read. Ask again in a moment."))
        }
    }
}

fn read(uri: &Uri) -> Result<Query, String> {
    let Fields(Asked { since, before, limit }) =
        Fields::try_from_uri(uri).map_err(|error| format!("The query cannot be read: {error}."))?;
    if since.is_some() && before.is_some() {
        return Err("`since` and `before` cannot be asked for at once.".into());
    }
    let limit = limit.map(|limit| limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or(limit));
    let limit = limit.transpose().map_err(|_| format!("`limit` is a number from 1 to {LIMIT_MAX}."))?;
    Ok(Query { since, before, limit })
}

/// The messages of a range as a JSON array, a chunk at a time. When reading fails midway the connection ends, so that no part is taken
/// for the whole.
fn written(hub: Arc<Hub>, range: Range) -> impl stream::Stream<Item = rusqlite::Result<Bytes>> + Send {
    stream::try_unfold((hub, Some((range, "["))), async |(hub, left)| {
        let (Some((range, before)), Some(history)) = (left, hub.history()) else { return Ok(None) };
        let (rows, range) = history.read(range).await?;
        let mut text = String::from(before);
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(row).unwrap_or_default());
        }
        let next = if rows.is_empty() {
            // What would have stood before another one.
            text = if before == "[" { "[]".into() } else { "]".into() };
            None
        } else {
            Some((range, ","))
        };
        Ok(Some((Bytes::from(text), (hub, next))))
    })
}
