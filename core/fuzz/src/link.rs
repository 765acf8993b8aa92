//! Any sequence of operations on two links, with noise, loss and repetition between them: nothing panics, no message is invented, and on a
//! reliable channel everything arrives in order and once.
#![no_main]

use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use pocketmux_core::{Channel, ChannelId, Config, Cut, Delivery, Event, Link, Message, Priority, Stream};

type LinkOfSide = Link<'static, 200, 8, 4, [u8; 500]>;

/// The reliable channel on which frames are counted.
const COUNTED: ChannelId = ChannelId::new(1);

struct Side {
    link: LinkOfSide,
    epoch: u32,
    stream: Option<Stream>,
    /// Messages that were begun on the counted channel, and have arrived from it, on this link.
    said: u32,
    heard: u32,
    /// What it has sent and the line still holds.
    line: VecDeque<Vec<u8>>,
}

impl Side {
    fn new(epoch: u32) -> Self {
        let mut link = Link::new(Config { epoch, ..Config::default() });
        for (name, priority, delivery) in [
            ("a", Priority::Urgent, Delivery::Latest),
            ("b", Priority::Normal, Delivery::Reliable),
            ("c", Priority::Bulk, Delivery::Lossy),
        ] {
            link.open(Channel::new(name).with_priority(priority).with_delivery(delivery)).unwrap();
        }
        Self { link, epoch, stream: None, said: 0, heard: 0, line: VecDeque::new() }
    }

    /// Gives the link bytes, and looks at what it tells; `peer` is who sent them.
    fn take_in(&mut self, mut input: &[u8], peer_epoch: u32, now_us: u64) {
        loop {
            let taken = self.link.handle_input(input, now_us);
            assert!(taken > 0 || input.is_empty());
            input = &input[taken..];
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Up(peer) => {
                        assert_eq!(peer.epoch, peer_epoch, "a peer that is not there");
                        (self.said, self.heard, self.stream) = (0, 0, None);
                    }
                    Event::Frame(frame) => {
                        assert!(
                            frame.data.iter().all(|&byte| byte == frame.channel.index() as u8 + 1),
                            "invented data"
                        );
                        if frame.channel == COUNTED {
                            assert_eq!(frame.meta.parse(), Ok(self.heard), "out of order, lost or repeated");
                            self.heard += 1;
                        }
                    }
                    _ => {}
                }
            }
            if input.is_empty() {
                return;
            }
        }
    }

    fn send(&mut self, channel: ChannelId, value: u8) {
        // The counted channel has messages of one frame each, told apart by their metas.
        let (len, meta) = if channel == COUNTED {
            (usize::from(value) % 20 + 1, self.said.to_string())
        } else {
            (usize::from(value) * 4, "m".repeat(usize::from(value % 5)))
        };
        let payload = vec![channel.index() as u8 + 1; len];
        if self.link.send(channel, &Message::bytes(&payload).with_meta(&meta)).is_ok() && channel == COUNTED {
            self.said += 1;
        }
    }

    fn write(&mut self, channel: ChannelId, value: u8) {
        if value == 0 {
            self.stream = if channel == COUNTED { None } else { self.link.begin(channel).ok() };
        } else if let Some(stream) = &mut self.stream {
            // The data says which channel it belongs to, so that it cannot come out on another.
            let payload = vec![stream.channel().index() as u8 + 1; usize::from(value)];
            let _ = self.link.write(stream, "meta", &payload, value % 7 == 0);
        }
    }

    /// Opens, ends or resets a channel other than the counted one.
    fn change(&mut self, channel: ChannelId, value: u8) {
        match value % 8 {
            0 => self.link.close(channel),
            1 => self.link.reset(channel, "because"),
            2 | 3 => self.link.pause(channel),
            4..=6 => self.link.resume(channel),
            _ => drop(self.link.open(Channel::new(["d", "e", "f"][usize::from(value >> 4) % 3]).with_meta("new"))),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut sides = [Side::new(1), Side::new(2)];
    let mut epoch = 3;
    let mut now_us = 0;
    for step in data.chunks_exact(2) {
        let &[operation, value] = step else { unreachable!() };
        let at = usize::from(operation >> 7);
        let channel = ChannelId::new(operation >> 4 & 3);
        let peer_epoch = sides[1 - at].epoch;
        let [first, second] = &mut sides;
        let (side, other) = if at == 0 { (first, second) } else { (second, first) };
        match operation & 15 {
            0 => side.send(channel, value),
            1 => side.write(channel, value),
            2..=4 => {
                let bytes = side.link.poll_transmit(now_us).to_vec();
                side.link.consume(bytes.len());
                side.line.push_back(bytes);
            }
            5..=7 => {
                if let Some(bytes) = other.line.pop_front() {
                    side.take_in(&bytes, peer_epoch, now_us);
                }
            }
            // Lost, cut short, or twice.
            8 => drop(other.line.pop_front()),
            9 => {
                if let Some(bytes) = other.line.front_mut() {
                    bytes.truncate(usize::from(value));
                }
            }
            10 => {
                if let Some(bytes) = other.line.front().cloned() {
                    other.line.insert(1, bytes);
                }
            }
            // A burst that no check survives: it is shorter than a check.
            11 => side.take_in(&[value, value ^ 0x55, 0], peer_epoch, now_us),
            12 => {
                now_us += u64::from(value) * 10_000;
                side.link.handle_timeout(now_us);
                side.take_in(&[], peer_epoch, now_us);
            }
            13 => {
                side.link.mux().set_cut(Cut::units(usize::from(value)).filter(|_| value > 30).unwrap_or_default());
                if let Ok(quantum) = value.try_into() {
                    side.link.mux().set_quantum(quantum);
                }
            }
            14 if channel != COUNTED => side.change(channel, value),
            14 => {}
            _ => {
                *side = Side::new(epoch);
                epoch += 1;
                // What the line still holds is of another boot; it goes with the cable.
                other.line.clear();
            }
        }
    }
});
