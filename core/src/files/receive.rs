//! What comes from the other side: control messages, and the content of files.

use heapless::Vec;

use crate::frame::{Frame, Kind as FrameKind, MessageId};

use super::digest::{Digest, Hasher};
use super::message::{CONTROL_MAX, FileMessage, is_data};
use super::name::Name;
use super::reason::Reason;
use super::store::{About, Entry, Kind, Space, Store};
use super::transfer::{Failure, State, Transfer, TransferId};
use super::transmit::Reply;
use super::{Files, META};

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Heard {
    /// It is not of this protocol: a message like any.
    Plain,
    /// It was taken.
    Taken,
    /// It is the answer to the request of that number: see [`Files::answer`].
    Answer(u32),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The entry that was asked for.
    Entry(Entry),
    /// There is no entry of that index, and so much room.
    Space(Space),
    /// It was done.
    Done,
    /// It was not.
    Refused(Reason),
}

/// A control message as far as it came, and until the next one comes.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) message: Option<MessageId>,
    bytes: Vec<u8, CONTROL_MAX>,
}

impl<S: Store, const TRANSFERS: usize> Files<S, TRANSFERS> {
    /// Takes a frame that came.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, now_us: u64) -> Heard {
        if frame.channel != self.voice.channel {
            return Heard::Plain;
        }
        let is_last = frame.position.total().is_some_and(|total| total == frame.position.sequence().saturating_add(1));
        if frame.position.sequence() > 0 {
            return self.go_on(frame, is_last, now_us);
        }
        if frame.meta != META || frame.kind != FrameKind::Binary {
            return Heard::Plain;
        }
        if is_data(frame.data) {
            return self.hear(frame.data, frame.message, is_last, now_us);
        }
        self.control.message = Some(frame.message);
        self.control.bytes.clear();
        self.collect(frame, is_last, now_us)
    }

    /// What answers the request of which [`handle_frame`](Files::handle_frame) told last.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match FileMessage::decode(&self.control.bytes) {
            Some((_, FileMessage::Entry { index: _, size, stored, digest, kind, name })) => {
                match (Name::new(name), Kind::try_from(kind)) {
                    (Ok(name), Ok(kind)) => Answer::Entry(Entry { name, size, stored, digest, kind }),
                    _ => Answer::Refused(Reason::Protocol),
                }
            }
            Some((_, FileMessage::Space(space))) => Answer::Space(space),
            Some((_, FileMessage::Done)) => Answer::Done,
            Some((_, FileMessage::Cancel(reason))) => Answer::Refused(reason),
            _ => Answer::Refused(Reason::Protocol),
        }
    }

    /// Takes a frame that is not the first of its message.
    fn go_on(&mut self, frame: &Frame<'_>, is_last: bool, now_us: u64) -> Heard {
        let message = Some(frame.message);
        if let Some(transfer) = self.transfers.each_mut().find(|transfer| transfer.message == message) {
            transfer.take(&mut self.store, frame.data, is_last, now_us);
            return Heard::Taken;
        }
        if self.control.message == message {
            return self.collect(frame, is_last, now_us);
        }
        if self.ignored.has(frame.message) { Heard::Taken } else { Heard::Plain }
    }

    fn collect(&mut self, frame: &Frame<'_>, is_last: bool, now_us: u64) -> Heard {
        if self.control.bytes.extend_from_slice(frame.data).is_err() {
            // It is longer than any, and is not looked at.
            self.control.message = None;
            self.ignored.add(Some(frame.message));
        } else if is_last {
            self.control.message = None;
            // It is put back: an answer is asked for later.
            let bytes = core::mem::take(&mut self.control.bytes);
            let heard = self.hear(&bytes, frame.message, is_last, now_us);
            self.control.bytes = bytes;
            return heard;
        }
        Heard::Taken
    }

    /// Takes a control message, or the beginning of the content of a file.
    fn hear(&mut self, bytes: &[u8], message: MessageId, is_last: bool, now_us: u64) -> Heard {
        let Some((number, said)) = FileMessage::decode(bytes) else {
            self.ignored.add(Some(message));
            return Heard::Taken;
        };
        let id = TransferId::from(number);
        let done = match said {
            FileMessage::Data { offset, content } => self.data(id, message, offset, content, is_last, now_us),
            FileMessage::Accept { offset, digest } => match self.transfers.find(id) {
                Some(transfer) => transfer.accepted(offset, digest, now_us),
                None => Err(Reason::Stalled),
            },
            FileMessage::Done => return self.answered(id, Ok(())),
            FileMessage::Cancel(reason) => return self.answered(id, Err(reason)),
            FileMessage::Entry { .. } | FileMessage::Space(_) => return Heard::Answer(id.number),
            FileMessage::Offer { size, digest, kind, name } => self.offered(id, (size, digest), kind, name),
            // What somebody asks for has a number of its own.
            _ if id.is_ours => Err(Reason::Protocol),
            _ if self.is_private => Err(Reason::Missing),
            FileMessage::Get(name) => self.give(id, name),
            FileMessage::List(index) => {
                self.reply(id, Reply::Entry(index));
                Ok(())
            }
            FileMessage::Remove(name) => self.remove_here(id, name),
            FileMessage::Rename { from, to } => self.rename_here(id, from, to),
        };
        if let Err(reason) = done {
            self.refuse(id, reason);
        }
        Heard::Taken
    }

    /// Notes what to answer a request; more of them than fit are asked again.
    #[inline(never)]
    fn reply(&mut self, id: TransferId, reply: Reply) {
        let _ = self.replies.push_back((id, reply));
    }

    /// What the other side has begun, or goes on with, cannot be.
    #[inline(never)]
    fn refuse(&mut self, id: TransferId, reason: Reason) {
        match self.transfers.find(id) {
            Some(transfer) if matches!(transfer.state, State::Ending | State::Ended) => {}
            Some(transfer) => transfer.end(Err(reason)),
            None => self.reply(id, Reply::Cancel(reason)),
        }
    }

    /// The name of a file to which something may be done.
    #[inline(never)]
    fn unused(&self, name: &str) -> Result<Name, Reason> {
        let is_used = |transfer: &Transfer| transfer.file.is_some() && transfer.name.as_str() == name;
        if self.transfers.each().any(is_used) { Err(Reason::Busy) } else { Ok(Name::new(name)?) }
    }

    fn give(&mut self, id: TransferId, name: &str) -> Result<(), Reason> {
        let name = Name::new(name)?;
        Ok(self.send(id, &name)?)
    }

    fn remove_here(&mut self, id: TransferId, name: &str) -> Result<(), Reason> {
        let name = self.unused(name)?;
        self.store.remove(&name)?;
        self.reply(id, Reply::Done);
        Ok(())
    }

    fn rename_here(&mut self, id: TransferId, from: &str, to: &str) -> Result<(), Reason> {
        let (from, to) = (self.unused(from)?, self.unused(to)?);
        self.store.rename(&from, &to)?;
        self.reply(id, Reply::Done);
        Ok(())
    }

    /// The other side has a file, which was asked for or not.
    #[inline(never)]
    fn offered(&mut self, id: TransferId, (size, digest): (u32, Digest), kind: &str, name: &str) -> Result<(), Reason> {
        let kind = Kind::try_from(kind).map_err(|_| Reason::Protocol)?;
        let about = About { name: Name::new(name)?, size, digest, kind };
        let transfer = if id.is_ours {
            let asked = |transfer: &&mut Transfer| !transfer.is_sending && transfer.name == about.name;
            let transfer = self.transfers.find(id).filter(asked).ok_or(Reason::Stalled)?;
            if transfer.state != State::Asking {
                return Err(Reason::Protocol);
            }
            transfer
        } else if self.is_private {
            return Err(Reason::NoRoom);
        } else {
            // A sender that offers a file anew has given up what it sent before.
            self.transfers.retain(|old| {
                let stays = old.id.is_ours || old.is_sending || old.name != about.name;
                if !stays {
                    old.close(&mut self.store);
                    self.ignored.add(old.message);
                }
                stays
            });
            self.transfers.add(id, false, &about.name).ok_or(Reason::Busy)?
        };
        (transfer.size, transfer.digest) = (size, Some(digest));
        if Hasher::new(digest.algorithm()).is_none() {
            return Err(Reason::Digest);
        }
        if let Ok((file, entry)) = self.store.open(&about.name) {
            self.store.close(file);
            if entry.size == size && entry.digest == Some(digest) {
                (transfer.at, transfer.from) = (size, size);
                transfer.end(Ok(()));
                return Ok(());
            }
        }
        let (file, stored) = self.store.receive(&about)?;
        (transfer.file, transfer.at, transfer.state) = (Some(file), stored, State::Preparing);
        Ok(())
    }

    /// A DONE or CANCEL came.
    fn answered(&mut self, id: TransferId, result: Result<(), Reason>) -> Heard {
        let Some(transfer) = self.transfers.find(id) else {
            return Heard::Answer(id.number);
        };
        if transfer.state == State::Ended || (result.is_ok() && !transfer.is_sending) {
            return Heard::Taken;
        }
        if result.is_ok() {
            if transfer.state == State::Asking {
                // It was there already.
                transfer.from = transfer.size;
            }
            transfer.at = transfer.size;
        }
        transfer.failure = result.err().map(|reason| Failure { reason, is_theirs: true });
        transfer.conclude(&mut self.store);
        self.ignored.add(transfer.message.take());
        Heard::Taken
    }

    /// The content of a file begins to come.
    fn data(
        &mut self,
        id: TransferId,
        message: MessageId,
        offset: u32,
        content: &[u8],
        is_last: bool,
        now_us: u64,
    ) -> Result<(), Reason> {
        let expects = |transfer: &&mut Transfer| {
            transfer.state == State::Moving && !transfer.is_sending && transfer.message.is_none()
        };
        let Some(transfer) = self.transfers.find(id).filter(expects) else {
            self.ignored.add(Some(message));
            return Err(Reason::Stalled);
        };
        transfer.message = Some(message);
        transfer.begin_at(&mut self.store, offset)?;
        transfer.take(&mut self.store, content, is_last, now_us);
        Ok(())
    }
}
