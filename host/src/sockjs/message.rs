//! A message, and the JSON it is written in on the wire.

use std::fmt;

use pocketmux_core::wtf8;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// One message: a JavaScript string, as WTF-8.
///
/// A client may send half a surrogate pair, and other clients are to get the very same string, so this is no Rust string.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message(Vec<u8>);

/// Why what a client sent is no list of messages; the words are those that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoMessages {
    /// It is something else than a list of strings.
    Other,
    /// It is no JSON.
    Broken,
}

impl NoMessages {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Other => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
        }
    }
}

impl From<serde_json::Error> for NoMessages {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::Other } else { Self::Broken }
    }
}

impl Message {
    /// Reads the list of strings that a client posts.
    pub(crate) fn list(json: &[u8]) -> Result<Vec<Self>, NoMessages> {
        if json.is_empty() {
            return Err(NoMessages::Other);
        }
        // Strings are read as bytes, so nobody else would notice.
        let json = str::from_utf8(json).map_err(|_| NoMessages::Broken)?;
        Ok(serde_json::from_str(json)?)
    }

    /// Reads a WebSocket message: a list of strings, or a single one.
    pub(crate) fn list_or_one(json: &str) -> Result<Vec<Self>, NoMessages> {
        if json.starts_with('"') { Ok(vec![serde_json::from_str(json)?]) } else { Self::list(json.as_bytes()) }
    }

    /// A message of a text in WTF-8.
    pub(crate) fn from_wtf8(text: Vec<u8>) -> Self {
        Self(text)
    }

    /// The text, in WTF-8.
    pub(crate) fn as_wtf8(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text for those who know no half pairs: each becomes U+FFFD.
    pub(crate) fn to_text(&self) -> String {
        char::decode_utf16(wtf8::units(&self.0)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    /// Adds the message to `out` as a JSON string.
    ///
    /// Escaped is what JSON wants escaped, and all that old browsers do not let through: every half of a surrogate pair, those of
    /// whole pairs too, and some ranges of invisible characters.
    pub(crate) fn quote(&self, out: &mut String) {
        out.reserve(self.0.len() + 2);
        out.push('"');
        for unit in wtf8::units(&self.0) {
            match unit {
                0x22 => out.push_str("\\\""),
                0x5c => out.push_str("\\\\"),
                0x08 => out.push_str("\\b"),
                0x09 => out.push_str("\\t"),
                0x0a => out.push_str("\\n"),
                0x0c => out.push_str("\\f"),
                0x0d => out.push_str("\\r"),
                0..0x20 | 0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f | 0xfff0..=0xffff => escape(unit, out),
                _ => match char::from_u32(u32::from(unit)) {
                    Some(character) => out.push(character),
                    None => escape(unit, out),
                },
            }
        }
        out.push('"');
    }
}

fn escape(unit: u16, out: &mut String) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit(u32::from(unit >> shift & 15), 16));
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_text().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wtf8;

        impl Visitor<'_> for Wtf8 {
            type Value = Message;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Message, E> {
                Ok(Message(bytes.to_vec()))
            }
        }

        // As bytes, a JSON string may hold half a surrogate pair; the reader gives it as WTF-8.
        deserializer.deserialize_bytes(Wtf8)
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, NoMessages};

    fn echo(json: &str) -> String {
        let mut out = String::new();
        for message in Message::list_or_one(json).unwrap() {
            message.quote(&mut out);
        }
        out
    }

    #[test]
    fn a_list_may_be_empty_and_one_string_counts_as_a_list() {
        assert_eq!(Message::list_or_one("[]"), Ok(vec![]));
        assert_eq!(Message::list_or_one(r#""a""#), Ok(vec!["a".into()]));
        assert_eq!(Message::list_or_one(r#" ["a","" ]"#), Ok(vec!["a".into(), "".into()]));
    }

    #[test]
    fn what_is_no_list_of_strings_is_refused_in_the_words_that_clients_know() {
        for json in ["", "1", "{}", "[1]", "[[]]", "[\"a\",null]", "null", "\"a\""] {
            assert_eq!(Message::list(json.as_bytes()), Err(NoMessages::Other), "{json}");
        }
        for json in ["[\"a", "[\"a\"]x", "nonsense", "[\"\\x\"]", " "] {
            assert_eq!(Message::list(json.as_bytes()), Err(NoMessages::Broken), "{json}");
        }
        assert_eq!(Message::list(b"[\"\xff\"]"), Err(NoMessages::Broken));
        assert_eq!(NoMessages::Broken.words(), "Broken JSON encoding.");
    }

    #[test]
    fn half_surrogate_pairs_go_through_and_whole_ones_become_one_character() {
        for json in [r#""\ud83d""#, r#""\ude00 \ud83d\ud83d""#, r#""\ud83d\ude00""#, r#""\ude00\ud83d""#] {
            assert_eq!(echo(json), json);
        }
        assert_eq!(Message::list_or_one(r#""\ud83d\ude00""#).unwrap(), [Message::from("😀")]);
        assert_eq!(Message::list_or_one(r#""a\ud83d""#).unwrap()[0].to_text(), "a\u{fffd}");
    }

    #[test]
    fn what_old_browsers_mangle_is_escaped_and_nothing_else() {
        assert_eq!(echo("\"\u{200c}\u{2028}\u{206f}\u{fff0}\u{ffff}\""), r#""\u200c\u2028\u206f\ufff0\uffff""#);
        assert_eq!(echo(r#""\u0000\n\r\"\\\u001f\/""#), r#""\u0000\n\r\"\\\u001f/""#);
        assert_eq!(echo("\"é\u{7f}\u{200b}\u{2070}\u{feff}\""), "\"é\u{7f}\u{200b}\u{2070}\u{feff}\"");
    }
}
