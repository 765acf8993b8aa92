//! Judges what a client sends: a frame that is passed on, or a refusal.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::json::JsonFrame;

use crate::hub::Hub;
use crate::message::{By, Message};
use crate::rebuild::{MESSAGES, Rebuild, Whole};
use crate::refusal::{Place, Refusals};

/// Longest `data` of a frame, in bytes as it is written in the JSON text.
pub(crate) const DATA_MAX: usize = 256 << 10;
/// Longest channel name, in bytes as it is written in the JSON text.
pub(crate) const CHANNEL_MAX: usize = 128;
/// Longest message id, in bytes as it is written in the JSON text.
pub(crate) const MESSAGE_ID_MAX: usize = 256;
/// Most frames of a message.
pub(crate) const TOTAL_MAX: u32 = 1_000_000;
/// Channels on which only the host speaks.
pub(crate) const HOSTS_OWN: [&str; 4] = ["error", "device", "transfer", "depot"];
/// What a frame looks like, for those who sent none.
const EXAMPLE: &str = r#"{"channel":"chat","messageId":"chat-1","sequence":0,"total":1,"data":"hello"}"#;

/// Reads a frame and holds it to the limits; the sentence says what is wrong with it and what to do.
pub(crate) fn judge(text: &str) -> Result<JsonFrame<'_>, String> {
    let frame = JsonFrame::parse(text).map_err(|error| format!("Refused: {error}. A frame looks like {EXAMPLE}."))?;
    let lengths = [
        ("data", frame.data.0.len(), DATA_MAX, "Send it in more frames."),
        ("channel", frame.channel.0.len(), CHANNEL_MAX, "Choose a shorter name."),
        ("messageId", frame.message_id.0.len(), MESSAGE_ID_MAX, "Choose a shorter one."),
    ];
    for (field, len, max, advice) in lengths {
        if len > max {
            return Err(format!("Refused: `{field}` has {len} bytes; at most {max} are taken. {advice}"));
        }
    }
    if let Some(total) = frame.position.total().filter(|total| *total > TOTAL_MAX) {
        return Err(format!("Refused: `total` is {total}; at most {TOTAL_MAX}. Send larger frames."));
    }
    if frame.position.sequence() >= TOTAL_MAX {
        let sequence = frame.position.sequence();
        return Err(format!("Refused: `sequence` is {sequence}; a message has at most {TOTAL_MAX} frames."));
    }
    Ok(frame)
}

/// Holds a message of a client at a door to the limits; the sentence says what is wrong with it and what to do.
pub(crate) fn judge_message(message: &Message) -> Result<(), String> {
    let Message { channel, data, .. } = message;
    if HOSTS_OWN.contains(&&**channel) {
        return Err(format!("Refused: on the channel `{channel}` only the host speaks. Choose another channel."));
    }
    if channel.is_empty() || channel.len() > CHANNEL_MAX {
        return Err(format!("Refused: the name of a channel has 1 to {CHANNEL_MAX} bytes."));
    }
    if data.len() > DATA_MAX {
        return Err(format!("Refused: a message of {} bytes; at most {DATA_MAX} are taken.", data.len()));
    }
    Ok(())
}

/// One client's way in.
pub(crate) struct Inbound<'h> {
    hub: &'h Hub,
    refusals: Arc<Refusals>,
    rebuild: Rebuild,
    /// The same for what is kept in a history, of which nothing is given up.
    kept: Rebuild,
}

impl<'h> Inbound<'h> {
    /// For a client that hears of refusals there.
    pub(crate) fn new(hub: &'h Hub, refusals: Arc<Refusals>) -> Self {
        Self { hub, refusals, rebuild: Rebuild::default(), kept: Rebuild::default() }
    }

    /// Takes one text: publishes it unchanged and, once its message is whole, gives that to the devices that have its channel.
    pub(crate) fn take(&mut self, text: &str) {
        let frame = match judge(text) {
            Ok(frame) => frame,
            Err(sentence) => return self.refusals.refuse(&sentence, || Place::guess(text)),
        };
        if let Err(sentence) = self.take_frame(text, &frame) {
            self.refusals.refuse(&sentence, || Place::guess(text));
        }
    }

    fn take_frame(&mut self, text: &str, frame: &JsonFrame<'_>) -> Result<(), String> {
        let channel = Rebuild::string(frame.channel)?;
        if let Some(own) = HOSTS_OWN.iter().find(|own| *own.as_bytes() == *channel) {
            return Err(format!("Refused: on the channel `{own}` only the host speaks. Choose another channel."));
        }
        let (kind, data) = Rebuild::data(frame)?;
        // A copy of its own: a slice of the socket's buffer would keep all of that buffer alive.
        let copy = Utf8Bytes::from(text);
        let Some(channel) = str::from_utf8(&channel).ok().filter(|name| self.hub.wants(name)) else {
            self.hub.publish(copy);
            return Ok(());
        };
        let is_kept = self.hub.is_kept(channel);
        let rebuild = if is_kept { &mut self.kept } else { &mut self.rebuild };
        if is_kept && rebuild.is_full_for(frame) {
            // What it would push out might still become whole to those who put frames together by themselves.
            return Err(format!(
                "Nobody got this: {MESSAGES} messages of several frames are under way. Finish one, and send this again."
            ));
        }
        let taken = rebuild.take(text, frame, kind, &data);
        if let Some(place) = rebuild.given_up() {
            let sentence = format!(
                "Browsers got what there was of this, devices did not: it was not whole when more than {MESSAGES} messages were under way. Send \
                 fewer at once."
            );
            self.refusals.refuse(&sentence, || place);
        }
        // Most frames end no message.
        let from = || Some(String::from_utf8_lossy(&Rebuild::string(frame.from?).ok()?).into());
        let message = |whole: &Whole| Message {
            channel: channel.into(),
            id: frame.message_id.0.into(),
            kind,
            meta: whole.meta.as_str().into(),
            data: whole.data.as_slice().into(),
            from: from(),
            by: By::Client,
            to: None,
            is_json: false,
            sender: Some(self.refusals.clone()),
        };
        if let (Err(reason), true) = (&taken, is_kept) {
            return Err(format!("Nobody has this whole: {reason}"));
        }
        self.hub.post(channel, copy, taken.as_ref().ok().and_then(Option::as_ref).map(message))?;
        taken.map(|_| ()).map_err(|reason| format!("Browsers got this, devices did not: {reason}"))
    }

    /// Says that a message was longer than the socket takes at all; the connection ends with it.
    pub(crate) fn refuse_oversized(&self, max: usize) {
        let sentence =
            format!("Refused: a WebSocket message of more than {max} bytes. Cut it into frames, and connect again.");
        self.refusals.refuse(&sentence, Place::default);
    }

    /// Says that binary messages are not understood.
    pub(crate) fn refuse_binary(&self, len: usize) {
        let sentence = format!(
            "Refused: a binary WebSocket message of {len} bytes. Send JSON text; bytes go as base64 in `data` with \"encoding\":\"base64\"."
        );
        self.refusals.refuse(&sentence, Place::default);
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANNEL_MAX, DATA_MAX, Inbound, MESSAGE_ID_MAX, TOTAL_MAX, judge};
    use crate::hub::Hub;
    use crate::refusal::Refusals;
    use crate::registry::Registry;
    use std::sync::Arc;

    fn frame(channel: &str, message_id: &str, data: &str, more: &str) -> String {
        format!(
            "{{\"channel\":\"{channel}\",\"messageId\":\"{message_id}\",\"sequence\":0,\"total\":2,\"data\":\"{data}\"{more}}}"
        )
    }

    /// What became of a text: what everyone got, and what the sender alone.
    fn take(text: &str) -> (Vec<String>, Vec<String>) {
        let hub = Hub::new(Registry::load(None));
        let refusals = Arc::new(Refusals::new());
        let (mut reader, _) = hub.subscribe(false);
        Inbound::new(&hub, refusals.clone()).take(text);
        let (mut everyone, mut sender) = (Vec::new(), Vec::new());
        reader.take(&mut everyone).unwrap();
        refusals.take(&mut sender);
        let strings =
            |texts: Vec<axum::extract::ws::Utf8Bytes>| texts.iter().map(|text| text.as_str().to_owned()).collect();
        (strings(everyone), strings(sender))
    }

    fn vectors() -> serde_json::Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/frames.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn good_frames_of_the_vectors_are_relayed_byte_for_byte() {
        for vector in vectors()["accepted"].as_array().unwrap() {
            let text = vector["text"].as_str().unwrap();
            if vector["frame"][3].as_u64().is_some_and(|total| total > u64::from(TOTAL_MAX)) {
                // A good frame, beyond what this host takes.
                assert!(take(text).1[0].contains("at most 1000000"), "{}", vector["name"]);
                continue;
            }
            assert_eq!(take(text), (vec![text.to_owned()], vec![]), "{}", vector["name"]);
        }
    }

    #[test]
    fn bad_frames_of_the_vectors_are_refused_to_the_sender_alone() {
        for vector in vectors()["refused"].as_array().unwrap() {
            let (everyone, sender) = take(vector["text"].as_str().unwrap());
            assert!(everyone.is_empty(), "{}", vector["name"]);
            assert!(sender.len() == 1 && sender[0].contains("\"channel\":\"error\""), "{}: {sender:?}", vector["name"]);
        }
    }

    #[test]
    fn limits_hold_to_the_byte_and_are_named() {
        for (channel, id, data, field) in
            [(CHANNEL_MAX, 1, 1, "`channel`"), (1, MESSAGE_ID_MAX, 1, "`messageId`"), (1, 1, DATA_MAX, "`data`")]
        {
            let text = |more: usize| {
                let [channel, id, data] = [(channel, 1), (id, 1), (data, 1)]
                    .map(|(len, _)| "x".repeat(if len > 1 { len + more } else { len }));
                frame(&channel, &id, &data, "")
            };
            assert!(judge(&text(0)).is_ok());
            assert!(judge(&text(1)).unwrap_err().contains(field));
        }
        let many = frame("c", "i", "x", "").replace("\"total\":2", "\"total\":1000001");
        assert!(judge(&many).unwrap_err().contains("`total` is 1000001"));
    }

    #[test]
    fn refusals_say_what_where_and_what_to_do() {
        for (text, words) in [
            (frame("error", "e", "x", ""), vec!["only the host speaks", "messageId e"]),
            (frame(r"\u0065rror", "e", "x", ""), vec!["only the host speaks"]),
            (
                frame("file", "f-1", "x", r#","encoding":"base65""#),
                vec!["base65", "base64", "channel file, messageId f-1"],
            ),
            (frame("file", "f-1", "A*==", r#","encoding":"base64""#), vec!["not base64"]),
            ("hello".into(), vec!["not JSON", "A frame looks like"]),
        ] {
            let (everyone, sender) = take(&text);
            assert!(everyone.is_empty(), "{text}");
            for word in words {
                assert!(sender[0].contains(word), "{text}: {sender:?}");
            }
        }
    }

    #[test]
    fn base64_with_escaped_slashes_is_base64() {
        let text = frame("file", "f-1", r"\/\/\/\/", r#","encoding":"base64""#);
        assert_eq!(take(&text), (vec![text.clone()], vec![]));
    }
}
