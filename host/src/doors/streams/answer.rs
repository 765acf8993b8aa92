//! The lines that the host writes.

use pocketmux_core::{Kind, json};
use serde_json::value::RawValue;

use crate::doors::streams::event::Ways;
use crate::message::{By, Message};

/// Opens a stream; `ways` as the client sees them.
pub(crate) fn new(id: &str, meta: &str, ways: Ways) -> String {
    let Ways { writable, readable } = ways;
    let opts = format!(r#"{{"writable":{writable},"readable":{readable}}}"#);
    line(id, "new", &format!(r#",{{"meta":{},"opts":{opts}}}"#, quoted(meta.as_bytes())))
}

/// A message on a stream.
pub(crate) fn data(id: &str, message: &Message) -> String {
    line(id, "data", &format!(",{}", value(message)))
}

/// Says what went wrong on a stream, which goes on.
pub(crate) fn error(id: &str, sentence: &str) -> String {
    line(id, "error", &format!(",{}", quoted(sentence.as_bytes())))
}

/// Ends a stream.
pub(crate) fn close(id: &str) -> String {
    line(id, "close", "")
}

fn line(id: &str, event: &str, more: &str) -> String {
    format!("[{},\"{event}\"{more}]\n", quoted(id.as_bytes()))
}

/// A message as JSON: what another stream says as a value is that, and so is an object or an array of a device's; any other text is a string,
/// bytes are base64.
fn value(message: &Message) -> String {
    match (message.kind, str::from_utf8(&message.data)) {
        (Kind::Binary, _) => quoted(message.base64().as_bytes()),
        (Kind::Text, Ok(text)) if message.is_json || is_structure(text) && message.by == By::Device => {
            let json = serde_json::from_str::<&RawValue>(text);
            // A newline can only stand between its parts, where a space means the same and ends no line.
            json.map_or_else(|_| quoted(text.as_bytes()), |json| json.get().replace(['\n', '\r'], " "))
        }
        (Kind::Text, _) => quoted(&message.data),
    }
}

fn is_structure(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '['])
}

/// A text in WTF-8 as a JSON string.
fn quoted(text: &[u8]) -> String {
    let mut buffer = vec![0; text.len() * 6];
    let escaped = json::escape(text, &mut buffer).map_or("", |escaped| escaped.0);
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::{close, data, error, new};
    use crate::doors::streams::event::Ways;
    use crate::message::{By, Message};
    use pocketmux_core::Kind;

    fn heard(kind: Kind, data: &[u8]) -> Message {
        Message {
            channel: "chat".into(),
            id: "c-1".into(),
            kind,
            meta: "".into(),
            data: data.into(),
            from: None,
            by: By::Device,
            to: None,
            is_json: false,
            sender: None,
        }
    }

    #[test]
    fn lines_are_those_of_the_library() {
        let ways = Ways { writable: false, readable: true };
        let expected = r#"["a","new",{"meta":"m\"","opts":{"writable":false,"readable":true}}]"#;
        assert_eq!(new("a", "m\"", ways), format!("{expected}\n"));
        assert_eq!(error("\n", "no \"m\""), "[\"\\n\",\"error\",\"no \\\"m\\\"\"]\n");
        assert_eq!(close("a"), "[\"a\",\"close\"]\n");
    }

    #[test]
    fn what_is_json_arrives_as_such_on_one_line_and_all_else_as_a_string() {
        for (text, json) in [
            (r#"{"myValue":0.123}"#, r#"{"myValue":0.123}"#),
            (" [1,\r\n 2.50]\n", "[1,   2.50]"),
            (r#"["\ud83d"]"#, r#"["\ud83d"]"#),
            ("{x}", r#""{x}""#),
            ("{} {}", r#""{} {}""#),
            ("[1", r#""[1""#),
            ("1", r#""1""#),
            ("null", r#""null""#),
            ("\"a\"\n", r#""\"a\"\n""#),
            ("", r#""""#),
        ] {
            assert_eq!(data("i", &heard(Kind::Text, text.as_bytes())), format!("[\"i\",\"data\",{json}]\n"));
        }
        assert_eq!(data("i", &heard(Kind::Text, b"\xed\xa0\xbd")), "[\"i\",\"data\",\"\\ud83d\"]\n");
        assert_eq!(data("i", &heard(Kind::Binary, b"\0\xff")), "[\"i\",\"data\",\"AP8=\"]\n");
    }
}
