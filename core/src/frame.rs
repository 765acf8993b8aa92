//! The frame: the unit on every wire, a piece of a message with its labels.

use core::num::NonZeroU32;

use crate::channel::ChannelId;

/// Number of a message; unlike that of any other unfinished message of the same sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageId(pub u32);

impl MessageId {
    /// True when the same sender began it before `other`; numbers wrap around.
    #[must_use]
    pub fn is_older_than(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }
}

/// Whether the data of a message is text or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// UTF-8, or [WTF-8](crate::wtf8) where a frame begins or ends in half a surrogate pair.
    #[default]
    Text,
    /// Anything.
    Binary,
}

/// Where a piece belongs in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Position {
    sequence: u32,
    total: Option<NonZeroU32>,
}

impl Position {
    /// `None` unless `sequence` is below `total`, where a total is given.
    #[must_use]
    pub fn new(sequence: u32, total: Option<u32>) -> Option<Self> {
        match total {
            None => Some(Self { sequence, total: None }),
            Some(total) if sequence < total => Some(Self { sequence, total: NonZeroU32::new(total) }),
            Some(_) => None,
        }
    }

    /// Place in the message, from 0.
    #[must_use]
    pub fn sequence(self) -> u32 {
        self.sequence
    }

    /// Frames in the whole message, where it is known: at once, at the end, or never.
    #[must_use]
    pub fn total(self) -> Option<u32> {
        self.total.map(NonZeroU32::get)
    }
}

/// A piece of a message with its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame<'a> {
    /// The channel of this side.
    pub channel: ChannelId,
    /// The message that this is a piece of.
    pub message: MessageId,
    /// Which piece.
    pub position: Position,
    /// Text or bytes.
    pub kind: Kind,
    /// What the message is, in the application's words; empty for none, and on every piece but the first.
    pub meta: &'a str,
    /// The piece.
    pub data: &'a [u8],
}
