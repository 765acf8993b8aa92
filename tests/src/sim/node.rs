//! A link of any shape behind one trait, so that a run can join a small board to a big host.

use std::fmt::Debug;

use pocketmux_core::{
    Buffer, Channel, ChannelId, Config, Counters, Cut, Event, Link, Message, MessageId, OpenError, PeerChannel,
    SendError, Stream,
};

/// What a run uses of a [`Link`]; every method is the link's own.
#[expect(missing_docs, reason = "each is documented at the link")]
pub trait Node {
    fn open(&mut self, channel: Channel<'static>) -> Result<ChannelId, OpenError>;
    fn keep(&mut self, channel: PeerChannel);
    fn set_cut(&mut self, cut: Cut);
    fn send(&mut self, channel: ChannelId, message: &Message<'_>) -> Result<MessageId, SendError>;
    fn begin(&mut self, channel: ChannelId) -> Result<Stream, SendError>;
    fn write(&mut self, stream: &mut Stream, meta: &str, data: &[u8], last: bool) -> Result<usize, SendError>;
    fn frame_room(&self) -> usize;
    fn is_up(&self) -> bool;
    fn epoch(&self) -> u32;
    fn counters(&self) -> Counters;
    fn pause(&mut self, channel: ChannelId);
    fn resume(&mut self, channel: ChannelId);
    fn close(&mut self, channel: ChannelId);
    fn reset(&mut self, channel: ChannelId, reason: &'static str);
    fn interrupted(&mut self);
    fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize;
    fn handle_timeout(&mut self, now_us: u64);
    fn poll_transmit(&mut self, now_us: u64) -> &[u8];
    fn consume(&mut self, len: usize);
    fn poll_event(&mut self) -> Option<Event<'_>>;
    fn poll_timeout(&self) -> Option<u64>;
    fn describe(&self) -> String;
}

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer + Debug> Node
    for Link<'static, FRAME, BLOCKS, CHANNELS, P>
{
    fn open(&mut self, channel: Channel<'static>) -> Result<ChannelId, OpenError> {
        self.open(channel)
    }

    fn keep(&mut self, channel: PeerChannel) {
        self.keep(channel);
    }

    fn set_cut(&mut self, cut: Cut) {
        self.mux().set_cut(cut);
    }

    fn send(&mut self, channel: ChannelId, message: &Message<'_>) -> Result<MessageId, SendError> {
        self.send(channel, message)
    }

    fn begin(&mut self, channel: ChannelId) -> Result<Stream, SendError> {
        self.begin(channel)
    }

    fn write(&mut self, stream: &mut Stream, meta: &str, data: &[u8], last: bool) -> Result<usize, SendError> {
        self.write(stream, meta, data, last)
    }

    fn frame_room(&self) -> usize {
        self.frame_room()
    }

    fn is_up(&self) -> bool {
        self.is_up()
    }

    fn epoch(&self) -> u32 {
        self.epoch()
    }

    fn counters(&self) -> Counters {
        *self.counters()
    }

    fn pause(&mut self, channel: ChannelId) {
        self.pause(channel);
    }

    fn resume(&mut self, channel: ChannelId) {
        self.resume(channel);
    }

    fn close(&mut self, channel: ChannelId) {
        self.close(channel);
    }

    fn reset(&mut self, channel: ChannelId, reason: &'static str) {
        self.reset(channel, reason);
    }

    fn interrupted(&mut self) {
        self.interrupted();
    }

    fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize {
        self.handle_input(input, now_us)
    }

    fn handle_timeout(&mut self, now_us: u64) {
        self.handle_timeout(now_us);
    }

    fn poll_transmit(&mut self, now_us: u64) -> &[u8] {
        self.poll_transmit(now_us)
    }

    fn consume(&mut self, len: usize) {
        self.consume(len);
    }

    fn poll_event(&mut self) -> Option<Event<'_>> {
        self.poll_event()
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.poll_timeout()
    }

    fn describe(&self) -> String {
        without_bytes(&format!("{self:?}"))
    }
}

/// Leaves long lists of numbers out of what `Debug` shows.
fn without_bytes(shown: &str) -> String {
    let is_long = |list: &&str| list.len() > 40 && list.chars().all(|c| c.is_ascii_digit() || c == ',' || c == ' ');
    shown.split(['[', ']']).map(|part| if is_long(&part) { ".." } else { part }).collect::<Vec<_>>().join("|")
}

/// The sizes of a link.
#[derive(Clone, Copy)]
pub struct Shape {
    /// `FRAME,BLOCKS,CHANNELS`.
    pub name: &'static str,
    /// How many channels it has room for.
    pub channels: usize,
    /// Bytes of its longest packet on the wire.
    pub packet: usize,
    /// Starts a link of this shape.
    pub boot: fn(Config<'static>) -> Box<dyn Node>,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn boot<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer + Debug + 'static>(
    config: Config<'static>,
) -> Box<dyn Node> {
    Box::new(Link::<FRAME, BLOCKS, CHANNELS, P>::new(config))
}

/// From the smallest that there can be to a big host.
pub const SHAPES: [Shape; 8] = [
    Shape { name: "140,4,1", channels: 1, packet: 140, boot: boot::<140, 4, 1, [u8; 140]> },
    Shape { name: "133,5,3", channels: 3, packet: 133, boot: boot::<133, 5, 3, [u8; 133]> },
    Shape { name: "256,8,8", channels: 8, packet: 256, boot: boot::<256, 8, 8, [u8; 256]> },
    Shape { name: "256,16,8", channels: 8, packet: 256, boot: boot::<256, 16, 8, [u8; 256]> },
    Shape { name: "256,24,8,1100", channels: 8, packet: 1100, boot: boot::<256, 24, 8, [u8; 1100]> },
    Shape { name: "300,64,128,2048", channels: 128, packet: 2048, boot: boot::<300, 64, 128, [u8; 2048]> },
    Shape { name: "1100,12,16", channels: 16, packet: 1100, boot: boot::<1100, 12, 16, [u8; 1100]> },
    Shape { name: "4096,64,128", channels: 128, packet: 4096, boot: boot::<4096, 64, 128, [u8; 4096]> },
];
