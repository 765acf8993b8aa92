//! The messages that wait for a device: held here, in order, until it is their channel's turn.
//!
//! A board rebuilds few messages at once, in small buffers, so the link is given at most one message of each channel at a time, and of
//! a long one a few frames. When those have left, the next round begins. A channel that has nothing in the link yet need not wait
//! for that: the link's own priorities let its message overtake the frames of a file.

use std::collections::VecDeque;
use std::sync::Arc;

use pocketmux_core::{ChannelId, Delivery, Kind, Link, Message, MessageId, SendError, Stream};

use crate::refusal::{Place, Refusals};

/// Messages that wait for one device, beyond those in its link.
pub(crate) const WAITING_MAX: usize = 64;

/// The host's side of a link: frames of 240 bytes, packets of up to a KiB of them where the device takes those, a queue of 64, and 64 channels.
pub(crate) type DeviceLink<'n> = Link<'n, 256, 64, CHANNELS, [u8; 1100]>;
/// Channels of one device.
pub(crate) const CHANNELS: usize = 64;
/// Longest message that is given to the link whole, in bytes.
const TURN_MAX: usize = 1 << 10;
/// Frames of a longer message that are given to the link in a round: enough to keep the line busy until the next.
const TURN_FRAMES: usize = 4;

/// A whole message from a client, for the devices that have its channel. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ToDevice {
    pub(crate) channel: Arc<str>,
    pub(crate) message_id: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) meta: Arc<str>,
    pub(crate) data: Arc<[u8]>,
    /// Where its sender hears about what goes wrong.
    pub(crate) sender: Arc<Refusals>,
}

impl ToDevice {
    /// Tells the sender why the message did not get there.
    pub(crate) fn refuse(&self, sentence: &str) {
        self.sender.refuse(sentence, || Place {
            channel: Some(self.channel.to_string()),
            message_id: Some(self.message_id.to_string()),
            sequence: None,
        });
    }
}

#[derive(Debug)]
struct Waiting {
    message: ToDevice,
    channel: ChannelId,
    /// A message too long for one round, of which so many bytes are sent.
    stream: Option<(Stream, usize)>,
}

/// The messages that wait.
#[derive(Debug)]
pub(crate) struct Outgoing {
    waiting: VecDeque<Waiting>,
    /// What the link has and the device has not acknowledged.
    given: VecDeque<(ToDevice, MessageId)>,
    /// The channels that have had their turn in this round.
    had_turn: [bool; CHANNELS],
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), given: VecDeque::new(), had_turn: [false; CHANNELS] }
    }
}

impl Outgoing {
    /// True when no more should be taken in for now.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// Takes a message for the device called `name`, which may leave at once.
    pub(crate) fn push(&mut self, link: &mut DeviceLink<'_>, name: &str, message: ToDevice) {
        let Some(channel) = link.channel_named(&message.channel) else {
            message.refuse(&format!("{name} has not opened this channel yet, so it did not get this. Send it again."));
            return;
        };
        if link.channel(channel).is_some_and(|spec| spec.delivery == Delivery::Latest) {
            self.waiting.retain(|waiting| waiting.channel != channel || waiting.stream.is_some());
        }
        self.waiting.push_back(Waiting { message, channel, stream: None });
        self.pump(link, name);
    }

    /// Gives the link what is due.
    pub(crate) fn pump(&mut self, link: &mut DeviceLink<'_>, name: &str) {
        if link.mux().is_empty() {
            self.had_turn.fill(false);
        }
        self.given.retain(|(_, message)| link.is_pending(*message));
        let given = &mut self.given;
        self.waiting.retain_mut(|waiting| {
            let Some(had_turn) = self.had_turn.get_mut(waiting.channel.index()) else { return false };
            if std::mem::replace(had_turn, true) {
                return true;
            }
            match waiting.take_turn(link) {
                Ok(None) => true,
                Ok(Some(message)) => {
                    given.push_back((waiting.message.clone(), message));
                    false
                }
                // A lossy channel drops what does not fit; the link has counted it.
                Err(SendError::Full) if is_lossy(link, waiting.channel) => false,
                // Everything else in the link goes first; the next round is this one's.
                Err(SendError::Full) => true,
                Err(error) => {
                    waiting.message.refuse(&format!("{name} did not get this: {error}."));
                    false
                }
            }
        });
    }

    /// Gives everything up, saying why.
    pub(crate) fn refuse_all(&mut self, sentence: &str) {
        self.given.drain(..).for_each(|(message, _)| message.refuse(sentence));
        self.waiting.drain(..).for_each(|waiting| waiting.message.refuse(sentence));
        self.had_turn.fill(false);
    }
}

impl Waiting {
    /// Gives the link the message, or the next frames of it; the number it has there once that was all.
    fn take_turn(&mut self, link: &mut DeviceLink<'_>) -> Result<Option<MessageId>, SendError> {
        let ToDevice { kind, meta, data, .. } = &self.message;
        // A message without data has no frame when it is sent whole, but one as a stream: the device is to hear of it.
        if self.stream.is_none() && (1..=TURN_MAX).contains(&data.len()) {
            match link.send(self.channel, &Message { kind: *kind, meta, data }) {
                // More than the device takes at once.
                Err(SendError::TooLong(_)) => {}
                sent => return sent.map(Some),
            }
        }
        let (stream, sent) = match &mut self.stream {
            Some(begun) => begun,
            place => {
                let stream = link.begin(self.channel)?;
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
