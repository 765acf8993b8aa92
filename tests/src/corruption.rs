//! Packets of every kind with damage, and what the receiving side makes of them.

mod tally;

use pocketmux_core::packet::{Ack, Care, Close, Data, Hello, Identity, Open, Packet, Seal, Terms, VERSION};
use pocketmux_core::{Channel, ChannelId, Delivery, Kind, MessageId, Priority, cobs, deframe};
pub use tally::Tally;

/// Longest data of a frame here.
const DATA_MAX: usize = 250;
/// From one epoch to another, as on any link.
const SEAL: Seal = Seal::new(0x0102_0304, 0x0506_0708);
/// What names and the like are cut from.
const TEXT: &str = "the quick brown fox jumps over the lazy dog and runs 0123456789 miles";

/// A source of damaged packets: xorshift, the same in every run of a seed.
#[derive(Debug)]
pub struct Corruption {
    random: u64,
    deframer: deframe::Deframer<[u8; 1024]>,
    wire: Vec<u8>,
    sent: [Vec<u8>; 2],
}

impl Corruption {
    /// The source of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { random, deframer: deframe::Deframer::new(), wire: Vec::new(), sent: [Vec::new(), Vec::new()] }
    }

    /// Damages so many packets, and counts.
    pub fn run(&mut self, packets: u64) -> Tally {
        let mut tally = Tally::default();
        let mut corrupted = 0;
        while corrupted < packets {
            // Two packets, so that they can run into each other.
            self.wire.clear();
            for at in 0..2 {
                self.make(at);
            }
            let before = self.wire.clone();
            self.damage();
            if self.wire == before {
                self.sent.iter().for_each(|sent| tally.of(sent).intact += 1);
                continue;
            }
            self.sent.iter().for_each(|sent| tally.of(sent).corrupted += 1);
            corrupted += 2 - self.receive(&mut tally);
        }
        tally
    }

    /// Puts a packet of any kind onto the wire.
    fn make(&mut self, at: usize) {
        let mut room = [0; DATA_MAX];
        let channel = ChannelId::new(self.below(8) as u8);
        let packet = match self.below(7) {
            0 => Packet::Hello(self.hello()),
            1 => Packet::Open(self.open(channel)),
            2 => Packet::Data(self.data(channel, &mut room, Care::Lossy, false)),
            kind @ (3 | 4) => {
                let care = Care::Numbered { number: self.next() as u8, place: self.next() as u8 };
                Packet::Data(self.data(channel, &mut room, care, kind == 4))
            }
            5 => {
                let credits = 2 * self.below(9) as usize;
                self.fill(&mut room[..credits]);
                // Most often nothing or little is missing.
                let missing = (self.next() as u32).checked_shr(self.below(40) as u32).unwrap_or(0);
                Packet::Ack(Ack::new(self.next() as u8, missing, &room[..credits]))
            }
            _ => {
                let reset = if self.below(2) == 0 { Some(self.text(0)) } else { None };
                Packet::Close(Close { number: self.next() as u8, channel, place: self.next() as u8, reset })
            }
        };
        self.put(at, &packet);
    }

    fn hello(&mut self) -> Hello<'static> {
        let identity = Identity { name: self.text(0), firmware: self.text(0), serial: self.text(0) };
        let terms = Terms {
            version_min: VERSION,
            version_max: VERSION,
            epoch: self.next() as u32 | 1,
            seen: self.next() as u32,
            packet_max: 130 + self.below(4000) as u32,
            window: 1 + self.below(64) as u8,
            ack_every: 1 + self.below(8) as u8,
            silence_ms: self.below(5000) as u32,
            channels: 1 + self.below(128) as u8,
        };
        Hello { asks: self.below(2) == 0, terms, identity }
    }

    fn open(&mut self, id: ChannelId) -> Open<'static> {
        let priority = [Priority::Urgent, Priority::Normal, Priority::Bulk][self.below(3) as usize];
        let delivery = [Delivery::Reliable, Delivery::Latest, Delivery::Lossy][self.below(3) as usize];
        let channel = Channel { name: self.text(1), priority, delivery, content: self.text(0), meta: self.text(0) };
        Open { id, place: self.next() as u8, channel }
    }

    /// Frames with any of their labels.
    fn data<'d>(&mut self, channel: ChannelId, room: &'d mut [u8], care: Care, is_run: bool) -> Data<'d> {
        // A run has two frames at least.
        let least = if is_run { 2 } else { 1 };
        let len = least + self.below((room.len() - least) as u64 + 1) as usize;
        self.fill(&mut room[..len]);
        let size = is_run.then(|| len.div_ceil(2 + self.below(15) as usize));
        let sequence = self.below(200).saturating_sub(50) as u32;
        let has_labels = care == Care::Lossy || self.below(2) == 0;
        let total = (self.below(2) == 0).then(|| sequence + 16 + self.below(300) as u32);
        Data {
            care,
            channel,
            labels: has_labels.then(|| (MessageId(self.below(300) as u32), sequence)),
            total,
            kind: if self.below(2) == 0 { Kind::Binary } else { Kind::Text },
            meta: if has_labels && sequence == 0 { self.text(0) } else { "" },
            size,
            data: &room[..len],
        }
    }

    /// A text of up to 32 bytes, and so many at least.
    fn text(&mut self, least: u64) -> &'static str {
        let start = self.below(TEXT.len() as u64 - 32) as usize;
        let len = (least + self.below(33 - least)) as usize;
        &TEXT[start..start + len]
    }

    fn fill(&mut self, room: &mut [u8]) {
        for chunk in room.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }

    /// Encodes a packet, and notes what was sent.
    fn put(&mut self, at: usize, packet: &Packet<'_>) {
        let mut out = [0; DATA_MAX + 64];
        let bytes = packet.encode(SEAL, &mut out).expect("it fits");
        self.sent[at].clear();
        self.sent[at].extend_from_slice(bytes);
        let mut run = [0; DATA_MAX + 80];
        let room = &mut run[..cobs::encoded_max(bytes.len())];
        let start = room.len() - bytes.len();
        room[start..].copy_from_slice(bytes);
        let len = cobs::encode(room, bytes.len()).expect("it fits");
        self.wire.extend_from_slice(&run[..len]);
        self.wire.push(0);
    }

    /// One to four accidents, each of any kind.
    fn damage(&mut self) {
        for _ in 0..=self.below(4) {
            // Short packets may be lost to the last byte.
            if self.wire.is_empty() {
                return;
            }
            let at = self.below(self.wire.len() as u64) as usize;
            match self.below(8) {
                0..=2 => self.wire[at] ^= 1 << self.below(8),
                3 => {
                    // A burst: up to 32 neighbouring bits, the first and the last of them certainly.
                    let bits = self.next() as u32 | 1 | 1 << 31;
                    let bits = bits >> self.below(31);
                    for (byte, flip) in self.wire[at..].iter_mut().zip(bits.to_le_bytes()) {
                        *byte ^= flip;
                    }
                }
                4 => drop(self.wire.remove(at)),
                5 => self.wire.insert(at, self.wire[at]),
                6 => {
                    let byte = self.next() as u8;
                    self.wire.insert(at, byte);
                }
                _ => {
                    let len = self.below(20) as usize;
                    let end = (at + len).min(self.wire.len() - 1);
                    drop(self.wire.drain(at..end));
                }
            }
        }
    }

    /// Reads what came, and counts; returns how many of the packets sent are among it.
    fn receive(&mut self, tally: &mut Tally) -> u64 {
        let mut intact = 0;
        self.deframer.reset();
        // The end of what came is the end of a run.
        self.wire.push(0);
        let mut rest = self.wire.as_slice();
        while let Some(run) = self.deframer.next_run(&mut rest) {
            if let deframe::Run::Packet(packet) = run
                && Packet::decode(packet, SEAL).is_ok()
            {
                let count = tally.of(packet);
                if self.sent.iter().any(|sent| sent == packet) {
                    count.intact += 1;
                    count.corrupted -= 1;
                    intact += 1;
                } else {
                    count.wrong += 1;
                }
            }
        }
        intact
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::{Corruption, Tally};

    #[test]
    fn no_damaged_packet_is_accepted() {
        let tally = Corruption::seeded(7).run(200_000);
        let all = tally.all();
        assert!(all.corrupted >= 200_000 && all.intact > 1000, "{tally}");
        assert_eq!(all.wrong, 0, "{tally}");
    }

    #[test]
    fn every_kind_is_damaged() {
        let tally = Corruption::seeded(7).run(20_000);
        assert!(tally.kinds.iter().all(|count| count.corrupted > 1500), "{tally}");
    }

    #[test]
    fn every_packet_is_accepted_when_nothing_damages_it() {
        let mut corruption = Corruption::seeded(7);
        for _ in 0..1000 {
            corruption.wire.clear();
            let mut tally = Tally::default();
            for at in 0..2 {
                corruption.make(at);
                tally.of(&corruption.sent[at]).corrupted += 1;
            }
            assert_eq!(corruption.receive(&mut tally), 2, "{:02x?}", corruption.sent);
        }
    }

    #[test]
    fn what_is_accepted_wrongly_is_noticed() {
        // The control: a packet that nobody sent.
        let mut corruption = Corruption::seeded(7);
        corruption.make(0);
        corruption.sent[0][0] ^= 1;
        let mut tally = Tally::default();
        corruption.receive(&mut tally);
        assert_eq!(tally.all().wrong, 1);
    }
}
