//! The content of a file on its way: from the store into frames, and from frames into the store.

use crate::buffer::Buffer;
use crate::channel::ChannelId;
use crate::link::Link;
use crate::mux::SendError;

use super::META;
use super::digest::Hasher;
use super::message::{DATA_HEAD_MAX, FileMessage};
use super::reason::Reason;
use super::store::Store;
use super::transfer::{State, Transfer};

/// Bytes of a file that are read at once.
const PIECE: usize = 240;

impl Transfer {
    /// The content comes from there on: from where it was accepted, or from 0 if what is here is not the same.
    pub(super) fn begin_at(&mut self, store: &mut impl Store, offset: u32) -> Result<(), Reason> {
        if offset == self.at {
            return Ok(());
        }
        let (Some(file), Some(digest), 0) = (self.file, self.digest, offset) else { return Err(Reason::Protocol) };
        // Content is here already: what it needs is prepared as it is stored, a step at a time.
        store.restart(file)?;
        self.move_from(0);
        self.hasher = Hasher::new(digest.algorithm()).ok_or(Reason::Digest)?;
        Ok(())
    }

    /// Takes content that has its turn.
    pub(super) fn take(&mut self, store: &mut impl Store, content: &[u8], is_last: bool, now_us: u64) {
        if self.state != State::Moving {
            return;
        }
        self.touch(now_us);
        let stored = self.store_content(store, content, is_last);
        if is_last {
            self.message = None;
        }
        if is_last || stored.is_err() {
            self.end(stored);
        }
    }

    fn store_content(&mut self, store: &mut impl Store, content: &[u8], is_last: bool) -> Result<(), Reason> {
        let file = self.file.ok_or(Reason::Failed)?;
        let rest = self.size.saturating_sub(self.at) as usize;
        if content.len() > rest || (is_last && content.len() < rest) {
            return Err(Reason::Protocol);
        }
        store.append(file, content)?;
        self.hasher.update(content);
        self.at += content.len() as u32;
        if !is_last {
            return Ok(());
        }
        if self.digest != Some(self.hasher.digest()) {
            return Err(Reason::Mismatch);
        }
        store.finish(file)?;
        // What could not be finished stays open until that is said.
        self.file = None;
        Ok(())
    }

    /// Queues one frame of content; false when there is none, or no room for it.
    pub(super) fn write<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        store: &mut impl Store,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        channel: ChannelId,
        now_us: u64,
    ) -> bool {
        if !self.is_sending || self.state != State::Moving {
            return false;
        }
        match self.try_write(store, link, channel) {
            Ok(true) => {
                self.touch(now_us);
                return true;
            }
            Ok(false) => {}
            Err(reason) => self.end(Err(reason)),
        }
        false
    }

    #[inline(never)]
    fn try_write<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        store: &mut impl Store,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        channel: ChannelId,
    ) -> Result<bool, Reason> {
        let file = self.file.ok_or(Reason::Failed)?;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            place => place.insert(link.begin(channel).map_err(|_| Reason::Stalled)?),
        };
        let mut buf = [0; DATA_HEAD_MAX + PIECE];
        let mut head = 0;
        if stream.frames() == 0 {
            let data = FileMessage::Data { offset: self.at, content: &[] };
            head = data.encode(self.id.number(), &mut buf).map_or(0, |head| head.len());
        }
        let rest = self.size.saturating_sub(self.at) as usize;
        let piece_max = PIECE.min(link.frame_room());
        let piece = buf.get_mut(head..head + rest.min(piece_max)).unwrap_or_default();
        let wanted = piece.len();
        if store.read(file, self.at, piece)? < wanted {
            // The file has become shorter.
            return Err(Reason::Failed);
        }
        let data = buf.get(..head + wanted).unwrap_or_default();
        match link.write(stream, META, data, wanted == rest) {
            Ok(len) if len >= head => {
                self.at += (len - head) as u32;
                if stream.is_ended() {
                    (self.state, self.stream) = (State::Verifying, None);
                }
                Ok(true)
            }
            Err(SendError::Full) => Ok(false),
            // A frame so short that it does not hold the beginning, or no link that it was begun for.
            Ok(_) | Err(_) => Err(Reason::Stalled),
        }
    }
}
