//! Rebuilds one message from its frames, in whatever order they come.
//!
//! Pieces lie in the buffer in the order of their arrival; a short list says which sequences each stretch holds. Frames that
//! arrive in order lengthen one stretch, so the list stays at one entry and nothing is moved. Only at the end, and only
//! if something was out of order, are the stretches turned into place.

use core::fmt;

use heapless::Vec;

use crate::frame::{Frame, Kind};
use crate::wtf8;

/// Stretches of neighbouring frames that a message may be in at once, with gaps between them.
///
/// A message whose frames come in order is one stretch; every gap in what has arrived adds one.
pub const STRETCHES: usize = 16;

/// Why a frame was not taken into its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AssembleError {
    /// The message is longer than this many bytes, the size of the buffer; none of it is delivered.
    TooLong(usize),
    /// There are more gaps than [`STRETCHES`] allows; this frame was dropped and may come again.
    Scattered,
    /// The frame's total or kind contradicts an earlier frame of the message; it was dropped.
    Contradiction,
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(max) => write!(f, "the message is longer than {max} bytes"),
            Self::Scattered => write!(f, "the frames are too far out of order"),
            Self::Contradiction => write!(f, "the frame contradicts an earlier one of its message"),
        }
    }
}

impl core::error::Error for AssembleError {}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Taken; others are missing.
    Waiting,
    /// Had that sequence already; changed nothing.
    Duplicate,
    /// Taken, and the message is whole.
    Complete,
}

/// Neighbouring sequences whose data lie one after the other in the buffer.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: u32,
    /// One past the last.
    end: u32,
    start: usize,
    len: usize,
}

/// One message being rebuilt in a buffer `B`: an array on a device, a `Vec` or a box where there is a heap.
#[derive(Clone, Debug)]
pub(crate) struct Assembly<B> {
    buffer: B,
    used: usize,
    /// Ordered by sequence.
    stretches: Vec<Stretch, STRETCHES>,
    total: Option<u32>,
    kind: Kind,
}

impl<B> Assembly<B> {
    pub(crate) const fn new(buffer: B) -> Self {
        Self { buffer, used: 0, stretches: Vec::new(), total: None, kind: Kind::Text }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Assembly<B> {
    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.stretches.clear();
        self.total = None;
    }

    /// Takes a frame in.
    pub(crate) fn insert(&mut self, frame: &Frame<'_>) -> Result<Progress, AssembleError> {
        let (sequence, total) = (frame.position.sequence(), frame.position.total());
        self.agree(frame.kind, sequence, total)?;
        if self.stretches.is_full() {
            self.merge();
        }
        // The stretch in front of which, or in which, the sequence belongs.
        let at = self.stretches.iter().position(|stretch| sequence < stretch.end).unwrap_or(self.stretches.len());
        if self.stretches.get(at).is_some_and(|stretch| sequence >= stretch.first) {
            return Ok(Progress::Duplicate);
        }
        let room = self.buffer.as_mut().get_mut(self.used..).unwrap_or_default();
        if room.len() < frame.data.len() {
            return Err(AssembleError::TooLong(self.buffer.as_ref().len()));
        }
        self.place(at, sequence, frame.data.len())?;
        let room = self.buffer.as_mut().get_mut(self.used..).unwrap_or_default();
        self.used += crate::bytes::copy(room, frame.data);
        self.total = self.total.or(total);
        Ok(if self.is_gapless() { Progress::Complete } else { Progress::Waiting })
    }

    fn agree(&mut self, kind: Kind, sequence: u32, total: Option<u32>) -> Result<(), AssembleError> {
        let Some(last) = self.stretches.last() else {
            self.kind = kind;
            return Ok(());
        };
        let same_total = self.total.is_none_or(|known| sequence < known && total.is_none_or(|total| total == known));
        let long_enough = total.is_none_or(|total| last.end <= total);
        if kind == self.kind && same_total && long_enough { Ok(()) } else { Err(AssembleError::Contradiction) }
    }

    /// Notes that the next `len` bytes of the buffer hold `sequence`, which belongs in front of stretch `at`.
    fn place(&mut self, at: usize, sequence: u32, len: usize) -> Result<(), AssembleError> {
        let end = sequence.checked_add(1).ok_or(AssembleError::Contradiction)?;
        let before = at.checked_sub(1).and_then(|before| self.stretches.get_mut(before));
        if let Some(before) = before
            && before.end == sequence
            && before.start + before.len == self.used
        {
            before.end = end;
            before.len += len;
            return Ok(());
        }
        if self.stretches.is_full() {
            return Err(AssembleError::Scattered);
        }
        // Each takes the place of the next: `insert` would bring a kilobyte of `memmove` along.
        let mut stretch = Stretch { first: sequence, end, start: self.used, len };
        for place in self.stretches.iter_mut().skip(at) {
            core::mem::swap(place, &mut stretch);
        }
        self.stretches.push(stretch).map_err(|_| AssembleError::Scattered)
    }

    fn is_gapless(&self) -> bool {
        let end = self.stretches.iter().try_fold(0, |end, stretch| (stretch.first == end).then_some(stretch.end));
        end.is_some() && end == self.total
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole message in order, halves of surrogate pairs joined where it is text.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.put_in_order();
        let whole = self.buffer.as_mut().get_mut(..self.used).unwrap_or_default();
        let len = if self.kind == Kind::Text { wtf8::join(whole) } else { whole.len() };
        self.buffer.as_ref().get(..len).unwrap_or_default()
    }

    /// Makes one stretch of neighbours that arrived apart.
    fn merge(&mut self) {
        self.put_in_order();
        let mut merged = Vec::<Stretch, STRETCHES>::new();
        for stretch in &self.stretches {
            match merged.last_mut() {
                Some(before) if before.end == stretch.first => {
                    before.end = stretch.end;
                    before.len += stretch.len;
                }
                // There is room: there are no more than before.
                _ => merged.push(*stretch).unwrap_or_default(),
            }
        }
        self.stretches = merged;
    }

    /// Turns the stretches into place, so that they lie in the buffer by their sequences.
    fn put_in_order(&mut self) {
        let buffer = self.buffer.as_mut();
        let mut done = 0;
        for at in 0..self.stretches.len() {
            let Some(stretch) = self.stretches.get_mut(at) else { break };
            let (start, len) = (stretch.start, stretch.len);
            stretch.start = done;
            if start > done
                && let Some(misplaced) = buffer.get_mut(done..start + len)
            {
                rotate_right(misplaced, len);
                // What was in front of the stretch now lies behind it.
                for later in self.stretches.iter_mut().skip(at + 1).filter(|later| later.start < start) {
                    later.start += len;
                }
            }
            done += len;
        }
    }
}

/// Brings the last `by` elements to the front: three reversals, without the panic that the slice method's check keeps.
fn rotate_right(bytes: &mut [u8], by: usize) {
    bytes.reverse();
    if let Some((head, tail)) = bytes.split_at_mut_checked(by) {
        head.reverse();
        tail.reverse();
    }
}
