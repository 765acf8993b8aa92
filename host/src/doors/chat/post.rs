//! Takes a message, and answers once it is committed.

use axum::body::Body;
use axum::http::StatusCode;
use pocketmux_core::Kind;
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::doors::body;
use crate::doors::reply::Reply;
use crate::history::{CHAT, Draft, Entry, Written};
use crate::hub::Hub;
use crate::inbound::MESSAGE_ID_MAX;
use crate::message::{By, Message};
use crate::text;

/// Longest body.
const BODY_MAX: usize = 100 << 10;

/// Takes the message in a body.
pub(super) async fn answer(hub: &Hub, body: Body) -> Result<Reply, Reply> {
    let draft = draft(&body::read(body, BODY_MAX).await?).map_err(|sentence| bad(&sentence))?;
    let history = hub.history().ok_or_else(|| Reply::busy("There is no history to write it to."))?;
    // A client that posts without end is to push nobody out of what they read.
    let _turn = history.post().await;
    let message = message(&draft);
    let (answer, answered) = oneshot::channel();
    let entry = Entry { frame: message.frame(), message: Some(message), draft: Some(draft), answer: Some(answer) };
    history.put(entry).map_err(|sentence| Reply::busy(&sentence))?;
    match answered.await {
        Ok(Ok(Written::New(row))) => Ok(Reply::json(StatusCode::CREATED, &row)),
        Ok(Ok(Written::Known(row))) => Ok(Reply::json(StatusCode::OK, &row)),
        Ok(Ok(Written::NotATime)) => {
            Err(bad("The timestamp is no time. Write it as 2025-01-31T12:00:00.000Z, or leave it out."))
        }
        Ok(Err(sentence)) => Err(Reply::busy(&sentence)),
        Err(_gone) => Err(Reply::busy("The history could not be written. Send it again in a moment.")),
    }
}

fn bad(sentence: &str) -> Reply {
    Reply::error(StatusCode::BAD_REQUEST, sentence)
}

/// Reads `{id?, sender, content, timestamp?}`.
fn draft(body: &[u8]) -> Result<Draft, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("This is not JSON: {error}."))?;
    let field = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok((!text.is_empty()).then(|| text.clone())),
        Some(_) => Err(format!("`{name}` must be a string.")),
    };
    let (Some(sender), Some(content)) = (field("sender")?, field("content")?) else {
        return Err("Sender and content are required".into());
    };
    let id = field("id")?.unwrap_or_else(|| Uuid::new_v4().to_string());
    if text::escaped(&id).len() > MESSAGE_ID_MAX {
        return Err(format!("`id` has at most {MESSAGE_ID_MAX} bytes, as it is written in JSON."));
    }
    Ok(Draft { id, sender, content, timestamp: field("timestamp")? })
}

/// What devices and the other doors get of it.
fn message(draft: &Draft) -> Message {
    Message {
        channel: CHAT.into(),
        id: text::escaped(&draft.id).into(),
        kind: Kind::Text,
        meta: "".into(),
        data: draft.content.as_bytes().into(),
        from: Some(draft.sender.as_str().into()),
        by: By::Client,
        to: None,
        is_json: false,
        sender: None,
    }
}
