//! A message that is sent while its data is still being made: a file read in pieces, telemetry without an end.

use crate::frame::{Kind, Position};
use crate::mux::{Mux, Route, SendError};
use crate::packet::data_overhead;

/// The state of a message under way; the application keeps it, the link holds only the frames that wait.
///
/// Begun by [`Link::begin`](crate::Link::begin). Dropping it leaves the message unfinished at the receiver.
#[derive(Clone, Debug)]
pub struct Stream {
    route: Route,
    kind: Kind,
    total: Option<u32>,
    next: u32,
}

impl Stream {
    pub(crate) fn new(route: Route) -> Self {
        Self { route, kind: Kind::Binary, total: None, next: 0 }
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

    /// Frames written so far.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.next
    }

    /// Queues one frame; see [`Link::write`](crate::Link::write).
    pub(crate) fn push<const FRAME: usize, const BLOCKS: usize>(
        &mut self,
        mux: &mut Mux<FRAME, BLOCKS>,
        packet_max: usize,
        meta: &str,
        data: &[u8],
        last: bool,
    ) -> Result<usize, SendError> {
        let meta = if self.next == 0 { meta } else { "" };
        let overhead = data_overhead(self.route.channel, self.route.message, self.next, meta);
        let room = packet_max.saturating_sub(overhead).min(FRAME.saturating_sub(meta.len()));
        let len = match self.kind {
            Kind::Text => crate::wtf8::head(data, room),
            Kind::Binary => data.len().min(room),
        };
        if len == 0 && !data.is_empty() {
            return Err(SendError::Meta);
        }
        let piece = data.get(..len).unwrap_or_default();
        let next = self.next.checked_add(1).ok_or(SendError::Full)?;
        let total = if last && len == data.len() { Some(next) } else { self.total };
        let position = Position::new(self.next, total).ok_or(SendError::TooLong(total.unwrap_or(0) as usize))?;
        mux.push(self.route, position, self.kind, meta, piece)?;
        self.next = next;
        Ok(len)
    }
}
