//! One transfer: a file on its way in or out, and what is to be said or done for it next.

use crate::frame::MessageId;
use crate::stream::Stream;

use super::Ended;
use super::digest::{Digest, Hasher};
use super::message::Number;
use super::name::Name;
use super::reason::Reason;
use super::store::{FileId, Kind, Store};

/// Microseconds that one side waits for the other, not counting silence, before it gives a transfer up.
pub const STALL_US: u64 = 30_000_000;
/// The same for the answer to an OFFER, a GET or an ACCEPT, for which the other side may have to hash all of a file.
pub const ANSWER_US: u64 = 120_000_000;
/// Stands for a transfer until its end was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TransferId {
    pub(super) number: u32,
    pub(super) is_ours: bool,
}

impl TransferId {
    /// This side began it.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self.is_ours
    }

    /// As this side says it.
    pub(super) fn number(self) -> Number {
        Number { number: self.number, is_yours: !self.is_ours }
    }
}

/// As the other side says it.
impl From<Number> for TransferId {
    fn from(number: Number) -> Self {
        Self { number: number.number, is_ours: number.is_yours }
    }
}

/// Why a transfer ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Failure {
    /// What happened.
    pub reason: Reason,
    /// The other side says so.
    pub is_theirs: bool,
}

/// How a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// An OFFER or a GET is to be said.
    Beginning,
    /// It was said, and is to be answered.
    Asking,
    /// The store makes room.
    Preparing,
    /// What is there is hashed.
    Hashing,
    /// An ACCEPT is to be said.
    Accepting,
    /// The content is on its way.
    Moving,
    /// All of it was sent, and a DONE is to come.
    Verifying,
    /// A DONE or CANCEL is to be said.
    Ending,
    /// The application is to be told.
    Ended,
}

/// A file on its way.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) is_sending: bool,
    pub(super) name: Name,
    /// Of a file that is sent.
    pub(super) kind: Kind,
    pub(super) size: u32,
    /// Of the whole; not known of a file that was asked for, nor while it is made.
    pub(super) digest: Option<Digest>,
    /// While it is open in the store.
    pub(super) file: Option<FileId>,
    pub(super) hasher: Hasher,
    /// How much was sent or received.
    pub(super) at: u32,
    /// Where the content began to move this time.
    pub(super) from: u32,
    /// How much has been hashed.
    pub(super) hashed: u32,
    /// How much is to be hashed.
    pub(super) to_hash: u32,
    /// Of so much, as the receiver claims; none where the whole is hashed.
    pub(super) claim: Option<Digest>,
    pub(super) state: State,
    /// Why it ends, unless it is done.
    pub(super) failure: Option<Failure>,
    /// It is only begun to tell the receiver to drop what it has of it.
    pub(super) is_unwanted: bool,
    /// The DATA that leaves.
    pub(super) stream: Option<Stream>,
    /// The DATA that comes.
    pub(super) message: Option<MessageId>,
    pub(super) due_us: u64,
}

impl Transfer {
    pub(super) fn new(id: TransferId, is_sending: bool, name: &Name) -> Self {
        Self {
            id,
            is_sending,
            name: name.clone(),
            kind: Kind::new(),
            size: 0,
            digest: None,
            file: None,
            hasher: Hasher::Crc32(0),
            at: 0,
            from: 0,
            hashed: 0,
            to_hash: 0,
            claim: None,
            state: State::Beginning,
            failure: None,
            is_unwanted: false,
            stream: None,
            message: None,
            due_us: 0,
        }
    }

    /// The receiver is to be told that it is of no use any more, sooner or later.
    fn is_dropped_there(&self, reason: Reason) -> bool {
        self.is_sending && self.id.is_ours && reason == Reason::Cancelled
    }

    #[inline(never)]
    pub(super) fn touch(&mut self, now_us: u64) {
        self.due_us = now_us.saturating_add(STALL_US);
    }

    /// The other side is to do something about it.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Asking | State::Moving | State::Verifying)
    }

    /// When there is something to be done for it at the latest: 0 for work that waits for nobody, `u64::MAX` for never.
    pub(super) fn due_us(&self) -> u64 {
        match self.state {
            State::Preparing | State::Hashing => 0,
            _ if self.is_waiting() => self.due_us,
            _ => u64::MAX,
        }
    }

    /// The content goes from there on.
    pub(super) fn move_from(&mut self, at: u32) {
        (self.at, self.from, self.state) = (at, at, State::Moving);
    }

    /// The other side is to be told that it is over.
    #[inline(never)]
    pub(super) fn end(&mut self, result: Result<(), Reason>) {
        self.failure = result.err().map(|reason| Failure { reason, is_theirs: false });
        self.state = State::Ending;
    }

    /// It is over for both sides.
    #[inline(never)]
    pub(super) fn conclude(&mut self, store: &mut impl Store) {
        self.close(store);
        self.state = State::Ended;
    }

    /// Somebody here does not want it any more, or not now.
    pub(super) fn cancel(&mut self, reason: Reason) {
        match self.state {
            State::Ending | State::Ended => {}
            // A receiver that refuses the offer, such as one that is busy, would take the word that it is cancelled for one about nothing.
            State::Beginning | State::Hashing | State::Asking
                if self.claim.is_none() && self.is_dropped_there(reason) =>
            {
                self.is_unwanted = true;
            }
            State::Beginning => {
                // The other side knows nothing of it.
                self.end(Err(reason));
                self.state = State::Ended;
            }
            _ => self.end(Err(reason)),
        }
    }

    /// What was to be said was said.
    pub(super) fn go_on(&mut self, store: &mut impl Store, now_us: u64) {
        self.due_us = now_us.saturating_add(ANSWER_US);
        match self.state {
            State::Beginning => self.state = State::Asking,
            State::Accepting => self.move_from(self.at),
            State::Ending => self.conclude(store),
            _ => {}
        }
    }

    /// The other side wants what was offered, from there on.
    pub(super) fn accepted(&mut self, offset: u32, claim: Option<Digest>, now_us: u64) -> Result<(), Reason> {
        if self.state != State::Asking || !self.is_sending {
            return Ok(());
        }
        self.touch(now_us);
        match (self.digest, claim) {
            _ if self.is_unwanted => Err(Reason::Cancelled),
            _ if offset > self.size => Err(Reason::Protocol),
            (Some(digest), Some(_)) if offset > 0 => self.hash(digest.algorithm(), offset, claim),
            _ => {
                self.move_from(0);
                Ok(())
            }
        }
    }

    /// The link has ended; false when the transfer is over by that.
    pub(super) fn lose_link(&mut self, store: &mut impl Store) -> bool {
        (self.stream, self.message, self.claim) = (None, None, None);
        match self.state {
            State::Ended => return true,
            State::Ending if self.failure.is_some_and(|failure| self.is_dropped_there(failure.reason)) => {
                self.is_unwanted = true;
            }
            // There is nobody to tell any more.
            State::Ending => {
                self.conclude(store);
                return true;
            }
            _ => {}
        }
        if !self.id.is_ours || !self.is_sending {
            self.close(store);
        }
        if self.digest.is_some() || !self.is_sending {
            self.state = State::Beginning;
        }
        self.id.is_ours
    }

    /// Ends the use of the store. What came of the file stays in it unless there is a reason that says otherwise.
    pub(super) fn close(&mut self, store: &mut impl Store) {
        match self.file.take() {
            Some(file) if !self.is_sending && self.failure.is_some_and(|failure| failure.reason.drops_partial()) => {
                store.discard(file);
            }
            Some(file) => store.close(file),
            None => {}
        }
    }

    /// What the application is to know of it when it is over.
    pub(super) fn ended(&self) -> Option<Ended> {
        let Self { id, ref name, is_sending, size, from, digest, failure, .. } = *self;
        let result = failure.map_or(Ok(()), Err);
        (self.state == State::Ended).then(|| Ended { id, name: name.clone(), is_sending, size, from, digest, result })
    }
}
