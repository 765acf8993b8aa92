//! The messages that wait for a device: held here, in order, until it is their channel's turn.
//!
//! A board rebuilds few messages at once, in small buffers, so the link is given one message of each channel at a time, and of a long one
//! a few frames; more when those have left. A channel waits for itself alone: whose turn it is on the wire the link decides, frame by
//! frame, and a channel that the device does not read fills its own queue and no other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pocketmux_core::{ChannelId, Delivery, Kind, Link, MessageId, SendError, Stream};

use crate::message::Message;

/// Messages that wait on one channel, and bytes of them, beyond those in the link.
const WAITING_MAX: usize = 64;
const WAITING_BYTES: usize = 1 << 18;

/// The host's side of a link: frames of 240 bytes, packets of up to a KiB of them where the device takes those, a queue of 64, and 64 channels.
pub(crate) type DeviceLink<'n> = Link<'n, 256, 64, CHANNELS, [u8; 1100]>;
/// Channels of one device.
pub(crate) const CHANNELS: usize = 64;
/// Longest message that is given to the link whole, in bytes.
const TURN_MAX: usize = 1 << 10;
/// Frames of a longer message that are given to the link at a time: enough to keep the line busy until the next.
const TURN_FRAMES: usize = 4;

#[derive(Debug)]
struct Waiting {
    message: Message,
    /// A message too long to be given whole, of which so many bytes are sent.
    stream: Option<(Stream, usize)>,
}

/// The messages that wait.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    waiting: BTreeMap<ChannelId, VecDeque<Waiting>>,
    /// What the link has and the device has not acknowledged.
    given: VecDeque<(Message, ChannelId, MessageId)>,
    /// Channels that the device had before it started anew and has not opened again: a link takes what is sent on them, and drops it.
    unopened: BTreeSet<ChannelId>,
}

impl Outgoing {
    /// Takes a message for the device called `name`, which may leave at once.
    pub(crate) fn push(&mut self, link: &mut DeviceLink<'_>, name: &str, message: Message) {
        let Some(channel) = link.channel_named(&message.channel) else {
            message.refuse(&format!("{name} has not opened this channel yet, so it did not get this. Send it again."));
            return;
        };
        let queue = self.waiting.entry(channel).or_default();
        if link.channel(channel).is_some_and(|spec| spec.delivery == Delivery::Latest) {
            queue.retain(|waiting| waiting.stream.is_some());
        }
        let bytes: usize = queue.iter().map(|waiting| waiting.message.data.len()).sum();
        if queue.len() >= WAITING_MAX || bytes + message.data.len() > WAITING_BYTES {
            message
                .refuse(&format!("{name} is busy: too many messages wait for it here. Send this again in a moment."));
            return;
        }
        queue.push_back(Waiting { message, stream: None });
        self.pump(link, name);
    }

    /// Gives the link what is due.
    pub(crate) fn pump(&mut self, link: &mut DeviceLink<'_>, name: &str) {
        // Between two boots of the device; the next may take it.
        if !link.is_up() {
            return;
        }
        self.given.retain(|(.., message)| link.is_pending(*message));
        let given = &mut self.given;
        let unopened = &self.unopened;
        self.waiting.retain(|&channel, queue| {
            if unopened.contains(&channel) {
                return true;
            }
            while let Some(first) = queue.front_mut()
                && link.mux().waiting(channel) == 0
            {
                match first.take_turn(link, channel) {
                    Ok(None) => break,
                    Ok(Some(message)) => given.push_back((first.message.clone(), channel, message)),
                    // A lossy channel drops what does not fit; the link has counted it.
                    Err(SendError::Full) if is_lossy(link, channel) => {}
                    Err(SendError::Full) => break,
                    Err(error) => first.message.refuse(&format!("{name} did not get this: {error}.")),
                }
                queue.pop_front();
            }
            !queue.is_empty()
        });
    }

    /// True when something waits for its turn on a channel.
    pub(crate) fn waits(&self, channel: ChannelId) -> bool {
        self.waiting.contains_key(&channel)
    }

    /// Holds back what is for these channels, until the device has opened them again.
    pub(crate) fn hold(&mut self, channels: impl Iterator<Item = ChannelId>) {
        self.unopened = channels.collect();
    }

    /// Notes that the device has opened a channel.
    pub(crate) fn opened(&mut self, channel: ChannelId) {
        self.unopened.remove(&channel);
    }

    /// The channels that are held back, which are so no more.
    pub(crate) fn take_unopened(&mut self) -> BTreeSet<ChannelId> {
        std::mem::take(&mut self.unopened)
    }

    /// Gives up what is for a channel, saying why.
    pub(crate) fn refuse(&mut self, channel: ChannelId, sentence: &str) {
        self.given.retain(|(message, of, _)| {
            let stays = *of != channel;
            if !stays {
                message.refuse(sentence);
            }
            stays
        });
        self.waiting.remove(&channel).into_iter().flatten().for_each(|waiting| waiting.message.refuse(sentence));
    }

    /// Gives everything up, saying why.
    pub(crate) fn refuse_all(&mut self, sentence: &str) {
        self.given.drain(..).for_each(|(message, ..)| message.refuse(sentence));
        let waiting = std::mem::take(&mut self.waiting).into_values().flatten();
        waiting.for_each(|waiting| waiting.message.refuse(sentence));
    }
}

impl Waiting {
    /// Gives the link the message, or the next frames of it; the number it has there once that was all.
    fn take_turn(&mut self, link: &mut DeviceLink<'_>, channel: ChannelId) -> Result<Option<MessageId>, SendError> {
        let Message { kind, meta, data, .. } = &self.message;
        // A message without data has no frame when it is sent whole, but one as a stream: the device is to hear of it.
        if self.stream.is_none() && (1..=TURN_MAX).contains(&data.len()) {
            match link.send(channel, &pocketmux_core::Message { kind: *kind, meta, data }) {
                // More than the device takes at once.
                Err(SendError::TooLong(_)) => {}
                sent => return sent.map(Some),
            }
        }
        let (stream, sent) = match &mut self.stream {
            Some(begun) => begun,
            place => {
                let stream = link.begin(channel)?;
                place.insert((if *kind == Kind::Text { stream.text() } else { stream }, 0))
            }
        };
        for _ in 0..TURN_FRAMES {
            let rest = data.get(*sent..).unwrap_or_default();
            *sent += link.write(stream, meta, rest, true)?;
            if *sent == data.len() {
                return Ok(Some(stream.message()));
            }
        }
        Ok(None)
    }
}

fn is_lossy(link: &DeviceLink<'_>, channel: ChannelId) -> bool {
    link.channel(channel).is_some_and(|spec| spec.delivery == Delivery::Lossy)
}
