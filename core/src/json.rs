//! The JSON encoding of a frame, as browsers speak it.
//!
//! `{"channel":"chat","messageId":"chat-1","sequence":0,"total":2,"data":"hell"}`. Field names, order and meaning are fixed by existing
//! clients; `encoding`, `from` and `meta` may follow, and fields that are not known are passed over.
//!
//! This encoding is read and written by `serde-json-core`, which keeps index checks in the binary: it is covered by fuzzing, not by the
//! proof by linking that holds for the rest of the crate.
//!
//! Strings stay escaped, as [`EscapedStr`]: a JavaScript string may hold half a surrogate pair, which no Rust `str` can. [`unescape`]
//! and [`escape`] go between that and [WTF-8](crate::wtf8).

mod blame;
mod escape;
mod text;

use core::fmt;

use serde::{Deserialize, Serialize};
pub use serde_json_core::str::EscapedStr;

pub use escape::{escape, unescape};
pub use text::DEPTH_MAX;

use crate::bytes::Writer;
use crate::frame::Position;

/// A frame as JSON has it; strings are still escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonFrame<'a> {
    /// The channel's name.
    pub channel: EscapedStr<'a>,
    /// The message's name; may be empty.
    pub message_id: EscapedStr<'a>,
    /// Which piece of the message.
    pub position: Position,
    /// The piece.
    pub data: EscapedStr<'a>,
    /// `base64` where `data` stands for bytes; absent for text.
    pub encoding: Option<EscapedStr<'a>>,
    /// Who sent it.
    pub from: Option<EscapedStr<'a>>,
    /// What the message is, on its first frame: any JSON value, as it is to stand there. Written, but passed over by
    /// [`JsonFrame::parse`].
    pub meta: Option<&'a str>,
}

/// What a message is called when its sender gives it no name: `<channel>-<index>`, counted over all channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultId<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// Which message of its sender.
    pub index: u32,
}

impl fmt::Display for DefaultId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.channel, self.index)
    }
}

/// Why a text is no frame. Its `Display` says what was wrong, where, and what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON (RFC 8259), from this byte on.
    Syntax(usize),
    /// JSON, but no object.
    NotObject,
    /// A field stands there twice.
    Twice,
    /// The name of a field is written with an escape.
    EscapedName,
    /// This field is of the wrong type; the second word says what it should be.
    Type(&'static str, &'static str),
    /// This field is a number with a fraction, or beyond 64 bits.
    Fraction(&'static str),
    /// This field is missing.
    Missing(&'static str),
    /// The sequence is below 0 or beyond 32 bits.
    Sequence(i64),
    /// The total is below 1 or beyond 32 bits.
    Total(i64),
    /// The sequence is not below the total.
    Beyond {
        /// The sequence.
        sequence: u32,
        /// The total.
        total: u32,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    Depth,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(at) => write!(f, "not JSON from byte {at} on"),
            Self::NotObject => f.write_str("not a JSON object"),
            Self::Twice => f.write_str("a field stands there twice"),
            Self::EscapedName => f.write_str("the name of a field is written with an escape"),
            Self::Type(field, wanted) => write!(f, "the field `{field}` is not {wanted}"),
            Self::Fraction(field) => write!(f, "`{field}` is no whole number of at most 64 bits"),
            Self::Missing(field) => write!(f, "the field `{field}` is missing"),
            Self::Sequence(value) => write!(f, "`sequence` is {value}; it counts from 0 and has 32 bits"),
            Self::Total(value) => write!(f, "`total` is {value}; a message has at least 1 frame, and fewer than 2^32"),
            Self::Beyond { sequence, total } => {
                write!(f, "`sequence` {sequence} is not below `total` {total}; frames are numbered from 0")
            }
            Self::Depth => write!(f, "nested deeper than {DEPTH_MAX}"),
        }
    }
}

impl core::error::Error for JsonError {}

/// The fields as they are read; what may be wrong about them is checked afterwards, to say it in better words.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    channel: Option<EscapedStr<'a>>,
    #[serde(borrow, rename = "messageId")]
    message_id: Option<EscapedStr<'a>>,
    sequence: Option<i64>,
    total: Option<i64>,
    #[serde(borrow)]
    data: Option<EscapedStr<'a>>,
    #[serde(borrow)]
    encoding: Option<EscapedStr<'a>>,
    #[serde(borrow)]
    from: Option<EscapedStr<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    channel: EscapedStr<'a>,
    #[serde(rename = "messageId")]
    message_id: EscapedStr<'a>,
    sequence: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    data: EscapedStr<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<EscapedStr<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<EscapedStr<'a>>,
}

impl<'a> JsonFrame<'a> {
    /// Reads a frame, borrowing its strings from `text`.
    ///
    /// `total` may be absent or null: a message need not know its length yet.
    ///
    /// # Errors
    ///
    /// [`JsonError`] for the first thing that is wrong.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        text::check(text.as_bytes())?;
        let fields = match serde_json_core::from_str::<Fields<'a>>(text) {
            Ok((fields, _)) => fields,
            Err(_) => return Err(blame::blame(text)),
        };
        let (Some(channel), Some(message_id), Some(sequence), Some(data)) =
            (fields.channel, fields.message_id, fields.sequence, fields.data)
        else {
            return Err(blame::blame(text));
        };
        Ok(Self {
            channel,
            message_id,
            position: position(sequence, fields.total)?,
            data,
            encoding: fields.encoding,
            from: fields.from,
            meta: None,
        })
    }

    /// Writes the frame to the front of `out`; `None` when it does not fit.
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Option<&'o str> {
        let written = Written {
            channel: self.channel,
            message_id: self.message_id,
            sequence: self.position.sequence(),
            total: self.position.total(),
            data: self.data,
            encoding: self.encoding,
            from: self.from,
        };
        let mut len = serde_json_core::to_slice(&written, out).ok()?;
        if let Some(meta) = self.meta {
            // The value goes in front of the closing brace as it is, which the writer has no way to say.
            let mut tail = Writer::new(out.get_mut(len.checked_sub(1)?..)?);
            for part in [",\"meta\":", meta, "}"] {
                tail.put(part.as_bytes());
            }
            len += tail.finish()?.len() - 1;
        }
        core::str::from_utf8(out.get(..len)?).ok()
    }
}

fn position(sequence: i64, total: Option<i64>) -> Result<Position, JsonError> {
    let limit = match total {
        None => None,
        Some(total @ 1..) => Some(u32::try_from(total).map_err(|_| JsonError::Total(total))?),
        Some(total) => return Err(JsonError::Total(total)),
    };
    let known = u32::try_from(sequence).map_err(|_| JsonError::Sequence(sequence))?;
    Position::new(known, limit).ok_or(JsonError::Beyond { sequence: known, total: limit.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, JsonError, JsonFrame};

    const CLASSIC: &str = r#"{"channel":"chat","messageId":"chat-1","sequence":0,"total":2,"data":"hell"}"#;

    #[test]
    fn the_classic_frame_is_read_and_written_to_the_letter() {
        let frame = JsonFrame::parse(CLASSIC).unwrap();
        assert_eq!((frame.channel.0, frame.message_id.0, frame.data.0), ("chat", "chat-1", "hell"));
        assert_eq!((frame.position.sequence(), frame.position.total()), (0, Some(2)));
        assert_eq!(frame.write(&mut [0; 100]), Some(CLASSIC));
        assert_eq!(frame.write(&mut [0; 75]), None);
    }

    #[test]
    fn order_space_and_unknown_fields_do_not_matter() {
        let text = "{ \"data\" : \"x\",\n\"trace\":{\"a\":[1,{}]}, \"sequence\":3,\"messageId\":\"\",\"channel\":\"c\",\"total\":null}";
        let frame = JsonFrame::parse(text).unwrap();
        assert_eq!((frame.message_id.0, frame.position.sequence(), frame.position.total()), ("", 3, None));
    }

    #[test]
    fn a_meta_is_written_as_the_value_it_is() {
        let frame = JsonFrame { meta: Some(r#"{"name":"a"}"#), ..JsonFrame::parse(CLASSIC).unwrap() };
        let mut out = [0; 200];
        let text = frame.write(&mut out).unwrap();
        assert!(text.ends_with(r#""data":"hell","meta":{"name":"a"}}"#), "{text}");
        assert!(JsonFrame::parse(text).is_ok());
    }

    #[test]
    fn depth_is_limited_outside_strings_only() {
        let nested = |depth: usize| {
            format!("{}{}{}{}", CLASSIC.trim_end_matches('}'), ",\"x\":", "[".repeat(depth), "]".repeat(depth) + "}")
        };
        assert!(JsonFrame::parse(&nested(DEPTH_MAX - 1)).is_ok());
        assert_eq!(JsonFrame::parse(&nested(100_000)), Err(JsonError::Depth));
        assert!(JsonFrame::parse(&CLASSIC.replace("hell", &"[".repeat(1000))).is_ok());
    }

    #[test]
    fn every_refusal_says_what_was_wrong_and_where() {
        let change = |from: &str, to: &str| CLASSIC.replace(from, to);
        for (text, reason) in [
            (change("\"sequence\":0", "\"sequence\":2"), "`sequence` 2 is not below `total` 2"),
            (change("\"sequence\":0", "\"sequence\":-1"), "`sequence` is -1"),
            (change("\"sequence\":0", "\"sequence\":4294967296"), "`sequence` is 4294967296"),
            (change("\"total\":2", "\"total\":0"), "`total` is 0"),
            (change("\"sequence\":0,", ""), "the field `sequence` is missing"),
            (change("hell", r"\x"), "not JSON from byte 71 on"),
            (change("hell", "\u{1}"), "not JSON from byte 70 on"),
            ("[1]".into(), "not a JSON object"),
            (change("{", "{\"total\":3,"), "a field stands there twice"),
            (change("\"data\":\"hell\"", "\"data\":7"), "the field `data` is not a string"),
            (change("\"total\":2", "\"total\":true"), "the field `total` is not a whole number"),
            (change("0,", "0.5,"), "`sequence` is no whole number of at most"),
            ("nonsense".into(), "not JSON from byte 1 on"),
            (format!("{CLASSIC}{CLASSIC}"), "not JSON from byte 76 on"),
        ] {
            let error = JsonFrame::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}
