//! Files over a [`Link`](crate::Link): offered, fetched, listed, and resumed where they stopped ([section 8](crate::protocol#8-files)).
//!
//! [`Files`] sits beside a link as another state machine: it is given the frames of its channel, puts messages of its own into the link's queue, and
//! keeps content in a [`Store`]. Time goes in as a number; it waits for nothing and allocates nothing.
//!
//! - give every [`Event::Frame`](crate::Event::Frame) to [`Files::handle_frame`]; what is [`Heard::Plain`] is not of this protocol;
//! - tell it of [`Event::Down`](crate::Event::Down) by [`Files::handle_down`];
//! - call [`Files::transmit`] whenever the link or the clock has moved, and take what [`Files::poll_event`] tells.
//!
//! A transfer that this side began goes on by itself on the next link, from where the receiver has stored and proved. One that the other
//! side began is begun again by that side.

// What is never inlined in these files was measured: merged into a caller that has much of its own on the stack, or into several, it takes more flash.
mod content;
mod digest;
mod ignored;
mod message;
mod name;
#[cfg(feature = "nor")]
mod nor;
mod ram;
mod reason;
mod receive;
mod store;
mod table;
mod transfer;
mod transmit;
mod voice;
mod work;

pub use digest::{Algorithm, Digest, Hasher};
pub use message::{CONTROL_MAX, FileMessage, Number};
pub use name::{NAME_MAX, Name, NameError};
#[cfg(feature = "nor")]
pub use nor::{Nor, RECEIVED_AT_ONCE};
pub use ram::Ram;
pub use reason::Reason;
pub use receive::{Answer, Heard};
pub use store::{About, Entry, FileId, KIND_MAX, Kind, Space, Store, StoreError};
pub use transfer::{ANSWER_US, Failure, STALL_US, TransferId};

use heapless::Deque;

use crate::channel::{Channel, ChannelId, Priority};
use ignored::Ignored;
use receive::Control;
use table::Table;
use transfer::{State, Transfer};
use transmit::Reply;
use voice::Voice;

/// The meta of this protocol's messages, and how that of its channel begins.
pub const META: &str = "files/1";
/// Name of the channel of files.
pub const FILE_CHANNEL: &str = "file";

/// The channel as a side opens it that speaks this protocol.
#[must_use]
pub const fn channel() -> Channel<'static> {
    let meta = if cfg!(feature = "sha256") { "files/1 sha-256" } else { "files/1 crc-32" };
    Channel::new(FILE_CHANNEL).with_priority(Priority::Bulk).with_meta(meta)
}

/// The algorithm that a side can check which opened its channel with this meta; `None` if it does not speak the protocol.
#[must_use]
pub fn algorithm_of(meta: &str) -> Option<Algorithm> {
    match meta.strip_prefix(META)? {
        " sha-256" => Some(Algorithm::Sha256),
        " crc-32" => Some(Algorithm::Crc32),
        _ => None,
    }
}

/// Requests of the other side whose answer waits to be sent.
const REPLIES: usize = 4;

/// The transfers of one link, at most `TRANSFERS` at a time.
///
/// Costs about 200 bytes of RAM, and 400 a transfer, beside the store.
#[derive(Debug)]
pub struct Files<S, const TRANSFERS: usize> {
    store: S,
    voice: Voice,
    /// How the digests of what is sent are made.
    algorithm: Algorithm,
    /// The other side has no business with the store.
    is_private: bool,
    /// Steps of hashing in one call, of each transfer.
    steps: u16,
    transfers: Table<TRANSFERS>,
    control: Control,
    ignored: Ignored,
    replies: Deque<(TransferId, Reply), REPLIES>,
    next_number: u32,
    /// Whose content goes next, and how many frames of it went since it has the turn.
    turn: usize,
    burst: u8,
    is_held: bool,
}

/// How a transfer stands, for people to see.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'f> {
    /// Which one.
    pub id: TransferId,
    /// The file's name.
    pub name: &'f Name,
    /// It is on its way out.
    pub is_sending: bool,
    /// Bytes sent or stored so far; what was sent is not yet stored there.
    pub at: u32,
    /// Where the content began to move this time: what was there before.
    pub from: u32,
    /// Its length; 0 while it is not known of a file that was asked for.
    pub size: u32,
    /// Of the whole, when it is known.
    pub digest: Option<Digest>,
    /// The content is moving: both sides agree where to begin.
    pub is_moving: bool,
}

/// The end of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ended {
    /// Which one.
    pub id: TransferId,
    /// The file's name.
    pub name: Name,
    /// It was on its way out.
    pub is_sending: bool,
    /// Its length, 0 if it was never known.
    pub size: u32,
    /// How much of it was there when its content last began to move: all of it, where nothing had to.
    pub from: u32,
    /// Of the whole, if it was known.
    pub digest: Option<Digest>,
    /// Verified and stored at its receiver, or why not.
    pub result: Result<(), Failure>,
}

impl<S: Store, const TRANSFERS: usize> Files<S, TRANSFERS> {
    /// Transfers on that channel of a link, between the other side and `store`.
    ///
    /// A call of [`transmit`](Files::transmit) hashes at most `steps` times 128 bytes of each: few where something else waits for a turn meanwhile.
    pub fn new(store: S, channel: ChannelId, steps: u16) -> Self {
        Self {
            store,
            voice: Voice { channel, said: None },
            algorithm: Algorithm::BEST,
            is_private: false,
            steps,
            transfers: Table::new(),
            control: Control::default(),
            ignored: Ignored::default(),
            replies: Deque::new(),
            next_number: 0,
            turn: 0,
            burst: 0,
            is_held: false,
        }
    }

    /// The store, for its owner's own use.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// The channel has another number from now on.
    pub fn set_channel(&mut self, channel: ChannelId) {
        self.voice.channel = channel;
    }

    /// What is offered from now on has digests of this algorithm, as [`algorithm_of`] the other side says; else of [`Algorithm::BEST`].
    pub fn set_algorithm(&mut self, algorithm: Algorithm) {
        self.algorithm = algorithm;
    }

    /// From now on only what this side begins is done: the other side can look for nothing, fetch nothing, send nothing and change nothing.
    pub fn keep_private(&mut self) {
        self.is_private = true;
    }

    /// How every transfer stands.
    pub fn transfers(&self) -> impl Iterator<Item = Progress<'_>> {
        self.transfers.each().map(|transfer| {
            let Transfer { id, ref name, is_sending, at, from, size, digest, .. } = *transfer;
            let is_moving = matches!(transfer.state, State::Moving | State::Verifying);
            Progress { id, name, is_sending, at, from, size, digest, is_moving }
        })
    }

    /// Offers a file of the store to the other side.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::TooMany`] also while `TRANSFERS` are under way.
    pub fn offer(&mut self, name: &Name) -> Result<TransferId, StoreError> {
        let id = self.own_id();
        self.send(id, name).map(|()| id)
    }

    /// Asks the other side for a file, which the store receives.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooMany`] while `TRANSFERS` are under way.
    pub fn get(&mut self, name: &Name) -> Result<TransferId, StoreError> {
        let id = self.own_id();
        self.transfers.add(id, false, name).map(|_| id).ok_or(StoreError::TooMany)
    }

    /// Ends a transfer: with [`Reason::Cancelled`] for good, with [`Reason::Paused`] so that it can be begun again from where it stands.
    ///
    /// One that was offered and is cancelled ends when the receiver has been told, on a later link if need be, so that it does not keep for ever what it has.
    pub fn cancel(&mut self, id: TransferId, reason: Reason) {
        if let Some(transfer) = self.transfers.find(id) {
            transfer.cancel(reason);
        }
    }

    /// The link has ended: what this side began is begun again on the next, what the other side began is over here until it does so.
    pub fn handle_down(&mut self) {
        (self.control.message, self.voice.said) = (None, None);
        self.ignored = Ignored::default();
        self.replies.clear();
        self.transfers.retain(|transfer| transfer.lose_link(&mut self.store));
    }

    /// What the application is to know; `None` when there is no more of it.
    pub fn poll_event(&mut self) -> Option<Ended> {
        self.transfers.take(Transfer::ended)
    }

    /// When to call [`transmit`](Files::transmit) at the latest; `None` for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let mut first = u64::MAX;
        // A loop, because what folds an iterator divides by the size of a transfer, which costs a chip more than all this.
        for transfer in self.transfers.each() {
            first = first.min(transfer.due_us());
        }
        (first < u64::MAX).then_some(first)
    }

    fn own_id(&mut self) -> TransferId {
        self.next_number = self.next_number.wrapping_add(1);
        TransferId { number: self.next_number, is_ours: true }
    }

    /// Begins to send a file of the store.
    #[inline(never)]
    fn send(&mut self, id: TransferId, name: &Name) -> Result<(), StoreError> {
        let (file, entry) = self.store.open(name)?;
        let Some(transfer) = self.transfers.add(id, true, &entry.name) else {
            self.store.close(file);
            return Err(StoreError::TooMany);
        };
        (transfer.file, transfer.size, transfer.kind) = (Some(file), entry.size, entry.kind);
        transfer.digest = entry.digest.filter(|digest| digest.algorithm() == self.algorithm);
        if transfer.digest.is_none()
            && let Err(reason) = transfer.hash(self.algorithm, entry.size, None)
        {
            transfer.end(Err(reason));
        }
        Ok(())
    }
}
