//! What arrives: packets in, state and news out.

use super::Link;
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery};
use crate::counters::add;
use crate::deframe::Run;
use crate::lane::{Meaning, name_check};
use crate::mux::Mux;
use crate::packet::{self, Ack, Care, Close, DecodeError, Hello, Open, Packet, Seal};
use crate::pool::{Block, Role};
use crate::window::Answer;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// Takes bytes that arrived, up to the end of the next packet of which there is something to tell, and returns how many those are.
    ///
    /// Take the events with [`Link::poll_event`], then call again with the rest. `now_us` is the time in microseconds from any start.
    pub fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize {
        self.discard();
        if !input.is_empty() {
            self.note_stir(input.len(), now_us);
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
                let (name, delivery) = (name_check(channel.name), channel.delivery);
                self.handle_open(id, place, meaning, name, delivery)
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

    /// On a slow line a long packet takes longer than the peer may be silent: bytes that come without a pause count as heard, but no more of
    /// them than two packets have, or noise would pass for a peer.
    fn note_stir(&mut self, bytes: usize, now_us: u64) {
        self.unproven = self.unproven.saturating_add(bytes);
        if self.acks.is_flowing(now_us) && self.unproven <= 2 * P::LEN {
            self.heard_at_us = now_us;
        }
    }

    /// Notes that a packet came, which only the peer of this link can have sent.
    fn hear(&mut self, now_us: u64) {
        (self.heard_at_us, self.fitted_at_us) = (now_us, now_us);
        self.unproven = 0;
        if core::mem::take(&mut self.is_silent) {
            self.news.back = true;
            self.repair.hurry();
        }
    }

    fn handle_open(
        &mut self,
        id: ChannelId,
        place: u8,
        meaning: Meaning,
        name: u32,
        delivery: Delivery,
    ) -> Result<bool, DecodeError> {
        self.note_answer(false);
        let Some(lane) = self.in_lanes.get_mut(id.index()) else { return self.handle_stray(id, place) };
        lane.repeat_credit();
        // A late one, of an opening that has ended, opens nothing.
        let is_new = lane.meaning == Meaning::Unknown && lane.ahead(place) >= 0;
        if is_new {
            let ours = meaning.ours().and_then(|ours| self.out_lanes.get(ours.index()));
            lane.open(meaning, name, delivery, ours.is_some_and(|ours| ours.is_paused));
        }
        Ok(is_new)
    }

    /// A channel for which there is no room: the sender is told to go on, as if somebody took what it sends.
    pub(super) fn handle_stray(&mut self, channel: ChannelId, next: u8) -> Result<bool, DecodeError> {
        self.strays.retain(|(other, _)| *other != channel);
        // One that finds no room is told when it comes again.
        let _ = self.strays.push((channel, next.wrapping_add(Self::WINDOW)));
        Err(DecodeError::Unknown)
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
