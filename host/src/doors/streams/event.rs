//! What a line says: `["id","event",...]`.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::doors::streams::place::Place;
use crate::sockjs;

/// Longest id of a stream, in bytes; the library makes 26 of them.
const ID_MAX: usize = 128;
/// As an id or an event it would mean something else to JavaScript.
const FORBIDDEN: &str = "__proto__";

/// Something that the client says of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It opens one; no place where its `meta` names none.
    New(Option<Place>, Ways),
    /// A message.
    Data(Data),
    Pause,
    Resume,
    /// It sends no more.
    End,
    /// It neither sends nor takes anything more.
    Close,
    /// Anything else; what it means is between the client and whoever understands it.
    Other,
}

/// What a `data` event brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Data {
    /// Of a string its text, in WTF-8; of any other value its JSON.
    pub(crate) text: Vec<u8>,
    pub(crate) is_json: bool,
}

/// Which ways a stream goes, as its receiver sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ways {
    /// The receiver may write into it.
    pub(crate) writable: bool,
    /// The receiver is going to read from it.
    pub(crate) readable: bool,
}

impl Ways {
    pub(crate) const BOTH: Self = Self { writable: true, readable: true };

    /// The library takes neither for both, and so is it with nothing at all.
    fn of(opts: &Value) -> Self {
        let is = |name: &str| opts.get(name).and_then(Value::as_bool).unwrap_or_default();
        let ways = Self { writable: is("writable"), readable: is("readable") };
        if ways.writable || ways.readable { ways } else { Self::BOTH }
    }
}

impl Event {
    /// Reads a line: the id of the stream, and what is said of it. `None` for what is to be ignored.
    pub(crate) fn parse(line: &str) -> Option<(String, Self)> {
        let parts: Vec<&RawValue> = serde_json::from_str(line).ok()?;
        let text = |at: usize| serde_json::from_str::<String>(parts.get(at)?.get()).ok();
        let (id, event) = (text(0)?, text(1)?);
        if id == FORBIDDEN || id.len() > ID_MAX {
            return None;
        }
        let value = parts.get(2).map(|value| value.get());
        let event = match event.as_str() {
            FORBIDDEN => return None,
            "new" => Self::new(value.unwrap_or_default()),
            "data" => value.map_or(Self::Other, Self::data),
            "pause" => Self::Pause,
            "resume" => Self::Resume,
            "end" => Self::End,
            "close" => Self::Close,
            _ => Self::Other,
        };
        Some((id, event))
    }

    /// The id at the head of a line that is too long to be read.
    pub(crate) fn id_at_head(head: &str) -> Option<String> {
        let rest = head.trim_start().strip_prefix('[')?;
        let id: String = serde_json::Deserializer::from_str(rest).into_iter().next()?.ok()?;
        (id != FORBIDDEN && id.len() <= ID_MAX).then_some(id)
    }

    fn new(options: &str) -> Self {
        let options: Value = serde_json::from_str(options).unwrap_or_default();
        let member = |name: &str| options.get(name).unwrap_or(&Value::Null);
        Self::New(Place::of(member("meta")), Ways::of(member("opts")))
    }

    /// A string is a text, and keeps half a surrogate pair that it may hold; any other value is its JSON, as it was written.
    fn data(value: &str) -> Self {
        let string = || sockjs::Message::list_or_one(value).ok()?.first().map(|text| text.as_wtf8().to_vec());
        let text = if value.starts_with('"') { string() } else { None };
        let is_json = text.is_none();
        Self::Data(Data { text: text.unwrap_or_else(|| value.into()), is_json })
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Place, Ways};

    fn event(line: &str) -> Option<Event> {
        let (id, event) = Event::parse(line)?;
        assert_eq!(id, "i");
        Some(event)
    }

    fn place(channel: &str, device: Option<&str>) -> Option<Place> {
        Some(Place { channel: channel.into(), device: device.map(Into::into), is_of_devices: false })
    }

    #[test]
    fn what_is_no_event_of_a_stream_is_ignored() {
        let long = format!(r#"["{}","close"]"#, "i".repeat(129));
        for line in
            ["", "x", "{}", "[]", r#"["i"]"#, r#"["i",1]"#, r#"[1,"data",2]"#, r#"["i",null]"#, "[null,\"end\"]", &long]
        {
            assert_eq!(Event::parse(line), None, "{line}");
        }
        for line in [
            r#"["__proto__","new",{"meta":"chat"}]"#,
            r#"["i","__proto__"]"#,
            r#"["\u005f_proto__","end"]"#,
            r#"["i","end""#,
        ] {
            assert_eq!(Event::parse(line), None, "{line}");
        }
        for line in [r#"["i","data"]"#, r#"["i","constructor",1]"#, r#"["i","error",null]"#, r#"["i","drain"]"#] {
            assert_eq!(event(line), Some(Event::Other), "{line}");
        }
    }

    #[test]
    fn a_stream_goes_both_ways_unless_its_options_say_otherwise() {
        let ways = |writable, readable| Ways { writable, readable };
        for (options, expected) in [
            (r#"{"meta":"chat","opts":{"writable":true,"readable":true}}"#, Ways::BOTH),
            (r#"{"meta":"chat","opts":{"writable":false,"readable":true}}"#, ways(false, true)),
            (r#"{"meta":"chat","opts":{"writable":true}}"#, ways(true, false)),
            (r#"{"meta":"chat","opts":{}}"#, Ways::BOTH),
            (r#"{"meta":"chat","opts":"x"}"#, Ways::BOTH),
            (r#"{"meta":"chat"}"#, Ways::BOTH),
        ] {
            let line = format!(r#"["i","new",{options}]"#);
            assert_eq!(event(&line), Some(Event::New(place("chat", None), expected)), "{line}");
        }
    }

    #[test]
    fn a_meta_names_a_channel_or_nothing() {
        let both = r#"{"meta":{"channel":"chat","device":"pico","more":1}}"#;
        for (options, expected) in [
            (both, place("chat", Some("pico"))),
            (r#"{"meta":{"channel":"chat"}}"#, place("chat", None)),
            (r#"{"meta":{"channel":"chat","device":null}}"#, place("chat", None)),
            (r#"{"meta":{"channel":"chat","device":1}}"#, None),
            (r#"{"meta":{"device":"pico"}}"#, None),
            (r#"{"meta":["chat"]}"#, None),
            (r#"{"meta":null}"#, None),
            ("{}", None),
            ("null", None),
            ("7", None),
        ] {
            let line = format!(r#"["i","new",{options}]"#);
            assert_eq!(event(&line), Some(Event::New(expected, Ways::BOTH)), "{line}");
        }
        assert_eq!(event(r#"["i","new"]"#), Some(Event::New(None, Ways::BOTH)));
    }

    #[test]
    fn data_is_the_text_of_a_string_or_the_json_of_any_other_value_as_it_was_written() {
        let data = |json: &str| match event(&format!(r#"["i","data",{json}]"#)) {
            Some(Event::Data(data)) => data.text,
            other => panic!("{other:?}"),
        };
        for (json, text) in [(r#""a\n\u00e9""#, "a\né"), (r#""""#, ""), ("1.50", "1.50"), ("null", "null")] {
            assert_eq!(data(json), text.as_bytes(), "{json}");
        }
        assert_eq!(data(r#"{ "b": 12345678901234567890, "a": [1] }"#), br#"{ "b": 12345678901234567890, "a": [1] }"#);
        assert_eq!(data(r#""\ud83d""#), b"\xed\xa0\xbd");
    }

    #[test]
    fn the_head_of_a_long_line_says_which_stream_it_was_for() {
        assert_eq!(Event::id_at_head(r#" ["i","data","xxx"#).as_deref(), Some("i"));
        for head in ["", "x", "[", "[1,", r#"["i"#, r#"["__proto__","#] {
            assert_eq!(Event::id_at_head(head), None, "{head}");
        }
    }
}
