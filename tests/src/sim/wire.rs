//! One direction of the byte wire: a rate, a delay, a queue in front of it, and what goes wrong on it.

use std::collections::VecDeque;

use super::chance::Chance;
use super::noise::{Noise, NoisePlan};

/// What one direction is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WirePlan {
    /// Bytes a second.
    pub rate: u64,
    /// From the last bit of a byte leaving to its arrival, in microseconds.
    pub delay_us: u64,
    /// Bytes that are taken from the link, and arrive, at once: 1 for a bare UART, more for a FIFO or USB.
    pub chunk: usize,
    /// Bytes that a driver takes ahead of the wire.
    pub queue: u64,
    /// What it does to the bytes.
    pub noise: NoisePlan,
}

impl WirePlan {
    /// How long so many bytes take to leave, in nanoseconds.
    #[must_use]
    pub fn ns_of(&self, bytes: u64) -> u64 {
        bytes * 1_000_000_000 / self.rate
    }
}

/// Bytes on their way.
#[derive(Debug)]
struct Flight {
    at_ns: u64,
    bytes: Vec<u8>,
    /// They end the first HELLO of the sender's boot of this epoch.
    first_hello: Option<u32>,
}

/// What arrived at the end of a wire.
#[derive(Debug)]
pub struct Arrival {
    /// The bytes, as the noise left them.
    pub bytes: Vec<u8>,
    /// They end the first HELLO of the sender's boot of this epoch.
    pub first_hello: Option<u32>,
}

/// One direction.
#[derive(Debug)]
pub struct Wire {
    plan: WirePlan,
    noise: Noise,
    /// When everything taken so far will have left.
    free_at_ns: u64,
    stalled_until_ns: u64,
    unplugged_until_ns: u64,
    flying: VecDeque<Flight>,
}

impl Wire {
    /// An empty wire.
    #[must_use]
    pub fn new(plan: WirePlan, random: Chance) -> Self {
        let noise = Noise::new(plan.noise, random);
        Self { plan, noise, free_at_ns: 0, stalled_until_ns: 0, unplugged_until_ns: 0, flying: VecDeque::new() }
    }

    /// When the next chunk may be put on it.
    #[must_use]
    pub fn room_at_ns(&self) -> u64 {
        self.free_at_ns.saturating_sub(self.plan.ns_of(self.plan.queue)).max(self.stalled_until_ns)
    }

    /// Bytes that it takes at once.
    #[must_use]
    pub fn chunk(&self) -> usize {
        self.plan.chunk
    }

    /// Puts bytes on it.
    pub fn put(&mut self, bytes: Vec<u8>, first_hello: Option<u32>, now_ns: u64) {
        self.free_at_ns = self.free_at_ns.max(now_ns) + self.plan.ns_of(bytes.len() as u64);
        let at_ns = self.free_at_ns + self.plan.delay_us * 1000;
        self.flying.push_back(Flight { at_ns, bytes, first_hello });
    }

    /// When the next bytes arrive.
    #[must_use]
    pub fn arrival_ns(&self) -> Option<u64> {
        self.flying.front().map(|flight| flight.at_ns.max(self.stalled_until_ns))
    }

    /// The next bytes that have arrived; empty where they were lost.
    pub fn take(&mut self, now_ns: u64) -> Option<Arrival> {
        if self.arrival_ns()? > now_ns {
            return None;
        }
        let flight = self.flying.pop_front()?;
        if now_ns < self.unplugged_until_ns {
            return Some(Arrival { bytes: Vec::new(), first_hello: None });
        }
        Some(Arrival { bytes: self.noise.pass(&flight.bytes), first_hello: flight.first_hello })
    }

    /// The first HELLO on its way no longer counts as such.
    pub fn forget_hello(&mut self) {
        self.flying.iter_mut().for_each(|flight| flight.first_hello = None);
    }

    /// Nothing leaves or arrives until then; what is on its way arrives later.
    pub fn stall(&mut self, until_ns: u64) {
        self.stalled_until_ns = self.stalled_until_ns.max(until_ns);
        self.free_at_ns = self.free_at_ns.max(until_ns);
    }

    /// What would arrive until then is lost.
    pub fn unplug(&mut self, until_ns: u64) {
        self.unplugged_until_ns = self.unplugged_until_ns.max(until_ns);
    }

    /// Ends the noise for good.
    pub fn calm(&mut self) {
        self.noise.calm();
    }
}
