//! A bulk transfer over a line in virtual time, of which exactly one packet with data is spoiled.

use pocketmux_core::packet::{Care, Packet, Seal};
use pocketmux_core::{Channel, ChannelId, Config, Counters, Event, Priority, Stream, cobs};
use pocketmux_tests::Random;
use pocketmux_tests::sim::chance::Chance;
use pocketmux_tests::sim::node::{Node, Shape};
use pocketmux_tests::sim::noise::NoisePlan;
use pocketmux_tests::sim::wire::{Wire, WirePlan};

const CHANNEL: Channel<'static> = Channel::new("bulk").with_priority(Priority::Bulk);
/// Bytes a second at 115200 baud.
const RATE: u64 = 11_520;
/// Bytes that a UART takes and gives at once, a millisecond of them.
const FIFO: usize = 12;
const EPOCHS: [u32; 2] = [1, 2];
/// More than any transfer here takes.
const STEPS_MAX: usize = 2_000_000;

/// What it is like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Of the sender and of the receiver.
    pub shapes: [Shape; 2],
    /// One way.
    pub delay_us: u64,
    /// Bytes that are sent.
    pub len: usize,
    /// Which of the packets with data is spoiled, from 0.
    pub spoiled: Option<usize>,
}

/// A packet that left.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// When its last byte has arrived.
    pub arrives_ns: u64,
    /// How long the wire was busy with it.
    pub wire_ns: u64,
    /// What of the stream was in it.
    pub load: Option<Load>,
}

/// Neighbouring frames of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Of the first, low byte.
    place: u8,
    frames: u8,
    /// Bytes of data in all of them.
    len: usize,
}

impl Left {
    /// True when it is another go at what was in `lost`.
    pub fn repairs(&self, lost: &Self) -> bool {
        let (Some(load), Some(lost)) = (self.load, lost.load) else { return false };
        load.place.wrapping_sub(lost.place) < lost.frames
    }
}

/// What happened.
#[derive(Debug, Default)]
pub struct Report {
    /// The sender's packets.
    pub packets: Vec<Left>,
    /// Which of them was spoiled.
    pub spoiled: Option<usize>,
    /// The receiver's packets.
    pub answers: Vec<Left>,
    /// When the stream arrived up to which byte.
    arrivals: Vec<(u64, usize)>,
    /// Of the sender.
    pub counters: Counters,
}

impl Report {
    /// How many packets had data in them.
    pub fn data_packets(&self) -> usize {
        self.packets.iter().filter(|packet| packet.load.is_some()).count()
    }

    /// When all that was in the spoiled packet had arrived.
    pub fn repaired_ns(&self) -> u64 {
        let sent = &self.packets[..=self.spoiled.expect("one was spoiled")];
        let end: usize = sent.iter().filter_map(|packet| packet.load).map(|load| load.len).sum();
        self.arrivals.iter().find(|(_, len)| *len >= end).expect("it was repaired").0
    }
}

/// One side.
struct Side {
    node: Box<dyn Node>,
    channel: ChannelId,
    wire: Wire,
    /// Left of the packet that is leaving.
    leaving: usize,
    spoils: bool,
}

impl Side {
    fn new(shape: Shape, epoch: u32, delay_us: u64) -> Self {
        // Without signs of life, so that nothing but the transfer is on the line.
        let mut node = (shape.boot)(Config { epoch, silence_ms: 0, ..Config::default() });
        let channel = node.open(CHANNEL).unwrap();
        let plan = WirePlan { rate: RATE, delay_us, chunk: FIFO, queue: 0, noise: NoisePlan::default() };
        Self { node, channel, wire: Wire::new(plan, Chance::new(0, 0)), leaving: 0, spoils: false }
    }

    /// Puts the next bytes on the wire; false when there are none. A packet that begins to leave is shown.
    fn put_bytes(&mut self, now_ns: u64, begins: impl FnOnce(&[u8]) -> bool) -> bool {
        let shown = self.node.poll_transmit(now_ns / 1000);
        if shown.is_empty() {
            return false;
        }
        if self.leaving == 0 {
            self.leaving = shown.len();
            self.spoils = begins(shown);
        }
        let mut bytes: Vec<u8> = shown.iter().take(self.wire.chunk()).copied().collect();
        self.leaving -= bytes.len();
        // No delimiter goes, and none comes to be: one packet is lost, and only that.
        if self.spoils && bytes[0] > 1 {
            bytes[0] ^= 1;
            self.spoils = false;
        }
        self.node.consume(bytes.len());
        self.wire.put(bytes, None, now_ns);
        true
    }
}

/// A transfer under way.
struct Run {
    plan: Plan,
    sides: [Side; 2],
    now_ns: u64,
    content: Vec<u8>,
    stream: Option<Stream>,
    taken: usize,
    inbox: Vec<u8>,
    report: Report,
}

/// Runs a transfer to its end.
pub fn run(plan: Plan) -> Report {
    let side = |at: usize| Side::new(plan.shapes[at], EPOCHS[at], plan.delay_us);
    let content = Random::new(plan.len as u64).bytes(plan.len);
    let (sides, report) = ([side(0), side(1)], Report::default());
    let mut run = Run { plan, sides, now_ns: 0, content, stream: None, taken: 0, inbox: Vec::new(), report };
    for _ in 0..STEPS_MAX {
        run.step();
        if run.inbox.len() == plan.len {
            assert!(run.inbox == run.content, "{plan:?}");
            run.report.counters = run.sides[0].node.counters();
            return run.report;
        }
    }
    panic!("{} of {} bytes came: {plan:?}", run.inbox.len(), plan.len);
}

impl Run {
    /// Does what is due, and goes to the next moment at which anything is.
    fn step(&mut self) {
        for at in 0..2 {
            self.receive(at);
            self.sides[at].node.handle_timeout(self.now_ns / 1000);
        }
        self.send_more();
        for at in 0..2 {
            self.transmit(at);
        }
        let next = self.sides.iter().flat_map(|side| {
            let due_ns = side.node.poll_timeout().map(|due_us| due_us * 1000);
            let room_ns = Some(side.wire.room_at_ns()).filter(|room_ns| *room_ns > self.now_ns);
            [due_ns, room_ns, side.wire.arrival_ns()]
        });
        // A deadline that has passed waits for room on the wire.
        self.now_ns = next.flatten().filter(|at_ns| *at_ns > self.now_ns).min().expect("something is to come");
    }

    fn receive(&mut self, at: usize) {
        while let Some(arrival) = self.sides[1 - at].wire.take(self.now_ns) {
            let node = &mut self.sides[at].node;
            let mut input = &arrival.bytes[..];
            while !input.is_empty() {
                input = &input[node.handle_input(input, self.now_ns / 1000)..];
                while let Some(event) = node.poll_event() {
                    if let Event::Frame(frame) = event {
                        self.inbox.extend_from_slice(frame.data);
                        self.report.arrivals.push((self.now_ns, self.inbox.len()));
                    }
                }
            }
        }
    }

    fn send_more(&mut self) {
        let Side { node, channel, .. } = &mut self.sides[0];
        if self.stream.is_none() {
            self.stream = node.begin(*channel).ok();
        }
        let Some(stream) = &mut self.stream else { return };
        while self.taken < self.content.len()
            && let Ok(len) = node.write(stream, "", &self.content[self.taken..], true)
        {
            self.taken += len;
        }
    }

    fn transmit(&mut self, at: usize) {
        let (Plan { delay_us, spoiled, .. }, now_ns) = (self.plan, self.now_ns);
        while self.sides[at].wire.room_at_ns() <= now_ns {
            let report = &mut self.report;
            let begins = |shown: &[u8]| {
                // As the wire counts, in pieces.
                let wire_ns = shown.chunks(FIFO).map(|piece| piece.len() as u64 * 1_000_000_000 / RATE).sum();
                let left = Left { arrives_ns: now_ns + wire_ns + delay_us * 1000, wire_ns, load: load_of(shown) };
                if at == 1 {
                    report.answers.push(left);
                    return false;
                }
                let spoils = left.load.is_some() && spoiled == Some(report.data_packets());
                if spoils {
                    report.spoiled = Some(report.packets.len());
                }
                report.packets.push(left);
                spoils
            };
            if !self.sides[at].put_bytes(now_ns, begins) {
                return;
            }
        }
    }
}

/// What of the stream is in a packet.
fn load_of(wire: &[u8]) -> Option<Load> {
    let mut run = wire.split(|byte| *byte == 0).find(|run| !run.is_empty())?.to_vec();
    let packet = Packet::decode(cobs::decode(&mut run)?, Seal::new(EPOCHS[0], EPOCHS[1]));
    let Ok(Packet::Data(data)) = packet else { return None };
    let Care::Numbered { place, .. } = data.care else { return None };
    Some(Load { place, frames: data.frames() as u8, len: data.data.len() })
}
