//! The receiving side: sorts frames by their labels and rebuilds the messages, several at once, in a fixed number of buffers.
//!
//! Frames may come out of order, twice or never. A message that waits for a frame keeps its buffer until a newer one needs it: then
//! the one that has heard nothing for longest is given up and counted. Frames of a message that was delivered or
//! given up lately are ignored, so a late or repeated one begins no ghost.

use crate::assembly::{AssembleError, Assembly, Progress};
use crate::frame::{Frame, Kind};

/// Messages that are remembered after their end, so that late frames of theirs are known.
pub const CLOSED: usize = 32;

/// Rebuilds up to `MESSAGES` messages at once, told apart by keys `K`, each in a buffer `B`.
///
/// On a link the key is the pair of channel and message number; where frames of many senders meet, it names the sender too. Costs the buffers and, a
/// message, about 300 bytes on a 32-bit device; `CLOSED` keys besides.
#[derive(Clone, Debug)]
pub struct Demux<K, B, const MESSAGES: usize> {
    slots: [Slot<K, B>; MESSAGES],
    /// A ring: the oldest is overwritten.
    closed: [Option<K>; CLOSED],
    closed_at: usize,
    clock: u32,
    given_up: u32,
    last_given_up: Option<K>,
}

#[derive(Clone, Debug)]
struct Slot<K, B> {
    key: Option<K>,
    heard: u32,
    assembly: Assembly<B>,
}

/// A message that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt<'a> {
    /// Text or bytes.
    pub kind: Kind,
    /// The message; text has its surrogate pairs joined.
    pub data: &'a [u8],
}

impl<'a> Rebuilt<'a> {
    /// The message as text; `None` when it is bytes, or text with half a surrogate pair in it.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        if self.kind == Kind::Text { core::str::from_utf8(self.data).ok() } else { None }
    }
}

impl<K: Copy, const LEN: usize, const MESSAGES: usize> Demux<K, [u8; LEN], MESSAGES> {
    /// With buffers of its own. A constant is made where it stays, while what [`new`](Demux::new) returns may be on the stack as well until it is there.
    pub const EMPTY: Self = {
        assert!(MESSAGES >= 1 && MESSAGES <= 1024);
        Self {
            slots: [const { Slot { key: None, heard: 0, assembly: Assembly::new([0; LEN]) } }; MESSAGES],
            closed: [None; CLOSED],
            closed_at: 0,
            clock: 0,
            given_up: 0,
            last_given_up: None,
        }
    };
}

impl<K: Copy + PartialEq, B: AsRef<[u8]> + AsMut<[u8]>, const MESSAGES: usize> Demux<K, B, MESSAGES> {
    /// Buffers from `make`, one a message; a message longer than its buffer is refused.
    pub fn new(mut make: impl FnMut() -> B) -> Self {
        const { assert!(MESSAGES >= 1 && MESSAGES <= 1024) };
        let slot = |()| Slot { key: None, heard: 0, assembly: Assembly::new(make()) };
        Self {
            slots: [(); MESSAGES].map(slot),
            closed: [None; CLOSED],
            closed_at: 0,
            clock: 0,
            given_up: 0,
            last_given_up: None,
        }
    }

    /// Takes a frame, and returns its message if that is whole now.
    ///
    /// The message may be read until the next call. Costs a look at each slot and at the keys that were closed lately.
    ///
    /// # Errors
    ///
    /// [`AssembleError`] says why the frame was dropped. After [`AssembleError::TooLong`] the rest of its message is dropped too.
    pub fn insert(&mut self, key: K, frame: &Frame<'_>) -> Result<Option<Rebuilt<'_>>, AssembleError> {
        self.clock = self.clock.wrapping_add(1);
        self.last_given_up = None;
        if self.closed.contains(&Some(key)) {
            return Ok(None);
        }
        let at = self.slot_of(key);
        let Some(slot) = self.slots.get_mut(at) else { return Ok(None) };
        slot.heard = self.clock;
        match slot.assembly.insert(frame) {
            Ok(Progress::Waiting | Progress::Duplicate) => Ok(None),
            Ok(Progress::Complete) => {
                slot.key = None;
                close(&mut self.closed, &mut self.closed_at, key);
                let kind = slot.assembly.kind();
                Ok(Some(Rebuilt { kind, data: slot.assembly.finish() }))
            }
            Err(error @ AssembleError::TooLong(_)) => {
                slot.key = None;
                close(&mut self.closed, &mut self.closed_at, key);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The slot that builds `key`, taken from another message if there is no other way.
    fn slot_of(&mut self, key: K) -> usize {
        if let Some(at) = self.slots.iter().position(|slot| slot.key == Some(key)) {
            return at;
        }
        let clock = self.clock;
        // A free slot counts as silent for ever.
        let silence =
            |slot: &Slot<K, B>| slot.key.map_or(u32::MAX, |_| clock.wrapping_sub(slot.heard).min(u32::MAX - 1));
        let quietest = self.slots.iter().enumerate().max_by_key(|(_, slot)| silence(slot));
        let at = quietest.map_or(0, |(at, _)| at);
        if let Some(slot) = self.slots.get_mut(at) {
            if let Some(other) = slot.key.replace(key) {
                close(&mut self.closed, &mut self.closed_at, other);
                self.given_up = self.given_up.wrapping_add(1);
                self.last_given_up = Some(other);
            }
            slot.assembly.clear();
        }
        at
    }

    /// Messages given up so far because a newer one needed their buffer.
    #[must_use]
    pub fn given_up(&self) -> u32 {
        self.given_up
    }

    /// The message that the last [`Demux::insert`] gave up, if it did.
    #[must_use]
    pub fn last_given_up(&self) -> Option<K> {
        self.last_given_up
    }

    /// True while the message of this key is under way.
    #[must_use]
    pub fn is_under_way(&self, key: K) -> bool {
        self.slots.iter().any(|slot| slot.key == Some(key))
    }

    /// Messages under way.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.slots.iter().filter(|slot| slot.key.is_some()).count()
    }

    /// Lets a message of this key begin anew, if one was delivered or given up.
    ///
    /// For transports that neither repeat nor reorder frames, where a key that comes again is a new message.
    pub fn reopen(&mut self, key: K) {
        for closed in self.closed.iter_mut().filter(|closed| **closed == Some(key)) {
            *closed = None;
        }
    }

    /// Forgets all messages, as after [`Event::Down`](crate::Event::Down).
    pub fn clear(&mut self) {
        self.closed = [None; CLOSED];
        for slot in &mut self.slots {
            slot.key = None;
        }
    }
}

/// Notes a key in the ring of those that were closed lately.
fn close<K>(closed: &mut [Option<K>; CLOSED], at: &mut usize, key: K) {
    *at = (*at + 1) % CLOSED;
    if let Some(place) = closed.get_mut(*at) {
        *place = Some(key);
    }
}
