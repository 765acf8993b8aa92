//! What the application sends: whole messages, and streams piece by piece.

use super::{Link, META_LEN_MAX};
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery};
use crate::counters::add;
use crate::cut::Message;
use crate::frame::MessageId;
use crate::lane::OutLane;
use crate::mux::{Bounds, Mux, Route, SendError};
use crate::packet;
use crate::pool::Role;
use crate::stream::Stream;

/// Frames of a channel that may wait although its receiver takes none now.
const WAITING_WITHOUT_CREDIT: usize = 1;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// The queue of frames to send, for its settings and its room.
    pub fn mux(&mut self) -> &mut Mux<FRAME, BLOCKS> {
        &mut self.mux
    }

    /// Queues a whole message; an empty one makes no frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing of the message is queued then. On a lossy channel, `Full` is counted as a drop.
    pub fn send(&mut self, channel: ChannelId, message: &Message<'_>) -> Result<MessageId, SendError> {
        let (route, data_max) = self.route(channel, message.data.len().saturating_add(message.meta.len()))?;
        let chunk = self.chunk().saturating_add(message.meta.len());
        let bounds = self.bounds(route, data_max);
        let sent = match self.mux.send(route, message, Bounds { data_max: chunk.min(data_max), ..bounds }) {
            // Short frames suit a noisy line, but not if the message does not fit into the queue for it.
            Err(SendError::Full | SendError::TooLong(_)) if chunk < data_max => self.mux.send(route, message, bounds),
            sent => sent,
        };
        if sent == Err(SendError::Full) && route.delivery == Delivery::Lossy {
            add(&mut self.counters.dropped, 1);
            if let Some(lane) = self.out_lanes.get_mut(channel.index()) {
                add(&mut lane.dropped, 1);
            }
        }
        sent?;
        self.next_message = self.next_message.wrapping_add(1);
        Ok(route.message)
    }

    /// Frames that may be queued on a channel now. No more wait than its receiver takes, so that one whose receiver does not read cannot
    /// take the pool from the others.
    fn frames_now(&self, route: Route) -> usize {
        let credit = self.out_lanes.get(route.channel.index()).map_or(0, OutLane::credit);
        match (route.delivery, self.mux.waiting(route.channel)) {
            (Delivery::Lossy, _) => usize::MAX,
            // A whole window, though less may be granted just now: the receiver grants more when half of it is used.
            (_, 0) if credit > 0 => self.window(),
            (_, waiting) => credit.max(WAITING_WITHOUT_CREDIT).saturating_sub(waiting),
        }
    }

    /// Frames of a repaired channel that the peer takes at once.
    fn window(&self) -> usize {
        self.peer.map_or(0, |peer| usize::from(peer.window))
    }

    /// What frames a whole message may have.
    fn bounds(&self, route: Route, data_max: usize) -> Bounds {
        match route.delivery {
            Delivery::Reliable => Bounds { data_max, frames_now: self.frames_now(route), frames_ever: self.window() },
            // Those that wait are replaced.
            Delivery::Latest => Bounds { data_max, frames_now: self.window(), frames_ever: self.window() },
            Delivery::Lossy => Bounds::of_data(data_max),
        }
    }

    /// True while a frame of a message of ours waits to be sent, or has not been acknowledged.
    #[must_use]
    pub fn is_pending(&self, message: MessageId) -> bool {
        self.mux.pool.iter().any(|(_, block)| block.role != Role::Held && block.route.message == message)
    }

    /// Begins a message whose data is written piece by piece with [`Link::write`].
    ///
    /// # Errors
    ///
    /// [`SendError::Down`], [`SendError::Channel`] or [`SendError::Beyond`].
    pub fn begin(&mut self, channel: ChannelId) -> Result<Stream, SendError> {
        let (route, _) = self.route(channel, 0)?;
        self.next_message = self.next_message.wrapping_add(1);
        let opening = self.opening(channel).ok_or(SendError::Channel)?;
        Ok(Stream::new(route, self.peer.map_or(0, |peer| peer.epoch), opening))
    }

    /// Bytes of meta and data that every frame can hold for the peer that is up, whatever its labels; 0 without one.
    #[must_use]
    pub fn frame_room(&self) -> usize {
        let labels = packet::data_overhead(MessageId(u32::MAX), u32::MAX, "") + META_LEN_MAX;
        self.up().map_or(0, |peer| peer.frame_max.saturating_sub(labels))
    }

    /// Bytes of data that a packet should have, as noisy as the line is; frames are cut to this where they could be longer.
    #[must_use]
    pub fn chunk(&self) -> usize {
        self.line.chunk()
    }

    /// Queues one frame of a stream with as much of `data` as it holds, and returns how many bytes those are.
    ///
    /// `meta` is sent only on the first frame. With `last` set, the frame that takes the rest of `data` ends the message.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] until frames have left; [`SendError::Down`] when the link has changed since the stream began, which ends it;
    /// [`SendError::Channel`] when its channel was closed;
    /// [`SendError::Meta`] for a `meta` too long for a frame; [`SendError::Total`] when the stream would not have the frames it stated.
    pub fn write(&mut self, stream: &mut Stream, meta: &str, data: &[u8], last: bool) -> Result<usize, SendError> {
        let peer = self.up().filter(|peer| peer.epoch == stream.peer_epoch).ok_or(SendError::Down)?;
        if self.opening(stream.channel()) != Some(stream.opening) {
            return Err(SendError::Channel);
        }
        let chunk = self.chunk();
        if self.frames_now(stream.route) == 0 {
            return Err(SendError::Full);
        }
        stream.push(&mut self.mux, peer.frame_max, chunk, meta, data, last)
    }

    /// Which opening of its number a channel is, while it is open.
    fn opening(&self, channel: ChannelId) -> Option<u16> {
        self.out_lanes.get(channel.index()).filter(|lane| lane.is_open()).map(|lane| lane.opening)
    }

    fn route(&self, channel: ChannelId, len: usize) -> Result<(Route, usize), SendError> {
        let peer = self.up().ok_or(SendError::Down)?;
        let spec = self.channel(channel).ok_or(SendError::Channel)?;
        if channel.0 >= peer.channels {
            return Err(SendError::Beyond);
        }
        let message = MessageId(self.next_message);
        let route = Route { channel, message, priority: spec.priority, delivery: spec.delivery };
        let room = |sequence_max| {
            let overhead = packet::data_overhead(message, sequence_max, "") + META_LEN_MAX;
            peer.frame_max.saturating_sub(overhead)
        };
        // A message of one frame has short labels; there are never more frames than bytes, so labels that count bytes are long enough.
        let of_one = room(0);
        Ok((route, if len <= of_one { of_one } else { room(u32::try_from(len).unwrap_or(u32::MAX)) }))
    }
}
