//! How noisy the line is, and how long frames should be for that.
//!
//! For a chance `e` of an error in a byte, a chunk of `L` bytes with `h` more around it carries `L / (L + h) × (1 - e)^(L + h)` of the line's rate.
//! That is greatest near `L = √(h / e)`: 1 KiB at a bit error rate of 1e-6, 370 bytes at 1e-5, 117 at 1e-4, 37 at 1e-3.

/// Bytes around a chunk.
const OVERHEAD: u32 = 11;
/// The shortest chunk that is worth its overhead.
const CHUNK_MIN: u32 = 32;
/// The longest: beyond it a clean line gains less than a percent, and everyone else waits longer.
const CHUNK_MAX: u32 = 1024;
/// What a line is taken for before anything is known: one that suits chunks of 120 bytes, an eighth of a loss in so many. They pass
/// on a bad line, too; on a good one they grow with what arrives.
const BYTES_FIRST: u32 = 120 * 120 / OVERHEAD / 8;
/// A loss in fixed point, so that old ones can fade.
const LOSS: u32 = 16;
/// Beyond these, the past counts half: so much traffic, so many losses are enough to judge by.
const BYTES_MAX: u32 = 64 * 1024;
const LOSSES_MAX: u32 = 32 * LOSS;

/// What was seen of a line lately.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    bytes: u32,
    /// In sixteenths; never 0.
    losses: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: BYTES_FIRST, losses: LOSS / 8 }
    }
}

impl Line {
    pub(crate) fn note(&mut self, arrived_bytes: u32, lost_packets: u32) {
        self.bytes = self.bytes.saturating_add(arrived_bytes);
        self.losses = self.losses.saturating_add(lost_packets.saturating_mul(LOSS));
        while self.bytes > BYTES_MAX || self.losses > LOSSES_MAX {
            self.bytes /= 2;
            self.losses = (self.losses / 2).max(1);
        }
    }

    /// Bytes of data that a packet should have.
    pub(crate) fn chunk(&self) -> usize {
        // The root of `bytes` per loss, a bit at a time and without division, of which the smallest chips have none. The greatest
        // product is 2047² × 512, within 32 bits.
        let square = OVERHEAD * LOSS * self.bytes;
        let root = (0..=CHUNK_MAX.ilog2()).rev().map(|bit| 1 << bit).fold(0u32, |root, bit| {
            let higher = root | bit;
            if higher * higher * self.losses <= square { higher } else { root }
        });
        root.clamp(CHUNK_MIN, CHUNK_MAX) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, CHUNK_MAX, CHUNK_MIN, LOSS, LOSSES_MAX, Line, OVERHEAD};

    /// A line on which every so many bytes one is wrong, used with the chunks that it asks for.
    fn settled(bytes_an_error: u32) -> usize {
        let mut line = Line::default();
        let mut until_error = bytes_an_error;
        for _ in 0..20_000 {
            let packet = line.chunk() as u32 + 11;
            if until_error < packet {
                until_error += bytes_an_error;
                line.note(0, 1);
            } else {
                line.note(packet, 0);
            }
            until_error -= packet.min(until_error);
        }
        line.chunk()
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic, and much of it")]
    fn the_root_is_the_standard_librarys() {
        for losses in [1, 2, 16, 511, LOSSES_MAX] {
            for bytes in (0..BYTES_MAX).step_by(7).chain([BYTES_MAX]) {
                let root = (OVERHEAD * LOSS * bytes / losses).isqrt().clamp(CHUNK_MIN, CHUNK_MAX);
                assert_eq!(Line { bytes, losses }.chunk(), root as usize, "{bytes} bytes, {losses} losses");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic, and much of it")]
    fn the_chunk_suits_the_noise() {
        assert_eq!(Line::default().chunk(), 119);
        for (bytes_an_error, least, most) in [(125_000, 600, 1024), (12_500, 250, 450), (1_250, 80, 150), (125, 32, 50)]
        {
            let chunk = settled(bytes_an_error);
            assert!((least..=most).contains(&chunk), "an error in {bytes_an_error} bytes: {chunk}");
        }
    }

    #[test]
    fn a_clean_line_gets_long_chunks_and_a_burst_of_noise_short_ones() {
        let mut line = Line::default();
        line.note(1_000_000, 0);
        assert_eq!(line.chunk(), 1024);
        line.note(0, 64);
        assert!(line.chunk() < 240, "{}", line.chunk());
        line.note(u32::MAX, u32::MAX);
        line.note(u32::MAX, u32::MAX);
    }
}
