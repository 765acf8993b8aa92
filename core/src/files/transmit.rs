//! What goes to the other side: requests, answers, and the content of files.

use crate::buffer::Buffer;
use crate::cut::Message;
use crate::frame::Kind as FrameKind;
use crate::link::Link;
use crate::mux::SendError;

use super::message::{CONTROL_MAX, FileMessage, Number};
use super::reason::Reason;
use super::store::Store;
use super::transfer::{Failure, State, Transfer};
use super::{Files, META};

/// Frames of one transfer before the next has its turn: as many as fill a long packet.
const BURST: u8 = 4;
/// Frames of the channel that wait in the link's queue: more would gain nothing, and take room from others.
const WAITING_MAX: usize = 2 * BURST as usize;

/// What is to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    /// The entry of that index, or how much room there is.
    Entry(u32),
    /// It was done.
    Done,
    /// It was not.
    Cancel(Reason),
}

impl<S: Store, const TRANSFERS: usize> Files<S, TRANSFERS> {
    /// Puts what is due into the queue of the link, as far as there is room, and does what hashing and erasing is due.
    pub fn transmit<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        now_us: u64,
    ) {
        self.work();
        if !link.is_up() {
            return;
        }
        self.give_up_stalled(link.is_silent(), now_us);
        // Content would take every place in the queue as it comes, and what is longer than a frame would find none.
        let has_said_all = self.answer(link) && self.speak(link, now_us);
        if has_said_all && !core::mem::take(&mut self.is_held) {
            self.move_content(link, now_us);
        }
    }

    /// Leaves the queue of the channel to the application, which has a message for it, in the next call of [`transmit`](Files::transmit).
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// Asks for the entry of that index of the other side's store; the answer comes as [`Heard::Answer`](super::Heard::Answer) with the number that this returns.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] until the link has room and what was said before has arrived; [`SendError::Down`] and others of the link.
    pub fn list<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        index: u32,
    ) -> Result<u32, SendError> {
        self.request(link, &FileMessage::List(index))
    }

    /// Asks the other side to remove a file.
    ///
    /// # Errors
    ///
    /// As for [`list`](Files::list).
    pub fn remove<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        name: &str,
    ) -> Result<u32, SendError> {
        self.request(link, &FileMessage::Remove(name))
    }

    /// Asks the other side to give a file another name.
    ///
    /// # Errors
    ///
    /// As for [`list`](Files::list).
    pub fn rename<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        from: &str,
        to: &str,
    ) -> Result<u32, SendError> {
        self.request(link, &FileMessage::Rename { from, to })
    }

    /// True while the other side may not have heard what was said last, such as that a file is whole here.
    #[must_use]
    pub fn is_saying<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &self,
        link: &Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    ) -> bool {
        self.said.is_some_and(|said| link.is_pending(said))
    }

    fn request<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        message: &FileMessage<'_>,
    ) -> Result<u32, SendError> {
        let number = self.number();
        self.say(link, Number { number, is_yours: false }, message).map(|()| number)
    }

    /// Sends a control message, once the one before is whole at the other side.
    fn say<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        number: Number,
        message: &FileMessage<'_>,
    ) -> Result<(), SendError> {
        if self.is_saying(link) {
            return Err(SendError::Full);
        }
        let mut out = [0; CONTROL_MAX];
        let data = message.encode(number, &mut out).ok_or(SendError::TooLong(1))?;
        self.said = Some(link.send(self.channel, &Message { kind: FrameKind::Binary, meta: META, data })?);
        Ok(())
    }

    fn work(&mut self) {
        for _ in 0..self.steps {
            self.transfers.each_mut().for_each(|transfer| transfer.work(&mut self.store));
        }
    }

    fn give_up_stalled(&mut self, is_silent: bool, now_us: u64) {
        for transfer in self.transfers.each_mut().filter(|transfer| transfer.is_waiting()) {
            if is_silent {
                transfer.touch(now_us);
            } else if now_us >= transfer.due_us {
                transfer.state = State::Ending(Err(Reason::Stalled));
            }
        }
    }

    /// Answers requests; false while there is no room for an answer.
    fn answer<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    ) -> bool {
        while let Some(&(number, reply)) = self.replies.front() {
            let sent = match reply {
                Reply::Done => self.say(link, number, &FileMessage::Done),
                Reply::Cancel(reason) => self.say(link, number, &FileMessage::Cancel(reason)),
                Reply::Entry(index) => match self.store.entry(index as usize) {
                    None => {
                        let space = self.store.space();
                        self.say(link, number, &FileMessage::Space(space))
                    }
                    Some(entry) => {
                        let (size, stored, digest) = (entry.size, entry.stored, entry.digest);
                        let (kind, name) = (entry.kind.as_str(), entry.name.as_str());
                        self.say(link, number, &FileMessage::Entry { index, size, stored, digest, kind, name })
                    }
                },
            };
            if sent == Err(SendError::Full) {
                return false;
            }
            self.replies.pop_front();
        }
        true
    }

    /// Says what is to be said of transfers; false while there is no room for it.
    fn speak<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        now_us: u64,
    ) -> bool {
        for at in 0..TRANSFERS {
            let Some(transfer) = self.transfers.at(at) else { continue };
            let number = Number { number: transfer.id.number, is_yours: !transfer.id.is_ours };
            let Transfer { is_sending, size, digest, at: offset, .. } = *transfer;
            // What is borrowed by the message must not be in `self`.
            let (name, kind) = (transfer.name.clone(), transfer.kind.clone());
            let message = match (&transfer.state, digest) {
                (State::Beginning, Some(digest)) if is_sending => {
                    FileMessage::Offer { size, digest, kind: &kind, name: name.as_str() }
                }
                (State::Beginning, _) => FileMessage::Get(name.as_str()),
                (State::Accepting, _) => FileMessage::Accept { offset, digest: Some(transfer.hasher.digest()) },
                (State::Ending(Ok(())), _) => FileMessage::Done,
                (State::Ending(Err(reason)), _) => FileMessage::Cancel(*reason),
                _ => continue,
            };
            match self.say(link, number, &message) {
                Err(SendError::Full) => return false,
                // The channel is closed: the other side gets nothing of it, and the stall ends it.
                Err(_) => continue,
                Ok(()) => {}
            }
            self.said(at, now_us);
        }
        true
    }

    /// What was to be said of a transfer was said.
    fn said(&mut self, at: usize, now_us: u64) {
        let Some(transfer) = self.transfers.at(at) else { return };
        transfer.touch(now_us);
        if matches!(transfer.state, State::Accepting) {
            return transfer.move_from(transfer.at);
        }
        transfer.state = match transfer.state {
            State::Beginning if transfer.is_unwanted => State::Ending(Err(Reason::Cancelled)),
            State::Beginning => State::Asking,
            State::Ending(result) => {
                transfer.close(&mut self.store, result.err());
                State::Ended(result.map_err(|reason| Failure { reason, is_theirs: false }))
            }
            _ => return,
        };
        if matches!(transfer.state, State::Ended(_)) {
            let message = transfer.message.take();
            self.ignore(message);
        }
    }

    /// Queues content, in turns.
    fn move_content<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        now_us: u64,
    ) {
        let mut resting = 0;
        while resting < TRANSFERS && link.mux().waiting(self.channel) < WAITING_MAX {
            let has_turn = self.burst < BURST;
            let moved = match self.transfers.at(self.turn).filter(|_| has_turn) {
                Some(transfer) => transfer.write(&mut self.store, link, self.channel, now_us),
                None => false,
            };
            if moved {
                (self.burst, resting) = (self.burst + 1, 0);
            } else {
                resting += usize::from(has_turn);
                self.turn = if self.turn + 1 < TRANSFERS { self.turn + 1 } else { 0 };
                self.burst = 0;
            }
        }
    }
}
