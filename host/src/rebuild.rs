//! Rebuilds a client's messages for devices and doors, by the core's own [`Demux`].
//!
//! A message of one frame needs nothing. The buffers for others are only made when a client first sends a part of a message for a
//! channel that one of them has: at most [`MESSAGES`] of [`MESSAGE_MAX`] bytes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pocketmux_core::json::{self, EscapedStr, JsonFrame};
use pocketmux_core::{AssembleError, ChannelId, Demux, Frame, Kind, MessageId};
use serde::Deserialize;
use tokio::time::{Duration, Instant};

use crate::inbound::{CHANNEL_MAX, MESSAGE_ID_MAX};
use crate::refusal::Place;

/// Messages of one client that are rebuilt at once.
pub(crate) const MESSAGES: usize = 8;
/// Longest message for a device, and longest of several frames, in bytes.
pub(crate) const MESSAGE_MAX: usize = 16 << 10;
/// Messages under way of which none has moved for so long may be given up.
const STANDSTILL: Duration = Duration::from_secs(30);
/// Longest `meta` of a message for a device, in bytes.
const META_MAX: usize = 1 << 10;

/// A message is known by its channel and its id; both are held whole, so two messages are never taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    channel_len: usize,
    len: usize,
    bytes: [u8; CHANNEL_MAX + MESSAGE_ID_MAX],
}

impl Key {
    fn of(channel: &[u8], message_id: &[u8]) -> Option<Self> {
        let mut bytes = [0; CHANNEL_MAX + MESSAGE_ID_MAX];
        let len = channel.len() + message_id.len();
        let (front, back) = bytes.get_mut(..len)?.split_at_mut_checked(channel.len())?;
        front.copy_from_slice(channel);
        back.copy_from_slice(message_id);
        Some(Self { channel_len: channel.len(), len, bytes })
    }

    /// The channel and the message id, for people.
    fn place(&self) -> Place {
        let both = self.bytes.get(..self.len).unwrap_or_default();
        let (channel, message_id) = both.split_at_checked(self.channel_len).unwrap_or_default();
        let [channel, message_id] = [channel, message_id].map(|text| Some(String::from_utf8_lossy(text).into_owned()));
        Place { channel, message_id, sequence: None }
    }
}

/// A message from a client, whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) meta: String,
    pub(crate) data: Vec<u8>,
}

/// The messages of one client that are under way.
#[derive(Debug, Default)]
pub(crate) struct Rebuild {
    demux: Option<Box<Demux<Key, Box<[u8]>, MESSAGES>>>,
    /// What first frames said of their messages.
    metas: Vec<(Key, String)>,
    /// When a message was last begun or went on.
    moved_at: Option<Instant>,
}

impl Rebuild {
    /// What an escaped string stands for, as WTF-8.
    pub(crate) fn string(escaped: EscapedStr<'_>) -> Result<Cow<'_, [u8]>, String> {
        if !escaped.0.contains('\\') {
            return Ok(Cow::Borrowed(escaped.0.as_bytes()));
        }
        let mut text = vec![0; escaped.0.len()];
        let len = json::unescape(escaped, &mut text).ok_or("Refused: a string holds an unknown escape.")?.len();
        text.truncate(len);
        Ok(Cow::Owned(text))
    }

    /// What the data of a frame stands for: text, or the bytes that its base64 means.
    pub(crate) fn data<'f>(frame: &JsonFrame<'f>) -> Result<(Kind, Cow<'f, [u8]>), String> {
        let text = Self::string(frame.data)?;
        let Some(encoding) = frame.encoding else { return Ok((Kind::Text, text)) };
        if *Self::string(encoding)? != *b"base64" {
            let encoding: String = encoding.0.chars().take(40).collect();
            return Err(format!(
                "Refused: the encoding `{encoding}` is not known. Leave it out for text, or use `base64`."
            ));
        }
        match STANDARD.decode(&text) {
            Ok(bytes) => Ok((Kind::Binary, Cow::Owned(bytes))),
            Err(error) => Err(format!("Refused: `data` is not base64 ({error}).")),
        }
    }

    /// The message that the last frame put an end to, if it did: it was under way for longest, and its memory was needed.
    pub(crate) fn given_up(&self) -> Option<Place> {
        Some(self.demux.as_ref()?.last_given_up()?.place())
    }

    /// True when a frame would begin a message for which another one, that still moves, would have to be given up.
    pub(crate) fn is_full_for(&self, frame: &JsonFrame<'_>) -> bool {
        let Some(demux) = self.demux.as_ref().filter(|demux| demux.pending() == MESSAGES) else { return false };
        if frame.position.total() == Some(1) || self.moved_at.is_none_or(|at| at.elapsed() > STANDSTILL) {
            return false;
        }
        let [Ok(channel), Ok(id)] = [frame.channel, frame.message_id].map(Self::string) else { return false };
        Key::of(&channel, &id).is_some_and(|key| !demux.is_under_way(key))
    }

    /// Takes a frame, read from `text`, whose data stands for `data`; returns its message once that is whole, or the end of a sentence
    /// that says why it never will be.
    pub(crate) fn take(
        &mut self,
        text: &str,
        frame: &JsonFrame<'_>,
        kind: Kind,
        data: &[u8],
    ) -> Result<Option<Whole>, String> {
        let meta = if frame.position.sequence() == 0 { meta(text) } else { String::new() };
        if meta.len() > META_MAX {
            let len = meta.len();
            return Err(format!("its `meta` has {len} bytes; at most {META_MAX}."));
        }
        if frame.position.total() == Some(1) {
            // One too long for devices is still one for doors and the history; whoever has no room for it says so.
            return Ok(Some(Whole { meta, data: data.to_vec() }));
        }
        let message_id = Self::string(frame.message_id)?;
        let Some(key) = Key::of(&Self::string(frame.channel)?, &message_id) else { return Ok(None) };
        if !meta.is_empty() {
            self.metas.retain(|(other, _)| *other != key);
            self.metas.truncate(MESSAGES - 1);
            self.metas.insert(0, (key, meta));
        }
        let demux = self.demux.get_or_insert_with(|| Box::new(Demux::new(|| vec![0; MESSAGE_MAX].into_boxed_slice())));
        self.moved_at = Some(Instant::now());
        let position = frame.position;
        let piece = Frame { channel: ChannelId::new(0), message: MessageId(0), position, kind, meta: "", data };
        if position.sequence() == 0 {
            // Nothing is late on a WebSocket: a first frame under an id that was used up begins another message.
            demux.reopen(key);
        }
        match demux.insert(key, &piece) {
            Ok(None) => Ok(None),
            Ok(Some(message)) => {
                let data = message.data.to_vec();
                demux.reopen(key);
                let at = self.metas.iter().position(|(other, _)| *other == key);
                Ok(Some(Whole { meta: at.map(|at| self.metas.remove(at).1).unwrap_or_default(), data }))
            }
            Err(AssembleError::TooLong(_)) => Err(too_long()),
            Err(error) => Err(format!("{error}.")),
        }
    }
}

/// The meta of a frame in a device's terms: the string that it is, or the text of another value.
fn meta(text: &str) -> String {
    #[derive(Deserialize)]
    struct Fields {
        meta: Option<serde_json::Value>,
    }
    // Most frames have none, and are not read a second time.
    let fields = text.contains("\"meta\"").then(|| serde_json::from_str::<Fields>(text).ok()).flatten();
    match fields.and_then(|fields| fields.meta) {
        None => String::new(),
        Some(serde_json::Value::String(meta)) => meta,
        Some(value) => value.to_string(),
    }
}

/// Why a message does not get there.
pub(crate) fn too_long() -> String {
    format!("a message for a device, and one in several frames, has at most {MESSAGE_MAX} bytes.")
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_MAX, MESSAGES, Rebuild, Whole};
    use pocketmux_core::json::JsonFrame;

    fn frame(id: &str, sequence: u32, total: u32, data: &str, more: &str) -> String {
        format!(
            "{{\"channel\":\"chat\",\"messageId\":\"{id}\",\"sequence\":{sequence},\"total\":{total},\"data\":\"{data}\"{more}}}"
        )
    }

    fn take(rebuild: &mut Rebuild, text: &str) -> Result<Option<Whole>, String> {
        let frame = JsonFrame::parse(text).unwrap();
        let (kind, data) = Rebuild::data(&frame)?;
        rebuild.take(text, &frame, kind, &data)
    }

    fn whole(meta: &str, data: &[u8]) -> Result<Option<Whole>, String> {
        Ok(Some(Whole { meta: meta.into(), data: data.into() }))
    }

    #[test]
    fn a_message_of_one_frame_needs_no_buffers() {
        let mut rebuild = Rebuild::default();
        assert_eq!(take(&mut rebuild, &frame("a", 0, 1, "hello", ",\"meta\":\"m\"")), whole("m", b"hello"));
        assert!(rebuild.demux.is_none());
    }

    #[test]
    fn halves_of_a_pair_in_two_frames_are_one_character() {
        let mut rebuild = Rebuild::default();
        assert_eq!(take(&mut rebuild, &frame("a", 1, 2, r"\ude00!", "")), Ok(None));
        assert_eq!(take(&mut rebuild, &frame("a", 0, 2, r"hi \ud83d", "")), whole("", "hi 😀!".as_bytes()));
    }

    #[test]
    fn an_id_may_be_used_again() {
        let mut rebuild = Rebuild::default();
        for order in [[0, 1], [1, 0], [0, 1]] {
            assert_eq!(take(&mut rebuild, &frame("a", order[0], 2, "x", "")), Ok(None));
            assert_eq!(take(&mut rebuild, &frame("a", order[1], 2, "x", "")), whole("", b"xx"));
        }
        assert!(take(&mut rebuild, &frame("a", 0, 2, &"x".repeat(MESSAGE_MAX + 1), "")).is_err());
        assert_eq!(take(&mut rebuild, &frame("a", 1, 2, "the rest", "")), Ok(None));
        assert_eq!(take(&mut rebuild, &frame("a", 0, 2, "short", "")), Ok(None));
        assert_eq!(take(&mut rebuild, &frame("a", 1, 2, "er", "")), whole("", b"shorter"));
    }

    #[test]
    fn messages_with_the_same_letters_in_other_places_stay_apart() {
        let mut rebuild = Rebuild::default();
        let other = frame("a", 0, 2, "x", "").replace("\"chat\"", "\"cha\"").replace("\"a\"", "\"ta\"");
        assert_eq!(take(&mut rebuild, &other), Ok(None));
        assert_eq!(take(&mut rebuild, &frame("a", 1, 2, "y", "")), Ok(None));
    }

    #[test]
    fn bytes_and_meta_arrive_with_the_last_frame() {
        let mut rebuild = Rebuild::default();
        let more = ",\"encoding\":\"base64\"";
        let first = frame("f", 0, 2, "//8=", &format!("{more},\"meta\":{{\"size\":3}}"));
        assert_eq!(take(&mut rebuild, &first), Ok(None));
        assert_eq!(take(&mut rebuild, &frame("f", 1, 2, "AA==", more)), whole("{\"size\":3}", &[0xff, 0xff, 0]));
    }

    #[test]
    fn the_number_and_size_of_messages_are_bounded() {
        let mut rebuild = Rebuild::default();
        for n in 0..MESSAGES * 3 {
            assert_eq!(take(&mut rebuild, &frame(&n.to_string(), 0, 2, "x", ",\"meta\":\"m\"")), Ok(None));
        }
        assert_eq!(rebuild.metas.len(), MESSAGES);
        let oldest = rebuild.given_up().unwrap();
        assert_eq!(
            (oldest.channel.as_deref(), oldest.message_id.as_deref()),
            (Some("chat"), Some((MESSAGES * 2 - 1).to_string().as_str()))
        );
        let error = take(&mut rebuild, &frame("long", 0, 2, &"x".repeat(MESSAGE_MAX + 1), "")).unwrap_err();
        assert!(error.contains("at most 16384 bytes"));
        // It is said once; the rest of the message is dropped without a word.
        assert_eq!(take(&mut rebuild, &frame("long", 1, 2, "x", "")), Ok(None));
    }
}
