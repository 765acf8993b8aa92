//! Contents that nobody has to keep: each follows from its number and its length.

use pocketmux_core::crc::crc32;
use pocketmux_core::files::{About, Digest, Kind, Name};

/// A seeded generator (xorshift64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }
}

pub fn content(number: u64, len: usize) -> Vec<u8> {
    Random::new(number).bytes(len)
}

pub fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

pub fn about(called: &str, content: &[u8]) -> About {
    let kind = Kind::try_from("application/octet-stream").unwrap();
    About { name: name(called), size: content.len() as u32, digest: Digest::Crc32(crc32(content)), kind }
}
