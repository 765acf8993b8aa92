//! Writes the frames of one device as JSON, into buffers that are used again and again, and rebuilds its messages for doors.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pocketmux_core::json::{self, DefaultId, EscapedStr, JsonFrame};
use pocketmux_core::{ChannelId, Demux, Frame, Kind, MessageId};
use serde::de::IgnoredAny;

use crate::message::{By, Message};
use crate::rebuild::MESSAGE_MAX;
use crate::text;

/// What the frames of one device since its last boot have in common, and room to write them in.
#[derive(Debug)]
pub(crate) struct Scribe {
    /// The device's name, escaped.
    from: String,
    /// What follows the channel and the message's number in a message id: `@microbit.1f`.
    boot: String,
    data: Vec<u8>,
    out: Vec<u8>,
    name: Arc<str>,
    /// Made when a door first listens to the device.
    messages: Option<Box<Messages>>,
}

type Messages = Demux<(ChannelId, MessageId), Box<[u8]>, MESSAGES>;

/// Messages of a device that are rebuilt at once.
const MESSAGES: usize = 8;

impl Scribe {
    /// For a device under the name it is shown, since the boot of that epoch.
    pub(crate) fn new(name: &str, epoch: u32) -> Self {
        let from = text::escaped(name);
        let boot = format!("@{from}.{epoch:x}");
        Self { from, boot, data: Vec::new(), out: Vec::new(), name: name.into(), messages: None }
    }

    /// The text of a frame on the channel of that escaped name.
    pub(crate) fn write(&mut self, channel: &str, frame: &Frame<'_>) -> Option<Utf8Bytes> {
        // A byte takes at most six as text, and less than two in base64.
        self.data.resize(6 * frame.data.len() + 4, 0);
        let data = match frame.kind {
            Kind::Text => json::escape(frame.data, &mut self.data)?,
            Kind::Binary => {
                let len = STANDARD.encode_slice(frame.data, &mut self.data).ok()?;
                EscapedStr(str::from_utf8(self.data.get(..len)?).ok()?)
            }
        };
        let meta = (!frame.meta.is_empty()).then(|| value(frame.meta));
        let message_id = message_id(channel, frame.message, &self.boot);
        let written = JsonFrame {
            channel: EscapedStr(channel),
            message_id: EscapedStr(&message_id),
            position: frame.position,
            data,
            encoding: (frame.kind == Kind::Binary).then_some(EscapedStr("base64")),
            from: Some(EscapedStr(&self.from)),
            meta: meta.as_deref(),
        };
        let strings = channel.len()
            + message_id.len()
            + data.0.len()
            + self.from.len()
            + meta.as_ref().map_or(0, |meta| meta.len());
        self.out.resize(text::FRAME_OVERHEAD + strings, 0);
        written.write(&mut self.out).map(Utf8Bytes::from)
    }

    /// The message of the channel of that name that is whole with this frame. One longer than [`MESSAGE_MAX`] is not for doors.
    pub(crate) fn rebuild(&mut self, channel: &str, frame: &Frame<'_>) -> Option<Message> {
        let make = || Box::new(Demux::new(|| vec![0; MESSAGE_MAX].into_boxed_slice()));
        let messages = self.messages.get_or_insert_with(make);
        let whole = messages.insert((frame.channel, frame.message), frame).ok().flatten()?;
        let (kind, data) = (whole.kind, whole.data.into());
        Some(Message {
            channel: channel.into(),
            id: message_id(&text::escaped(channel), frame.message, &self.boot).into(),
            kind,
            meta: "".into(),
            data,
            from: Some(self.name.clone()),
            by: By::Device,
            to: None,
            is_json: false,
            sender: None,
        })
    }
}

fn message_id(channel: &str, message: MessageId, boot: &str) -> String {
    format!("{}{boot}", DefaultId { channel, index: message.0 })
}

/// A device's meta as a JSON value: as it is where it is one, else as a string.
fn value(meta: &str) -> Cow<'_, str> {
    match serde_json::from_str::<IgnoredAny>(meta) {
        Ok(_) => Cow::Borrowed(meta),
        Err(_) => Cow::Owned(format!("\"{}\"", text::escaped(meta))),
    }
}

#[cfg(test)]
mod tests {
    use super::Scribe;
    use pocketmux_core::{ChannelId, Frame, Kind, MessageId, Position};

    fn written(kind: Kind, meta: &str, data: &[u8]) -> String {
        let position = Position::new(0, Some(2)).unwrap();
        let frame = Frame { channel: ChannelId::new(0), message: MessageId(7), position, kind, meta, data };
        Scribe::new("micro\"bit", 0x1f).write("chat", &frame).unwrap().as_str().to_owned()
    }

    #[test]
    fn text_with_half_a_surrogate_pair_is_written_as_javascript_does() {
        let text = written(Kind::Text, "", b"hi \xed\xa0\xbd");
        let expected = r#"{"channel":"chat","messageId":"chat-7@micro\"bit.1f","sequence":0,"total":2,"data":"hi \ud83d","from":"micro\"bit"}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn bytes_are_base64_and_meta_is_a_value_or_a_string() {
        let text = written(Kind::Binary, "{\"name\":\"a\"}", &[0xff; 4]);
        assert!(text.contains(r#""data":"/////w==","encoding":"base64""#), "{text}");
        assert!(text.ends_with(r#""meta":{"name":"a"}}"#), "{text}");
        for (meta, value) in
            [("a \"b\"", r#""a \"b\"""#), ("{\"a\":1},\"from\":\"me\"", r#""{\"a\":1},\"from\":\"me\"""#)]
        {
            assert!(written(Kind::Text, meta, b"").ends_with(&format!("\"meta\":{value}}}")));
        }
    }

    #[test]
    fn the_longest_frame_of_the_worst_bytes_fits() {
        let text = written(Kind::Text, &"\u{1}".repeat(500), &[0xff; 1024]);
        assert!(text.len() > 6 * 1524);
    }
}
