//! A link of any shape behind one trait, so that a run can join a small board to a big host.

use pocketmux_core::{
    Channel, ChannelId, Config, Counters, Cut, Event, Link, Message, MessageId, OpenError, SendError, Stream,
};

/// What a run uses of a [`Link`]; every method is the link's own.
#[expect(missing_docs, reason = "each is documented at the link")]
pub trait Node {
    fn open(&mut self, channel: Channel<'static>) -> Result<ChannelId, OpenError>;
    fn set_cut(&mut self, cut: Cut);
    fn send(&mut self, channel: ChannelId, message: &Message<'_>) -> Result<MessageId, SendError>;
    fn begin(&mut self, channel: ChannelId) -> Result<Stream, SendError>;
    fn write(&mut self, stream: &mut Stream, meta: &str, data: &[u8], last: bool) -> Result<usize, SendError>;
    fn frame_room(&self) -> usize;
    fn is_up(&self) -> bool;
    fn counters(&self) -> Counters;
    fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize;
    fn handle_timeout(&mut self, now_us: u64);
    fn poll_transmit(&mut self, now_us: u64) -> &[u8];
    fn consume(&mut self, len: usize);
    fn poll_event(&mut self) -> Option<Event<'_>>;
    fn poll_timeout(&self) -> Option<u64>;
}

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize> Node for Link<'static, FRAME, BLOCKS, CHANNELS> {
    fn open(&mut self, channel: Channel<'static>) -> Result<ChannelId, OpenError> {
        self.open(channel)
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

    fn counters(&self) -> Counters {
        *self.counters()
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
}

/// The sizes of a link.
#[derive(Clone, Copy)]
pub struct Shape {
    /// `FRAME,BLOCKS,CHANNELS`.
    pub name: &'static str,
    /// How many channels it has room for.
    pub channels: usize,
    /// Starts a link of this shape.
    pub boot: fn(Config<'static>) -> Box<dyn Node>,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn boot<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize>(config: Config<'static>) -> Box<dyn Node> {
    Box::new(Link::<FRAME, BLOCKS, CHANNELS>::new(config))
}

/// From the smallest that there can be to a big host.
pub const SHAPES: [Shape; 7] = [
    Shape { name: "140,4,1", channels: 1, boot: boot::<140, 4, 1> },
    Shape { name: "133,5,3", channels: 3, boot: boot::<133, 5, 3> },
    Shape { name: "256,8,8", channels: 8, boot: boot::<256, 8, 8> },
    Shape { name: "256,16,8", channels: 8, boot: boot::<256, 16, 8> },
    Shape { name: "512,24,8", channels: 8, boot: boot::<512, 24, 8> },
    Shape { name: "1100,12,16", channels: 16, boot: boot::<1100, 12, 16> },
    Shape { name: "4096,64,128", channels: 128, boot: boot::<4096, 64, 128> },
];
