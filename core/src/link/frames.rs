//! Frames that arrive: which have their turn, which are kept, which are refused.

use super::Link;
use super::tell::Header;
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery};
use crate::counters::add;
use crate::frame::{MessageId, Position};
use crate::lane::{Meaning, Verdict};
use crate::mux::Route;
use crate::packet::{DecodeError, Packet};
use crate::pool::{Block, Head, Role};

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    pub(super) fn handle_lossy(&mut self, channel: ChannelId, now_us: u64) -> Result<bool, DecodeError> {
        match self.in_lanes.get(channel.index()).map(|lane| lane.meaning) {
            Some(Meaning::Ours(_)) => Ok(true),
            Some(Meaning::Unknown) => {
                self.greeting.ask(now_us);
                Err(DecodeError::Unknown)
            }
            Some(Meaning::NotOurs) | None => Err(DecodeError::Unknown),
        }
    }

    /// Judges the frames of a FRAME or RUN; true when the first that is new has its turn. The others are held.
    pub(super) fn handle_frames(
        &mut self,
        len: usize,
        number: u8,
        place: u8,
        now_us: u64,
    ) -> Result<bool, DecodeError> {
        let Ok(Packet::Data(data)) = Packet::decode_checked(self.deframer.packet(len)) else { return Ok(false) };
        let Header { channel, labels, frames, .. } = Header::of(&data);
        let end = place.wrapping_add(frames as u8);
        let Some(lane) = self.in_lanes.get_mut(channel.index()) else {
            self.note_number(number, true);
            return self.handle_stray(channel, end);
        };
        match lane.meaning {
            Meaning::Ours(_) => {}
            Meaning::NotOurs if lane.is_paused => {}
            Meaning::Unknown if lane.ahead(place) < 0 => {}
            Meaning::Unknown => {
                // Not answered: it comes again by the sender's timer, after the table.
                self.greeting.ask(now_us);
                return Err(DecodeError::Unknown);
            }
            Meaning::NotOurs => {
                // Nobody is told, so their order does not matter.
                lane.pass_over(end.wrapping_sub(1));
                let owes = lane.owes_credit(Self::WINDOW);
                self.note_number(number, true);
                self.note_answer(owes);
                return Err(DecodeError::Unknown);
            }
        }
        let message = labels.map(|(message, _)| message);
        for index in 0..frames {
            let place = place.wrapping_add(index as u8);
            match self.in_lanes.get(channel.index()).map(|lane| lane.judge(place, message)) {
                Some(Verdict::Deliver) => {
                    self.news.index = index;
                    return Ok(true);
                }
                Some(Verdict::Repeated) => {
                    add(&mut self.counters.duplicate, 1);
                    if let Some(lane) = self.in_lanes.get_mut(channel.index()) {
                        lane.skip(place);
                    }
                }
                Some(Verdict::Hold) if self.hold(len, index, place) => {}
                Some(Verdict::Hold) => {
                    self.refuse(channel, place);
                    self.note_number(number, false);
                    return Ok(false);
                }
                Some(Verdict::Absurd) | None => return Err(DecodeError::Malformed),
            }
        }
        // A repetition may mean that the answer was lost.
        self.acks.hurry();
        self.note_number(number, true);
        Ok(false)
    }

    pub(super) fn refuse(&mut self, channel: ChannelId, place: u8) {
        add(&mut self.counters.refused, 1);
        if let Some(lane) = self.in_lanes.get_mut(channel.index()) {
            lane.refuse(place);
        }
        self.acks.hurry();
    }

    /// Keeps a frame that is ahead of its place; false when there is no block for it.
    pub(super) fn hold(&mut self, len: usize, index: usize, place: u8) -> bool {
        let Ok(Packet::Data(data)) = Packet::decode_checked(self.deframer.packet(len)) else { return false };
        let Some(piece) = data.frame(index) else { return false };
        let pool = &mut self.mux.pool;
        let is_of = |block: &Block<FRAME>| block.role == Role::Held && block.route.channel == data.channel;
        if pool.iter().any(|(_, block)| is_of(block) && block.place == place) {
            return true;
        }
        if let Some(lane) = self.in_lanes.get_mut(data.channel.index()).filter(|lane| lane.is_latest())
            && let Some((message, _)) = data.labels
        {
            // Of those that wait to be told, too, only the newest matters.
            if pool.iter().any(|(_, block)| is_of(block) && message.is_older_than(block.route.message)) {
                lane.skip(place);
                return true;
            }
            // What is thrown away counts as passed, or the credit for it would be lost; it also makes room for this one.
            let is_old = |block: &Block<FRAME>| is_of(block) && block.route.message != message;
            pool.retain(|block| {
                if is_old(block) {
                    lane.skip(block.place);
                }
                !is_old(block)
            });
        }
        // Some blocks stay for what this side has to send.
        if pool.free() <= BLOCKS / 4 {
            return false;
        }
        let labels = data.labels_of(index);
        let (message, sequence) =
            labels.unwrap_or((MessageId(0), data.total.map_or(0, |total| total.saturating_sub(1))));
        let Some(position) = Position::new(sequence, data.total) else { return true };
        let route =
            Route { channel: data.channel, message, priority: Default::default(), delivery: Delivery::Reliable };
        let meta = if index == 0 { data.meta } else { "" };
        let (role, kind, continues) = (Role::Held, data.kind, labels.is_none());
        let head = Head { role, route, position, kind, place, continues, arrival: 0, served: 0 };
        pool.put(head, meta, piece).is_some()
    }
}
