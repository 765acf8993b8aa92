//! How a link does, as numbers and as the JSON text that travels on a channel for them.

use core::fmt;

use crate::counters::Counters;

/// Name of the channel on which the numbers of a link travel, by convention.
pub const STATS_CHANNEL: &str = "stats";

/// What a link has counted, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stats {
    /// Since the link was made.
    pub counters: Counters,
    /// Smoothed round-trip time in microseconds; 0 before the first measurement.
    pub round_trip_us: u32,
    /// Packets on their way that were not acknowledged.
    pub in_flight: u8,
    /// Bytes of data that a packet should have, as noisy as the line is.
    pub chunk: u16,
}

impl fmt::Display for Stats {
    /// One JSON object of numbers, at most 300 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters {
            sent,
            repaired,
            timeouts,
            received,
            duplicate,
            refused,
            bad_crc,
            too_long,
            malformed,
            unknown,
            echoed,
            dropped,
        } = self.counters;
        let fields = [
            ("sent", sent),
            ("repaired", repaired),
            ("timeouts", timeouts),
            ("received", received),
            ("duplicate", duplicate),
            ("refused", refused),
            ("badCrc", bad_crc),
            ("tooLong", too_long),
            ("malformed", malformed),
            ("unknown", unknown),
            ("echoed", echoed),
            ("dropped", dropped),
            ("roundTripUs", self.round_trip_us),
            ("inFlight", u32::from(self.in_flight)),
            ("chunk", u32::from(self.chunk)),
        ];
        let mut before = '{';
        for (name, value) in fields {
            write!(f, "{before}\"{name}\":{value}")?;
            before = ',';
        }
        f.write_str("}")
    }
}
