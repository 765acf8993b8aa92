//! The messages that wait for a device: held here, in order, until its link has room.
//!
//! The link's queue is small on purpose, so that an urgent message overtakes a file; what does not fit waits here. Messages of one
//! channel stay in order; one channel that waits does not hold up another.

use std::collections::VecDeque;
use std::sync::Arc;

use pocketmux_core::{ChannelId, Delivery, Kind, Link, Message, SendError, Stream};

use crate::refusal::{Place, Refusals};

/// Messages that wait for one device, beyond those in its link.
pub(crate) const WAITING_MAX: usize = 64;

/// The host's side of a link: frames of up to 1 KiB where the device takes them, a queue of 64 of them, and 64 channels.
pub(crate) type DeviceLink<'n> = Link<'n, 1024, 64, CHANNELS>;
/// Channels of one device.
pub(crate) const CHANNELS: usize = 64;

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
    /// A message too long for the link's queue, of which so many bytes are sent.
    stream: Option<(Stream, usize)>,
}

/// What became of an attempt to send.
enum Attempt {
    Done,
    Full,
    Failed(SendError),
}

/// The messages that wait.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    waiting: VecDeque<Waiting>,
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

    /// Gives the link what it has room for.
    pub(crate) fn pump(&mut self, link: &mut DeviceLink<'_>, name: &str) {
        let mut blocked = [false; CHANNELS];
        self.waiting.retain_mut(|waiting| {
            let Some(is_blocked) = blocked.get_mut(waiting.channel.index()) else { return false };
            if *is_blocked {
                return true;
            }
            match waiting.attempt(link) {
                Attempt::Done => false,
                Attempt::Full => {
                    *is_blocked = true;
                    true
                }
                Attempt::Failed(error) => {
                    waiting.message.refuse(&format!("{name} did not get this: {error}."));
                    false
                }
            }
        });
    }

    /// Gives everything up, saying why.
    pub(crate) fn refuse_all(&mut self, sentence: &str) {
        self.waiting.drain(..).for_each(|waiting| waiting.message.refuse(sentence));
    }
}

impl Waiting {
    fn attempt(&mut self, link: &mut DeviceLink<'_>) -> Attempt {
        if self.stream.is_some() {
            return self.go_on(link);
        }
        let ToDevice { kind, meta, data, .. } = &self.message;
        match link.send(self.channel, &Message { kind: *kind, meta, data }) {
            Ok(_) => Attempt::Done,
            // A lossy channel drops what does not fit; the link has counted it.
            Err(SendError::Full) if self.is_lossy(link) => Attempt::Done,
            Err(SendError::Full) => Attempt::Full,
            Err(SendError::TooLong(_)) => match link.begin(self.channel) {
                Ok(stream) => {
                    self.stream = Some((if *kind == Kind::Text { stream.text() } else { stream }, 0));
                    self.go_on(link)
                }
                Err(error) => Attempt::Failed(error),
            },
            Err(error) => Attempt::Failed(error),
        }
    }

    fn go_on(&mut self, link: &mut DeviceLink<'_>) -> Attempt {
        let Some((stream, sent)) = &mut self.stream else { return Attempt::Done };
        while let Some(rest) = self.message.data.get(*sent..).filter(|rest| !rest.is_empty()) {
            match link.write(stream, &self.message.meta, rest, true) {
                Ok(taken) => *sent += taken,
                Err(SendError::Full) => return Attempt::Full,
                Err(error) => return Attempt::Failed(error),
            }
        }
        Attempt::Done
    }

    fn is_lossy(&self, link: &DeviceLink<'_>) -> bool {
        link.channel(self.channel).is_some_and(|spec| spec.delivery == Delivery::Lossy)
    }
}
