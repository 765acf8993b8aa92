//! One accepted message, and what of it has arrived.

use std::collections::BTreeMap;
use std::fmt;

use pocketmux_core::{Delivery, Frame};

use super::draft::{Draft, How};
use super::ledger::Session;
use super::table::TABLE;

/// One message.
#[derive(Debug)]
pub struct Record {
    /// Where it was accepted.
    pub session: Session,
    /// Its place among the messages that its channel accepted, from 1.
    pub order: u32,
    /// How often its channel had been closed when it was accepted.
    pub opening: u32,
    /// Its channel was reset: it may arrive or not.
    pub is_dropped: bool,
    /// It was cut into so many bytes a frame.
    cut: Option<usize>,
    draft: Draft,
    /// Bytes of it that the link accepted.
    accepted: usize,
    /// Its last frame was accepted too.
    is_finished: bool,
    /// Where in the content each frame that arrived begins and ends.
    frames: BTreeMap<u32, (usize, usize)>,
    total: Option<u32>,
    is_rebuilt: bool,
}

impl Record {
    /// A message of which nothing has arrived.
    #[must_use]
    pub fn new(session: Session, draft: Draft, order: u32, opening: u32, cut: Option<usize>) -> Self {
        Self {
            session,
            order,
            opening,
            is_dropped: false,
            cut,
            draft,
            accepted: 0,
            is_finished: false,
            frames: BTreeMap::new(),
            total: None,
            is_rebuilt: false,
        }
    }

    /// The place of its channel in the table.
    #[must_use]
    pub fn pocket(&self) -> usize {
        self.draft.pocket
    }

    /// Its channel and session.
    #[must_use]
    pub fn lane(&self) -> (Session, usize) {
        (self.session, self.draft.pocket)
    }

    /// Notes that the link accepted it up to this many bytes.
    pub fn grow(&mut self, accepted: usize, is_finished: bool) {
        self.accepted = accepted;
        self.is_finished = is_finished;
    }

    /// Notes a frame of it.
    ///
    /// # Errors
    ///
    /// What is wrong with the frame.
    pub fn arrive(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let sequence = frame.position.sequence();
        let wrong = |what: &str| Err(format!("{what}: {frame:?} of {self}"));
        let repaired = TABLE[self.pocket()].delivery != Delivery::Lossy;
        if repaired && self.frames.contains_key(&sequence) {
            return wrong("a frame twice");
        }
        let next = self.frames.keys().next_back().map_or(0, |last| last + 1);
        if TABLE[self.pocket()].delivery == Delivery::Reliable && sequence != next {
            return wrong("a frame out of order");
        }
        let meta = if sequence == 0 { self.draft.meta.as_str() } else { "" };
        if frame.meta != meta || frame.kind != self.draft.kind {
            return wrong("wrong labels");
        }
        let total = frame.position.total();
        if total.is_some() && self.total.is_some() && total != self.total {
            return wrong("another total");
        }
        let Some(start) = self.start_of(frame) else { return wrong("data that is not the message's") };
        let end = start + frame.data.len();
        if self.accepted < end || self.draft.content[start..end] != *frame.data {
            return wrong("wrong data");
        }
        let ends = |at: &(usize, usize)| at.1;
        let before = sequence.checked_sub(1).and_then(|before| self.frames.get(&before)).map(ends);
        let after = self.frames.get(&(sequence + 1)).map(|after| after.0);
        if before.is_some_and(|before| before != start) || after.is_some_and(|after| after != end) {
            return wrong("a frame that does not join its neighbours");
        }
        self.frames.insert(sequence, (start, end));
        self.total = self.total.or(total);
        Ok(())
    }

    /// Where in the content a frame begins.
    fn start_of(&self, frame: &Frame<'_>) -> Option<usize> {
        let sequence = frame.position.sequence();
        if sequence == 0 {
            return Some(0);
        }
        if let How::Frames(lengths, _) = &self.draft.how {
            return Some(lengths.iter().take(sequence as usize).sum());
        }
        if let Some(units) = self.cut {
            return Some(units * sequence as usize);
        }
        if let Some(&(_, end)) = self.frames.get(&(sequence - 1)) {
            return Some(end);
        }
        // The frames before it were lost, so it is looked for.
        let len = frame.data.len();
        if frame.position.total() == Some(sequence + 1) {
            return self.draft.content.len().checked_sub(len);
        }
        self.draft.content.windows(len.max(1)).position(|window| window == frame.data)
    }

    /// Notes that it was rebuilt as this.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn rebuild(&mut self, data: &[u8]) -> Result<(), String> {
        if std::mem::replace(&mut self.is_rebuilt, true) {
            return Err(format!("a message twice: {self}"));
        }
        if !self.is_finished || data != self.draft.content {
            return Err(format!("a message that is another one: {data:?} is not {self}"));
        }
        Ok(())
    }

    /// Its channel was reset.
    pub fn drop_unless_arrived(&mut self) {
        self.is_dropped |= !self.has_arrived();
    }

    /// True when all that was accepted of it has arrived, or need not.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        if self.is_dropped {
            return true;
        }
        let bytes: usize = self.frames.values().map(|(start, end)| end - start).sum();
        let is_whole = !self.is_finished || self.total == Some(self.frames.len() as u32);
        bytes == self.accepted && is_whole
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, order, draft, accepted, is_finished, frames, .. } = self;
        let channel = TABLE[draft.pocket].name;
        write!(f, "message {order} on {channel} {:08x}>{:08x}, {:?}", session.sender, session.receiver, draft.how)?;
        write!(f, ", {accepted} of {} bytes accepted, finished {is_finished}", draft.content.len())?;
        write!(f, ", frames arrived {:?}", frames.keys())
    }
}
