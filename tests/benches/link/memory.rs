//! Two sides joined in memory, in virtual time: for what is a matter of counting.

use pocketmux_core::Buffer;
use pocketmux_core::{Channel, Event};

use crate::sides::{Side, side};

/// Time of a byte at 115200 baud.
const BYTE_US: u64 = 87;
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

    /// Lets one packet cross from `a`, and all that `b` has to say to it; `heard` is told of b's events.
    pub fn step(&mut self, heard: &mut impl FnMut(Event<'_>)) {
        let now_us = self.now_us;
        for (end, heard) in [(&mut self.a, None), (&mut self.b, Some(&mut *heard))] {
            end.handle_timeout(now_us);
            tell(end, heard);
        }
        let packet = take(&mut self.a, now_us);
        self.forward += packet.len() as u64;
        give(&mut self.b, &packet, now_us, Some(heard));
        loop {
            let answer = take(&mut self.b, now_us);
            if answer.is_empty() {
                break;
            }
            self.reverse += answer.len() as u64;
            give(&mut self.a, &answer, now_us, None::<&mut fn(Event<'_>)>);
        }
        self.now_us += BYTE_US * packet.len().max(10) as u64;
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

/// The next packet that a side has to send; empty for none.
fn take<P: Buffer>(side: &mut Side<P>, now_us: u64) -> Vec<u8> {
    let packet = side.poll_transmit(now_us).to_vec();
    side.consume(packet.len());
    packet
}

fn give<P: Buffer>(side: &mut Side<P>, mut input: &[u8], now_us: u64, mut heard: Option<&mut impl FnMut(Event<'_>)>) {
    while !input.is_empty() {
        input = &input[side.handle_input(input, now_us)..];
        tell(side, heard.as_deref_mut());
    }
}

fn tell<P: Buffer>(side: &mut Side<P>, mut heard: Option<&mut impl FnMut(Event<'_>)>) {
    while let Some(event) = side.poll_event() {
        if let Some(heard) = &mut heard {
            heard(event);
        }
    }
}
