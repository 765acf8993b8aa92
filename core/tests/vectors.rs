//! The vectors that Rust and JavaScript share, in `tests/vectors/`: what the classic pocket frames promise.

use std::collections::HashMap;
use std::num::NonZeroU8;

use pocketmux_core::json::{DefaultId, JsonError, JsonFrame, unescape};
use pocketmux_core::mux::{Bounds, Mux, Route};
use pocketmux_core::wtf8::{Encoder, units};
use pocketmux_core::{ChannelId, Cut, Delivery, Demux, Frame, Kind, Message, MessageId, Position, Priority};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Text, or the UTF-16 code units of a text that holds half a surrogate pair.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Str(String),
    Units(Vec<u16>),
}

impl Text {
    fn wtf8(&self) -> Vec<u8> {
        match self {
            Self::Str(text) => text.clone().into_bytes(),
            Self::Units(units) => {
                let mut out = vec![0; units.len() * 3];
                let mut encoder = Encoder::new(&mut out);
                units.iter().for_each(|&unit| encoder.push(unit));
                encoder.finish().unwrap().to_vec()
            }
        }
    }
}

#[derive(Deserialize)]
struct Cases<C> {
    cases: Vec<C>,
}

fn cases<C: DeserializeOwned>(text: &str) -> Vec<C> {
    let Cases { cases } = serde_json::from_str(text).unwrap();
    assert!(!cases.is_empty());
    cases
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    name: String,
    messages: Vec<Said>,
    chunk_size: f64,
    quantum: f64,
    #[serde(default)]
    frames: Vec<(String, String, u32, u32, Text)>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    channel: String,
    message: Text,
    message_id: Option<String>,
}

/// A whole number of at least 1, where it is one that the type takes.
fn whole(number: f64) -> Option<usize> {
    (number.fract() == 0.0 && number >= 0.0).then_some(number as usize)
}

#[test]
fn the_mux_sends_in_the_classic_order() {
    for case in cases::<Schedule>(include_str!("../../tests/vectors/schedule.json")) {
        let cut = whole(case.chunk_size).and_then(Cut::units);
        let quantum = whole(case.quantum).and_then(|frames| u8::try_from(frames).ok()).and_then(NonZeroU8::new);
        let (Some(cut), Some(quantum)) = (cut, quantum) else {
            let refused = if cut.is_none() { "chunkSize" } else { "quantum" };
            assert_eq!(case.error.as_deref(), Some(refused), "{}", case.name);
            continue;
        };
        assert_eq!(case.error, None, "{}", case.name);
        let mut mux = Mux::<3072, 64>::new();
        mux.set_cut(cut);
        mux.set_quantum(quantum);
        for (index, said) in case.messages.iter().enumerate() {
            let route = Route {
                channel: ChannelId::new(0),
                message: MessageId(index as u32),
                priority: Priority::Normal,
                delivery: Delivery::Reliable,
            };
            mux.send(route, &Message::text_wtf8(&said.message.wtf8()), Bounds::of_data(3072)).unwrap();
        }
        let mut sent = Vec::new();
        while let Some(slot) = mux.next_slot() {
            let frame = mux.frame(slot).unwrap();
            let index = frame.message.0 as usize;
            let Said { channel, message_id, .. } = &case.messages[index];
            let id = message_id.clone().unwrap_or_else(|| DefaultId { channel, index: index as u32 }.to_string());
            let position = frame.position;
            sent.push((channel.clone(), id, position.sequence(), position.total().unwrap(), frame.data.to_vec()));
            mux.release(slot);
        }
        let expected: Vec<_> = case.frames.into_iter().map(|(c, m, s, t, data)| (c, m, s, t, data.wtf8())).collect();
        assert_eq!(sent, expected, "{}", case.name);
    }
}

#[derive(Deserialize)]
struct Rebuild {
    name: String,
    frames: Vec<(String, String, u32, Option<u32>, Text, String)>,
    messages: Vec<Progress>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    from: String,
    channel: String,
    message_id: String,
    complete: bool,
    text: Text,
}

#[test]
fn the_demux_rebuilds_what_the_live_decoder_shows_as_complete() {
    let mut checked = 0;
    for case in
        serde_json::from_str::<serde_json::Value>(include_str!("../../tests/vectors/rebuild.json")).unwrap()["cases"]
            .as_array()
            .unwrap()
    {
        let case = rebuild_case(case.clone());
        // The page's decoder lets later frames overwrite; the wire's holds a message to what was said first.
        if case.name == "a repeated sequence" || case.name == "a total that changes" {
            continue;
        }
        let mut keys = HashMap::new();
        let mut demux = Demux::<usize, Vec<u8>, 8>::new(|| vec![0; 1024]);
        let mut rebuilt = HashMap::new();
        for (channel, id, sequence, total, data, from) in &case.frames {
            let count = keys.len();
            let key = *keys.entry((from, channel, id)).or_insert(count);
            let frame = Frame {
                channel: ChannelId::new(0),
                message: MessageId(0),
                position: Position::new(*sequence, *total).unwrap(),
                kind: Kind::Text,
                meta: "",
                data: &data.wtf8(),
            };
            if let Some(message) = demux.insert(key, &frame).unwrap() {
                rebuilt.insert((from.clone(), channel.clone(), id.clone()), message.data.to_vec());
            }
        }
        for message in case.messages {
            let key = (message.from, message.channel, message.message_id);
            let expected = message.complete.then(|| message.text.wtf8());
            assert_eq!(rebuilt.remove(&key), expected, "{}: {key:?}", case.name);
            checked += 1;
        }
    }
    assert!(checked > 5);
}

/// `from` may be absent at the end of a frame, which a tuple cannot say.
fn rebuild_case(mut case: serde_json::Value) -> Rebuild {
    for frame in case["frames"].as_array_mut().unwrap() {
        let frame = frame.as_array_mut().unwrap();
        if frame.len() == 5 {
            frame.push("".into());
        }
    }
    serde_json::from_value(case).unwrap()
}

#[derive(Deserialize)]
struct Texts {
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Accepted {
    name: String,
    text: String,
    frame: (String, String, u32, Option<u32>, Text),
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    text: String,
    kind: String,
    field: Option<String>,
}

#[test]
fn json_frames_are_accepted_and_refused_as_the_vectors_say() {
    let texts: Texts = serde_json::from_str(include_str!("../../tests/vectors/frames.json")).unwrap();
    assert!(texts.accepted.len() > 5 && texts.refused.len() > 20);
    for Accepted { name, text, frame: (channel, id, sequence, total, data) } in texts.accepted {
        let frame = JsonFrame::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((frame.channel.0, frame.message_id.0), (&*channel, &*id), "{name}");
        assert_eq!((frame.position.sequence(), frame.position.total()), (sequence, total), "{name}");
        let mut out = [0; 1024];
        let said = unescape(frame.data, &mut out).unwrap();
        assert!(units(said).eq(units(&data.wtf8())), "{name}");
    }
    for Refused { name, text, kind, field } in texts.refused {
        let error = JsonFrame::parse(&text).map(drop).expect_err(&name);
        let known = match error {
            JsonError::Syntax(_)
            | JsonError::NotObject
            | JsonError::Depth
            | JsonError::Twice
            | JsonError::EscapedName => "json",
            JsonError::Missing(_) => "missing",
            JsonError::Type(..) => "type",
            JsonError::Fraction(field) => field,
            JsonError::Sequence(_) | JsonError::Beyond { .. } => "sequence",
            JsonError::Total(_) => "total",
            _ => "unknown",
        };
        assert_eq!(known, kind, "{name}: {error}");
        let sentence = error.to_string();
        assert!(field.is_none_or(|field| sentence.contains(&format!("`{field}`"))), "{name}: {sentence}");
    }
}
