//! What a bad line does to bytes: flips bits, loses runs of bytes, garbles them, and repeats packets.

use super::chance::Chance;

/// How bad a line is. All are probabilities; 0 for what does not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NoisePlan {
    /// That a bit arrives as the other one.
    pub flip: f64,
    /// That, at a byte, a run of bytes begins to be lost, as when a UART is read too late.
    pub lose: f64,
    /// That, at a byte, a run of bytes begins to arrive as anything.
    pub garble: f64,
    /// That a run up to a delimiter arrives twice.
    pub repeat: f64,
}

/// Longest run of bytes that is lost or garbled at once.
const RUN_MAX: u64 = 300;
/// A run longer than this is never repeated: no packet is.
const REPEATED_MAX: usize = 8192;

/// One direction's noise.
#[derive(Debug)]
pub struct Noise {
    plan: NoisePlan,
    random: Chance,
    bits: crate::Noise,
    /// Bytes until the next run of each kind, and bytes that are left of the present one.
    lose_in: u64,
    losing: u64,
    garble_in: u64,
    garbling: u64,
    /// What passed since the last delimiter.
    run: Vec<u8>,
}

impl Noise {
    /// Noise as planned, of this seed.
    #[must_use]
    pub fn new(plan: NoisePlan, mut random: Chance) -> Self {
        let bits = crate::Noise::new(plan.flip, random.number());
        let lose_in = random.failures(plan.lose);
        let garble_in = random.failures(plan.garble);
        Self { plan, random, bits, lose_in, losing: 0, garble_in, garbling: 0, run: Vec::new() }
    }

    /// Ends the noise for good.
    pub fn calm(&mut self) {
        *self = Self::new(NoisePlan::default(), self.random.clone());
    }

    /// What comes out at the other end for these bytes.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if let Some(byte) = self.pass_byte(byte) {
                out.push(byte);
                self.run.push(byte);
                if byte == 0 {
                    self.end_run(&mut out);
                }
            }
        }
        out
    }

    fn pass_byte(&mut self, mut byte: u8) -> Option<u8> {
        if starts(&mut self.lose_in) {
            self.losing = self.random.between(1, RUN_MAX);
            self.lose_in = self.random.failures(self.plan.lose);
        }
        if starts(&mut self.garble_in) {
            self.garbling = self.random.between(1, RUN_MAX);
            self.garble_in = self.random.failures(self.plan.garble);
        }
        if self.losing > 0 {
            self.losing -= 1;
            return None;
        }
        if self.garbling > 0 {
            self.garbling -= 1;
            return Some(self.random.number() as u8);
        }
        self.bits.spoil(&mut byte);
        Some(byte)
    }

    fn end_run(&mut self, out: &mut Vec<u8>) {
        if self.run.len() > 1 && self.run.len() <= REPEATED_MAX && self.random.chance(self.plan.repeat) {
            out.extend_from_slice(&self.run);
        }
        self.run.clear();
    }
}

/// Counts down; true when the count was reached.
fn starts(left: &mut u64) -> bool {
    match left.checked_sub(1) {
        Some(rest) => {
            *left = rest;
            false
        }
        None => true,
    }
}
