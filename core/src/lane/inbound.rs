//! The receiving side of a channel.

use crate::channel::{ChannelId, Delivery};
use crate::crc::crc32;
use crate::frame::{MessageId, Position};
use crate::window::distance;

/// What a channel number of the peer's stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The peer has not said, or we have not heard, or the peer has closed it.
    #[default]
    Unknown,
    /// A channel that this side does not have.
    NotOurs,
    /// That channel of this side.
    Ours(ChannelId),
}

impl Meaning {
    pub(crate) fn ours(self) -> Option<ChannelId> {
        match self {
            Self::Ours(channel) => Some(channel),
            Self::Unknown | Self::NotOurs => None,
        }
    }
}

/// Stands for a name in a lane, at four bytes.
pub(crate) fn name_check(name: &str) -> u32 {
    crc32(name.as_bytes())
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has its turn.
    Deliver,
    /// It is ahead of its place, or its channel is paused.
    Hold,
    /// It was delivered before, or a newer message was.
    Repeated,
    /// No sender that keeps to its credit sends this.
    Absurd,
}

/// The receiving side of a channel of the peer's.
#[derive(Clone, Debug)]
pub(crate) struct InLane {
    pub(crate) meaning: Meaning,
    /// Of the name that the peer gave it.
    name: u32,
    delivery: Delivery,
    /// The application takes nothing from this channel now.
    pub(crate) is_paused: bool,
    /// The place to be delivered next; where only the newest matters, the one after the newest.
    next: u8,
    /// The limit that was last said.
    said: u8,
    /// So many more acknowledgements say it.
    repeats: u8,
    /// Where only the newest matters: bit `i` is set when place `next - 1 - i` has arrived.
    seen: u32,
    /// Message, sequence and total of the frame that was delivered last.
    last: Option<(MessageId, u32, Option<u32>)>,
}

/// A limit is said in so many acknowledgements, as one of them may be lost.
const REPEATS: u8 = 2;

impl InLane {
    /// A lane without a link.
    pub(crate) const NEW: Self = Self {
        meaning: Meaning::Unknown,
        name: 0,
        delivery: Delivery::Reliable,
        is_paused: false,
        next: 0,
        said: 0,
        repeats: 0,
        seen: 0,
        last: None,
    };

    /// A lane of a link that begins.
    pub(crate) fn new(window: u8) -> Self {
        Self { said: window, ..Self::NEW }
    }

    /// True once the peer has opened it.
    pub(crate) fn is_known(&self) -> bool {
        self.meaning != Meaning::Unknown
    }

    /// The peer has opened it; places go on counting from an earlier opening.
    pub(crate) fn open(&mut self, meaning: Meaning, name: u32, delivery: Delivery, is_paused: bool) {
        (self.meaning, self.name, self.delivery) = (meaning, name, delivery);
        (self.is_paused, self.last) = (is_paused, None);
    }

    /// True while the peer has it open under that name.
    pub(crate) fn is_named(&self, name: u32) -> bool {
        self.is_known() && self.name == name
    }

    /// What comes from now on is for this channel, which is new, or for none.
    pub(crate) fn mean(&mut self, meaning: Meaning) {
        (self.meaning, self.is_paused) = (meaning, false);
    }

    pub(crate) fn is_latest(&self) -> bool {
        self.delivery == Delivery::Latest
    }

    /// How far a place is ahead of the next; negative for one that was passed.
    pub(crate) fn ahead(&self, place: u8) -> i8 {
        distance(place, self.next)
    }

    /// What is to be done with the frame of a place.
    pub(crate) fn judge(&self, place: u8, message: Option<MessageId>) -> Verdict {
        let ahead = self.ahead(place);
        if ahead >= 64 || (self.is_latest() && message.is_none()) {
            return Verdict::Absurd;
        }
        if !self.is_latest() {
            return match ahead {
                ..0 => Verdict::Repeated,
                0 if !self.is_paused => Verdict::Deliver,
                _ => Verdict::Hold,
            };
        }
        let is_seen =
            ahead < 0 && self.seen.checked_shr(u32::from(ahead.unsigned_abs()) - 1).is_none_or(|seen| seen & 1 == 1);
        let is_older =
            |(last, ..): (MessageId, u32, Option<u32>)| message.is_some_and(|message| message.is_older_than(last));
        match () {
            () if is_seen || self.last.is_some_and(is_older) => Verdict::Repeated,
            () if self.is_paused => Verdict::Hold,
            () => Verdict::Deliver,
        }
    }

    /// Passes a place, and gives its frame its labels. `None` when they cannot be right: the sender's mistake.
    pub(crate) fn deliver(
        &mut self,
        place: u8,
        labels: Option<(MessageId, u32)>,
        total: Option<u32>,
    ) -> Option<(MessageId, Position)> {
        self.pass(place);
        let (message, sequence, known) = match (labels, self.last) {
            (Some((message, sequence)), last) => {
                (message, sequence, last.filter(|(other, ..)| *other == message).and_then(|(_, _, total)| total))
            }
            (None, Some((message, before, total))) => (message, before.checked_add(1)?, total),
            (None, None) => return None,
        };
        let total = total.or(known);
        self.last = Some((message, sequence, total));
        Some((message, Position::new(sequence, total)?))
    }

    /// Counts a place as delivered, and all before it where there is an order.
    pub(crate) fn pass(&mut self, place: u8) {
        let ahead = self.ahead(place);
        if ahead < 0 {
            self.seen |= 1u32.checked_shl(u32::from(ahead.unsigned_abs()) - 1).unwrap_or(0);
            return;
        }
        let step = u32::from(ahead.unsigned_abs()) + 1;
        self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
        self.next = place.wrapping_add(1);
    }

    /// Counts as passed what nobody here has a channel for; what continues it has no labels then.
    pub(crate) fn pass_over(&mut self, place: u8) {
        self.pass(place);
        self.last = None;
    }

    /// True for a frame that continues one which nobody was told: there was no channel for it then.
    pub(crate) fn is_torn(&self, labels: Option<(MessageId, u32)>) -> bool {
        labels.is_none() && self.last.is_none()
    }

    /// A frame that nobody is told: where only the newest matters it counts as passed all the same, or credit would run out.
    pub(crate) fn skip(&mut self, place: u8) {
        if self.is_latest() {
            self.pass(place);
        }
    }

    /// The peer has closed it.
    pub(crate) fn close(&mut self) {
        self.meaning = Meaning::Unknown;
        self.last = None;
        self.is_paused = false;
    }

    /// True when the sender has used up half of what it was given, and may have it again.
    pub(crate) fn owes_credit(&self, window: u8) -> bool {
        !self.is_paused && distance(self.next.wrapping_add(window), self.said) >= (window / 2).max(1) as i8
    }

    /// Gives a whole window of credit, to be said.
    pub(crate) fn give_credit(&mut self, window: u8) {
        self.said = self.next.wrapping_add(window);
        self.repeats = REPEATS;
    }

    /// Gives credit for one frame to a sender that has none left: the next frame needs no block, so two sides whose pools are full do not
    /// wait for each other for ever.
    pub(crate) fn give_one(&mut self) {
        if !self.is_paused && self.said == self.next {
            self.give_credit(1);
        }
    }

    /// There was no room for this place: it is not to be sent again before there is.
    pub(crate) fn refuse(&mut self, place: u8) {
        if distance(self.said, place) > 0 {
            self.said = place;
        }
        self.repeats = REPEATS;
    }

    /// The limit is to be said again.
    pub(crate) fn repeat_credit(&mut self) {
        self.repeats = self.repeats.max(1);
    }

    /// The limit, if it is to be said now.
    pub(crate) fn take_credit(&mut self) -> Option<u8> {
        self.repeats = self.repeats.checked_sub(1)?;
        Some(self.said)
    }

    /// True when there is a limit to be said.
    pub(crate) fn has_credit_to_say(&self) -> bool {
        self.repeats > 0
    }
}
