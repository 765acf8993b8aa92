//! Keeps what was written and has not gone out short: it cannot be overtaken, so an urgent message waits for all of it.
//!
//! At most about two chunks, or 20 ms of the line if that is more, are written ahead. How much is ahead is what the system tells,
//! where it does:
//!
//! | port | what is known |
//! |---|---|
//! | serial, USB | the driver counts what waits in it (`TIOCOUTQ`); some count generously, none too little by more than the chip's FIFO |
//! | pseudo terminal | nothing: the count is always 0, and 20 KB are taken |
//! | TCP, RFC 2217 | nothing: the other machine's system takes bytes long before its serial port does |
//! | unix socket | whether the other side has read what was written, since its buffer is made as small as the system allows |
//!
//! Where nothing is known, the line is taken to carry ten bits a byte at `--baud`, and bytes are written at that pace. A driver is
//! believed from the first time that it says anything other than 0.

use tokio::time::{Duration, Instant};

/// A chunk of 240 bytes with everything around it.
const CHUNK: usize = 264;
/// Fewer than this are not worth waiting for at any speed.
const LOW_MIN: usize = 64;
/// While a driver holds enough, it is looked at again this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// So many bytes, now.
    For(usize),
    /// Nothing; ask again then.
    From(Instant),
}

/// What was written and has not gone out.
#[derive(Debug)]
pub(crate) struct Backlog {
    byte: Duration,
    /// So many may be ahead when more are written, so that the line never rests.
    low: usize,
    /// So many are written at once.
    piece: usize,
    is_told: bool,
    /// When the line, at its pace, will have carried all that was written.
    carried_at: Instant,
    /// Nothing was written since nothing was ahead.
    is_empty: bool,
}

impl Backlog {
    /// For a line of so many bits a second, by its pace until the system tells more.
    pub(crate) fn paced(baud: u32) -> Self {
        let in_20_ms = baud as usize / 10 / 50;
        Self {
            byte: Duration::from_secs(10) / baud.max(1),
            low: in_20_ms.min(CHUNK).max(in_20_ms / 2).max(LOW_MIN),
            piece: CHUNK.max(in_20_ms / 2),
            is_told: false,
            carried_at: Instant::now(),
            is_empty: true,
        }
    }

    /// For a port of which the system tells from the start.
    pub(crate) fn told(baud: u32) -> Self {
        Self { is_told: true, ..Self::paced(baud) }
    }

    /// The most that is ever ahead.
    pub(crate) fn max(&self) -> usize {
        self.low + self.piece
    }

    /// Counts bytes that were written.
    pub(crate) fn wrote(&mut self, len: usize, now: Instant) {
        let bytes = u32::try_from(len).unwrap_or(u32::MAX);
        self.carried_at = self.carried_at.max(now) + self.byte.saturating_mul(bytes);
        self.is_empty &= len == 0;
    }

    /// What may be written now. `waiting` is how many bytes the system says have not gone out; it is asked only if there may be some.
    pub(crate) fn room(&mut self, now: Instant, waiting: impl FnOnce() -> usize) -> Room {
        if self.is_empty {
            return Room::For(self.piece);
        }
        let waiting = waiting();
        self.is_told |= waiting > 0;
        let ahead = if self.is_told { waiting } else { self.uncarried(now) };
        self.is_empty = ahead == 0;
        if ahead <= self.low {
            Room::For(self.piece)
        } else if self.is_told {
            Room::From(now + LOOK_INTERVAL)
        } else {
            Room::From(self.carried_at - self.byte.saturating_mul(self.low as u32))
        }
    }

    /// Bytes that the line cannot have carried yet.
    fn uncarried(&self, now: Instant) -> usize {
        let left = self.carried_at.saturating_duration_since(now);
        usize::try_from(left.as_nanos().div_ceil(self.byte.as_nanos().max(1))).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backlog, CHUNK, LOOK_INTERVAL, Room};
    use tokio::time::{Duration, Instant};

    /// Writes as much as may be written until `end`, and returns how much that was and how much was ahead at most.
    fn flood(backlog: &mut Backlog, start: Instant, end: Instant) -> (usize, usize) {
        let (mut now, mut written, mut ahead_max) = (start, 0, 0);
        while now < end {
            match backlog.room(now, || 0) {
                Room::For(bytes) => {
                    backlog.wrote(bytes, now);
                    written += bytes;
                    ahead_max = ahead_max.max(backlog.uncarried(now));
                }
                Room::From(at) => {
                    assert!(at > now, "asking again makes a difference");
                    now = at;
                }
            }
        }
        (written, ahead_max)
    }

    #[test]
    fn two_chunks_or_20_ms_are_ahead_at_most_at_any_speed() {
        let max = [50, 9_600, 115_200, 921_600, 12_000_000].map(|baud| Backlog::paced(baud).max());
        assert_eq!(max, [328, 328, 494, 1842, 24_000]);
        assert!(max[2] <= 2 * CHUNK);
    }

    #[test]
    fn a_line_that_nothing_is_known_of_is_written_to_at_its_pace_and_never_rests() {
        for baud in [50, 9_600, 115_200, 921_600, 12_000_000] {
            let mut backlog = Backlog::paced(baud);
            let start = Instant::now();
            let seconds = 20;
            let (written, ahead_max) = flood(&mut backlog, start, start + Duration::from_secs(seconds));
            let carried = baud as usize / 10 * seconds as usize;
            assert!(ahead_max <= backlog.max(), "{baud}: {ahead_max}");
            // A byte takes a whole number of nanoseconds here, which at 12 Mbaud is 0.04 % too few.
            assert!((carried..=carried + carried / 1000 + backlog.max()).contains(&written), "{baud}: {written}");
        }
    }

    #[test]
    fn rest_is_not_saved_up() {
        let mut backlog = Backlog::paced(115_200);
        let start = Instant::now();
        flood(&mut backlog, start, start + Duration::from_secs(1));
        let later = start + Duration::from_secs(100);
        assert_eq!(backlog.room(later, || 0), Room::For(CHUNK));
        assert!(flood(&mut backlog, later, later + Duration::from_micros(1)).0 <= backlog.max());
    }

    #[test]
    fn a_driver_that_says_how_much_waits_is_believed_from_then_on() {
        let mut backlog = Backlog::paced(9_600);
        let now = Instant::now();
        backlog.wrote(1000, now);
        let Room::From(paced) = backlog.room(now, || 0) else { panic!("nothing is known yet") };
        assert!(paced > now + Duration::from_millis(900));
        assert_eq!(backlog.room(now, || 1000), Room::From(now + LOOK_INTERVAL));
        // It is faster than its baud rate says, as USB is.
        assert_eq!(backlog.room(now, || 0), Room::For(CHUNK));
        backlog.wrote(CHUNK, now);
        assert_eq!(backlog.room(now, || 0), Room::For(CHUNK));
    }

    #[test]
    fn the_system_is_not_asked_when_nothing_was_written() {
        let mut backlog = Backlog::told(115_200);
        let now = Instant::now();
        assert_eq!(backlog.room(now, || panic!("nothing was written")), Room::For(CHUNK));
        backlog.wrote(1, now);
        assert_eq!(backlog.room(now, || usize::MAX), Room::From(now + LOOK_INTERVAL));
        assert_eq!(backlog.room(now, || 0), Room::For(CHUNK));
        assert_eq!(backlog.room(now, || panic!("it said that nothing waits")), Room::For(CHUNK));
    }
}
