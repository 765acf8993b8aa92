//! What comes from the other side: control messages, and the content of files.

use heapless::Vec;

use crate::frame::{Frame, Kind as FrameKind, MessageId};

use super::digest::{Digest, Hasher};
use super::message::{CONTROL_MAX, FileMessage, Number};
use super::name::Name;
use super::reason::Reason;
use super::store::{About, Entry, Kind, Space, Store};
use super::transfer::{Failure, State, Transfer, TransferId};
use super::transmit::Reply;
use super::{Files, META};

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is not of this protocol: a message like any.
    Plain,
    /// It was taken.
    Taken,
    /// It is the answer to the request of that number.
    Answer(u32, Answer),
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

/// A control message of several frames, as far as it came.
#[derive(Clone, Debug)]
pub(super) struct Control {
    message: Option<MessageId>,
    bytes: Vec<u8, CONTROL_MAX>,
}

impl Control {
    pub(super) const NONE: Self = Self { message: None, bytes: Vec::new() };
}

impl<S: Store, const TRANSFERS: usize> Files<S, TRANSFERS> {
    /// Takes a frame that came.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, now_us: u64) -> Heard {
        if frame.channel != self.channel {
            return Heard::Plain;
        }
        let is_last = frame.position.total().is_some_and(|total| total == frame.position.sequence().saturating_add(1));
        if frame.position.sequence() > 0 {
            return self.go_on(frame, is_last, now_us);
        }
        if frame.meta != META || frame.kind != FrameKind::Binary {
            return Heard::Plain;
        }
        match FileMessage::decode(frame.data) {
            Some((number, FileMessage::Data { offset, content })) => {
                self.data(number, frame.message, offset, content, is_last, now_us);
                Heard::Taken
            }
            _ if is_last => self.control(frame.data, now_us),
            _ => {
                self.control = Control { message: Some(frame.message), bytes: Vec::new() };
                self.collect(frame.data, false, now_us)
            }
        }
    }

    /// Takes a frame that is not the first of its message.
    fn go_on(&mut self, frame: &Frame<'_>, is_last: bool, now_us: u64) -> Heard {
        if let Some(transfer) = self.transfers.each_mut().find(|transfer| transfer.message == Some(frame.message)) {
            transfer.take(&mut self.store, frame.data, is_last, now_us);
            return Heard::Taken;
        }
        if self.control.message == Some(frame.message) {
            return self.collect(frame.data, is_last, now_us);
        }
        if self.ignored.iter().any(|message| *message == frame.message) { Heard::Taken } else { Heard::Plain }
    }

    fn collect(&mut self, data: &[u8], is_last: bool, now_us: u64) -> Heard {
        if self.control.bytes.extend_from_slice(data).is_err() {
            // Longer than any: it is not looked at, but its frames are known.
            self.control.bytes.clear();
        }
        if !is_last {
            return Heard::Taken;
        }
        let Control { bytes, .. } = core::mem::replace(&mut self.control, Control::NONE);
        self.control(&bytes, now_us)
    }

    fn control(&mut self, bytes: &[u8], now_us: u64) -> Heard {
        let Some((number, message)) = FileMessage::decode(bytes) else { return Heard::Taken };
        let id = TransferId { number: number.number, is_ours: number.is_yours };
        let done = match message {
            FileMessage::Offer { size, digest, kind, name } => {
                let offered = self.offered(id, (size, digest), kind, name);
                return self.refuse_transfer(number, offered);
            }
            FileMessage::Accept { offset, digest } => {
                self.accepted(id, offset, digest, now_us);
                return Heard::Taken;
            }
            FileMessage::Done => return self.answered(id, Ok(())),
            FileMessage::Cancel(reason) => return self.answered(id, Err(reason)),
            FileMessage::Get(name) => {
                let asked = self.asked(id, name);
                return self.refuse_transfer(number, asked);
            }
            FileMessage::Entry { index: _, size, stored, digest, kind, name } => {
                let (Ok(name), Ok(kind)) = (Name::new(name), Kind::try_from(kind)) else {
                    return Heard::Answer(id.number, Answer::Refused(Reason::Protocol));
                };
                return Heard::Answer(id.number, Answer::Entry(Entry { name, size, stored, digest, kind }));
            }
            FileMessage::Space(space) => return Heard::Answer(id.number, Answer::Space(space)),
            // It is no control message.
            FileMessage::Data { .. } => return Heard::Taken,
            FileMessage::List(_) if self.is_private => Err(Reason::Missing),
            FileMessage::List(index) => Ok(Reply::Entry(index)),
            FileMessage::Remove(name) => checked(name)
                .and_then(|name| self.unused(&name)?.remove(&name).map_err(Reason::from))
                .map(|()| Reply::Done),
            FileMessage::Rename { from, to } => self.give_name(from, to).map(|()| Reply::Done),
        };
        self.reply(id, done.unwrap_or_else(Reply::Cancel));
        Heard::Taken
    }

    /// Notes what to answer a request; more of them than fit are asked again.
    fn reply(&mut self, id: TransferId, reply: Reply) {
        let _ = self.replies.push_back((Number { number: id.number, is_yours: !id.is_ours }, reply));
    }

    fn refuse_transfer(&mut self, number: Number, begun: Result<(), Reason>) -> Heard {
        if let Err(reason) = begun {
            let id = TransferId { number: number.number, is_ours: number.is_yours };
            match self.transfers.find(id) {
                Some(transfer) => transfer.state = State::Ending(Err(reason)),
                None => self.reply(id, Reply::Cancel(reason)),
            }
        }
        Heard::Taken
    }

    /// The store, for something to be done to the file of that name.
    fn unused(&mut self, name: &Name) -> Result<&mut S, Reason> {
        if self.is_private {
            return Err(Reason::Missing);
        }
        if self.transfers.each().any(|transfer| transfer.file.is_some() && transfer.name == *name) {
            return Err(Reason::Busy);
        }
        Ok(&mut self.store)
    }

    fn give_name(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        let (from, to) = (checked(from)?, checked(to)?);
        self.unused(&to)?;
        self.unused(&from)?.rename(&from, &to).map_err(Reason::from)
    }

    /// The other side wants a file.
    fn asked(&mut self, id: TransferId, name: &str) -> Result<(), Reason> {
        if id.is_ours {
            return Err(Reason::Protocol);
        }
        if self.is_private {
            return Err(Reason::Missing);
        }
        self.send(id, &checked(name)?).map(drop).map_err(Reason::from)
    }

    /// The other side has a file, which was asked for or not.
    fn offered(&mut self, id: TransferId, (size, digest): (u32, Digest), kind: &str, name: &str) -> Result<(), Reason> {
        let name = checked(name)?;
        let kind = Kind::try_from(kind).map_err(|_| Reason::Protocol)?;
        let about = About { name, size, digest, kind };
        let at = self.place(id, &about.name)?;
        let transfer = self.transfers.at(at).ok_or(Reason::Stalled)?;
        (transfer.size, transfer.digest, transfer.kind) = (size, Some(digest), about.kind.clone());
        if Hasher::new(digest.algorithm()).is_none() {
            return Err(Reason::Digest);
        }
        if let Ok((file, entry)) = self.store.open(&about.name) {
            self.store.close(file);
            if (entry.size, entry.digest) == (size, Some(digest)) {
                (transfer.at, transfer.from, transfer.state) = (size, size, State::Ending(Ok(())));
                return Ok(());
            }
        }
        let (file, stored) = self.store.receive(&about)?;
        (transfer.file, transfer.at, transfer.state) = (Some(file), stored, State::Preparing);
        Ok(())
    }

    /// Where the transfer is that an offer is for.
    fn place(&mut self, id: TransferId, name: &Name) -> Result<usize, Reason> {
        if id.is_ours {
            let asked = |transfer: &Transfer| transfer.id == id && !transfer.is_sending && transfer.name == *name;
            let at = self.transfers.position(asked).ok_or(Reason::Stalled)?;
            let is_asking = self.transfers.at(at).is_some_and(|transfer| matches!(transfer.state, State::Asking));
            return if is_asking { Ok(at) } else { Err(Reason::Protocol) };
        }
        if self.is_private {
            return Err(Reason::NoRoom);
        }
        // A sender that offers a file anew has given up what it sent before.
        let is_old = |transfer: &mut Transfer| !transfer.id.is_ours && !transfer.is_sending && transfer.name == *name;
        while let Some(mut old) = self.transfers.take(is_old) {
            old.close(&mut self.store, None);
            self.ignore(old.message);
        }
        self.transfers.add(Transfer::new(id, false, name.clone())).ok_or(Reason::Busy)
    }

    /// The other side wants what was offered, from there on.
    fn accepted(&mut self, id: TransferId, offset: u32, claim: Option<Digest>, now_us: u64) {
        let Some(transfer) = self.transfers.find(id) else {
            return self.reply(id, Reply::Cancel(Reason::Stalled));
        };
        if !matches!(transfer.state, State::Asking) || !transfer.is_sending {
            return;
        }
        transfer.touch(now_us);
        match (transfer.digest, claim) {
            _ if offset > transfer.size => transfer.state = State::Ending(Err(Reason::Protocol)),
            (Some(digest), Some(_)) if offset > 0 => transfer.hash(digest.algorithm(), offset, claim),
            _ => transfer.move_from(0),
        }
    }

    /// A DONE or CANCEL came.
    fn answered(&mut self, id: TransferId, result: Result<(), Reason>) -> Heard {
        let Some(transfer) = self.transfers.find(id) else {
            return Heard::Answer(id.number, result.map_or_else(Answer::Refused, |()| Answer::Done));
        };
        if matches!(transfer.state, State::Ended(_)) || (result.is_ok() && !transfer.is_sending) {
            return Heard::Taken;
        }
        if result.is_ok() && matches!(transfer.state, State::Asking) {
            // It was there already.
            transfer.from = transfer.size;
        }
        transfer.close(&mut self.store, result.err());
        transfer.state = State::Ended(result.map_err(|reason| Failure { reason, is_theirs: true }));
        if result.is_ok() {
            transfer.at = transfer.size;
        }
        let message = transfer.message.take();
        self.ignore(message);
        Heard::Taken
    }

    /// Frames of that message may still come, and are for nobody.
    pub(super) fn ignore(&mut self, message: Option<MessageId>) {
        let Some(message) = message else { return };
        if self.ignored.is_full() {
            self.ignored.pop_front();
        }
        let _ = self.ignored.push_back(message);
    }

    /// The content of a file begins to come.
    fn data(&mut self, number: Number, message: MessageId, offset: u32, content: &[u8], is_last: bool, now_us: u64) {
        let id = TransferId { number: number.number, is_ours: number.is_yours };
        let expects = |transfer: &&mut Transfer| {
            transfer.id == id
                && matches!(transfer.state, State::Moving)
                && !transfer.is_sending
                && transfer.message.is_none()
        };
        let Some(transfer) = self.transfers.each_mut().find(expects) else {
            self.ignore(Some(message));
            return self.reply(id, Reply::Cancel(Reason::Stalled));
        };
        transfer.message = Some(message);
        match transfer.begin_at(&mut self.store, offset) {
            Ok(()) => transfer.take(&mut self.store, content, is_last, now_us),
            Err(reason) => transfer.state = State::Ending(Err(reason)),
        }
    }
}

fn checked(name: &str) -> Result<Name, Reason> {
    Name::new(name).map_err(|_| Reason::Name)
}
