//! What leaves: one packet at a time, chosen as late as its first byte can go.

use heapless::Vec;

use super::{Known, Link, META_LEN_MAX};
use crate::buffer::Buffer;
use crate::channel::{ChannelId, Delivery, Priority};
use crate::counters::add;
use crate::frame::Frame;
use crate::lane::OutLane;
use crate::packet::{self, Ack, Care, Close, Data, Open, Packet, RUN_MAX, Seal};
use crate::pool::{Block, Role, Slot};

/// Most credits in one acknowledgement; the others go in the next.
pub(super) const CREDITS: usize = 16;
/// Most channels without room that one acknowledgement answers.
pub(super) const STRAYS: usize = 4;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
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
        let mut kept = self.out_lanes.iter().take(usize::from(peer.channels));
        if let Some(at) = kept.position(OutLane::is_to_be_told) {
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
    pub(super) fn put(&mut self, packet: &Packet<'_>, seal: Seal) {
        self.output.put(packet, &mut core::iter::empty(), seal);
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
        let around = packet::data_overhead(crate::frame::MessageId(u32::MAX), u32::MAX, "") + META_LEN_MAX;
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
