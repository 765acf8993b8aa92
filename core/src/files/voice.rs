//! What is said to the other side: control messages, one after the other.

use crate::buffer::Buffer;
use crate::channel::ChannelId;
use crate::cut::Message;
use crate::frame::{Kind, MessageId};
use crate::link::Link;
use crate::mux::SendError;

use super::META;
use super::message::{CONTROL_MAX, FileMessage};
use super::transfer::TransferId;

#[derive(Debug)]
pub(super) struct Voice {
    pub(super) channel: ChannelId,
    /// What was last said, while it may not be whole at the other side.
    pub(super) said: Option<MessageId>,
}

impl Voice {
    /// True while the other side may not have heard what was said last.
    pub(super) fn is_saying<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &self,
        link: &Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    ) -> bool {
        self.said.is_some_and(|said| link.is_pending(said))
    }

    /// Sends a control message, once the one before is whole at the other side.
    #[inline(never)]
    pub(super) fn say<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        id: TransferId,
        message: &FileMessage<'_>,
    ) -> Result<(), SendError> {
        if self.is_saying(link) {
            return Err(SendError::Full);
        }
        let mut out = [0; CONTROL_MAX];
        let data = message.encode(id.number(), &mut out).ok_or(SendError::TooLong(1))?;
        self.said = Some(link.send(self.channel, &Message { kind: Kind::Binary, meta: META, data })?);
        // Often this answers what has just come, and the other side says nothing more until it knows that it did.
        link.acknowledge();
        Ok(())
    }
}
