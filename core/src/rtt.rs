//! The round-trip time of a link, and from it how long to wait for an acknowledgement (RFC 6298).
//!
//! A number that was sent once only is measured (Karn's rule). The wait doubles each time it ends in vain, up to two seconds, and
//! goes on for ever: a cable may be away for minutes.

use crate::acks::QUIET_US;

/// The wait before anything was measured, in microseconds: beyond a frame of 240 bytes and its answer at 9600 baud.
const WAIT_FIRST_US: u32 = 500_000;
/// The longest wait, in microseconds, where the round trip itself is not longer.
const WAIT_MAX_US: u32 = 2_000_000;
const DOUBLINGS_MAX: u8 = 8;
/// Clocks and schedulers are no finer than this, in microseconds.
const GRAIN_US: u32 = 2_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct RoundTrip {
    smoothed_us: u32,
    variation_us: u32,
    /// Doublings in force.
    backoff: u8,
}

impl RoundTrip {
    pub(crate) fn measured(&mut self, sample_us: u64) {
        let sample = u32::try_from(sample_us).unwrap_or(u32::MAX).clamp(1, WAIT_MAX_US * 8);
        if self.smoothed_us == 0 {
            self.smoothed_us = sample;
            self.variation_us = sample / 2;
        } else {
            let deviation = self.smoothed_us.abs_diff(sample);
            self.variation_us = self.variation_us - self.variation_us / 4 + deviation / 4;
            self.smoothed_us = (self.smoothed_us - self.smoothed_us / 8 + sample / 8).max(1);
        }
    }

    pub(crate) fn heard(&mut self) {
        self.backoff = 0;
    }

    pub(crate) fn waited_in_vain(&mut self) {
        self.backoff = (self.backoff + 1).min(DOUBLINGS_MAX);
    }

    /// How long to wait for an acknowledgement, in microseconds; of a repetition, which is answered at once, or of any packet.
    pub(crate) fn wait_us(&self, of_repetition: bool) -> u64 {
        let quiet_us = if of_repetition { 0 } else { QUIET_US };
        let base = match self.smoothed_us {
            0 => WAIT_FIRST_US,
            smoothed => smoothed.saturating_add((4 * self.variation_us).max(GRAIN_US)).saturating_add(quiet_us),
        };
        u64::from(base.saturating_mul(1 << self.backoff).min(WAIT_MAX_US.max(base)))
    }

    /// Smoothed, in microseconds; 0 before the first measurement.
    pub(crate) fn smoothed_us(&self) -> u32 {
        self.smoothed_us
    }
}

#[cfg(test)]
mod tests {
    use super::{RoundTrip, WAIT_FIRST_US, WAIT_MAX_US};

    #[test]
    fn the_wait_follows_what_was_measured_and_doubles_in_vain() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.wait_us(false), u64::from(WAIT_FIRST_US));
        for _ in 0..50 {
            round_trip.measured(10_000);
        }
        assert_eq!(round_trip.smoothed_us(), 10_000);
        let wait = round_trip.wait_us(false);
        assert_eq!(
            (wait, round_trip.wait_us(true)),
            (32_000, 12_000),
            "the round trip and the quiet before the answer"
        );
        round_trip.waited_in_vain();
        assert_eq!(round_trip.wait_us(false), 2 * wait);
        for _ in 0..100 {
            round_trip.waited_in_vain();
        }
        assert_eq!(round_trip.wait_us(false), u64::from(WAIT_MAX_US));
        round_trip.heard();
        assert_eq!(round_trip.wait_us(false), wait);
        round_trip.measured(u64::MAX);
        assert!(round_trip.wait_us(false) > wait);
    }
}
