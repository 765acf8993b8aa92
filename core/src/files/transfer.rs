//! One transfer: a file on its way in or out, and what is to be said or done for it next.

use crate::frame::MessageId;
use crate::stream::Stream;

use super::digest::{Algorithm, Digest, Hasher};
use super::name::Name;
use super::reason::Reason;
use super::store::{FileId, Kind, Store};

/// Microseconds that one side waits for the other, not counting silence, before it gives a transfer up.
pub const STALL_US: u64 = 30_000_000;
/// Bytes that are hashed at a step.
const STEP: usize = 128;

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
#[derive(Clone, Debug)]
pub(super) enum State {
    /// An OFFER or a GET is to be said.
    Beginning,
    /// It was said, and is to be answered.
    Asking,
    /// The store makes room.
    Preparing,
    /// What is there is hashed, up to there; of a sender with what the receiver claims of it, unless that is for the whole.
    Hashing { to: u32, claim: Option<Digest> },
    /// An ACCEPT is to be said.
    Accepting,
    /// The content is on its way.
    Moving,
    /// All of it was sent, and a DONE is to come.
    Verifying,
    /// A DONE or CANCEL is to be said.
    Ending(Result<(), Reason>),
    /// The application is to be told.
    Ended(Result<(), Failure>),
}

/// A file on its way.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) is_sending: bool,
    pub(super) name: Name,
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
    hashed: u32,
    pub(super) state: State,
    /// It is only begun to tell the receiver to drop what it has of it.
    pub(super) is_unwanted: bool,
    /// The DATA that leaves.
    pub(super) stream: Option<Stream>,
    /// The DATA that comes.
    pub(super) message: Option<MessageId>,
    pub(super) due_us: u64,
}

impl Transfer {
    pub(super) fn new(id: TransferId, is_sending: bool, name: Name) -> Self {
        Self {
            id,
            is_sending,
            name,
            kind: Kind::new(),
            size: 0,
            digest: None,
            file: None,
            hasher: Hasher::Crc32(0),
            at: 0,
            from: 0,
            hashed: 0,
            state: State::Beginning,
            is_unwanted: false,
            stream: None,
            message: None,
            due_us: 0,
        }
    }

    /// The receiver is to be told that it is of no use any more, sooner or later.
    pub(super) fn is_dropped_there(&self, reason: Reason) -> bool {
        self.is_sending && self.id.is_ours && reason == Reason::Cancelled
    }

    pub(super) fn touch(&mut self, now_us: u64) {
        self.due_us = now_us.saturating_add(STALL_US);
    }

    /// The other side is to do something about it.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Asking | State::Moving | State::Verifying)
    }

    /// The content goes from there on.
    pub(super) fn move_from(&mut self, at: u32) {
        (self.at, self.from, self.state) = (at, at, State::Moving);
    }

    /// There is work for this side that waits for nobody.
    pub(super) fn has_work(&self) -> bool {
        matches!(self.state, State::Preparing | State::Hashing { .. })
    }

    /// Begins to hash what is there, up to there.
    pub(super) fn hash(&mut self, algorithm: Algorithm, to: u32, claim: Option<Digest>) {
        match Hasher::new(algorithm) {
            Some(hasher) => {
                (self.hasher, self.hashed) = (hasher, 0);
                self.state = State::Hashing { to, claim };
            }
            None => self.state = State::Ending(Err(Reason::Digest)),
        }
    }

    /// Takes one step of what the store or the hash has to do.
    pub(super) fn work(&mut self, store: &mut impl Store) {
        let Some(file) = self.file else { return };
        let worked = match self.state {
            State::Preparing => store.prepare(file).map(|is_ready| {
                if is_ready && let Some(digest) = self.digest {
                    self.hash(digest.algorithm(), self.at, None);
                }
            }),
            State::Hashing { to, claim } if self.hashed == to => {
                self.hashed_all(store, file, claim);
                Ok(())
            }
            State::Hashing { to, .. } => {
                let mut buf = [0; STEP];
                let len = STEP.min((to - self.hashed) as usize);
                let part = buf.get_mut(..len).unwrap_or_default();
                store.read(file, self.hashed, part).map(|len| {
                    self.hasher.update(part.get(..len).unwrap_or_default());
                    self.hashed += len as u32;
                    if len == 0 {
                        // The file has become shorter.
                        self.state = State::Ending(Err(Reason::Failed));
                    }
                })
            }
            _ => Ok(()),
        };
        if let Err(error) = worked {
            self.state = State::Ending(Err(error.into()));
        }
    }

    fn hashed_all(&mut self, store: &mut impl Store, file: FileId, claim: Option<Digest>) {
        let digest = self.hasher.digest();
        if !self.is_sending {
            self.state = State::Accepting;
        } else if self.digest.is_none() {
            self.digest = Some(digest);
            store.note(file, digest);
            self.state = State::Beginning;
        } else {
            self.move_from(if claim == Some(digest) { self.hashed } else { 0 });
        }
    }

    /// The link has ended; false when the transfer is over by that.
    pub(super) fn lose_link(&mut self, store: &mut impl Store) -> bool {
        (self.stream, self.message) = (None, None);
        match self.state {
            State::Ended(_) => return true,
            State::Ending(Err(reason)) if self.is_dropped_there(reason) => self.is_unwanted = true,
            // There is nobody to tell any more.
            State::Ending(result) => {
                self.close(store, result.err());
                self.state = State::Ended(result.map_err(|reason| Failure { reason, is_theirs: false }));
                return true;
            }
            _ => {}
        }
        if !self.id.is_ours || !self.is_sending {
            self.close(store, None);
        }
        if self.digest.is_some() || !self.is_sending {
            self.state = State::Beginning;
        }
        self.id.is_ours
    }

    /// Ends the use of the store. What came of the file stays in it unless the reason says otherwise.
    pub(super) fn close(&mut self, store: &mut impl Store, reason: Option<Reason>) {
        match self.file.take() {
            Some(file) if !self.is_sending && reason.is_some_and(Reason::drops_partial) => store.discard(file),
            Some(file) => store.close(file),
            None => {}
        }
    }
}
