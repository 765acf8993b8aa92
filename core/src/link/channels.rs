//! The channels of a link: opened, closed and reset by either side, at any time.

use super::Link;
use crate::buffer::Buffer;
use crate::channel::{Channel, ChannelId, OpenError};
use crate::event::PeerChannel;
use crate::lane::{Closing, Meaning, OutLane, name_check};
use crate::packet::REASON_MAX;
use crate::pool::Role;

impl<'i, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>
    Link<'i, FRAME, BLOCKS, CHANNELS, P>
{
    /// Opens a channel, now and on every later link; the peer is told by itself. A name that is open gives its number. What the peer sends on its
    /// channel of that name comes for this one, whichever was opened first.
    ///
    /// # Errors
    ///
    /// [`OpenError::Full`] beyond `CHANNELS`, and beyond what the peer keeps, if it is known; [`OpenError::Name`] and [`OpenError::Meta`] for what cannot cross the wire.
    pub fn open(&mut self, channel: Channel<'i>) -> Result<ChannelId, OpenError> {
        channel.check()?;
        if let Some(known) = self.channel_named(channel.name) {
            return Ok(known);
        }
        let kept = self.peer.map_or(CHANNELS, |peer| CHANNELS.min(usize::from(peer.channels)));
        let mut numbers = (0..kept).filter_map(|at| u8::try_from(at).ok()).map(ChannelId);
        let is_free = |id: &ChannelId| self.out_lanes.get(id.index()).is_some_and(|lane| lane.channel.is_none());
        let name = name_check(channel.name);
        let is_meant = |id: &ChannelId| {
            self.in_lanes.iter().any(|lane| lane.meaning == Meaning::Ours(*id) && !lane.is_named(name))
        };
        // The peer may still send for a channel that had this number before: such a number comes last.
        let unused = numbers.clone().find(|id| is_free(id) && !is_meant(id));
        let id = unused.or_else(|| numbers.find(is_free)).ok_or(OpenError::Full)?;
        let lane = self.out_lanes.get_mut(id.index()).ok_or(OpenError::Full)?;
        lane.open(channel);
        for lane in &mut self.in_lanes {
            if lane.is_named(name) {
                // The peer's direction of it, which may be older.
                lane.mean(Meaning::Ours(id));
            } else if lane.meaning == Meaning::Ours(id) {
                // What comes for the channel that had this number is not for this one.
                lane.mean(Meaning::NotOurs);
            }
        }
        Ok(id)
    }

    /// Keeps what comes on a channel of the peer's that this side could not open yet, as many frames as there is credit for, until
    /// [`Link::open`] takes its name.
    pub fn keep(&mut self, channel: PeerChannel) {
        if let Some(lane) =
            self.in_lanes.get_mut(usize::from(channel.0)).filter(|lane| lane.meaning == Meaning::NotOurs)
        {
            lane.is_paused = true;
        }
    }

    /// Ends a channel once everything queued on it has arrived; it takes no more messages. Its number is free again when the peer has
    /// taken all of it: not while the channel is paused there. Two sides with full tables that each [keep](Link::keep) what the other closed wait
    /// for each other until one gives up, with [`Link::reset`].
    ///
    /// Without a link, and beyond what the peer keeps, it ends at once. A channel that is not open is left alone.
    pub fn close(&mut self, channel: ChannelId) {
        self.end(channel, None);
    }

    /// Ends a channel at once, also one that is being closed, and drops what has not arrived. The reason, at most [`REASON_MAX`] bytes of which
    /// are sent, is for the peer's application.
    pub fn reset(&mut self, channel: ChannelId, reason: &'i str) {
        let reason = reason.get(..crate::wtf8::head(reason.as_bytes(), REASON_MAX)).unwrap_or_default();
        self.end(channel, Some(reason));
    }

    fn end(&mut self, channel: ChannelId, reset: Option<&'i str>) {
        let is_known_there = self.peer.is_some_and(|peer| channel.0 < peer.channels);
        let may_end = |lane: &&mut OutLane<'i>| {
            lane.is_open() || (reset.is_some() && lane.closing.is_some_and(|closing| closing.reset.is_none()))
        };
        let Some(lane) = self.out_lanes.get_mut(channel.index()).filter(may_end) else { return };
        if reset.is_some() {
            self.mux.pool.retain(|block| block.role == Role::Held || block.route.channel != channel);
            lane.all_arrived();
        }
        if is_known_there {
            // An end that has left has a place, which the peer may have passed.
            let place = lane.closing.and_then(|closing| closing.place);
            lane.closing = Some(Closing { reset, place, number: None, is_due: true });
        } else {
            lane.channel = None;
        }
    }

    /// Takes no frames from a channel until [`Link::resume`]: the peer may send only as many more as it has credit for, and other channels go on.
    /// What comes on a lossy channel meanwhile is dropped. It holds for every peer and every opening of the channel there.
    pub fn pause(&mut self, channel: ChannelId) {
        self.set_paused(channel, true);
    }

    /// Takes frames from a paused channel again; those that were held come as events.
    pub fn resume(&mut self, channel: ChannelId) {
        self.set_paused(channel, false);
    }

    fn set_paused(&mut self, channel: ChannelId, is_paused: bool) {
        if let Some(ours) = self.out_lanes.get_mut(channel.index()) {
            ours.is_paused = is_paused;
        }
        for lane in self.in_lanes.iter_mut().filter(|lane| lane.meaning == Meaning::Ours(channel)) {
            lane.is_paused = is_paused;
        }
    }

    /// The open channel of this side that has that name.
    #[must_use]
    pub fn channel_named(&self, name: &str) -> Option<ChannelId> {
        let is_it = |lane: &OutLane<'i>| lane.is_open() && lane.channel.is_some_and(|channel| channel.name == name);
        let at = self.out_lanes.iter().position(is_it)?;
        u8::try_from(at).ok().map(ChannelId)
    }

    /// The channel of that number, while it is open.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&Channel<'i>> {
        self.out_lanes.get(id.index()).filter(|lane| lane.is_open())?.channel.as_ref()
    }

    /// Messages of a lossy channel that a full queue refused.
    #[must_use]
    pub fn dropped(&self, id: ChannelId) -> u32 {
        self.out_lanes.get(id.index()).map_or(0, |lane| lane.dropped)
    }
}
