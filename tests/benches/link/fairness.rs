//! How the wire is shared: among equals, and between the classes.

use pocketmux_core::{Channel, ChannelId, Event, Priority, Stream};
use pocketmux_tests::Random;

use crate::memory::Memory;
use crate::report::{Report, Row};
use crate::sides::Small;

const fn bulk(name: &'static str) -> Channel<'static> {
    Channel::new(name).with_priority(Priority::Bulk)
}

const EQUALS: [Channel<'static>; 4] = [bulk("bulk-0"), bulk("bulk-1"), bulk("bulk-2"), bulk("bulk-3")];
const CLASSES: [Channel<'static>; 3] =
    [bulk("bulk"), Channel::new("normal"), Channel::new("urgent").with_priority(Priority::Urgent)];
/// Packets that cross in a run.
const PACKETS: usize = 10_000;

/// Adds the rows.
pub fn run(report: &mut Report) {
    let mut row = |who: &str, figure: String, bytes: &[u64]| {
        let total: u64 = bytes.iter().sum();
        let shares: Vec<String> =
            bytes.iter().map(|bytes| format!("{:.2} %", percent(*bytes as f64, total as f64))).collect();
        let detail = format!("shares {}", shares.join(", "));
        report.add(Row { what: "fairness".into(), who: who.into(), line: "in memory".into(), figure, detail });
    };
    let bytes = share(&EQUALS);
    row("four bulk streams", format!("Jain {:.4}", jain(&bytes)), &bytes);
    let lowest = |bytes: &[u64]| format!("lowest {:.2} %", percent(bytes[0] as f64, bytes.iter().sum::<u64>() as f64));
    let bytes = share(&[CLASSES[0], CLASSES[2]]);
    row("bulk under urgent", lowest(&bytes), &bytes);
    let bytes = share(&CLASSES);
    row("bulk under normal and urgent", lowest(&bytes), &bytes);
}

/// Bytes that come through on each of these channels while all have more to send than fits.
fn share(channels: &[Channel<'static>]) -> Vec<u64> {
    let mut memory = Memory::<Small>::new(channels);
    let ids: Vec<ChannelId> = (0..channels.len()).map(|index| ChannelId::new(index as u8)).collect();
    let begin = |id: &ChannelId| memory.a.begin(*id).expect("the link is up");
    let mut streams: Vec<Stream> = ids.iter().map(begin).collect();
    let data = Random::new(1).bytes(4096);
    let mut received = vec![0; channels.len()];
    for _ in 0..PACKETS {
        fill(&mut memory, &mut streams, &data);
        memory.step(&mut |event| {
            if let Event::Frame(frame) = event {
                received[frame.channel.index()] += frame.data.len() as u64;
            }
        });
    }
    received
}

/// Writes one frame of each stream in turn, until none finds room; who begins changes from time to time, so that nobody is the first
/// at every free place.
fn fill(memory: &mut Memory<Small>, streams: &mut [Stream], data: &[u8]) {
    let mut found_room = true;
    while found_room {
        found_room = false;
        for stream in &mut *streams {
            found_room |= memory.a.write(stream, "", data, false).is_ok();
        }
    }
    streams.rotate_left(1);
}

/// Jain's index: 1 when all have the same, 1/n when one has everything.
fn jain(bytes: &[u64]) -> f64 {
    let sum: f64 = bytes.iter().map(|bytes| *bytes as f64).sum();
    let squares: f64 = bytes.iter().map(|bytes| (*bytes as f64).powi(2)).sum();
    sum * sum / (bytes.len() as f64 * squares)
}

fn percent(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}
