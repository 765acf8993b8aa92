//! The sending side of a channel.

use crate::channel::Channel;
use crate::frame::MessageId;
use crate::window::{Answer, distance};

/// Places of a channel that are on their way span at most this, so that a byte tells them apart.
const SPAN: i8 = 64;

/// The sending side of a channel of ours.
#[derive(Clone, Debug)]
pub(crate) struct OutLane<'i> {
    /// What it is; `None` while the number is free.
    pub(crate) channel: Option<Channel<'i>>,
    /// The peer was told of it on this link, at least once since it last asked.
    pub(crate) is_told: bool,
    /// The peer has named it in an acknowledgement.
    pub(crate) is_heard: bool,
    pub(crate) closing: Option<Closing<'i>>,
    /// The application takes nothing that comes for it now, whoever the peer is.
    pub(crate) is_paused: bool,
    /// The place of the next new frame.
    next: u8,
    /// The oldest place that was not acknowledged.
    base: u8,
    /// Places below may be sent.
    limit: u8,
    /// The labels of the frame before the next.
    last: Option<(MessageId, u32)>,
    /// Messages that a full queue refused.
    pub(crate) dropped: u32,
    /// Tells this opening of the number from others.
    pub(crate) opening: u16,
}

/// The end of a channel, on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing<'i> {
    /// Why it ends at once; `None` for an end in good order.
    pub(crate) reset: Option<&'i str>,
    /// Its place, once it has left.
    pub(crate) place: Option<u8>,
    /// The number that it is on its way under.
    pub(crate) number: Option<u8>,
    /// To be sent, for the first time or again.
    pub(crate) is_due: bool,
}

impl<'i> OutLane<'i> {
    /// A number that is free.
    pub(crate) const NEW: Self = Self {
        channel: None,
        is_told: false,
        is_heard: false,
        closing: None,
        is_paused: false,
        next: 0,
        base: 0,
        limit: 0,
        last: None,
        dropped: 0,
        opening: 0,
    };

    /// Takes the number for a channel.
    pub(crate) fn open(&mut self, channel: Channel<'i>) {
        self.channel = Some(channel);
        (self.is_told, self.is_heard, self.is_paused) = (false, false, false);
        (self.closing, self.last, self.dropped) = (None, None, 0);
        self.opening = self.opening.wrapping_add(1);
    }

    /// True while it takes messages.
    pub(crate) fn is_open(&self) -> bool {
        self.channel.is_some() && self.closing.is_none()
    }

    /// True while the peer is to be told of it; no more once its end has left.
    pub(crate) fn is_to_be_told(&self) -> bool {
        self.channel.is_some() && !self.is_told && self.closing.is_none_or(|closing| closing.place.is_none())
    }

    /// Forgets the old link; the new peer gives this much credit at first.
    pub(crate) fn restart(&mut self, window: u8) {
        if self.closing.is_some() {
            self.channel = None;
        }
        let Self { channel, dropped, is_paused, opening, .. } = *self;
        *self = Self { channel, dropped, is_paused, opening, limit: window, ..Self::NEW };
    }

    /// True when the frame of the next place may be sent.
    pub(crate) fn may_begin(&self) -> bool {
        self.allows(self.next) && distance(self.next, self.base) < SPAN
    }

    /// True when the receiver takes this place.
    pub(crate) fn allows(&self, place: u8) -> bool {
        distance(self.limit, place) > 0
    }

    /// True when this many places from the next may be sent.
    pub(crate) fn may_begin_run(&self, frames: usize) -> bool {
        let last = self.next.wrapping_add(frames.saturating_sub(1).min(usize::from(u8::MAX)) as u8);
        self.may_begin() && self.allows(last) && (0..SPAN).contains(&distance(last, self.base))
    }

    /// The place of the next new frame.
    pub(crate) fn next_place(&self) -> u8 {
        self.next
    }

    /// Frames that may be sent before more credit comes.
    pub(crate) fn credit(&self) -> usize {
        usize::try_from(distance(self.limit, self.next)).unwrap_or(0)
    }

    /// Gives the next place to a frame with these labels, or to the end; true when the frame continues the one before it.
    pub(crate) fn take_place(&mut self, labels: Option<(MessageId, u32)>) -> (u8, bool) {
        let place = self.next;
        self.next = place.wrapping_add(1);
        let follows = |(last, before): (MessageId, u32)| {
            labels.is_some_and(|(message, sequence)| last == message && before.checked_add(1) == Some(sequence))
        };
        let continues = self.last.is_some_and(follows);
        self.last = labels;
        (place, continues)
    }

    /// The place of its end, which takes the next one when it first leaves.
    pub(crate) fn closing_place(&mut self) -> Option<u8> {
        let place = match self.closing?.place {
            Some(place) => place,
            None => self.take_place(None).0,
        };
        self.closing.as_mut()?.place = Some(place);
        Some(place)
    }

    /// True when its end, if it is to be sent, need not wait for credit.
    pub(crate) fn allows_closing(&self) -> bool {
        let bound = self.closing.filter(|closing| closing.reset.is_none()).and_then(|closing| closing.place);
        bound.is_none_or(|place| self.allows(place))
    }

    /// Notes what an answer says of the end of the channel: once it has arrived the number is free.
    pub(crate) fn answer_closing(&mut self, answer: Answer) {
        let Some(closing) = self.closing.as_mut() else { return };
        match closing.number.and_then(|number| answer.has_arrived(number)) {
            Some(true) => (self.channel, self.closing) = (None, None),
            Some(false) => (closing.number, closing.is_due) = (None, true),
            None => {}
        }
    }

    /// Every frame that left has arrived, but for what [`OutLane::is_out`] says next.
    pub(crate) fn all_arrived(&mut self) {
        // The end may still be refused, and its credit go down to its place.
        self.base = self.closing.and_then(|closing| closing.place).unwrap_or(self.next);
    }

    /// This place has not been acknowledged.
    pub(crate) fn is_out(&mut self, place: u8) {
        if distance(place, self.base) < 0 {
            self.base = place;
        }
    }

    /// Takes over the limit that the receiver has said.
    pub(crate) fn grant(&mut self, limit: u8) {
        self.is_heard = true;
        if distance(limit, self.base) >= 0 {
            self.limit = limit;
        }
    }
}
