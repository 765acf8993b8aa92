//! The channels of the application, and the link that carries them.

use pocketmux_core::{Channel, ChannelId, Delivery, Priority, STATS_CHANNEL, files};

/// Bytes of the longest run on the wire that a board takes: a file chunk with its meta and labels, and so few that the smallest
/// has about 3 of its 16 KiB to spare at its fullest.
pub const FRAME: usize = 192;
/// Frames that a board's link keeps in memory.
pub const BLOCKS: usize = 8;

/// Channels of the application.
pub(crate) const COUNT: usize = 16;
pub(crate) const CHANNELS: [Channel<'static>; COUNT] = [
    Channel::new("chat"),
    Channel::new("presence").with_priority(Priority::Urgent).with_delivery(Delivery::Latest),
    Channel::new("typing").with_priority(Priority::Urgent).with_delivery(Delivery::Latest),
    files::channel(),
    Channel::new("log").with_priority(Priority::Bulk).with_delivery(Delivery::Lossy),
    Channel::new(STATS_CHANNEL)
        .with_priority(Priority::Bulk)
        .with_delivery(Delivery::Latest)
        .with_content("application/json"),
    number("mystream0"),
    number("mystream1"),
    number("mystream2"),
    number("mystream3"),
    number("mystream4"),
    number("mystream5"),
    number("mystream6"),
    number("mystream7"),
    number("mystream8"),
    number("mystream9"),
];
pub(crate) const CHAT: ChannelId = ChannelId::new(0);
pub(crate) const PRESENCE: ChannelId = ChannelId::new(1);
pub(crate) const TYPING: ChannelId = ChannelId::new(2);
pub(crate) const FILE: ChannelId = ChannelId::new(3);
pub(crate) const LOG: ChannelId = ChannelId::new(4);
pub(crate) const STATS: ChannelId = ChannelId::new(5);
/// The channels from here on have a number each.
pub(crate) const NUMBERS: core::ops::Range<u8> = 6..16;

const fn number(name: &'static str) -> Channel<'static> {
    Channel::new(name).with_priority(Priority::Bulk).with_delivery(Delivery::Lossy)
}
