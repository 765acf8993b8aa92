//! Any sequence of operations on two links, with noise, loss, repetition and reboots between them: nothing panics, and no message is invented.
//! Then the faults end, and the links have to come to rest: what a reliable channel took has arrived in order and once, and of a latest
//! channel the newest message has arrived whole.
#![no_main]

use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use pocketmux_core::{Channel, ChannelId, Config, Cut, Delivery, Event, Link, Message, MessageId, Priority, Stream};

type LinkOfSide = Link<'static, 200, 8, 4, [u8; 500]>;

/// The reliable channel on which frames are counted.
const COUNTED: ChannelId = ChannelId::new(1);

/// Rounds within which the links have to come to rest, each of which takes them to their next deadline: some minutes.
const ROUNDS_MAX: usize = 2_000;

/// What crossed a channel in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Traffic {
    bytes: usize,
    /// The newest message, and its bytes.
    newest: u32,
    newest_bytes: usize,
}

impl Traffic {
    fn note(&mut self, message: MessageId, bytes: usize) {
        self.bytes += bytes;
        if message.0 > self.newest {
            (self.newest, self.newest_bytes) = (message.0, 0);
        }
        if message.0 == self.newest {
            self.newest_bytes += bytes;
        }
    }
}

/// A channel of a side since the link came up.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// What it is, if it was open when the link came up and still is: on others, what comes too early or too late is not owed.
    whole: Option<(&'static str, Delivery)>,
    /// What the link took for it, and told of it.
    said: Traffic,
    heard: Traffic,
}

struct Side {
    link: LinkOfSide,
    boot: u32,
    /// The epochs that it has had, of earlier boots too: a side that drops a link takes another.
    epochs: Vec<u32>,
    /// The boot of the other side with which it is up.
    peer: u32,
    stream: Option<Stream>,
    lanes: [Lane; 4],
    /// The names of its channels by their numbers. Data says by its bytes which name it is for, as the two sides may number a name differently.
    names: [u8; 4],
    /// Messages that were begun on the counted channel, and have arrived from it, on this link.
    said: u32,
    heard: u32,
    /// What it has sent and the line still holds.
    line: VecDeque<Vec<u8>>,
}

impl Side {
    fn new(boot: u32, mut epochs: Vec<u32>) -> Self {
        let mut link = Link::new(Config { epoch: boot, ..Config::default() });
        epochs.push(boot);
        for (name, priority, delivery) in [
            ("a", Priority::Urgent, Delivery::Latest),
            ("b", Priority::Normal, Delivery::Reliable),
            ("c", Priority::Bulk, Delivery::Lossy),
        ] {
            link.open(Channel::new(name).with_priority(priority).with_delivery(delivery)).unwrap();
        }
        let lanes = [Lane::default(); 4];
        Self {
            link,
            boot,
            epochs,
            peer: 0,
            stream: None,
            lanes,
            names: *b"abc ",
            said: 0,
            heard: 0,
            line: VecDeque::new(),
        }
    }

    /// Notes that the link came up; of the other side's epochs the line may still hold older ones.
    fn go_up(&mut self, peer: u32, peer_epochs: &[u32]) {
        let at = |epoch: u32| peer_epochs.iter().position(|known| *known == epoch);
        assert!(at(peer).is_some(), "a peer that was never there");
        assert!(at(peer) > at(self.peer), "an epoch of the peer comes back");
        (self.peer, self.said, self.heard, self.stream) = (peer, 0, 0, None);
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let channel = self.link.channel(ChannelId::new(index as u8));
            *lane = Lane { whole: channel.map(|channel| (channel.name, channel.delivery)), ..Lane::default() };
        }
    }

    /// Gives the link bytes, and looks at what it tells; the last of `peer_epochs` is the present one of the other side.
    fn take_in(&mut self, mut input: &[u8], peer_epochs: &[u32], now_us: u64) {
        loop {
            let taken = self.link.handle_input(input, now_us);
            assert!(taken > 0 || input.is_empty());
            input = &input[taken..];
            if self.epochs.last() != Some(&self.link.epoch()) {
                self.epochs.push(self.link.epoch());
            }
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Up(peer) => {
                        let epoch = peer.epoch;
                        self.go_up(epoch, peer_epochs);
                    }
                    Event::Frame(frame) => {
                        let name = self.names[frame.channel.index()];
                        assert!(frame.data.iter().all(|&byte| byte == name), "invented data");
                        self.lanes[frame.channel.index()].heard.note(frame.message, frame.data.len());
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
        let payload = vec![self.names[channel.index()]; len];
        if let Ok(message) = self.link.send(channel, &Message::bytes(&payload).with_meta(&meta)) {
            // A message without data makes no frame.
            if !payload.is_empty() {
                self.lanes[channel.index()].said.note(message, len);
            }
            self.said += u32::from(channel == COUNTED);
        }
    }

    fn write(&mut self, channel: ChannelId, value: u8) {
        if value == 0 {
            self.stream = if channel == COUNTED { None } else { self.link.begin(channel).ok() };
        } else if let Some(stream) = &mut self.stream {
            let at = stream.channel().index();
            let payload = vec![self.names[at]; usize::from(value)];
            let ends = value % 7 == 0;
            if let Ok(len) = self.link.write(stream, "meta", &payload, ends) {
                self.lanes[at].said.note(stream.message(), len);
                // What is written behind the end of a message is nobody's.
                if ends && len == payload.len() {
                    self.stream = None;
                }
            }
        }
    }

    /// Opens, ends or resets a channel other than the counted one.
    fn change(&mut self, channel: ChannelId, value: u8) {
        if value % 8 < 2 {
            self.lanes[channel.index()].whole = None;
        }
        match value % 8 {
            0 => self.link.close(channel),
            1 => self.link.reset(channel, "because"),
            2 | 3 => self.link.pause(channel),
            4..=6 => self.link.resume(channel),
            _ => {
                let name = ["d", "e", "f"][usize::from(value >> 4) % 3];
                if let Ok(channel) = self.link.open(Channel::new(name).with_meta("new")) {
                    self.names[channel.index()] = name.as_bytes()[0];
                }
            }
        }
    }

    /// True when it has nothing to say to this peer any more.
    fn is_at_rest(&mut self, peer_epoch: Option<u32>) -> bool {
        Some(self.peer) == peer_epoch
            && self.link.is_up()
            && self.link.mux().is_empty()
            && self.link.stats().in_flight == 0
    }
}

/// Lets time pass without faults until both sides are at rest.
fn come_to_rest(sides: &mut [Side; 2], mut now_us: u64) {
    for side in &mut *sides {
        side.link.interrupted();
        (0..4).for_each(|index| side.link.resume(ChannelId::new(index)));
    }
    for _ in 0..ROUNDS_MAX {
        let mut is_quiet = true;
        for at in 0..2 {
            let bytes = sides[at].link.poll_transmit(now_us).to_vec();
            sides[at].link.consume(bytes.len());
            is_quiet &= bytes.is_empty();
            sides[at].line.push_back(bytes);
            while let Some(bytes) = sides[1 - at].line.pop_front() {
                let peer_epochs = sides[1 - at].epochs.clone();
                sides[at].take_in(&bytes, &peer_epochs, now_us);
            }
        }
        if !is_quiet {
            continue;
        }
        let epochs = [sides[1].epochs.clone(), sides[0].epochs.clone()];
        if sides.iter_mut().zip(&epochs).all(|(side, epochs)| side.is_at_rest(epochs.last().copied())) {
            return;
        }
        let deadline_us = sides.iter().filter_map(|side| side.link.poll_timeout()).min();
        now_us = now_us.max(deadline_us.expect("a link that is not at rest wants to be called again"));
        for (side, peer_epochs) in sides.iter_mut().zip(&epochs) {
            side.link.handle_timeout(now_us);
            side.take_in(&[], peer_epochs, now_us);
        }
    }
    let stands = sides.each_ref().map(|side| side.link.stats().to_string());
    panic!("the links do not come to rest: {stands:?}");
}

/// Whether everything that one side owes has been heard by the other.
fn check_arrival(from: &Side, to: &Side) {
    assert_eq!(to.heard, from.said, "lost on the counted channel");
    for (sent, got) in from.lanes.iter().zip(&to.lanes) {
        match sent.whole.filter(|_| sent.whole == got.whole) {
            Some((name, Delivery::Reliable)) => assert_eq!(got.heard, sent.said, "lost or repeated on {name}"),
            Some((name, Delivery::Latest)) => {
                let newest = |traffic: Traffic| (traffic.newest, traffic.newest_bytes);
                assert_eq!(newest(got.heard), newest(sent.said), "the newest is lost or repeated on {name}");
            }
            Some((_, Delivery::Lossy)) | None => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut sides = [Side::new(1, Vec::new()), Side::new(2, Vec::new())];
    let mut now_us = 0;
    for step in data.chunks_exact(2) {
        let &[operation, value] = step else { unreachable!() };
        let at = usize::from(operation >> 7);
        let channel = ChannelId::new(operation >> 4 & 3);
        let peer_epochs = sides[1 - at].epochs.clone();
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
                    side.take_in(&bytes, &peer_epochs, now_us);
                }
            }
            // Lost, cut short, or twice.
            8 => {
                other.line.pop_front();
                // The port noticed.
                if value % 4 == 0 {
                    side.link.interrupted();
                }
            }
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
            11 => side.take_in(&[value, value ^ 0x55, 0], &peer_epochs, now_us),
            12 => {
                now_us += u64::from(value) * 10_000;
                side.link.handle_timeout(now_us);
                side.take_in(&[], &peer_epochs, now_us);
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
                // What the line still holds of the old boot, and for it, goes with the cable, or comes yet.
                let line = std::mem::take(&mut side.line);
                *side = Side::new(side.boot + 2, std::mem::take(&mut side.epochs));
                if value % 2 == 1 {
                    side.line = line;
                }
                if value / 2 % 2 == 1 {
                    other.line.clear();
                }
            }
        }
    }
    come_to_rest(&mut sides, now_us);
    check_arrival(&sides[0], &sides[1]);
    check_arrival(&sides[1], &sides[0]);
});
