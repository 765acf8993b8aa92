//! How long the spoiled packet of a transfer was missed, and what that time was made of.

use super::transfer::{Left, Report};

/// What became of one spoiled packet, in nanoseconds.
#[derive(Debug)]
pub struct Repair {
    /// From when the spoiled packet has arrived to when all that was in it has.
    pub took_ns: u64,
    /// The longest that a chunk took: a packet with data, or all the packets of the repair.
    pub chunk_ns: u64,
    /// A chunk out and its answer back, which leaves at once.
    pub round_trip_ns: u64,
    /// How long nothing left between it and the next packet with data: nothing shows a gap but what follows it.
    pub idle_ns: u64,
    /// Other packets of the sender's, meanwhile.
    pub others_ns: u64,
}

impl Repair {
    /// Measures it in a report of a transfer with this delay.
    pub fn of(report: &Report, delay_us: u64) -> Self {
        let at = report.spoiled.expect("one was spoiled");
        let (lost, later) = (report.packets[at], &report.packets[at + 1..]);
        let repaired_ns = report.repaired_ns();
        let meanwhile: Vec<Left> = later.iter().filter(|packet| packet.arrives_ns <= repaired_ns).copied().collect();
        let (data, others): (Vec<Left>, Vec<Left>) = meanwhile.iter().partition(|packet| packet.load.is_some());
        let is_meanwhile = |answer: &&Left| (lost.arrives_ns..repaired_ns).contains(&answer.arrives_ns);
        let answer_ns = report.answers.iter().filter(is_meanwhile).map(|answer| answer.wire_ns).max().unwrap_or(0);
        let repair_ns = data.iter().filter(|packet| packet.repairs(&lost)).map(|packet| packet.wire_ns).sum();
        let chunk_ns = data.iter().map(|packet| packet.wire_ns).max().unwrap_or(0).max(lost.wire_ns).max(repair_ns);
        let next_ns = data.first().map_or(repaired_ns, |next| next.arrives_ns - next.wire_ns);
        let busy = |packets: &[Left], until_ns| {
            packets.iter().filter(|packet| packet.arrives_ns <= until_ns).map(|packet| packet.wire_ns).sum::<u64>()
        };
        Self {
            took_ns: repaired_ns - lost.arrives_ns,
            chunk_ns,
            round_trip_ns: chunk_ns + answer_ns + 2 * delay_us * 1000,
            idle_ns: next_ns - lost.arrives_ns - busy(&others, next_ns),
            others_ns: busy(&others, repaired_ns),
        }
    }

    /// One round trip and two chunks, and what the sender said besides.
    pub fn bound_ns(&self) -> u64 {
        self.round_trip_ns + 2 * self.chunk_ns + self.others_ns
    }
}
