//! How a link does, as numbers and as the JSON text that travels on a channel for them.

use core::fmt::{self, Write as _};

use crate::counters::Counters;
use crate::lane::OutLane;

/// Name of the channel on which the numbers of a link travel, by convention.
pub const STATS_CHANNEL: &str = "stats";

/// What a link has counted, and how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Stats<'l> {
    /// Since the link was made.
    pub counters: Counters,
    /// Smoothed round-trip time in microseconds; 0 before the first measurement.
    pub round_trip_us: u32,
    /// Packets on their way that were not acknowledged.
    pub in_flight: u8,
    /// Bytes of data that a packet should have, as noisy as the line is.
    pub chunk: u16,
    pub(crate) lanes: &'l [OutLane<'l>],
}

impl<'l> Stats<'l> {
    /// The open channels of ours that dropped messages, by name, and how many each since it was opened.
    pub fn dropped_by(&self) -> impl Iterator<Item = (&'l str, u32)> {
        let lossy = self.lanes.iter().filter(|lane| lane.dropped > 0);
        lossy.filter_map(|lane| Some((lane.channel?.name, lane.dropped)))
    }
}

impl fmt::Display for Stats<'_> {
    /// One JSON object: numbers in at most 300 bytes, and `droppedBy`, an object of the numbers of [`Stats::dropped_by`], in at most 14
    /// bytes and the name for each channel.
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
        f.write_str(",\"droppedBy\":{")?;
        for (at, (name, dropped)) in self.dropped_by().enumerate() {
            f.write_str(if at == 0 { "\"" } else { ",\"" })?;
            for letter in name.chars() {
                // A name holds no control character, so that these two are all that JSON wants escaped.
                if matches!(letter, '"' | '\\') {
                    f.write_char('\\')?;
                }
                f.write_char(letter)?;
            }
            write!(f, "\":{dropped}")?;
        }
        f.write_str("}}")
    }
}
