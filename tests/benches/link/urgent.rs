//! How long an urgent message takes while a bulk stream fills the wire.

use std::io;
use std::time::Duration;

use pocketmux_core::{Buffer, Channel, ChannelId, Event, Message, Priority, Stream};
use pocketmux_tests::{End, Line, Random, Wire};

use crate::course::DRIVER_QUEUE;
use crate::driver::{Ahead, Application, Driver};
use crate::machine;
use crate::options::Options;
use crate::overhead;
use crate::report::{Report, Row};
use crate::sides::{self, Side, Small};

const CHANNELS: [Channel<'static>; 2] =
    [Channel::new("bulk").with_priority(Priority::Bulk), Channel::new("urgent").with_priority(Priority::Urgent)];
const BULK: ChannelId = ChannelId::new(0);
const URGENT: ChannelId = ChannelId::new(1);

/// Bytes of an urgent message.
const LEN: usize = 64;
/// Between two of them, but for a random part of up to a quarter, so that they do not keep step with the frames of the stream.
const INTERVAL_US: u64 = 100_000;

/// Measures with drivers that keep more and more in flight.
pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = if options.quick { 10 } else { 300 };
    for baud in [115_200, 921_600] {
        let line = Line { queue: DRIVER_QUEUE, seed: options.seed, ..Line::new(baud) };
        let drivers = [
            ("2 ms in flight", Ahead::Little),
            ("two chunks or 20 ms in flight", Ahead::Chunks),
            ("driver queue of 4 KiB filled", Ahead::Queue),
        ];
        for (who, ahead) in drivers {
            let (heard, stolen) = machine::undisturbed(!options.quick, || measure(&line, count, ahead, options.seed))?;
            if heard.len() < count {
                report.fail(format!("urgent, {who}: {} of {count} messages came", heard.len()));
            }
            report.add(row(who, &line, heard, stolen));
        }
    }
    Ok(())
}

fn row(who: &str, line: &Line, mut latencies_us: Vec<u64>, stolen: f64) -> Row {
    latencies_us.sort_unstable();
    let at = |share: f64| {
        let place = (latencies_us.len() as f64 * share).ceil() as usize;
        let us = latencies_us.get(place.saturating_sub(1)).copied().unwrap_or(0);
        us as f64 / 1e3
    };
    let ms = |bytes: f64| line.time_of(1).as_secs_f64() * 1e3 * bytes;
    let own = LEN as f64 + overhead::of::<Small>(LEN).forward;
    let detail = format!(
        "max {:.1} ms, {} messages of {LEN} B; a chunk takes {:.1} ms, the message itself {:.1} ms{}",
        at(1.0),
        latencies_us.len(),
        ms(size_of::<Small>() as f64),
        ms(own),
        machine::remark(stolen)
    );
    let figure = format!("p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
    Row {
        what: "urgent message under bulk".into(),
        who: who.into(),
        line: format!("{} clean", line.baud),
        figure,
        detail,
    }
}

/// The latencies of `count` messages, from the call of `send` to the event at the other end.
fn measure(line: &Line, count: usize, ahead: Ahead, seed: u64) -> io::Result<Vec<u64>> {
    let wire = Wire::new(line)?;
    let drivers = [Driver::new(wire.open(End::A)?, line, ahead), Driver::new(wire.open(End::B)?, line, Ahead::Little)];
    let mut random = Random::new(seed);
    let file = random.bytes(4096);
    let mut sender = Sender { random, file, stream: None, wanted: vec![], sent: 0, next_us: 0 };
    let mut receiver = Receiver { count, heard: vec![] };
    let limit = Duration::from_micros(INTERVAL_US * 3 * count as u64) + Duration::from_secs(10);
    sides::run::<Small>(drivers, &CHANNELS, &mut sender, &mut receiver, limit)?;
    let latency = |(number, at_us): (usize, u64)| Some(at_us.saturating_sub(*sender.wanted.get(number)?));
    Ok(receiver.heard.into_iter().filter_map(latency).collect())
}

/// Keeps a stream full, and now and then sends an urgent message that holds its number.
struct Sender {
    random: Random,
    file: Vec<u8>,
    stream: Option<Stream>,
    /// When each message was there to be sent; the last may still wait for room.
    wanted: Vec<u64>,
    sent: usize,
    next_us: u64,
}

impl<P: Buffer> Application<P> for Sender {
    fn handle_event(&mut self, _: Event<'_>, _: u64) {}

    fn fill(&mut self, link: &mut Side<P>, now_us: u64) -> Option<u64> {
        if self.stream.is_none() {
            self.stream = link.begin(BULK).ok();
            self.next_us = now_us + 5 * INTERVAL_US;
        }
        if now_us >= self.next_us {
            self.wanted.push(now_us);
            self.next_us = now_us + INTERVAL_US + self.random.number() % (INTERVAL_US / 4);
        }
        while self.sent < self.wanted.len() {
            let mut message = [0x55; LEN];
            message[..8].copy_from_slice(&(self.sent as u64).to_le_bytes());
            if link.send(URGENT, &Message::bytes(&message)).is_err() {
                break;
            }
            self.sent += 1;
        }
        let stream = self.stream.as_mut()?;
        while link.write(stream, "", &self.file, false).is_ok() {}
        Some(self.next_us)
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// Notes which message came when.
struct Receiver {
    count: usize,
    heard: Vec<(usize, u64)>,
}

impl<P: Buffer> Application<P> for Receiver {
    fn handle_event(&mut self, event: Event<'_>, now_us: u64) {
        if let Event::Frame(frame) = event
            && frame.channel == URGENT
            && let Some(number) = frame.data.first_chunk()
        {
            self.heard.push((u64::from_le_bytes(*number) as usize, now_us));
        }
    }

    fn fill(&mut self, _: &mut Side<P>, _: u64) -> Option<u64> {
        None
    }

    fn is_done(&self) -> bool {
        self.heard.len() >= self.count
    }
}
