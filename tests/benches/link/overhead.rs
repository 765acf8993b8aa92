//! Bytes on the wire beyond those of the messages.

use pocketmux_core::Buffer;
use pocketmux_core::{Channel, ChannelId, Message, Priority, SendError};
use pocketmux_tests::Random;

use crate::memory::Memory;
use crate::report::{Report, Row};
use crate::sides::{Large, Small};

const CHANNEL: Channel<'static> = Channel::new("bulk").with_priority(Priority::Bulk);
const BULK: ChannelId = ChannelId::new(0);
const MESSAGES: usize = 400;
const SIZES: [usize; 6] = [1, 16, 64, 128, 240, 1024];

/// Bytes a message beyond its own, on average.
pub struct Overhead {
    /// From its sender.
    pub forward: f64,
    /// From its receiver.
    pub reverse: f64,
}

/// Adds a row for every size of message.
pub fn run(report: &mut Report) {
    for size in SIZES {
        let (small, large) = (of::<Small>(size), of::<Large>(size));
        let figure = format!("{:.2} B", small.forward);
        let detail = format!(
            "{:.2} B in packets of up to 1 KiB; from the receiver {:.2} B, {:.2} B",
            large.forward, small.reverse, large.reverse
        );
        let who = format!("message of {size} B");
        report.add(Row { what: "overhead".into(), who, line: "in memory".into(), figure, detail });
    }
    let streams = [("packets of 240 B", of_stream::<Small>()), ("packets of up to 1 KiB", of_stream::<Large>())];
    for (packets, (len, overhead)) in streams {
        let (who, line) = (format!("stream in frames of {len:.0} B, {packets}"), "in memory".into());
        let figure = format!("{:.2} B", overhead.forward);
        let detail = format!("a frame; from the receiver {:.2} B", overhead.reverse);
        report.add(Row { what: "overhead".into(), who, line, figure, detail });
    }
}

/// Overhead of a stream's full frames, a frame.
fn of_stream<P: Buffer>() -> (f64, Overhead) {
    let mut memory = Memory::<P>::new(&[CHANNEL]);
    let bytes = Random::new(1).bytes(1 << 18);
    let mut stream = memory.a.begin(BULK).expect("the link is up");
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match memory.a.write(&mut stream, "", rest, true) {
            Err(SendError::Full) => memory.step(&mut |_| {}),
            written => rest = &rest[written.expect("the link stays up")..],
        }
    }
    memory.settle(&mut |_| {});
    let a_frame = |bytes: u64| bytes as f64 / f64::from(stream.frames());
    let len = a_frame(bytes.len() as u64);
    (len, Overhead { forward: a_frame(memory.forward) - len, reverse: a_frame(memory.reverse) })
}

/// Overhead of messages of `size` random bytes that follow each other without a pause.
pub fn of<P: Buffer>(size: usize) -> Overhead {
    let mut memory = Memory::<P>::new(&[CHANNEL]);
    let mut random = Random::new(size as u64);
    let mut left = MESSAGES;
    while left > 0 {
        let bytes = random.bytes(size);
        loop {
            match memory.a.send(BULK, &Message::bytes(&bytes)) {
                Err(SendError::Full) => memory.step(&mut |_| {}),
                sent => {
                    sent.expect("the link is up and the message not too long");
                    break;
                }
            }
        }
        left -= 1;
    }
    memory.settle(&mut |_| {});
    let a_message = |bytes: u64| bytes as f64 / MESSAGES as f64;
    Overhead { forward: a_message(memory.forward) - size as f64, reverse: a_message(memory.reverse) }
}
