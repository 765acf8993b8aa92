//! Makes a clock that never wraps out of a 32-bit timer that does.

/// Microseconds since the start, counted on by a free-running 32-bit timer at 1 MHz.
///
/// It must be read at least once a turn of the timer, which takes 71 minutes; the run loop reads it every
/// millisecond.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    last: u32,
    now_us: u64,
}

impl Clock {
    /// A clock at zero, for a timer that starts at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: 0, now_us: 0 }
    }

    /// The time in microseconds, given what the timer reads now.
    pub fn at(&mut self, timer_us: u32) -> u64 {
        self.now_us += u64::from(timer_us.wrapping_sub(self.last));
        self.last = timer_us;
        self.now_us
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn time_goes_on_when_the_timer_wraps() {
        let mut clock = Clock::new();
        assert_eq!(clock.at(5), 5);
        assert_eq!(clock.at(u32::MAX), u64::from(u32::MAX));
        assert_eq!(clock.at(9), (1 << 32) + 9);
        assert_eq!(clock.at(9), (1 << 32) + 9);
    }
}
