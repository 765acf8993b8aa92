//! What became of packets, counted by kind.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// The kinds of packet, in the order of their numbers on the wire, which begin with 1.
const KINDS: [&str; 7] = ["HELLO", "OPEN", "LOSSY", "FRAME", "RUN", "ACK", "CLOSE"];

/// What became of the packets of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets that were damaged.
    pub corrupted: u64,
    /// Packets that damage left as they were, or as another form of the same: as when a byte is lost between two packets.
    pub intact: u64,
    /// Packets that were accepted as of this kind although nobody sent them.
    pub wrong: u64,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            corrupted: self.corrupted + other.corrupted,
            intact: self.intact + other.intact,
            wrong: self.wrong + other.wrong,
        }
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// What became of all packets, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) kinds: [Count; KINDS.len()],
}

impl Tally {
    /// Of all kinds together.
    #[must_use]
    pub fn all(&self) -> Count {
        self.kinds.into_iter().sum()
    }

    /// The count of the kind that a packet says it is of; every packet here was made or accepted, so that it says one.
    pub(super) fn of(&mut self, packet: &[u8]) -> &mut Count {
        &mut self.kinds[usize::from(packet[0] >> 4) - 1]
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            kinds: std::array::from_fn(|at| sum.kinds[at] + tally.kinds[at]),
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name, Count { corrupted, intact, wrong }| {
            write!(f, "{name:5} {corrupted:>12} corrupted, {wrong} accepted wrongly ({intact} left intact)")
        };
        for (name, count) in KINDS.into_iter().zip(self.kinds) {
            line(f, name, count)?;
            writeln!(f)?;
        }
        line(f, "all", self.all())
    }
}
