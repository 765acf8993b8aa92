//! The JSON encoding of a frame, as browsers speak it.
//!
//! `{"channel":"chat","messageId":"chat-1","sequence":0,"total":2,"data":"hell"}`. Field names, order and meaning are fixed by existing
//! clients; `encoding`, `from` and `meta` may follow, and fields that are not known are passed over.
//!
//! Strings stay escaped, as [`EscapedStr`]: a JavaScript string may hold half a surrogate pair, which no Rust `str` can. [`unescape`]
//! and [`escape`] go between that and [WTF-8](crate::wtf8).

use core::fmt;
use core::marker::PhantomData;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
pub use serde_json_core::str::EscapedStr;

use crate::bytes::Writer;
use crate::frame::Position;
use crate::wtf8::{Encoder, units};

/// Arrays and objects within each other that a frame may hold in fields that are passed over.
pub const DEPTH_MAX: usize = 32;

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

/// Why a text is no frame. Its `Display` says what was wrong, where, and what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON, or no object; the reader's own reason.
    Syntax(serde_json_core::de::Error),
    /// This field is of the wrong type; the second word says what it should be.
    Type(&'static str, &'static str),
    /// This field is a number with a fraction, or beyond 64 bits.
    Fraction(&'static str),
    /// This field is missing.
    Missing(&'static str),
    /// The sequence is not 0 or more.
    Sequence(i64),
    /// The total is not 1 or more.
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
    /// This field has an escape that JSON does not know, or a control character that is not escaped.
    Escape(&'static str),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "not a JSON object ({reason})"),
            Self::Type(field, wanted) => write!(f, "the field `{field}` is not {wanted}"),
            Self::Fraction(field) => write!(f, "`{field}` is no whole number"),
            Self::Missing(field) => write!(f, "the field `{field}` is missing"),
            Self::Sequence(value) => write!(f, "`sequence` is {value}; it counts from 0"),
            Self::Total(value) => write!(f, "`total` is {value}; a message has at least 1 frame"),
            Self::Beyond { sequence, total } => {
                write!(f, "`sequence` {sequence} is not below `total` {total}; frames are numbered from 0")
            }
            Self::Depth => write!(f, "nested deeper than {DEPTH_MAX}"),
            Self::Escape(field) => write!(f, "`{field}` holds an unknown escape or a bare control character"),
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

/// Which of the required fields are there, whatever they hold.
#[derive(Deserialize)]
struct Present {
    #[serde(default, deserialize_with = "anything")]
    channel: bool,
    #[serde(default, deserialize_with = "anything", rename = "messageId")]
    message_id: bool,
    #[serde(default, deserialize_with = "anything")]
    sequence: bool,
    #[serde(default, deserialize_with = "anything")]
    data: bool,
}

fn anything<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
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
        if depth(text.as_bytes()) > DEPTH_MAX {
            return Err(JsonError::Depth);
        }
        let fields = match serde_json_core::from_str::<Fields<'a>>(text) {
            Ok((fields, _)) => fields,
            Err(_) => return Err(blame(text)),
        };
        let (Some(channel), Some(message_id), Some(sequence), Some(data)) =
            (fields.channel, fields.message_id, fields.sequence, fields.data)
        else {
            return Err(blame(text));
        };
        let frame = Self {
            channel,
            message_id,
            position: position(sequence, fields.total)?,
            data,
            encoding: fields.encoding,
            from: fields.from,
            meta: None,
        };
        let strings = [("channel", frame.channel), ("messageId", frame.message_id), ("data", frame.data)];
        for (field, string) in strings {
            if !is_string(string) {
                return Err(JsonError::Escape(field));
            }
        }
        Ok(frame)
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

/// Which field is to blame for a text that [`Fields`] refused: the one that alone is refused as well.
///
/// The reader tells neither place nor field, so each field is read once more without the others; only refused texts pay for it.
fn blame(text: &str) -> JsonError {
    let present = match serde_json_core::from_str::<Present>(text) {
        Ok((present, _)) => present,
        Err(reason) => return JsonError::Syntax(reason),
    };
    let required = [
        ("channel", present.channel),
        ("messageId", present.message_id),
        ("sequence", present.sequence),
        ("data", present.data),
    ];
    if let Some((field, _)) = required.into_iter().find(|(_, present)| !present) {
        return JsonError::Missing(field);
    }
    /// True when the text reads with only this field, of this type.
    macro_rules! reads {
        ($field:literal, $kind:ty) => {{
            #[derive(Deserialize)]
            #[serde(bound(deserialize = "'de: 'a"))]
            struct Alone<'a> {
                #[serde(default, rename = $field)]
                _field: $kind,
                #[serde(skip)]
                _text: PhantomData<&'a str>,
            }
            serde_json_core::from_str::<Alone<'_>>(text).is_ok()
        }};
    }
    let strings = [
        ("channel", reads!("channel", EscapedStr<'a>)),
        ("messageId", reads!("messageId", EscapedStr<'a>)),
        ("data", reads!("data", EscapedStr<'a>)),
        ("encoding", reads!("encoding", Option<EscapedStr<'a>>)),
        ("from", reads!("from", Option<EscapedStr<'a>>)),
    ];
    let numbers = [
        ("total", reads!("total", Option<i64>), reads!("total", Option<f64>)),
        ("sequence", reads!("sequence", i64), reads!("sequence", f64)),
    ];
    let string = strings.into_iter().find(|(_, reads)| !reads).map(|(field, _)| JsonError::Type(field, "a string"));
    let number = numbers.into_iter().find(|(_, whole, _)| !whole).map(|(field, _, number)| match number {
        true => JsonError::Fraction(field),
        false => JsonError::Type(field, "a whole number"),
    });
    // Where each field alone is right, one of them stands there twice.
    string.or(number).unwrap_or(JsonError::Syntax(serde_json_core::de::Error::CustomError))
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

/// How deep arrays and objects stand within each other: the reader descends into fields that it passes over.
fn depth(text: &[u8]) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// True when every escape is one of JSON's and no control character is bare.
fn is_string(string: EscapedStr<'_>) -> bool {
    let mut rest = string.0.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let skip = match (byte, rest) {
            (0..0x20, _) => return false,
            (b'\\', [b'u', a, b, c, d, ..]) if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => 5,
            (b'\\', [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..]) => 1,
            (b'\\', _) => return false,
            _ => 0,
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    true
}

/// Writes what an escaped string stands for to the front of `out`, as [WTF-8](crate::wtf8), which never takes more bytes.
///
/// `None` when it does not fit or holds an escape that JSON does not know.
pub fn unescape<'o>(string: EscapedStr<'_>, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let mut encoder = Encoder::new(out);
    let mut rest = string.0;
    while let Some(at) = rest.find('\\') {
        encoder.push_str(rest.get(..at)?);
        let mut escape = rest.get(at + 1..)?.chars();
        match escape.next()? {
            'u' => {
                let digits = escape.as_str().get(..4)?;
                encoder.push(u16::from_str_radix(digits, 16).ok()?);
                escape = escape.as_str().get(4..)?.chars();
            }
            'b' => encoder.push(0x08),
            'f' => encoder.push(0x0c),
            'n' => encoder.push(0x0a),
            'r' => encoder.push(0x0d),
            't' => encoder.push(0x09),
            same @ ('"' | '\\' | '/') => encoder.push(same as u16),
            _ => return None,
        }
        rest = escape.as_str();
    }
    encoder.push_str(rest);
    encoder.finish()
}

/// Escapes text, writing to the front of `out` at most six times as many bytes; `None` when it does not fit.
///
/// Half a surrogate pair, and what is no UTF-8 at all, comes out as JavaScript's `JSON.stringify` writes it: `\ud83d`.
pub fn escape<'o>(text: &[u8], out: &'o mut [u8]) -> Option<EscapedStr<'o>> {
    let mut writer = Writer::new(out);
    let mut rest = text;
    loop {
        let valid_len = match core::str::from_utf8(rest) {
            Ok(whole) => whole.len(),
            Err(error) => error.valid_up_to(),
        };
        let (valid, after) = rest.split_at_checked(valid_len)?;
        put_escaped(&mut writer, valid);
        rest = match after {
            [] => break,
            [0xed, 0xa0..0xc0, 0x80..0xc0, after @ ..] => {
                units(rest.get(valid_len..valid_len + 3)?).for_each(|unit| put_unit(&mut writer, unit));
                after
            }
            [_, after @ ..] => {
                put_unit(&mut writer, 0xfffd);
                after
            }
        };
    }
    core::str::from_utf8(writer.finish()?).ok().map(EscapedStr)
}

/// Puts UTF-8, escaping what JSON wants escaped.
fn put_escaped(writer: &mut Writer<'_>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let Some((plain, [byte, after @ ..])) = rest.split_at_checked(at) else { return };
        writer.put(plain);
        match byte {
            b'"' | b'\\' => writer.put(&[b'\\', *byte]),
            b'\n' => writer.put(b"\\n"),
            b'\r' => writer.put(b"\\r"),
            b'\t' => writer.put(b"\\t"),
            0x08 => writer.put(b"\\b"),
            0x0c => writer.put(b"\\f"),
            other => put_unit(writer, u16::from(*other)),
        }
        rest = after;
    }
    writer.put(rest);
}

fn put_unit(writer: &mut Writer<'_>, unit: u16) {
    let digit = |shift: u16| {
        let nibble = (unit >> shift & 15) as u8;
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    };
    writer.put(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, EscapedStr, JsonError, JsonFrame, escape, unescape};

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
    fn halves_of_surrogate_pairs_go_through_wtf8_and_back() {
        for (escaped, bytes) in [
            (r"hi \ud83d", b"hi \xed\xa0\xbd".as_slice()),
            (r"\ude00!", b"\xed\xb8\x80!"),
            (r#"\"\\\n\u0000\u001f"#, b"\"\\\n\0\x1f"),
            ("é😀", "é😀".as_bytes()),
        ] {
            assert_eq!(unescape(EscapedStr(escaped), &mut [0; 64]), Some(bytes));
            assert_eq!(escape(bytes, &mut [0; 64]), Some(EscapedStr(escaped)));
        }
        assert_eq!(unescape(EscapedStr(r"\ud83d\ude00"), &mut [0; 64]), Some("😀".as_bytes()));
        assert_eq!(escape(b"\xff", &mut [0; 6]), Some(EscapedStr(r"\ufffd")));
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
            (change("hell", r"\x"), "`data` holds an unknown escape"),
            (change("\"data\":\"hell\"", "\"data\":7"), "the field `data` is not a string"),
            (change("\"total\":2", "\"total\":true"), "the field `total` is not a whole number"),
            (change("0,", "0.5,"), "`sequence` is no whole number"),
            ("nonsense".into(), "not a JSON object"),
            (format!("{CLASSIC}{CLASSIC}"), "not a JSON object"),
        ] {
            let error = JsonFrame::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}
