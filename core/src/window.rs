//! The numbers of a link's transmissions: which are on their way, which have arrived ([section 6](crate::protocol#6-ack)).
//!
//! Every transmission of a frame has a number of its own, so an answer is never ambiguous. A number is one byte: no more than [`SPAN`] are ever on
//! their way, and both sides are no further apart than that.

/// Numbers that may be on their way at once, and that an acknowledgement speaks of.
pub(crate) const SPAN: u8 = 32;

/// How far `byte` is beyond `from`; negative when it is before it.
pub(crate) fn distance(byte: u8, from: u8) -> i8 {
    byte.wrapping_sub(from) as i8
}

/// The receiving side.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveWindow {
    newest: u8,
    /// Bit `i` is set when number `newest - i` has not arrived.
    missing: u32,
}

impl Default for ReceiveWindow {
    fn default() -> Self {
        Self { newest: u8::MAX, missing: 0 }
    }
}

impl ReceiveWindow {
    /// Notes a number, taken or refused; true when numbers before it are missing that were not known to be.
    pub(crate) fn note(&mut self, number: u8, taken: bool) -> bool {
        let ahead = distance(number, self.newest);
        if ahead <= 0 {
            if taken {
                self.missing &= !1u32.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0);
            }
            return false;
        }
        let ahead = ahead.unsigned_abs().into();
        // Bits 1 to `ahead` - 1 are the numbers that were passed over.
        let passed = 1u32.checked_shl(ahead).map_or(u32::MAX, |bit| bit - 1) & !1;
        self.missing = self.missing.checked_shl(ahead).unwrap_or(0) | passed | u32::from(!taken);
        self.newest = number;
        passed != 0
    }

    pub(crate) fn newest(&self) -> u8 {
        self.newest
    }

    pub(crate) fn missing(&self) -> u32 {
        self.missing
    }
}

/// What an acknowledgement says of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) newest: u8,
    pub(crate) missing: u32,
}

impl Answer {
    /// Whether a number on its way has arrived; `None` when it is newer than the answer.
    pub(crate) fn has_arrived(self, number: u8) -> Option<bool> {
        let back = distance(self.newest, number);
        let back = u32::try_from(back).ok()?;
        Some(self.missing.checked_shr(back).is_some_and(|missing| back < u32::from(SPAN) && missing & 1 == 0))
    }
}

/// The sending side.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendWindow {
    /// The next number.
    next: u8,
    /// The oldest number that no answer has spoken of.
    base: u8,
}

impl SendWindow {
    /// Numbers that no answer has spoken of.
    pub(crate) fn out(&self) -> u8 {
        self.next.wrapping_sub(self.base)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.out() < SPAN
    }

    pub(crate) fn take_number(&mut self) -> u8 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }

    /// How old a number on its way is: 0 for the oldest.
    pub(crate) fn age_rank(&self, number: u8) -> u8 {
        number.wrapping_sub(self.base)
    }

    /// Takes an answer in; how many of the numbers it newly speaks of the line has lost. `None` when it is an old one, or speaks of what was never sent.
    pub(crate) fn acknowledge(&mut self, answer: Answer) -> Option<u32> {
        let new = self.age_rank(answer.newest);
        if new >= self.out() {
            return None;
        }
        self.base = answer.newest.wrapping_add(1);
        let told = u32::MAX.checked_shr(u32::from(SPAN - 1 - new.min(SPAN - 1))).unwrap_or(0);
        // The newest has arrived in any case: it was refused, which says nothing of the line.
        Some((answer.missing & told & !1).count_ones())
    }

    /// Forgets what is on its way.
    pub(crate) fn clear(&mut self) {
        self.base = self.next;
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, ReceiveWindow, SPAN, SendWindow};

    #[test]
    fn what_was_passed_over_or_refused_is_missing_until_it_comes_across_the_wrap() {
        for start in [0u8, 200, 250] {
            let number = |step: u8| start.wrapping_add(step);
            let mut window = ReceiveWindow { newest: start, missing: 0 };
            assert!(!window.note(number(1), true));
            assert!(window.note(number(4), true), "2 and 3 are missing");
            assert!(!window.note(number(5), false), "5 was refused, nothing else is new");
            assert_eq!((window.newest(), window.missing()), (number(5), 0b1101));
            assert!(!window.note(number(3), true));
            assert!(!window.note(number(2), false));
            assert_eq!(window.missing(), 0b1001);
            assert!(window.note(number(5 + SPAN + 8), true));
            assert_eq!(window.missing(), u32::MAX - 1, "all but the newest");
        }
    }

    #[test]
    fn an_answer_to_what_was_never_sent_or_is_old_changes_nothing() {
        let mut window = SendWindow { next: 250, base: 250 };
        for _ in 0..10 {
            window.take_number();
        }
        let answer = |newest, missing| Answer { newest, missing };
        assert_eq!(window.acknowledge(answer(4, 0)), None, "never sent");
        assert_eq!(window.acknowledge(answer(249, 0)), None, "old");
        assert_eq!(window.acknowledge(answer(252, 0b1010)), Some(1), "the second bit is of an older one");
        assert_eq!((window.out(), window.acknowledge(answer(252, 0))), (7, None));
        assert_eq!(window.acknowledge(answer(3, 0)), Some(0));
        assert_eq!(window.out(), 0);
        let told = answer(252, 0b1010);
        assert_eq!(
            [253, 252, 251, 250].map(|number| told.has_arrived(number)),
            [None, Some(true), Some(false), Some(true)]
        );
        assert_eq!(
            answer(252, 0).has_arrived(252u8.wrapping_sub(SPAN)),
            Some(false),
            "beyond what an answer speaks of"
        );
    }

    #[test]
    fn no_more_than_the_span_is_out() {
        let mut window = SendWindow::default();
        while window.has_room() {
            window.take_number();
        }
        assert_eq!(window.out(), SPAN);
        assert_eq!(
            window.acknowledge(Answer { newest: SPAN - 1, missing: u32::MAX }),
            Some(31),
            "the newest was refused"
        );
        assert!(window.has_room());
    }
}
