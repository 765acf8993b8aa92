//! The loop that a firmware has, around a link with eight channels and reliability.

use core::hint::black_box;

use pocketmux_core::{Channel, ChannelId, Config, Event, Frame, Link, Message, Priority};

use crate::{EightChannels, unknown};

const NAMES: [&str; 8] = ["chat", "presence", "typing", "file", "log", "stats", "command", "sensor"];

/// What a program does beside its link.
pub trait Work {
    /// A frame came.
    fn hear(&mut self, frame: &Frame<'_>, now_us: u64);
    /// The link has ended.
    fn down(&mut self);
    /// A turn of the loop.
    fn turn(&mut self, link: &mut EightChannels, now_us: u64);
}

/// Nothing: the core alone.
impl Work for () {
    fn hear(&mut self, frame: &Frame<'_>, _now_us: u64) {
        let _ = black_box(frame.data);
    }

    fn down(&mut self) {}

    fn turn(&mut self, _link: &mut EightChannels, _now_us: u64) {}
}

/// Runs for ever.
pub fn run(mut work: impl Work) -> ! {
    let mut link: EightChannels = Link::new(Config { epoch: unknown(1), ..Config::default() });
    for name in NAMES {
        let _ = link.open(Channel::new(name).with_priority(unknown(Priority::Bulk)));
    }
    let mut stream = None;
    let mut bytes = [0u8; 64];
    loop {
        let now_us = unknown(0u64);
        link.handle_timeout(now_us);
        black_box(&mut bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let taken = link.handle_input(rest, now_us);
            rest = rest.get(taken..).unwrap_or_default();
            while let Some(event) = link.poll_event() {
                match event {
                    Event::Frame(frame) => work.hear(&frame, now_us),
                    Event::Up(_) => stream = link.begin(unknown(ChannelId::new(3))).ok(),
                    Event::Down => work.down(),
                    _ => {}
                }
            }
        }
        work.turn(&mut link, now_us);
        let _ = link.send(unknown(ChannelId::new(0)), &Message::text(unknown("hello")));
        if let Some(stream) = &mut stream {
            let _ = link.write(stream, "", &bytes, unknown(false));
        }
        let shown = black_box(link.poll_transmit(now_us)).len();
        link.consume(shown);
        black_box(link.poll_timeout());
    }
}
