//! What a channel is: a name, a priority and a delivery.

use core::fmt;

/// Longest channel name, content type and meta of a channel, in bytes of UTF-8 each.
pub const NAME_MAX: usize = 32;

/// Number of a channel of this side of a link, given by [`Link::open`](crate::Link::open).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChannelId(pub(crate) u8);

impl ChannelId {
    /// The `index`-th channel opened on this side, counting from 0: for applications with a fixed table.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// Position in the table of this side, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whose frames go first: a lower class waits while a higher has any, but for a guaranteed share of one frame in sixteen for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Priority {
    /// Before everything: typing, presence, an emergency stop.
    Urgent = 0,
    /// People's messages.
    #[default]
    Normal = 1,
    /// Files, logs, telemetry.
    Bulk = 2,
}

impl Priority {
    pub(crate) const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u8 == byte)
    }
}

/// What happens to messages of a channel under noise, and when the queue is under pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Delivery {
    /// In order, each once: sent again until it has arrived. A full queue refuses; the application keeps the message: chat, files.
    #[default]
    Reliable = 0,
    /// Only the newest message matters; it is sent again until it has arrived, and replaces one that has not begun to leave: presence, typing.
    Latest = 1,
    /// Never sent again. A full queue drops the message and counts it: telemetry, logs.
    Lossy = 2,
}

impl Delivery {
    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        [Self::Reliable, Self::Latest, Self::Lossy].into_iter().find(|known| *known as u8 == byte)
    }
}

/// A channel as it is announced to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Channel<'a> {
    /// 1 to [`NAME_MAX`] bytes without control characters.
    pub name: &'a str,
    /// Its class in the scheduler.
    pub priority: Priority,
    /// Its policy under pressure and under noise.
    pub delivery: Delivery,
    /// Media type of its messages (RFC 2046), such as `text/plain`; may be empty; at most [`NAME_MAX`] bytes.
    pub content: &'a str,
    /// What this opening of it is about, for the peer's application; may be empty; at most [`NAME_MAX`] bytes.
    pub meta: &'a str,
}

impl<'a> Channel<'a> {
    /// A channel of normal priority and reliable delivery.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self { name, priority: Priority::Normal, delivery: Delivery::Reliable, content: "", meta: "" }
    }

    /// The same channel in another class.
    #[must_use]
    pub const fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// The same channel with another policy.
    #[must_use]
    pub const fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// The same channel with the media type of its messages.
    #[must_use]
    pub const fn with_content(self, content: &'a str) -> Self {
        Self { content, ..self }
    }

    /// The same channel with what this opening is about.
    #[must_use]
    pub const fn with_meta(self, meta: &'a str) -> Self {
        Self { meta, ..self }
    }

    /// Whether it can cross the wire.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if self.name.is_empty() || self.name.len() > NAME_MAX || self.name.chars().any(char::is_control) {
            return Err(OpenError::Name);
        }
        if self.content.len() > NAME_MAX || self.meta.len() > NAME_MAX { Err(OpenError::Meta) } else { Ok(()) }
    }
}

/// Why [`Link::open`](crate::Link::open) refused a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// No number is free, here or among those that the peer keeps: try again when another channel has ended, or build the link with more
    /// `CHANNELS`. The number of one that was closed is free when the peer has answered that.
    Full,
    /// The name is empty, longer than [`NAME_MAX`] bytes or holds a control character.
    Name,
    /// The content type or the meta is longer than [`NAME_MAX`] bytes.
    Meta,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the channel table is full",
            Self::Name => "a channel name has 1 to 32 bytes and no control character",
            Self::Meta => "the content type and the meta of a channel have at most 32 bytes each",
        })
    }
}

impl core::error::Error for OpenError {}
