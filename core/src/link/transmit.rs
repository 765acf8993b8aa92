//! What leaves: one packet at a time, chosen as late as its first byte can go.

use heapless::Vec;

use super::{Known, Link, META_LEN_MAX};
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery, Priority};
use crate::counters::add;
use crate::frame::Frame;
use crate::lane::OutLane;
use crate::output::packet_max;
use crate::packet::{self, Ack, Care, Close, Data, Hello, Open, Packet, RUN_MAX, Seal, Terms, VERSION};
use crate::pool::{Block, Role, Slot};

/// Most credits in one acknowledgement; the others go in the next.
const CREDITS: usize = 16;
/// Credit is said again this often, in microseconds, also on a busy line: a sender that waits for a grant which was lost says nothing.
pub(super) const CREDITS_US: u64 = 2_000_000;
/// A side without a limit of its own takes a peer that was not heard for this long, in microseconds, for one that may have lost it: more than
/// twice [`CREDITS_US`].
const DEAF_US: u64 = 5_000_000;
/// And one with a limit not before this time, in microseconds: a table of channels is no answer to every short pause.
const DEAF_MIN_US: u64 = 1_000_000;
/// Most channels without room that one acknowledgement answers.
pub(super) const STRAYS: usize = 4;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// Does what is due at `now_us`.
    pub fn handle_timeout(&mut self, now_us: u64) {
        let Some(peer) = self.up() else {
            self.greeting.is_due |= now_us >= self.greeting.at_us;
            return;
        };
        if self.is_number_leaving && !self.output.is_empty() {
            self.repair.still_leaving(now_us);
        } else if self.repair.expire(self.heard_at_us, now_us) {
            add(&mut self.counters.timeouts, 1);
            self.ask_about_newest();
        }
        if self.opens_deadline_us().is_some_and(|deadline| now_us >= deadline) {
            self.out_lanes.iter_mut().for_each(|lane| lane.is_told &= lane.is_heard);
        }
        self.acks.handle_timeout(now_us);
        if !self.acks.is_due() && now_us >= self.credits_at_us {
            self.acks.hurry();
            self.repeat_credits(now_us);
        }
        self.owes_sign |= self.sign_at_us(peer).is_some_and(|deadline| now_us >= deadline);
        if self.silent_at_us().is_some_and(|deadline| now_us >= deadline) {
            self.is_silent = true;
            self.news.silent = true;
        }
        if self.call_at_us().is_some_and(|deadline| now_us >= deadline) {
            self.greeting.ask_at_once();
        }
    }

    /// When [`Link::handle_timeout`] has something to do next, in microseconds; `None` while nothing is awaited.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let Some(peer) = self.up() else { return (!self.greeting.is_due).then_some(self.greeting.at_us) };
        let deadlines = [
            (!self.acks.is_due()).then_some(self.credits_at_us),
            self.sign_at_us(peer),
            self.silent_at_us(),
            self.call_at_us(),
            self.acks.deadline_us(),
            self.repair.deadline_us(),
            self.opens_deadline_us(),
        ];
        deadlines.iter().flatten().min().copied()
    }

    /// When the peer is to hear something, whatever it is, before it takes the line for dead.
    fn sign_at_us(&self, peer: Known) -> Option<u64> {
        let is_awaited = peer.heartbeat_us > 0 && !self.owes_sign;
        is_awaited.then(|| self.sent_at_us.saturating_add(peer.heartbeat_us))
    }

    /// When a peer that is not heard is called, as it may have lost this side.
    fn call_at_us(&self) -> Option<u64> {
        let patience_us = match self.config.silence_ms {
            0 => DEAF_US,
            silence_ms => (u64::from(silence_ms) * 1000).max(DEAF_MIN_US),
        };
        let deaf_at_us = self.heard_at_us.saturating_add(patience_us);
        (!self.greeting.is_due).then_some(deaf_at_us.max(self.greeting.at_us))
    }

    fn silent_at_us(&self) -> Option<u64> {
        let patience_us = u64::from(self.config.silence_ms) * 1000;
        (patience_us > 0 && !self.is_silent).then(|| self.heard_at_us.saturating_add(patience_us))
    }

    /// When channels that the peer has not acknowledged are told again.
    fn opens_deadline_us(&self) -> Option<u64> {
        let is_unheard = |lane: &OutLane<'_>| lane.channel.is_some() && lane.is_told && !lane.is_heard;
        self.out_lanes.iter().any(is_unheard).then_some(self.opens_at_us)
    }

    /// The answer is overdue: the newest of what is on its way goes again under the same number, and the answer to it tells what became
    /// of all the others.
    fn ask_about_newest(&mut self) {
        let Some(newest) = self.newest_out() else {
            self.repair.forget();
            return;
        };
        // Of a run the first frame goes alone: a line that has become noisy would not carry the whole.
        let mut role = Role::Again(newest);
        for block in self.mux.pool.iter_mut().filter(|block| block.role.number() == Some(newest)) {
            block.role = core::mem::replace(&mut role, Role::Lost);
        }
        for closing in self.out_lanes.iter_mut().filter_map(|lane| lane.closing.as_mut()) {
            closing.is_due |= closing.number == Some(newest);
        }
    }

    /// The newest number that a frame or the end of a channel is on its way under.
    fn newest_out(&self) -> Option<u8> {
        let mut newest = None;
        let mut note = |number: Option<u8>| {
            let rank = number.map(|number| self.repair.age_rank(number));
            newest = newest.max(rank.zip(number));
        };
        for (_, block) in self.mux.pool.iter() {
            note(block.role.number());
        }
        for lane in &self.out_lanes {
            note(lane.closing.and_then(|closing| closing.number));
        }
        newest.map(|(_, number)| number)
    }

    /// A grant may have been lost: some are said again, all of them in turn.
    fn repeat_credits(&mut self, now_us: u64) {
        self.credits_at_us = now_us.saturating_add(CREDITS_US);
        for _ in 0..CREDITS.min(CHANNELS) {
            self.credit_turn = (self.credit_turn + 1) % CHANNELS;
            if let Some(lane) = self.in_lanes.get_mut(self.credit_turn).filter(|lane| lane.is_known()) {
                lane.repeat_credit();
            }
        }
    }

    /// The bytes to write next; empty when there is nothing to send now. The same bytes come again until they are consumed.
    ///
    /// One packet at a time: the choice of the next is made as late as its first byte can leave, so keep little in flight behind it.
    pub fn poll_transmit(&mut self, now_us: u64) -> &[u8] {
        if self.output.is_empty() && self.fill_output(now_us).is_some() {
            add(&mut self.counters.sent, 1);
            self.sent_at_us = now_us;
            self.owes_sign = false;
        }
        self.output.bytes()
    }

    /// Says that `len` of the bytes that [`Link::poll_transmit`] showed were taken.
    pub fn consume(&mut self, len: usize) {
        self.output.consume(len);
    }

    /// Encodes what is to be sent next, if anything is.
    fn fill_output(&mut self, now_us: u64) -> Option<()> {
        self.is_number_leaving = false;
        if self.greeting.is_due {
            self.put_hello(now_us);
            return Some(());
        }
        let peer = self.up()?;
        let seal = self.seal_out(peer);
        if let Some((at, _)) = self.out_lanes.iter().enumerate().find(|(_, lane)| lane.is_to_be_told()) {
            return self.put_open(at, seal, now_us);
        }
        if self.acks.is_due() {
            self.put_ack(seal);
            return Some(());
        }
        let sent = self.put_close(seal, now_us).or_else(|| self.put_frames(peer, seal, now_us));
        if sent.is_none() && self.owes_sign {
            self.repeat_credits(now_us);
            self.put_ack(seal);
            return Some(());
        }
        sent
    }

    #[inline(never)]
    fn put(&mut self, packet: &Packet<'_>, seal: Seal) {
        self.output.put(packet, &mut core::iter::empty(), seal);
    }

    fn put_hello(&mut self, now_us: u64) {
        let asks = self.greeting.leaves(now_us) || !self.is_up();
        let terms = Terms {
            version_min: VERSION,
            version_max: VERSION,
            epoch: self.config.epoch,
            // A refused peer is told that it was heard, too.
            seen: self.peer.map_or(self.greeting.refused, |peer| peer.epoch),
            packet_max: packet_max(P::LEN) as u32,
            window: Self::WINDOW,
            ack_every: Self::ACK_EVERY,
            silence_ms: self.config.silence_ms,
        };
        self.put(&Packet::Hello(Hello { asks, terms, identity: self.config.identity }), Seal::default());
    }

    fn put_open(&mut self, at: usize, seal: Seal, now_us: u64) -> Option<()> {
        self.opens_at_us = now_us.saturating_add(self.repair.wait_us());
        let lane = self.out_lanes.get_mut(at)?;
        lane.is_told = true;
        let channel = lane.channel?;
        let place = lane.next_place();
        self.put(&Packet::Open(Open { id: ChannelId(at as u8), place, channel }), seal);
        Some(())
    }

    fn put_ack(&mut self, seal: Seal) {
        self.acks.sent();
        let has_room = self.mux.pool.free() > BLOCKS / 4;
        let mut credits = Vec::<u8, { CREDITS * 2 }>::new();
        for (channel, limit) in core::mem::take(&mut self.strays) {
            credits.extend_from_slice(&Ack::credit(channel, limit)).unwrap_or_default();
        }
        for (at, lane) in self.in_lanes.iter_mut().enumerate() {
            if has_room && lane.owes_credit(Self::WINDOW) {
                lane.give_credit(Self::WINDOW);
            } else if !has_room && lane.is_known() {
                lane.give_one();
            }
            if credits.is_full() {
                if lane.has_credit_to_say() {
                    self.acks.hurry();
                }
            } else if let Some(limit) = lane.take_credit() {
                // There is room for it.
                credits.extend_from_slice(&Ack::credit(ChannelId(at as u8), limit)).unwrap_or_default();
            }
        }
        let ack = Ack::new(self.received.newest(), self.received.missing(), &credits);
        self.put(&Packet::Ack(ack), seal);
    }

    /// The end of a channel goes once everything before it has arrived; one that was refused, when there is credit for it.
    fn put_close(&mut self, seal: Seal, now_us: u64) -> Option<()> {
        let has_room = self.repair.has_room();
        let has_blocks = |at: usize| {
            let is_its = |block: &Block<FRAME>| block.role != Role::Held && block.route.channel.index() == at;
            self.mux.pool.iter().any(|(_, block)| is_its(block))
        };
        let may = |at: usize, lane: &OutLane<'_>| {
            let due = lane.closing.filter(|closing| closing.is_due);
            due.is_some_and(|closing| {
                closing.number.is_some() || (has_room && lane.allows_closing() && !has_blocks(at))
            })
        };
        let at = self.out_lanes.iter().enumerate().find(|(at, lane)| may(*at, lane))?.0;
        let lane = self.out_lanes.get_mut(at)?;
        let closing = lane.closing.as_mut()?;
        let number = match closing.number {
            Some(number) => {
                self.repair.relaunch(number, now_us);
                number
            }
            None => self.repair.launch(false, now_us),
        };
        closing.number = Some(number);
        closing.is_due = false;
        let reset = closing.reset;
        let place = lane.closing_place()?;
        self.is_number_leaving = true;
        self.put(&Packet::Close(Close { number, channel: ChannelId(at as u8), place, reset }), seal);
        Some(())
    }

    fn put_frames(&mut self, peer: Known, seal: Seal, now_us: u64) -> Option<()> {
        let (lanes, has_room) = (&self.out_lanes, self.repair.has_room());
        let first = self.mux.next_slot_where(|block| may_go(block, lanes, has_room))?;
        if self.mux.pool.get(first)?.route.delivery == Delivery::Lossy {
            let frame = self.mux.pool.get(first)?.frame()?;
            let data = Data { care: Care::Lossy, labels: Some(labels(&frame)), ..data_of(&frame) };
            self.output.put(&Packet::Data(data), &mut core::iter::empty(), seal);
            self.mux.release(first);
            return Some(());
        }
        let slots = self.gather(first, self.run_data_max(peer));
        self.is_number_leaving = true;
        let role = self.mux.pool.get(first)?.role;
        let is_repetition = role != Role::Waiting;
        let number = if let Role::Again(number) = role {
            self.repair.relaunch(number, now_us);
            number
        } else {
            self.repair.launch(is_repetition, now_us)
        };
        if is_repetition {
            add(&mut self.counters.repaired, slots.len() as u32);
        }
        for slot in &slots {
            self.launch(*slot, number)?;
        }
        self.put_run(&slots, number, seal)
    }

    /// Gives a frame that leaves its number and, if it is new, its place.
    fn launch(&mut self, slot: Slot, number: u8) -> Option<()> {
        let block = self.mux.pool.get_mut(slot)?;
        if block.role == Role::Waiting {
            let labels = (block.route.message, block.position.sequence());
            let lane = self.out_lanes.get_mut(block.route.channel.index())?;
            // Where only the newest matters frames are not put in order, so each says all its labels.
            let labels = (block.route.delivery == Delivery::Reliable).then_some(labels);
            (block.place, block.continues) = lane.take_place(labels);
        }
        block.role = Role::Out(number);
        Some(())
    }

    /// Encodes the frames of `slots`, neighbours that have left under `number`.
    fn put_run(&mut self, slots: &[Slot], number: u8, seal: Seal) -> Option<()> {
        let pool = &self.mux.pool;
        let (first, further) = slots.split_first()?;
        let block = pool.get(*first)?;
        let frame = block.frame()?;
        let last = further.last().map_or(Some(block), |last| pool.get(*last))?;
        // A stream may learn its total only at its end. One that was said is not said again but there.
        let total = last.position.total();
        let ends = total.is_some() && total == last.position.sequence().checked_add(1);
        let data = Data {
            care: Care::Numbered { number, place: block.place },
            labels: (!block.continues).then_some(labels(&frame)),
            total: total.filter(|_| !block.continues || ends),
            size: (!further.is_empty()).then_some(frame.data.len()),
            ..data_of(&frame)
        };
        let mut more = further.iter().filter_map(|slot| Some(pool.get(*slot)?.frame()?.data));
        self.output.put(&Packet::Data(data), &mut more, seal);
        Some(())
    }

    /// Most bytes of data that a run may have; 0 while frames are to go one by one.
    fn run_data_max(&self, peer: Known) -> usize {
        // An urgent message waits for one packet at most, so that is a small one wherever there may be any.
        let is_urgent = |lane: &OutLane<'_>| lane.channel.is_some_and(|channel| channel.priority == Priority::Urgent);
        if self.out_lanes.iter().any(is_urgent) {
            return 0;
        }
        let (channel, most) = (ChannelId(u8::MAX), u32::MAX);
        let around = packet::data_overhead(channel, crate::frame::MessageId(most), most, "") + META_LEN_MAX;
        peer.packet_max.saturating_sub(around).min(self.chunk())
    }

    /// The frames that leave in one packet: the first, and those that follow it in its message, in the same state and of the same size.
    fn gather(&self, first: Slot, data_max: usize) -> Vec<Slot, RUN_MAX> {
        let mut slots = Vec::new();
        // The vector has room: its bound is the loop's.
        slots.push(first).unwrap_or_default();
        let Some(block) = self.mux.pool.get(first) else { return slots };
        let lane = self.out_lanes.get(block.route.channel.index());
        let (size, mut data) = (block.len(), block.len() + if block.has_meta() { FRAME } else { 0 });
        if block.route.delivery != Delivery::Reliable || matches!(block.role, Role::Again(_)) || size == 0 {
            return slots;
        }
        let mut before = block;
        while let (Some(lane), false) = (lane, slots.is_full()) {
            let follows = |next: &Block<FRAME>| {
                next.follows(before)
                    && (1..=size).contains(&next.len())
                    && data + next.len() <= data_max
                    && match next.role {
                        Role::Lost => lane.allows(next.place),
                        _ => lane.may_begin_run(slots.len() + 1),
                    }
            };
            let Some((slot, next)) = self.mux.pool.iter().find(|(_, next)| follows(next)) else { break };
            data += next.len();
            slots.push(slot).unwrap_or_default();
            if next.len() < size {
                break;
            }
            before = next;
        }
        slots
    }
}

/// True for a frame that window and credit let go.
fn may_go<const FRAME: usize>(block: &Block<FRAME>, lanes: &[OutLane<'_>], has_room: bool) -> bool {
    let lane = lanes.get(block.route.channel.index());
    match block.role {
        Role::Waiting if block.route.delivery == Delivery::Lossy => true,
        Role::Waiting => has_room && lane.is_some_and(OutLane::may_begin),
        Role::Lost => has_room && lane.is_some_and(|lane| lane.allows(block.place)),
        Role::Again(_) => true,
        Role::Out(_) | Role::Held => false,
    }
}

fn labels(frame: &Frame<'_>) -> (crate::frame::MessageId, u32) {
    (frame.message, frame.position.sequence())
}

/// A frame as a packet that says its total and nothing else of its labels.
fn data_of<'a>(frame: &Frame<'a>) -> Data<'a> {
    Data {
        care: Care::Lossy,
        channel: frame.channel,
        labels: None,
        total: frame.position.total(),
        kind: frame.kind,
        meta: frame.meta,
        size: None,
        data: frame.data,
    }
}
