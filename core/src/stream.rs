//! A message that is sent while its data is still being made: a file read in pieces, telemetry without an end.

use crate::channel::ChannelId;
use crate::frame::{Kind, MessageId, Position};
use crate::mux::{Mux, Route, SendError};
use crate::packet::data_overhead;

/// The state of a message under way; the application keeps it, the link holds only the frames that wait.
///
/// Begun by [`Link::begin`](crate::Link::begin). Dropping it leaves the message unfinished at the receiver.
#[derive(Clone, Debug)]
pub struct Stream {
    pub(crate) route: Route,
    kind: Kind,
    total: Option<u32>,
    next: u32,
    /// The link on which it was begun.
    pub(crate) peer_epoch: u32,
    /// The opening of the channel for which it was begun.
    pub(crate) opening: u16,
}

impl Stream {
    pub(crate) fn new(route: Route, peer_epoch: u32, opening: u16) -> Self {
        Self { route, kind: Kind::Binary, total: None, next: 0, peer_epoch, opening }
    }

    /// Sends the data as text: [`Link::write`](crate::Link::write) then cuts between characters.
    #[must_use]
    pub fn text(self) -> Self {
        Self { kind: Kind::Text, ..self }
    }

    /// States at once how many frames there will be, so that the receiver can show progress; a further one is refused.
    #[must_use]
    pub fn of_frames(self, total: u32) -> Self {
        Self { total: Some(total), ..self }
    }

    /// The channel that it is on.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        self.route.channel
    }

    /// The number that the message has on the link.
    #[must_use]
    pub fn message(&self) -> MessageId {
        self.route.message
    }

    /// Frames written so far.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.next
    }

    /// True when its last frame is written.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.total == Some(self.next)
    }

    /// Queues one frame; see [`Link::write`](crate::Link::write).
    pub(crate) fn push<const FRAME: usize, const BLOCKS: usize>(
        &mut self,
        mux: &mut Mux<FRAME, BLOCKS>,
        packet_max: usize,
        chunk: usize,
        meta: &str,
        data: &[u8],
        last: bool,
    ) -> Result<usize, SendError> {
        let meta = if self.next == 0 { meta } else { "" };
        // Labels as long as the longest number that they may have to hold.
        let sequence_max = self.next.max(self.total.unwrap_or(0));
        let overhead = data_overhead(self.route.message, sequence_max, meta);
        let room = packet_max.checked_sub(overhead).ok_or(SendError::Meta)?.min(FRAME.saturating_sub(meta.len()));
        let room = room.min(chunk);
        let len = match self.kind {
            Kind::Text => crate::wtf8::head(data, room),
            Kind::Binary => data.len().min(room),
        };
        if len == 0 && !data.is_empty() {
            return Err(SendError::Meta);
        }
        let piece = data.get(..len).unwrap_or_default();
        let next = self.next.checked_add(1).ok_or(SendError::Total(u32::MAX))?;
        let is_last = last && len == data.len();
        let total = match self.total {
            Some(total) if next > total || is_last != (next == total) => return Err(SendError::Total(total)),
            None if is_last => Some(next),
            total => total,
        };
        let position = Position::new(self.next, total).ok_or(SendError::Total(next))?;
        mux.push(self.route, position, self.kind, meta, piece)?;
        self.next = next;
        // Nothing comes after the last frame.
        self.total = if is_last { Some(next) } else { self.total };
        Ok(len)
    }
}
