//! A whole message, on its way between devices and doors.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pocketmux_core::Kind;

use crate::listener::ListenerId;
use crate::refusal::{Place, Refusals};
use crate::text;

/// Who has said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A device; other devices do not get it, or two that answer would never stop.
    Device,
    /// A client that sends frames, and gets them back.
    Client,
    /// A client at a door, which does not hear itself.
    Listener(ListenerId),
}

/// A whole message. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) channel: Arc<str>,
    /// As in its frames, between quotes in JSON text.
    pub(crate) id: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) meta: Arc<str>,
    /// The text is that of a JSON value, for clients that speak in those.
    pub(crate) is_json: bool,
    /// Text in WTF-8, or bytes.
    pub(crate) data: Arc<[u8]>,
    /// The device or person that says it, where that is known.
    pub(crate) from: Option<Arc<str>>,
    pub(crate) by: By,
    /// Of all devices only the one of this name gets it.
    pub(crate) to: Option<Arc<str>>,
    /// Where whoever sent it hears about what goes wrong.
    pub(crate) sender: Option<Arc<Refusals>>,
}

impl Message {
    /// Tells the sender why the message did not get where it was to go.
    pub(crate) fn refuse(&self, sentence: &str) {
        let Some(sender) = &self.sender else { return };
        sender.refuse(sentence, || Place {
            channel: Some(self.channel.to_string()),
            message_id: Some(self.id.to_string()),
            sequence: None,
        });
    }

    /// The text of a message; what is no character in it is shown as one that says so. `None` for bytes.
    pub(crate) fn text(&self) -> Option<String> {
        (self.kind == Kind::Text).then(|| String::from_utf8_lossy(&self.data).into_owned())
    }

    /// Its data as base64, for clients that take only text.
    pub(crate) fn base64(&self) -> String {
        STANDARD.encode(&self.data)
    }

    /// The one frame that it makes for clients.
    pub(crate) fn frame(&self) -> Utf8Bytes {
        text::message(self)
    }
}
