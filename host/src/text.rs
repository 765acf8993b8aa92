//! Makes the JSON text of the frames that the host itself sends.

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::Position;
use pocketmux_core::json::{self, EscapedStr, JsonFrame};

/// Room for the field names, the numbers and the punctuation of a frame.
pub(crate) const FRAME_OVERHEAD: usize = 192;

/// What `text` looks like between the quotes of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let mut buffer = vec![0; text.len() * 6];
    json::escape(text.as_bytes(), &mut buffer).map(|escaped| escaped.0.to_owned()).unwrap_or_default()
}

/// A message of one frame.
pub(crate) fn whole(channel: &str, message_id: &str, data: &str) -> Utf8Bytes {
    let (channel, message_id, data) = (escaped(channel), escaped(message_id), escaped(data));
    let frame = JsonFrame {
        channel: EscapedStr(&channel),
        message_id: EscapedStr(&message_id),
        position: Position::new(0, Some(1)).expect("0 is below 1"),
        data: EscapedStr(&data),
        encoding: None,
        from: None,
        meta: None,
    };
    let mut out = vec![0; FRAME_OVERHEAD + channel.len() + message_id.len() + data.len()];
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
