//! Makes the JSON text of the frames that the host itself sends.

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::json::{self, EscapedStr, JsonFrame};
use pocketmux_core::{Kind, Position};

use crate::message::Message;

/// Room for the field names, the numbers and the punctuation of a frame.
pub(crate) const FRAME_OVERHEAD: usize = 192;

/// What `text` looks like between the quotes of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let mut buffer = vec![0; text.len() * 6];
    json::escape(text.as_bytes(), &mut buffer).map(|escaped| escaped.0.to_owned()).unwrap_or_default()
}

/// A message of the host's own, in one frame.
pub(crate) fn whole(channel: &str, message_id: &str, data: &str) -> Utf8Bytes {
    frame(&escaped(channel), &escaped(message_id), &escaped(data), None, None)
}

/// A message of a client at a door, in one frame.
pub(crate) fn message(message: &Message) -> Utf8Bytes {
    let mut buffer = Vec::new();
    let (data, encoding) = match message.kind {
        Kind::Text => {
            buffer.resize(message.data.len() * 6 + 4, 0);
            (json::escape(&message.data, &mut buffer).map_or_else(String::new, |data| data.0.to_owned()), None)
        }
        Kind::Binary => (message.base64(), Some("base64")),
    };
    let from = message.from.as_deref().map(escaped);
    frame(&escaped(&message.channel), &message.id, &data, encoding, from.as_deref())
}

fn frame(channel: &str, message_id: &str, data: &str, encoding: Option<&str>, from: Option<&str>) -> Utf8Bytes {
    let frame = JsonFrame {
        channel: EscapedStr(channel),
        message_id: EscapedStr(message_id),
        position: Position::new(0, Some(1)).expect("0 is below 1"),
        data: EscapedStr(data),
        encoding: encoding.map(EscapedStr),
        from: from.map(EscapedStr),
        meta: None,
    };
    let strings = channel.len() + message_id.len() + data.len() + from.map_or(0, str::len);
    let mut out = vec![0; FRAME_OVERHEAD + strings];
    frame.write(&mut out).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sentence_becomes_a_frame_whatever_it_quotes() {
        let text = super::whole("error", "error-1", "no \"such\" thing\n\u{1}");
        let expected = "{\"channel\":\"error\",\"messageId\":\"error-1\",\"sequence\":0,\"total\":1,\"data\":\"no \\\"such\\\" thing\\n\\u0001\"}";
        assert_eq!(text.as_str(), expected);
    }
}
