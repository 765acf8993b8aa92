//! What runs on a side: it drafts messages, hands them to the link as far as that takes them, and checks what arrives.

use std::fmt;

use pocketmux_core::{ChannelId, Delivery, Demux, Frame, MessageId, OpenError};

use super::chance::Chance;
use super::draft::{Draft, How};
use super::ledger::{Ledger, Session};
use super::node::Node;
use super::table::TABLE;
use super::work::{Step, Work};

/// Drafts that wait or are under way at once.
const DRAFTS_MAX: usize = 6;
/// Longest message.
const CONTENT_MAX: usize = 8192;
/// Bytes of a message on average, all kinds together.
const CONTENT_MEAN: u64 = 150;

/// The reason of every reset.
pub const REASON: &str = "enough of it";
/// The metas of a channel's openings; a run closes no channel more often.
pub const OPENINGS: [&str; 8] = ["", "1", "2", "3", "4", "5", "6", "7"];

/// A channel of this side.
struct Pocket {
    /// Its place in the table.
    place: usize,
    /// Its number, while it is open.
    id: Option<ChannelId>,
    /// The number under which it was closed last.
    ended: Option<ChannelId>,
    /// It is not to be open.
    is_closed: bool,
    /// How often it was closed, which its meta tells the peer.
    closings: usize,
    /// The application does not read it.
    is_paused: bool,
    /// Messages that arrive.
    rebuilding: Demux<MessageId, Vec<u8>, 8>,
}

/// The application of one boot of a side.
pub struct Application {
    epoch: u32,
    random: Chance,
    pockets: Vec<Pocket>,
    /// What each channel number of this side stood for last, by place in the table.
    numbers: [Option<usize>; 128],
    cut: Option<usize>,
    works: Vec<Work>,
    /// When it drafts the next message.
    next_ns: u64,
    /// Between two messages, on average.
    pause_ns: f64,
    stop_ns: u64,
    /// Messages on lossy channels that were refused.
    pub dropped: u32,
}

impl Application {
    /// An application that opens these channels, cuts messages into so many units, and says nothing yet.
    #[must_use]
    pub fn new(epoch: u32, random: Chance, places: &[usize], cut: Option<usize>) -> Self {
        let pocket = |&place: &usize| Pocket {
            place,
            id: None,
            ended: None,
            is_closed: false,
            closings: 0,
            is_paused: false,
            rebuilding: Demux::new(|| vec![0; CONTENT_MAX]),
        };
        Self {
            epoch,
            random,
            pockets: places.iter().map(pocket).collect(),
            numbers: [None; 128],
            cut,
            works: Vec::new(),
            next_ns: u64::MAX,
            pause_ns: 0.0,
            stop_ns: 0,
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

    /// True when nothing waits to be handed over, and all channels are as they are to be.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.works.is_empty() && self.pockets.iter().all(|pocket| pocket.id.is_some() != pocket.is_closed)
    }

    /// What a channel number of this side stands for, or did last.
    #[must_use]
    pub fn place(&self, channel: ChannelId) -> Option<usize> {
        self.numbers.get(channel.index()).copied().flatten()
    }

    fn pocket(&mut self, place: usize) -> Option<&mut Pocket> {
        self.pockets.iter_mut().find(|pocket| pocket.place == place)
    }

    /// Opens what is to be open and is not, as far as the link has numbers: the rest at another time.
    ///
    /// # Errors
    ///
    /// What the link should not have answered.
    pub fn open(&mut self, node: &mut dyn Node) -> Result<(), String> {
        for pocket in self.pockets.iter_mut().filter(|pocket| pocket.id.is_none() && !pocket.is_closed) {
            match node.open(TABLE[pocket.place].with_meta(OPENINGS[pocket.closings])) {
                Ok(id) => {
                    pocket.id = Some(id);
                    self.numbers[id.index()] = Some(pocket.place);
                }
                // The ends of others have not arrived yet.
                Err(OpenError::Full) => {}
                Err(error) => return Err(format!("{error:?} for {:?}", TABLE[pocket.place])),
            }
        }
        Ok(())
    }

    /// True while this side has a channel open.
    #[must_use]
    pub fn is_open(&self, place: usize) -> bool {
        self.pockets.iter().any(|pocket| pocket.place == place && pocket.id.is_some())
    }

    /// Closes a channel, or resets it; says whether it was open.
    pub fn close(&mut self, node: &mut dyn Node, place: usize, reset: bool) -> bool {
        let Some(pocket) = self.pocket(place) else { return false };
        pocket.is_closed = true;
        let Some(id) = pocket.id.take() else { return false };
        pocket.closings += 1;
        pocket.ended = Some(id);
        if std::mem::take(&mut pocket.is_paused) {
            node.resume(id);
        }
        if reset {
            node.reset(id, REASON)
        } else {
            node.close(id)
        }
        self.works.retain(|work| work.draft.how == How::Whole || work.draft.pocket != place);
        true
    }

    /// True while a channel is to be open, and no number is free for it.
    #[must_use]
    pub fn lacks_a_number(&self) -> bool {
        self.pockets.iter().any(|pocket| pocket.id.is_none() && !pocket.is_closed)
    }

    /// Resets all that is still being closed; returns its places in the table.
    pub fn give_up(&mut self, node: &mut dyn Node) -> Vec<usize> {
        let numbers = &self.numbers;
        let is_its = |place, id: &ChannelId| numbers[id.index()] == Some(place);
        let mut places = Vec::new();
        for Pocket { place, id, ended, .. } in &self.pockets {
            if let Some(ended) = ended.filter(|ended| Some(*ended) != *id && is_its(*place, ended)) {
                node.reset(ended, REASON);
                places.push(*place);
            }
        }
        places
    }

    /// The peer has opened a channel. A pause is one of what is open, so one that goes on is said again.
    pub fn note_opened(&mut self, node: &mut dyn Node, place: usize) {
        let Some(pocket) = self.pocket(place) else { return };
        if let Some(id) = pocket.id.filter(|_| pocket.is_paused) {
            node.pause(id);
        }
    }

    /// A channel that was closed is to be open again.
    pub fn reopen(&mut self, place: usize) {
        if let Some(pocket) = self.pocket(place) {
            pocket.is_closed = false;
        }
    }

    /// Stops reading a channel, or reads it again.
    pub fn set_paused(&mut self, node: &mut dyn Node, place: usize, is_paused: bool) {
        let Some(pocket) = self.pocket(place) else { return };
        let Some(id) = pocket.id else { return };
        pocket.is_paused = is_paused;
        if is_paused { node.pause(id) } else { node.resume(id) }
    }

    /// The link is gone, and with it the streams.
    pub fn go_down(&mut self) {
        self.works.retain(|work| work.draft.how == How::Whole);
        for pocket in &mut self.pockets {
            pocket.rebuilding.clear();
        }
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
        let mut left = Vec::new();
        for mut work in std::mem::take(&mut self.works) {
            let Some(id) = self.pocket(work.draft.pocket).and_then(|pocket| pocket.id) else {
                left.push(work);
                continue;
            };
            let mut step = Step::More;
            while step == Step::More {
                step = work.hand_over(node, id, session, ledger, self.cut)?;
            }
            self.dropped += u32::from(step == Step::Dropped);
            left.extend((step == Step::Full).then_some(work));
        }
        self.works = left;
        Ok(())
    }

    fn draft(&mut self, ledger: &mut Ledger) {
        let at = self.random.index(self.pockets.len());
        let place = self.pockets[at].place;
        // Which message of a latest channel is the newest is plain only when one ends before the next begins.
        let is_latest = TABLE[place].delivery == Delivery::Latest;
        if is_latest && self.works.iter().any(|work| work.draft.pocket == place) {
            return;
        }
        let plain = self.cut.is_some();
        let number = ledger.next_number();
        self.works.push(Work::new(Draft::new(&mut self.random, number, place, self.epoch, plain)));
    }

    /// Checks a frame that arrived, and the message that it completes.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn hear(&mut self, frame: &Frame<'_>, session: Session, ledger: &mut Ledger) -> Result<(), String> {
        let pocket = self.place(frame.channel).and_then(|place| self.pocket(place));
        let pocket = pocket.ok_or_else(|| format!("a frame for a channel that is not ours: {frame:?}"))?;
        // What is lossy cannot be held back.
        if pocket.is_paused && TABLE[pocket.place].delivery != Delivery::Lossy {
            return Err(format!("a frame for a channel that is paused: {frame:?}"));
        }
        let record = ledger.arrive(session, pocket.place, frame)?;
        match pocket.rebuilding.insert(frame.message, frame) {
            Ok(Some(message)) => ledger.rebuild(record, message.data),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.works.iter().try_for_each(|work| write!(f, "{work}; "))
    }
}
