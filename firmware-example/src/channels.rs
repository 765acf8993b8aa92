//! The channels of the application, and the link that carries them.

use pocketmux_core::{Channel, ChannelId, Delivery, Link, Priority, STATS_CHANNEL};

/// Bytes of the longest run on the wire: a file chunk with its meta and labels, and so few that the smallest
/// board has 3 of its 16 KiB to spare at its fullest, which is the start.
pub const FRAME: usize = 192;

pub(crate) const CHANNELS: [Channel<'static>; 6] = [
    Channel::new("chat"),
    Channel::new("presence").with_priority(Priority::Urgent).with_delivery(Delivery::Latest),
    Channel::new("typing").with_priority(Priority::Urgent).with_delivery(Delivery::Latest),
    Channel::new("file").with_priority(Priority::Bulk),
    Channel::new("log").with_priority(Priority::Bulk).with_delivery(Delivery::Lossy),
    Channel::new(STATS_CHANNEL)
        .with_priority(Priority::Bulk)
        .with_delivery(Delivery::Latest)
        .with_content("application/json"),
];
pub(crate) const CHAT: ChannelId = ChannelId::new(0);
pub(crate) const PRESENCE: ChannelId = ChannelId::new(1);
pub(crate) const TYPING: ChannelId = ChannelId::new(2);
pub(crate) const FILE: ChannelId = ChannelId::new(3);
pub(crate) const LOG: ChannelId = ChannelId::new(4);
pub(crate) const STATS: ChannelId = ChannelId::new(5);

/// The link of this application: a pool of 8 frames, up to 8 channels; about 3 KiB.
pub(crate) type BoardLink<'b> = Link<'b, FRAME, 8, 8>;
