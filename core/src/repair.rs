//! What is on its way: acknowledged, noticed as lost, asked about.
//!
//! A byte stream keeps its order, so a number is lost as soon as a newer one has arrived: its frames go again at once, without
//! waiting for a timer. The timer is for the last numbers of a burst, behind which nothing follows. Noise is not congestion: nothing
//! slows down.

use crate::rtt::RoundTrip;
use crate::window::{Answer, SPAN, SendWindow};

/// The sending side's memory of its numbers; the frames themselves are in the pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repair {
    window: SendWindow,
    round_trip: RoundTrip,
    /// When each number left, in units of 256 µs.
    left_at: [u16; SPAN as usize],
    /// Numbers that left more than once, by their low bits: their answers are ambiguous and not measured (Karn).
    relaunched: u32,
    /// The last number that carries a repetition.
    repetition: Option<u8>,
    /// Since when an answer is awaited.
    since_us: u64,
}

/// 256 µs, a byte at 38400 baud, by its power of two: boards divide slowly. The clock of round trips wraps after 16 s.
const TICK: u32 = 8;

fn ticks(now_us: u64) -> u16 {
    (now_us >> TICK) as u16
}

impl Repair {
    /// True while another number may be on its way.
    pub(crate) fn has_room(&self) -> bool {
        self.window.has_room()
    }

    /// Numbers on their way.
    pub(crate) fn out(&self) -> u8 {
        self.window.out()
    }

    pub(crate) fn round_trip_us(&self) -> u32 {
        self.round_trip.smoothed_us()
    }

    /// The wait for an answer now, in microseconds.
    pub(crate) fn wait_us(&self) -> u64 {
        let of_repetition = self.repetition.is_some_and(|number| self.window.age_rank(number) < self.window.out());
        self.round_trip.wait_us(of_repetition)
    }

    /// A new number leaves, with frames that left before or not.
    pub(crate) fn launch(&mut self, is_repetition: bool, now_us: u64) -> u8 {
        // While packets leave, newer numbers tell what became of the older; the wait is for the last.
        self.since_us = now_us;
        let number = self.window.take_number();
        if is_repetition {
            self.repetition = Some(number);
        }
        if let Some(left_at) = self.left_at.get_mut(usize::from(number % SPAN)) {
            *left_at = ticks(now_us);
        }
        self.relaunched &= !(1 << (number % SPAN));
        number
    }

    /// A number leaves once more.
    pub(crate) fn relaunch(&mut self, number: u8, now_us: u64) {
        self.relaunched |= 1 << (number % SPAN);
        self.repetition = Some(number);
        self.since_us = now_us;
    }

    /// Takes an answer in. How many numbers it tells to be lost; `None` when it tells nothing new.
    pub(crate) fn acknowledge(&mut self, answer: Answer, now_us: u64) -> Option<u32> {
        let lost = self.window.acknowledge(answer)?;
        self.round_trip.heard();
        self.since_us = now_us;
        // The newest number is the one that was answered without delay.
        let at = answer.newest % SPAN;
        if self.relaunched >> at & 1 == 0
            && answer.has_arrived(answer.newest) == Some(true)
            && let Some(left_at) = self.left_at.get(usize::from(at))
        {
            let ticks = ticks(now_us).wrapping_sub(*left_at);
            self.round_trip.measured(u64::from(ticks) << TICK);
        }
        Some(lost)
    }

    /// When the answer is overdue; `None` while none is awaited.
    pub(crate) fn deadline_us(&self) -> Option<u64> {
        (self.window.out() > 0).then(|| self.since_us.saturating_add(self.wait_us()))
    }

    /// True when the answer is overdue. The next wait is longer then, unless the peer was heard meanwhile: noise is no reason to slow down,
    /// a line that is cut is.
    pub(crate) fn expire(&mut self, heard_at_us: u64, now_us: u64) -> bool {
        let is_over = self.deadline_us().is_some_and(|deadline| now_us >= deadline);
        if is_over {
            if heard_at_us < self.since_us {
                self.round_trip.waited_in_vain();
            }
            self.since_us = now_us;
        }
        is_over
    }

    /// A first measurement, of the greeting.
    pub(crate) fn greeted(&mut self, round_trip_us: u64) {
        self.round_trip.measured(round_trip_us);
    }

    /// Bytes are still leaving: the wait begins with the last of them, however slow the line.
    pub(crate) fn still_leaving(&mut self, now_us: u64) {
        self.since_us = self.since_us.max(now_us);
    }

    /// The line is back: the wait is over now.
    pub(crate) fn hurry(&mut self) {
        self.round_trip.heard();
        self.since_us = 0;
    }

    /// How old a number on its way is: 0 for the oldest.
    pub(crate) fn age_rank(&self, number: u8) -> u8 {
        self.window.age_rank(number)
    }

    /// Nothing of what was on its way is wanted any more.
    pub(crate) fn forget(&mut self) {
        self.window.clear();
    }
}
