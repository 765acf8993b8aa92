//! What goes to the other side: requests, answers, and the content of files.

use crate::buffer::Buffer;
use crate::link::Link;
use crate::mux::SendError;

use super::Files;
use super::message::FileMessage;
use super::reason::Reason;
use super::store::{Entry, Store};
use super::transfer::{State, Transfer};

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
        let has_said_all = self.reply_all(link) && self.speak(link, now_us);
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
        self.voice.is_saying(link)
    }

    fn request<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        message: &FileMessage<'_>,
    ) -> Result<u32, SendError> {
        let id = self.own_id();
        self.voice.say(link, id, message).map(|()| id.number)
    }

    fn work(&mut self) {
        for _ in 0..self.steps {
            for transfer in self.transfers.each_mut() {
                transfer.work(&mut self.store);
            }
        }
    }

    fn give_up_stalled(&mut self, is_silent: bool, now_us: u64) {
        for transfer in self.transfers.each_mut().filter(|transfer| transfer.is_waiting()) {
            if is_silent {
                transfer.touch(now_us);
            } else if now_us >= transfer.due_us {
                transfer.end(Err(Reason::Stalled));
            }
        }
    }

    /// Answers requests; false while there is no room for an answer.
    fn reply_all<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    ) -> bool {
        while let Some(&(id, reply)) = self.replies.front() {
            let entry;
            let message = match reply {
                Reply::Done => FileMessage::Done,
                Reply::Cancel(reason) => FileMessage::Cancel(reason),
                Reply::Entry(index) => {
                    entry = self.store.entry(index as usize);
                    match &entry {
                        None => FileMessage::Space(self.store.space()),
                        Some(Entry { name, size, stored, digest, kind }) => {
                            let (size, stored, digest) = (*size, *stored, *digest);
                            FileMessage::Entry { index, size, stored, digest, kind, name: name.as_str() }
                        }
                    }
                }
            };
            if self.voice.say(link, id, &message) == Err(SendError::Full) {
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
        for transfer in self.transfers.each_mut() {
            let Transfer { is_sending, size, digest, at: offset, ref kind, .. } = *transfer;
            let name = transfer.name.as_str();
            let message = match (transfer.state, digest, transfer.failure) {
                (State::Beginning, Some(digest), _) if is_sending => FileMessage::Offer { size, digest, kind, name },
                (State::Beginning, ..) => FileMessage::Get(name),
                (State::Accepting, ..) => FileMessage::Accept { offset, digest: Some(transfer.hasher.digest()) },
                (State::Ending, _, None) => FileMessage::Done,
                (State::Ending, _, Some(failure)) => FileMessage::Cancel(failure.reason),
                _ => continue,
            };
            match self.voice.say(link, transfer.id, &message) {
                Err(SendError::Full) => return false,
                // The channel is closed: the other side gets nothing of it, and the stall ends it.
                Err(_) => continue,
                Ok(()) => transfer.go_on(&mut self.store, now_us),
            }
            if transfer.state == State::Ended {
                self.ignored.add(transfer.message.take());
            }
        }
        true
    }

    /// Queues content, in turns.
    fn move_content<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        now_us: u64,
    ) {
        let mut resting = 0;
        while resting < TRANSFERS && link.mux().waiting(self.voice.channel) < WAITING_MAX {
            let has_turn = self.burst < BURST;
            let moved = match self.transfers.at(self.turn).filter(|_| has_turn) {
                Some(transfer) => transfer.write(&mut self.store, link, self.voice.channel, now_us),
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
