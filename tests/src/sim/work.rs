//! A draft on its way into a link, and how far it got.

use std::fmt;

use pocketmux_core::{ChannelId, Delivery, Kind, Message, SendError, Stream};

use super::draft::{Draft, How};
use super::ledger::{Ledger, Session};
use super::node::Node;
use super::table::TABLE;

/// A draft that is handed over.
#[derive(Debug)]
pub struct Work {
    /// What.
    pub draft: Draft,
    flow: Option<Flow>,
}

/// A stream that has begun.
#[derive(Debug)]
struct Flow {
    stream: Stream,
    /// Its record, once a frame was accepted.
    record: Option<usize>,
    /// Bytes and frames accepted.
    taken: usize,
    frames: usize,
}

/// What became of an attempt to hand something over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All of it was taken, or it was given up.
    Done,
    /// A lossy channel had no room for it.
    Dropped,
    /// More can be tried at once.
    More,
    /// The link is full.
    Full,
}

impl Work {
    /// A draft of which nothing was handed over.
    #[must_use]
    pub fn new(draft: Draft) -> Self {
        Self { draft, flow: None }
    }

    /// Hands over the next frame, or all of a whole message, which the link cuts into so many units.
    ///
    /// # Errors
    ///
    /// What the link should not have answered.
    pub fn hand_over(
        &mut self,
        node: &mut dyn Node,
        channel: ChannelId,
        session: Session,
        ledger: &mut Ledger,
        cut: Option<usize>,
    ) -> Result<Step, String> {
        let Self { draft, flow } = self;
        if draft.how == How::Whole {
            return send(draft, node, channel, session, ledger, cut);
        }
        let mut begun = match flow.take() {
            Some(flow) => flow,
            None => begin(draft, node, channel)?,
        };
        let step = begun.write(draft, node, session, ledger);
        *flow = Some(begun);
        step
    }
}

fn send(
    draft: &Draft,
    node: &mut dyn Node,
    channel: ChannelId,
    session: Session,
    ledger: &mut Ledger,
    cut: Option<usize>,
) -> Result<Step, String> {
    let message = Message { kind: draft.kind, meta: &draft.meta, data: &draft.content };
    match node.send(channel, &message) {
        Ok(message) => {
            let record = ledger.accept(session, draft, message, cut);
            ledger.grow(record, draft.content.len(), true);
            Ok(Step::Done)
        }
        Err(SendError::Full) if TABLE[draft.pocket].delivery == Delivery::Lossy => Ok(Step::Dropped),
        Err(SendError::Full) => Ok(Step::Full),
        Err(SendError::TooLong(_)) => Ok(Step::Done),
        Err(error) => Err(format!("{error:?} for {draft:?}")),
    }
}

fn begin(draft: &Draft, node: &mut dyn Node, channel: ChannelId) -> Result<Flow, String> {
    let stream = node.begin(channel).map_err(|error| format!("{error:?} when {draft:?} begins"))?;
    let stream = if draft.kind == Kind::Text { stream.text() } else { stream };
    let stream = match &draft.how {
        How::Frames(lengths, true) => stream.of_frames(lengths.len() as u32),
        _ => stream,
    };
    Ok(Flow { stream, record: None, taken: 0, frames: 0 })
}

impl Flow {
    /// Hands over the next frame.
    fn write(
        &mut self,
        draft: &Draft,
        node: &mut dyn Node,
        session: Session,
        ledger: &mut Ledger,
    ) -> Result<Step, String> {
        let len = draft.content.len();
        let end = match &draft.how {
            How::Frames(lengths, _) => self.taken + lengths[self.frames],
            _ => len,
        };
        match node.write(&mut self.stream, &draft.meta, &draft.content[self.taken..end], end == len) {
            Ok(0) => return Err(format!("a write took nothing of {draft:?}")),
            Ok(more) if self.taken + more > end || (draft.how != How::Stream && self.taken + more < end) => {
                return Err(format!("a write took {more} bytes of frame {} of {draft:?}", self.frames));
            }
            Ok(more) => {
                self.taken += more;
                self.frames += 1;
            }
            Err(SendError::Full) => return Ok(Step::Full),
            Err(error) => return Err(format!("{error:?} for frame {} of {draft:?}", self.frames)),
        }
        let message = self.stream.message();
        let record = *self.record.get_or_insert_with(|| ledger.accept(session, draft, message, None));
        ledger.grow(record, self.taken, self.taken == len);
        let is_done = self.taken == len || draft.abandoned_at.is_some_and(|at| at <= self.taken);
        Ok(if is_done { Step::Done } else { Step::More })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (channel, len) = (TABLE[self.draft.pocket].name, self.draft.content.len());
        let taken = self.flow.as_ref().map_or(0, |flow| flow.taken);
        write!(f, "{taken} of {len} bytes on {channel}, {:?} {:?}", self.draft.kind, self.draft.how)
    }
}
