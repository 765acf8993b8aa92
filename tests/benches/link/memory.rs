//! Two sides joined in memory, in virtual time: for what is a matter of counting.

use pocketmux_core::Buffer;
use pocketmux_core::{Channel, Event};

use crate::sides::{Side, side};

/// Time of a byte at 115200 baud.
const BYTE_US: u64 = 87;
/// Bytes that a UART takes at once.
const FIFO: usize = 16;
/// Steps without a byte after which nothing more comes of itself.
const IDLE_STEPS: usize = 100;

/// The sides, and the bytes that went from one to the other.
pub struct Memory<P: Buffer> {
    pub a: Side<P>,
    b: Side<P>,
    now_us: u64,
    /// Bytes from `a` to `b`.
    pub forward: u64,
    /// Bytes from `b` to `a`.
    pub reverse: u64,
}

impl<P: Buffer> Memory<P> {
    /// Two sides with these channels that have greeted; the bytes of that are not counted.
    pub fn new(channels: &[Channel<'static>]) -> Self {
        let mut memory = Self { a: side(1, channels), b: side(2, channels), now_us: 0, forward: 0, reverse: 0 };
        memory.settle(&mut |_| {});
        assert!(memory.a.is_up() && memory.b.is_up(), "two sides on a clean wire greet each other");
        (memory.forward, memory.reverse) = (0, 0);
        memory
    }

    /// Lets one packet cross from `a`, a few bytes at a time as a UART takes them, and all that `b` has to say meanwhile.
    pub fn step(&mut self, heard: &mut impl FnMut(Event<'_>)) {
        let packet = self.a.poll_transmit(self.now_us).to_vec();
        self.forward += packet.len() as u64;
        // Without a packet, time goes on as well.
        for bytes in packet.chunks(FIFO).chain(packet.is_empty().then_some(&[][..])) {
            self.now_us += BYTE_US * bytes.len().max(10) as u64;
            self.a.handle_timeout(self.now_us);
            self.a.consume(bytes.len());
            give(&mut self.b, bytes, self.now_us, heard);
            self.b.handle_timeout(self.now_us);
            tell(&mut self.b, heard);
            self.answer();
        }
    }

    /// Lets everything cross that `b` has to say.
    fn answer(&mut self) {
        loop {
            let answer = self.b.poll_transmit(self.now_us).to_vec();
            if answer.is_empty() {
                break;
            }
            self.b.consume(answer.len());
            self.reverse += answer.len() as u64;
            give(&mut self.a, &answer, self.now_us, &mut |_| {});
        }
        tell(&mut self.a, &mut |_| {});
    }

    /// Lets everything cross that is queued.
    pub fn settle(&mut self, heard: &mut impl FnMut(Event<'_>)) {
        let mut idle = 0;
        while idle < IDLE_STEPS {
            let before = self.forward + self.reverse;
            self.step(heard);
            idle = if self.forward + self.reverse == before { idle + 1 } else { 0 };
        }
    }
}

fn give<P: Buffer>(side: &mut Side<P>, mut input: &[u8], now_us: u64, heard: &mut impl FnMut(Event<'_>)) {
    while !input.is_empty() {
        input = &input[side.handle_input(input, now_us)..];
        tell(side, heard);
    }
}

fn tell<P: Buffer>(side: &mut Side<P>, heard: &mut impl FnMut(Event<'_>)) {
    while let Some(event) = side.poll_event() {
        heard(event);
    }
}
