//! What a link tells its application.

use crate::channel::{Channel, ChannelId};
use crate::frame::Frame;
use crate::packet::Identity;

/// Number of a channel of the peer's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PeerChannel(pub(crate) u8);

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Peer<'a> {
    /// Since when: another number means another boot.
    pub epoch: u32,
    /// Who.
    pub identity: Identity<'a>,
    /// Channels of ours that it keeps: those from this number on do not reach it.
    pub channels: u8,
}

/// What a link tells its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// A peer is there, for the first time or anew, and knows us. What was queued for another is gone; begin afresh.
    Up(Peer<'a>),
    /// The peer has started anew: its unfinished messages will not go on. [`Event::Up`] follows.
    Down,
    /// The peer speaks only these versions, none of them ours; nothing can be exchanged. Told once for each of its boots.
    Incompatible {
        /// Its oldest version.
        min: u8,
        /// Its newest version.
        max: u8,
    },
    /// The peer announced a channel.
    Opened {
        /// Its number there.
        peer: PeerChannel,
        /// What it is.
        channel: Channel<'a>,
        /// Our channel of that name, if there is one: frames on others are not delivered.
        ours: Option<ChannelId>,
    },
    /// A frame arrived, on a channel of ours: in order and once on a reliable channel.
    Frame(Frame<'a>),
    /// The peer has closed its direction of a channel; ours stays as it is.
    Closed {
        /// Its number there, which may stand for another channel from now on.
        peer: PeerChannel,
        /// Our channel of that name, if there is one.
        ours: Option<ChannelId>,
        /// Why it ended at once, what had not arrived being dropped; `None` for an end in good order, after its last frame.
        reset: Option<&'a str>,
    },
    /// Nothing was heard for [`Config::silence_ms`](crate::Config::silence_ms): the cable may be pulled. Nothing is dropped.
    Silent,
    /// The same peer is heard again; what was on its way is being repeated.
    Back,
}
