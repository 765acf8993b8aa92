//! What runs on a side: it drafts messages, hands them to the link as far as that takes them, and checks what arrives.

use std::fmt;

use pocketmux_core::{ChannelId, Delivery, Demux, Message, MessageId, SendError, Stream};

use super::chance::Chance;
use super::draft::{Draft, How};
use super::ledger::{Ledger, Session};
use super::node::Node;
use super::table::TABLE;

/// Drafts that wait or are under way at once.
const DRAFTS_MAX: usize = 6;
/// Longest message.
const CONTENT_MAX: usize = 8192;
/// Bytes of a message on average, all kinds together.
const CONTENT_MEAN: u64 = 150;

/// A draft, and how far it got.
#[derive(Debug)]
struct Work {
    draft: Draft,
    /// For a stream that has begun: it, its record once a frame was accepted, the bytes and the frames accepted.
    stream: Option<(Stream, Option<usize>, usize, usize)>,
}

/// What became of an attempt to hand something over.
enum Step {
    /// All of it was taken, or it was given up.
    Done,
    /// More can be tried at once.
    More,
    /// The link is full.
    Full,
}

/// The application of one boot of a side.
pub struct Application {
    epoch: u32,
    random: Chance,
    /// Channels by their place in the table and on this side.
    channels: Vec<(usize, ChannelId)>,
    cut: Option<usize>,
    works: Vec<Work>,
    /// When it drafts the next message.
    next_ns: u64,
    /// Between two messages, on average.
    pause_ns: f64,
    stop_ns: u64,
    /// By channel of this side: messages under way.
    rebuilding: Vec<Demux<MessageId, Vec<u8>, 8>>,
    /// Messages on lossy channels that were refused.
    pub dropped: u32,
}

impl Application {
    /// An application that sends `load` hundredths of `rate` bytes a second until `stop_ns`.
    #[must_use]
    pub fn new(epoch: u32, random: Chance, channels: Vec<(usize, ChannelId)>, cut: Option<usize>) -> Self {
        let rebuilding = channels.iter().map(|_| Demux::new(|| vec![0; CONTENT_MAX])).collect();
        Self {
            epoch,
            random,
            channels,
            cut,
            works: Vec::new(),
            next_ns: u64::MAX,
            pause_ns: 0.0,
            stop_ns: 0,
            rebuilding,
            dropped: 0,
        }
    }

    /// Sends so many bytes a second on average, from now until then.
    pub fn load(&mut self, bytes_per_s: u64, now_ns: u64, stop_ns: u64) {
        if bytes_per_s > 0 {
            self.pause_ns = CONTENT_MEAN as f64 * 1e9 / bytes_per_s as f64;
            self.stop_ns = stop_ns;
            self.next_ns = now_ns;
        }
    }

    /// When it wants to run next.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        (self.next_ns < self.stop_ns).then_some(self.next_ns)
    }

    /// The number of a channel on this side, by its place in the table.
    #[must_use]
    pub fn channel(&self, pocket: usize) -> Option<ChannelId> {
        self.channels.iter().find(|(other, _)| *other == pocket).map(|(_, channel)| *channel)
    }

    /// True when nothing waits to be handed over.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.works.is_empty()
    }

    /// The link is gone, and with it the streams.
    pub fn go_down(&mut self) {
        self.works.retain(|work| work.draft.how == How::Whole);
        self.rebuilding.iter_mut().for_each(Demux::clear);
    }

    /// Drafts what is due and hands over what the link takes.
    ///
    /// # Errors
    ///
    /// What the link should not have answered.
    pub fn run(
        &mut self,
        node: &mut dyn Node,
        session: Session,
        ledger: &mut Ledger,
        now_ns: u64,
    ) -> Result<(), String> {
        while self.next_ns().is_some_and(|next| next <= now_ns) {
            self.next_ns += self.random.wait(self.pause_ns) + 1;
            if self.works.len() < DRAFTS_MAX {
                self.draft(ledger);
            }
        }
        let mut works = std::mem::take(&mut self.works);
        let mut left = Vec::new();
        for mut work in works.drain(..) {
            loop {
                match self.hand_over(&mut work, node, session, ledger)? {
                    Step::Done => break,
                    Step::More => {}
                    Step::Full => {
                        left.push(work);
                        break;
                    }
                }
            }
        }
        self.works = left;
        Ok(())
    }

    fn draft(&mut self, ledger: &mut Ledger) {
        let (pocket, _) = self.random.pick(&self.channels);
        // Which message of a latest channel is the newest is plain only when one ends before the next begins.
        let is_latest = TABLE[pocket].delivery == Delivery::Latest;
        if is_latest && self.works.iter().any(|work| work.draft.pocket == pocket) {
            return;
        }
        let plain = self.cut.is_some();
        let number = ledger.next_number();
        let draft = Draft::new(&mut self.random, number, pocket, self.epoch, plain);
        self.works.push(Work { draft, stream: None });
    }

    fn hand_over(
        &mut self,
        work: &mut Work,
        node: &mut dyn Node,
        session: Session,
        ledger: &mut Ledger,
    ) -> Result<Step, String> {
        let Work { draft, stream } = work;
        let Some(channel) = self.channel(draft.pocket) else { return Ok(Step::Done) };
        let lossy = TABLE[draft.pocket].delivery == Delivery::Lossy;
        if draft.how == How::Whole {
            let message = Message { kind: draft.kind, meta: &draft.meta, data: &draft.content };
            return match node.send(channel, &message) {
                Ok(message) => {
                    let record = ledger.accept(session, draft, message, self.cut);
                    ledger.grow(record, draft.content.len(), true);
                    Ok(Step::Done)
                }
                Err(SendError::Full) if lossy => {
                    self.dropped += 1;
                    Ok(Step::Done)
                }
                Err(SendError::Full) => Ok(Step::Full),
                Err(SendError::TooLong(_)) => Ok(Step::Done),
                Err(error) => Err(format!("{error:?} for {draft:?}")),
            };
        }
        if stream.is_none() {
            let begun = node.begin(channel).map_err(|error| format!("begin: {error:?}"))?;
            let begun = if draft.kind == pocketmux_core::Kind::Text { begun.text() } else { begun };
            let begun = match &draft.how {
                How::Frames(lengths, true) => begun.of_frames(lengths.len() as u32),
                _ => begun,
            };
            *stream = Some((begun, None, 0, 0));
        }
        match stream {
            Some(stream) => write(draft, stream, node, session, ledger),
            None => Ok(Step::Done),
        }
    }

    /// Checks a frame that arrived, and the message that it completes.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn hear(
        &mut self,
        frame: &pocketmux_core::Frame<'_>,
        session: Session,
        ledger: &mut Ledger,
    ) -> Result<(), String> {
        let at = self.channels.iter().position(|(_, channel)| *channel == frame.channel);
        let at = at.ok_or_else(|| format!("a frame for a channel that is not ours: {frame:?}"))?;
        let record = ledger.arrive(session, self.channels[at].0, frame)?;
        match self.rebuilding[at].insert(frame.message, frame) {
            Ok(Some(message)) => ledger.rebuild(record, message.data),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Work { draft, stream } in &self.works {
            let (channel, len) = (TABLE[draft.pocket].name, draft.content.len());
            write!(f, "{channel} {len} bytes {:?} as {:?}, of which {stream:?} ", draft.how, draft.kind)?;
        }
        Ok(())
    }
}

/// Hands over the next frame of a stream.
fn write(
    draft: &Draft,
    (stream, record, taken, frames): &mut (Stream, Option<usize>, usize, usize),
    node: &mut dyn Node,
    session: Session,
    ledger: &mut Ledger,
) -> Result<Step, String> {
    let len = draft.content.len();
    let end = match &draft.how {
        How::Frames(lengths, _) => *taken + lengths[*frames],
        _ => len,
    };
    let last = end == len;
    match node.write(stream, &draft.meta, &draft.content[*taken..end], last) {
        Ok(0) => return Err(format!("a write took nothing of {draft:?}")),
        Ok(more) if *taken + more > end || (draft.how != How::Stream && *taken + more < end) => {
            return Err(format!("a write took {more} bytes of frame {frames} of {draft:?}"));
        }
        Ok(more) => {
            *taken += more;
            *frames += 1;
        }
        Err(SendError::Full) => return Ok(Step::Full),
        Err(error) => return Err(format!("{error:?} for frame {frames} of {draft:?}")),
    }
    let at = *record.get_or_insert_with(|| ledger.accept(session, draft, stream.message(), None));
    ledger.grow(at, *taken, *taken == len);
    let is_done = *taken == len || draft.abandoned_at.is_some_and(|at| at <= *taken);
    Ok(if is_done { Step::Done } else { Step::More })
}
