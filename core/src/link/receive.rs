//! What arrives: packets in, state and news out.

use super::tell::Header;
use super::transmit::CREDITS_US;
use super::{Known, Link};
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery};
use crate::counters::add;
use crate::deframe::Run;
use crate::frame::{MessageId, Position};
use crate::lane::{InLane, Meaning, Verdict};
use crate::mux::{Mux, Route};
use crate::output::packet_max;
use crate::packet::{self, Ack, Care, Close, DecodeError, Hello, Identity, Open, Packet, Seal, Terms, VERSION};
use crate::pool::{Block, Head, Role};
use crate::repair::Repair;
use crate::window::{Answer, ReceiveWindow};

/// Signs of life are no closer than this, in microseconds: a hasty peer must not fill the line with them.
const HEARTBEAT_US_MIN: u64 = 50_000;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// Takes bytes that arrived, up to the end of the next packet of which there is something to tell, and returns how many those are.
    ///
    /// Take the events with [`Link::poll_event`], then call again with the rest. `now_us` is the time in microseconds from any start.
    pub fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize {
        self.discard();
        if !input.is_empty() {
            self.acks.input(now_us);
        }
        let seal = self.peer.map_or(Seal::default(), |peer| Seal::new(peer.epoch, self.config.epoch));
        let mut rest = input;
        while let Some(run) = self.deframer.next_run(&mut rest) {
            let checked = match run {
                Run::Packet(packet) => packet::check(packet, seal).map(<[u8]>::len),
                Run::Broken => Err(DecodeError::Crc),
                Run::TooLong => {
                    add(&mut self.counters.too_long, 1);
                    continue;
                }
            };
            let is_news = checked.and_then(|len| {
                self.news.index = 0;
                let is_news = self.handle_packet(len, now_us);
                self.hear(now_us);
                Ok(is_news?.then_some(len))
            });
            match is_news {
                Ok(None) => {}
                Ok(Some(len)) => {
                    self.news.packet = Some(len);
                    break;
                }
                Err(error) => self.counters.count(error),
            }
        }
        input.len() - rest.len()
    }

    /// Acts on the packet in the deframer; true when there is something to tell of it.
    fn handle_packet(&mut self, len: usize, now_us: u64) -> Result<bool, DecodeError> {
        let packet = Packet::decode_checked(self.deframer.packet(len))?;
        add(&mut self.counters.received, 1);
        if let Packet::Hello(Hello { asks, terms, identity }) = packet {
            if self.is_own(terms, identity) {
                add(&mut self.counters.echoed, 1);
                return Ok(false);
            }
            return Ok(self.handle_hello(terms, asks, now_us));
        }
        if !self.is_up() {
            // It fits, so the peer knows us; it remains to hear that from itself.
            self.greeting.ask(now_us);
            return Err(DecodeError::Unknown);
        }
        match packet {
            Packet::Open(Open { id, place, channel }) => {
                let meaning = self.channel_named(channel.name).map_or(Meaning::NotOurs, Meaning::Ours);
                self.handle_open(id, place, meaning, channel.delivery)
            }
            Packet::Data(data) => match data.care {
                Care::Lossy => self.handle_lossy(data.channel, now_us),
                Care::Numbered { number, place } => self.handle_frames(len, number, place, now_us),
            },
            Packet::Ack(ack) => {
                let answer = Answer { newest: ack.newest, missing: ack.missing };
                self.take_credits(len);
                self.take_answer(answer, now_us);
                Ok(false)
            }
            Packet::Close(close) => {
                let Close { number, channel, place, reset } = close;
                self.handle_close(number, channel, place, reset.is_some())
            }
            Packet::Hello(_) => Ok(false),
        }
    }

    /// Notes that a packet came, which only the peer of this link can have sent.
    fn hear(&mut self, now_us: u64) {
        self.heard_at_us = now_us;
        if core::mem::take(&mut self.is_silent) {
            self.news.back = true;
            self.repair.hurry();
        }
    }

    /// True for what this side has said itself: the line is a loop, or echoes.
    fn is_own(&self, terms: Terms, identity: Identity<'_>) -> bool {
        terms.epoch == self.config.epoch && identity == self.config.identity
    }

    fn handle_hello(&mut self, terms: Terms, asks: bool, now_us: u64) -> bool {
        let knows_us = terms.seen == self.config.epoch;
        let mut is_news = false;
        if self.peer.is_none_or(|peer| peer.epoch != terms.epoch) {
            is_news = self.meet(terms);
        }
        if let Some(peer) = self.peer.as_mut()
            && knows_us
            && !peer.is_up
        {
            peer.is_up = true;
            is_news = true;
            self.credits_at_us = now_us.saturating_add(CREDITS_US);
            self.repair.greeted(now_us.saturating_sub(self.greeting.left_at_us()));
        }
        // Of two that cannot agree neither is ever up: they do not answer each other for ever.
        if asks && (!knows_us || self.is_up()) {
            self.greeting.is_due = true;
            self.out_lanes.iter_mut().for_each(|lane| lane.is_told = false);
        }
        is_news
    }

    /// A peer that was not there before; true when there is something to tell of it already.
    fn meet(&mut self, terms: Terms) -> bool {
        self.news.down |= self.drop_link();
        if !(terms.version_min..=terms.version_max).contains(&VERSION) {
            return core::mem::replace(&mut self.greeting.refused, terms.epoch) != terms.epoch;
        }
        let theirs = terms.packet_max as usize;
        self.peer = Some(Known {
            epoch: terms.epoch,
            is_up: false,
            frame_max: packet_max(FRAME).min(theirs),
            packet_max: packet_max(P::LEN).min(theirs),
            window: terms.window,
            ack_every: terms.ack_every,
            heartbeat_us: heartbeat_us(terms.silence_ms),
        });
        self.greeting.refused = 0;
        self.out_lanes.iter_mut().for_each(|lane| lane.restart(terms.window));
        false
    }

    /// Drops everything of the peer; says whether it was up.
    fn drop_link(&mut self) -> bool {
        self.mux.clear();
        self.in_lanes.iter_mut().for_each(|lane| *lane = InLane::new(Self::WINDOW));
        self.repair = Repair::default();
        self.received = ReceiveWindow::default();
        self.acks.sent();
        self.strays.clear();
        self.news.forget();
        self.is_silent = false;
        self.peer.take().is_some_and(|peer| peer.is_up)
    }

    fn handle_open(
        &mut self,
        id: ChannelId,
        place: u8,
        meaning: Meaning,
        delivery: Delivery,
    ) -> Result<bool, DecodeError> {
        self.note_answer(false);
        let Some(lane) = self.in_lanes.get_mut(id.index()) else { return self.handle_stray(id, place) };
        lane.repeat_credit();
        let is_new = lane.meaning == Meaning::Unknown;
        if is_new {
            let ours = meaning.ours().and_then(|ours| self.out_lanes.get(ours.index()));
            lane.open(meaning, delivery, ours.is_some_and(|ours| ours.is_paused));
        }
        Ok(is_new)
    }

    /// A channel for which there is no room: the sender is told to go on, as if somebody took what it sends.
    fn handle_stray(&mut self, channel: ChannelId, next: u8) -> Result<bool, DecodeError> {
        self.strays.retain(|(other, _)| *other != channel);
        // One that finds no room is told when it comes again.
        let _ = self.strays.push((channel, next.wrapping_add(Self::WINDOW)));
        Err(DecodeError::Unknown)
    }

    fn handle_lossy(&mut self, channel: ChannelId, now_us: u64) -> Result<bool, DecodeError> {
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
    fn handle_frames(&mut self, len: usize, number: u8, place: u8, now_us: u64) -> Result<bool, DecodeError> {
        let Ok(Packet::Data(data)) = Packet::decode_checked(self.deframer.packet(len)) else { return Ok(false) };
        let Header { channel, labels, frames, .. } = Header::of(&data);
        let end = place.wrapping_add(frames as u8);
        let Some(lane) = self.in_lanes.get_mut(channel.index()) else {
            self.note_number(number, true);
            return self.handle_stray(channel, end);
        };
        match lane.meaning {
            Meaning::Ours(_) => {}
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

    /// Notes what became of a number, and that it is to be answered. Not repeated in each of its callers, either.
    #[inline(never)]
    pub(super) fn note_number(&mut self, number: u8, taken: bool) {
        let is_gap = self.received.note(number, taken);
        self.note_answer(is_gap || !taken);
    }

    /// Notes that there is something to answer. Not repeated in each of its many callers.
    #[inline(never)]
    pub(super) fn note_answer(&mut self, at_once: bool) {
        let every = self.peer.map_or(1, |peer| peer.ack_every);
        self.acks.note(every);
        if at_once {
            self.acks.hurry();
        }
    }

    fn take_credits(&mut self, len: usize) {
        let Ok(Packet::Ack(ack)) = Packet::decode_checked(self.deframer.packet(len)) else { return };
        for (channel, limit) in Ack::credits(&ack) {
            if let Some(lane) = self.out_lanes.get_mut(channel.index()) {
                lane.grant(limit);
            }
        }
    }

    /// Gives back what has arrived, and marks what is to be sent again.
    fn take_answer(&mut self, answer: Answer, now_us: u64) {
        let Some(lost) = self.repair.acknowledge(answer, now_us) else { return };
        let Mux { pool, .. } = &mut self.mux;
        let mut arrived_bytes = 0;
        pool.retain(|block| {
            let has_arrived = block.role.number().and_then(|number| answer.has_arrived(number)) == Some(true);
            arrived_bytes += if has_arrived { block.len() as u32 } else { 0 };
            !has_arrived
        });
        self.line.note(arrived_bytes, lost);
        for block in pool.iter_mut() {
            if block.role.number().and_then(|number| answer.has_arrived(number)) == Some(false) {
                block.role = Role::Lost;
            }
        }
        for lane in &mut self.out_lanes {
            lane.answer_closing(answer);
            lane.all_arrived();
        }
        for block in pool.iter().map(|(_, block)| block).filter(|block| block.has_place()) {
            if let Some(lane) = self.out_lanes.get_mut(block.route.channel.index()) {
                lane.is_out(block.place);
            }
        }
    }

    fn handle_close(&mut self, number: u8, channel: ChannelId, place: u8, is_reset: bool) -> Result<bool, DecodeError> {
        let is_held = |block: &Block<FRAME>| block.role == Role::Held && block.route.channel == channel;
        let holds = self.mux.pool.iter().any(|(_, block)| is_held(block));
        let Some(lane) = self.in_lanes.get_mut(channel.index()) else {
            self.note_number(number, true);
            return self.handle_stray(channel, place.wrapping_add(1));
        };
        let ahead = lane.ahead(place);
        // Where only the newest matters some places are never delivered.
        let is_its_turn = !holds && (ahead == 0 || lane.is_latest());
        if ahead < 0 {
            add(&mut self.counters.duplicate, 1);
            self.acks.hurry();
        } else if !is_reset && !is_its_turn {
            self.refuse(channel, place);
            self.note_number(number, false);
            return Ok(false);
        } else if lane.meaning != Meaning::Unknown {
            // Told, and closed, with the event.
            return Ok(true);
        } else {
            // A channel that was never known is closed without a word.
            lane.pass(place);
        }
        self.note_number(number, true);
        Ok(false)
    }
}

/// How often a peer with that silence is to hear something, three times within it; 0 for not at all.
fn heartbeat_us(silence_ms: u32) -> u64 {
    if silence_ms == 0 { 0 } else { (u64::from(silence_ms) * 333).max(HEARTBEAT_US_MIN) }
}
