//! What a channel is: a name, a priority and a delivery.

use core::fmt;

/// Longest channel name in bytes of UTF-8.
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

/// What happens to messages of a channel when the queue is under pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Delivery {
    /// A full queue refuses; the application keeps the message and tries again: chat, files.
    #[default]
    Reliable = 0,
    /// Only the newest message matters; it replaces one that has not begun to leave: presence, typing.
    Latest = 1,
    /// A full queue drops the message and counts it: telemetry, logs.
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
    /// Its policy under pressure.
    pub delivery: Delivery,
}

impl<'a> Channel<'a> {
    /// A channel of normal priority and reliable delivery.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self { name, priority: Priority::Normal, delivery: Delivery::Reliable }
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

    pub(crate) fn has_valid_name(&self) -> bool {
        !self.name.is_empty() && self.name.len() <= NAME_MAX && !self.name.chars().any(char::is_control)
    }
}

/// Why [`Link::open`](crate::Link::open) refused a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// The table has no room; build the link with more `CHANNELS`.
    Full,
    /// The name is empty, longer than [`NAME_MAX`] bytes or holds a control character.
    Name,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the channel table is full",
            Self::Name => "a channel name has 1 to 32 bytes and no control character",
        })
    }
}

impl core::error::Error for OpenError {}
