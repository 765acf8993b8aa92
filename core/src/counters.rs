//! What a link counts: everything sent, received and dropped.

use crate::packet::DecodeError;

/// Counts since the link was made; each wraps around after 2^32-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Packets encoded for sending.
    pub sent: u32,
    /// Frames that were sent again.
    pub repaired: u32,
    /// Waits for an acknowledgement that ended in vain.
    pub timeouts: u32,
    /// Packets whose check and fields were right.
    pub received: u32,
    /// Frames that had arrived before.
    pub duplicate: u32,
    /// Frames that this side did not take: ahead of their place with no block free, which come again, and lossy ones on a paused channel, which
    /// do not.
    pub refused: u32,
    /// Runs that were no packet or whose CRC-32 did not fit.
    pub bad_crc: u32,
    /// Runs longer than the buffer, skipped whole.
    pub too_long: u32,
    /// Packets with a fitting check and a field out of range.
    pub malformed: u32,
    /// Packets of an unknown type, or for a channel that is not open on this side.
    pub unknown: u32,
    /// HELLOs of our own that came back: the line is a loop, or echoes.
    pub echoed: u32,
    /// Messages on lossy channels that a full queue refused, over all channels.
    pub dropped: u32,
}

/// Counts so many more.
pub(crate) fn add(counter: &mut u32, more: u32) {
    *counter = counter.wrapping_add(more);
}

impl Counters {
    pub(crate) fn count(&mut self, error: DecodeError) {
        let counter = match error {
            DecodeError::Crc => &mut self.bad_crc,
            DecodeError::Unknown => &mut self.unknown,
            DecodeError::Malformed => &mut self.malformed,
        };
        add(counter, 1);
    }
}
