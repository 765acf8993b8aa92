//! The lines that files are moved over, and how much over each.

use std::time::Duration;

use pocketmux_tests::{Line, Random};

use crate::options::Options;

/// The queue of Linux' serial drivers.
pub const DRIVER_QUEUE: usize = 4096;

/// One line and the file to move over it.
pub struct Course {
    pub name: &'static str,
    pub line: Line,
    pub file: Vec<u8>,
    /// In the short form the other programs, which may wait for many seconds after an error, sit the noisy lines out.
    pub for_peers: bool,
    /// Time that is granted beyond a multiple of what the line needs: for waits of fixed length, which programs have.
    patience: Duration,
}

impl Course {
    /// The courses that are asked for.
    ///
    /// The more a line slows everybody down the shorter the file; at a rate of 1e-5 it is long enough to meet with some twenty errors.
    pub fn all(options: &Options) -> Vec<Self> {
        let slow = slow(options);
        let fast = Line { baud: 921_600, ..slow };
        let late = Line { latency: Duration::from_millis(16), ..fast };
        let noisy = |bit_error_rate| Line { bit_error_rate, ..slow };
        let courses = [
            ("115200 clean", slow, 128, 16),
            ("115200 at 1e-6", noisy(1e-6), 256, 16),
            ("115200 at 1e-5", noisy(1e-5), 256, 16),
            ("115200 at 1e-4", noisy(1e-4), 64, 16),
            ("115200 at 1e-3", noisy(1e-3), 16, 8),
            ("921600 clean", fast, 512, 64),
            ("921600 clean, 16 ms each way", late, 512, 64),
        ];
        let asked = courses.into_iter().filter(|(name, ..)| options.wants_line(name));
        asked.map(|(name, line, kib, kib_quick)| Self::new(options, name, line, kib, kib_quick)).collect()
    }

    /// The courses for one and the same file, by programs.
    pub fn of_programs(options: &Options) -> Vec<Self> {
        let noises =
            [("115200 clean", 0.0), ("115200 at 1e-6", 1e-6), ("115200 at 1e-5", 1e-5), ("115200 at 1e-4", 1e-4)];
        let asked = noises.into_iter().filter(|(name, _)| options.wants_line(name));
        let line = |bit_error_rate| Line { bit_error_rate, ..slow(options) };
        asked.map(|(name, bit_error_rate)| Self::new(options, name, line(bit_error_rate), 256, 16)).collect()
    }

    fn new(options: &Options, name: &'static str, line: Line, kib: usize, kib_quick: usize) -> Self {
        Self {
            name,
            line,
            file: Random::new(options.seed).bytes(1024 * if options.quick { kib_quick } else { kib }),
            patience: Duration::from_secs(if options.quick { 10 } else { 30 }),
            for_peers: !options.quick || line.bit_error_rate == 0.0,
        }
    }

    /// Whether nothing disturbs the line: a transfer over it has to succeed.
    pub fn is_clean(&self) -> bool {
        self.line.bit_error_rate == 0.0
    }

    /// When a transfer counts as one that never ends.
    pub fn time_limit(&self) -> Duration {
        self.line.time_of(self.file.len()) * 5 + self.patience
    }
}

fn slow(options: &Options) -> Line {
    Line { queue: DRIVER_QUEUE, seed: options.seed, ..Line::new(115_200) }
}
