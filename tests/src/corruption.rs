//! Frames with damage, and what the receiving side makes of them.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use pocketmux_core::packet::{Care, Data, Packet, Seal};
use pocketmux_core::{ChannelId, Kind, MessageId, cobs, deframe};

/// Longest data of a frame here.
const DATA_MAX: usize = 250;
/// From one epoch to another, as on any link.
const SEAL: Seal = Seal::new(0x0102_0304, 0x0506_0708);

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that were damaged.
    pub corrupted: u64,
    /// Runs that damage left as they were, or as another form of the same: as when a byte is lost between two packets.
    pub intact: u64,
    /// Packets that were accepted although nobody sent them.
    pub wrong: u64,
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            corrupted: self.corrupted + other.corrupted,
            intact: self.intact + other.intact,
            wrong: self.wrong + other.wrong,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames corrupted, {} accepted wrongly ({} left intact)", self.corrupted, self.wrong, self.intact)
    }
}

/// A source of damaged frames: xorshift, the same in every run of a seed.
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

    /// Damages so many frames, and counts.
    pub fn run(&mut self, frames: u64) -> Tally {
        let mut tally = Tally::default();
        while tally.corrupted < frames {
            // Two packets, so that they can run into each other.
            self.wire.clear();
            for at in 0..2 {
                self.make(at);
            }
            let before = self.wire.clone();
            self.damage();
            if self.wire == before {
                tally.intact += 2;
                continue;
            }
            tally.corrupted += 2;
            self.receive(&mut tally);
        }
        tally
    }

    /// Puts a packet onto the wire.
    fn make(&mut self, at: usize) {
        let mut data = [0; DATA_MAX];
        let len = self.below(DATA_MAX as u64) as usize + 1;
        for chunk in data[..len].chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        let care = Care::Numbered { number: self.next() as u8, place: self.next() as u8 };
        let labels = (self.below(2) == 0).then(|| (MessageId(self.below(300) as u32), self.below(200) as u32));
        let channel = ChannelId::new(self.below(8) as u8);
        let packet = Packet::Data(Data {
            care,
            channel,
            labels,
            total: None,
            kind: Kind::Binary,
            meta: "",
            size: None,
            data: &data[..len],
        });
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

    fn receive(&mut self, tally: &mut Tally) {
        self.deframer.reset();
        // The end of what came is the end of a run.
        self.wire.push(0);
        let mut rest = self.wire.as_slice();
        while let Some(run) = self.deframer.next_run(&mut rest) {
            if let deframe::Run::Packet(packet) = run
                && Packet::decode(packet, SEAL).is_ok()
            {
                if self.sent.iter().any(|sent| sent == packet) {
                    tally.intact += 1;
                    tally.corrupted -= 1;
                } else {
                    tally.wrong += 1;
                }
            }
        }
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
    use super::Corruption;

    #[test]
    fn no_damaged_frame_is_accepted() {
        let tally = Corruption::seeded(7).run(200_000);
        assert!(tally.corrupted >= 200_000 && tally.intact > 1000, "{tally}");
        assert_eq!(tally.wrong, 0, "{tally}");
    }

    #[test]
    fn what_is_accepted_wrongly_is_noticed() {
        // The control: a packet that nobody sent.
        let mut corruption = Corruption::seeded(7);
        corruption.make(0);
        corruption.sent[0][0] ^= 1;
        let mut tally = super::Tally::default();
        corruption.receive(&mut tally);
        assert_eq!(tally.wrong, 1);
    }
}
