//! What there is to tell the application, one event at a time.

use super::Link;
use crate::buffer::Buffer;
use crate::channel::ChannelId;
use crate::counters::add;
use crate::event::{Event, Peer, PeerChannel};
use crate::frame::{Frame, MessageId, Position};
use crate::lane::{InLane, Verdict};
use crate::packet::{Care, Close, Data, Hello, Open, Packet};
use crate::pool::{Block, Role, Slot};

/// What there is to tell, in the order in which it is told.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    pub(super) down: bool,
    pub(super) silent: bool,
    pub(super) back: bool,
    /// The packet that still lies in the deframer, this many bytes long.
    pub(super) packet: Option<usize>,
    /// Which frame of that packet is next.
    pub(super) index: usize,
    /// A held block whose frame was told, to be given back.
    told: Option<Slot>,
}

impl News {
    /// Forgets what the link that ends still had to tell.
    pub(super) fn forget(&mut self) {
        *self = Self { down: self.down, ..Self::default() };
    }
}

/// What is told next, if it proves to be worth telling.
#[derive(Clone, Copy, Debug)]
enum Next {
    Down,
    Silent,
    Back,
    /// The packet in the deframer.
    Packet(usize),
    /// The frame in a block.
    Held(Slot),
}

/// An event, without what it borrows.
#[derive(Clone, Copy, Debug)]
enum Told {
    Down,
    Silent,
    Back,
    /// The packet in the deframer.
    Packet(usize),
    /// One frame of the packet in the deframer.
    Frame(usize, usize, Labels),
    /// The frame in a block.
    Held(Slot, Labels),
    /// The end of a channel, in the packet in the deframer.
    Closed(usize, Option<ChannelId>),
}

/// The labels of a frame in our terms.
#[derive(Clone, Copy, Debug)]
struct Labels {
    channel: ChannelId,
    message: MessageId,
    position: Position,
}

/// What a FRAME or RUN says of all its frames.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) channel: ChannelId,
    pub(super) labels: Option<(MessageId, u32)>,
    pub(super) total: Option<u32>,
    pub(super) frames: usize,
}

impl Header {
    pub(super) fn of(data: &Data<'_>) -> Self {
        Self { channel: data.channel, labels: data.labels, total: data.total, frames: data.frames() }
    }
}

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// What the last input or the time brought. `None` when there is nothing more to tell.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        self.release_told();
        loop {
            let next = self.next_to_tell()?;
            if let Some(told) = self.take_up(next) {
                return self.show(told);
            }
        }
    }

    /// True while [`Link::poll_event`] has something to tell.
    #[must_use]
    pub fn has_event(&self) -> bool {
        self.next_to_tell().is_some()
    }

    /// Forgets what was not told, before the next input: as if the line had lost it.
    pub(super) fn discard(&mut self) {
        self.release_told();
        self.news.packet = None;
    }

    fn release_told(&mut self) {
        if let Some(slot) = self.news.told.take() {
            self.mux.release(slot);
        }
    }

    fn next_to_tell(&self) -> Option<Next> {
        let news = &self.news;
        match news {
            News { down: true, .. } => Some(Next::Down),
            News { silent: true, .. } => Some(Next::Silent),
            News { back: true, .. } => Some(Next::Back),
            News { packet: Some(len), .. } => Some(Next::Packet(*len)),
            _ => self.held_with_turn().map(Next::Held),
        }
    }

    /// A held frame that waits for nothing any more.
    fn held_with_turn(&self) -> Option<Slot> {
        let held =
            self.mux.pool.iter().filter(|(slot, block)| block.role == Role::Held && self.news.told != Some(*slot));
        let has_turn = |block: &Block<FRAME>| {
            let lane = self.in_lanes.get(block.route.channel.index());
            lane.is_some_and(|lane| matches!(judge_held(lane, block), Verdict::Deliver | Verdict::Repeated))
        };
        held.filter(|(_, block)| has_turn(block)).map(|(slot, _)| slot).next()
    }

    /// Counts as delivered what is told; `None` when there is nothing to tell of it after all.
    fn take_up(&mut self, next: Next) -> Option<Told> {
        match next {
            Next::Down => {
                self.news.down = false;
                Some(Told::Down)
            }
            Next::Silent => {
                self.news.silent = false;
                Some(Told::Silent)
            }
            Next::Back => {
                self.news.back = false;
                Some(Told::Back)
            }
            Next::Packet(len) => self.take_up_packet(len),
            Next::Held(slot) => self.take_up_held(slot),
        }
    }

    fn take_up_packet(&mut self, len: usize) -> Option<Told> {
        match Packet::decode_checked(self.deframer.packet(len)) {
            Ok(Packet::Data(data)) => {
                let (care, header) = (data.care, Header::of(&data));
                match care {
                    Care::Lossy => self.take_up_lossy(len, header),
                    Care::Numbered { number, place } => self.take_up_frame(len, header, number, place),
                }
            }
            Ok(Packet::Close(Close { number, channel, place, .. })) => {
                self.news.packet = None;
                self.mux.pool.retain(|block| block.role != Role::Held || block.route.channel != channel);
                let lane = self.in_lanes.get_mut(channel.index())?;
                let ours = lane.meaning.ours();
                lane.pass(place);
                lane.close();
                self.note_number(number, true);
                Some(Told::Closed(len, ours))
            }
            _ => {
                self.news.packet = None;
                Some(Told::Packet(len))
            }
        }
    }

    fn take_up_lossy(&mut self, len: usize, header: Header) -> Option<Told> {
        self.news.packet = None;
        let (message, sequence) = header.labels?;
        let position = Position::new(sequence, header.total)?;
        let lane = self.in_lanes.get(header.channel.index())?;
        if lane.is_paused {
            add(&mut self.counters.refused, 1);
            return None;
        }
        Some(Told::Frame(len, 0, Labels { channel: lane.meaning.ours()?, message, position }))
    }

    /// The next frame of a FRAME or RUN. The number counts as arrived with its last frame.
    fn take_up_frame(&mut self, len: usize, header: Header, number: u8, place: u8) -> Option<Told> {
        let index = self.news.index;
        let place = place.wrapping_add(index as u8);
        let is_last = index + 1 >= header.frames;
        self.news.index += 1;
        let labels = header.labels.filter(|_| index == 0);
        let verdict =
            self.in_lanes.get(header.channel.index())?.judge(place, header.labels.map(|(message, _)| message));
        let told = match verdict {
            Verdict::Deliver => {
                let told = self.deliver(header.channel, place, labels, header.total);
                told.map(|labels| Told::Frame(len, index, labels))
            }
            // The channel was paused since the frame before.
            Verdict::Hold if !self.hold(len, index, place) => {
                self.refuse(header.channel, place);
                self.news.packet = None;
                self.note_number(number, false);
                return None;
            }
            Verdict::Hold | Verdict::Repeated | Verdict::Absurd => None,
        };
        if is_last {
            self.news.packet = None;
            self.note_number(number, true);
            // What others wait behind is a repetition, the answer to which is awaited.
            let waits = |block: &Block<FRAME>| block.role == Role::Held && block.route.channel == header.channel;
            if self.mux.pool.iter().any(|(_, block)| waits(block)) {
                self.acks.hurry();
            }
        }
        told
    }

    fn take_up_held(&mut self, slot: Slot) -> Option<Told> {
        let block = self.mux.pool.get(slot)?;
        let (channel, place) = (block.route.channel, block.place);
        let labels = (!block.continues).then_some((block.route.message, block.position.sequence()));
        let total = block.position.total();
        let verdict = judge_held(self.in_lanes.get(channel.index())?, block);
        let told = if verdict == Verdict::Deliver { self.deliver(channel, place, labels, total) } else { None };
        if told.is_none() {
            if let Some(lane) = self.in_lanes.get_mut(channel.index()) {
                lane.skip(place);
            }
            self.mux.release(slot);
        }
        told.map(|labels| Told::Held(slot, labels))
    }

    /// Passes a place on its lane, and gives the frame our labels.
    fn deliver(
        &mut self,
        channel: ChannelId,
        place: u8,
        labels: Option<(MessageId, u32)>,
        total: Option<u32>,
    ) -> Option<Labels> {
        let lane = self.in_lanes.get_mut(channel.index())?;
        let is_torn = lane.is_torn(labels);
        let labels = lane.deliver(place, labels, total);
        if lane.owes_credit(Self::WINDOW) {
            self.acks.hurry();
        }
        let ours = lane.meaning.ours();
        if labels.is_none() {
            add(if is_torn { &mut self.counters.unknown } else { &mut self.counters.malformed }, 1);
        }
        let (message, position) = labels?;
        Some(Labels { channel: ours?, message, position })
    }

    fn show(&mut self, told: Told) -> Option<Event<'_>> {
        match told {
            Told::Down => Some(Event::Down),
            Told::Silent => Some(Event::Silent),
            Told::Back => Some(Event::Back),
            Told::Held(slot, Labels { channel, message, position }) => {
                self.news.told = Some(slot);
                Some(Event::Frame(Frame { channel, message, position, ..self.mux.frame(slot)? }))
            }
            Told::Packet(len) => match Packet::decode_checked(self.deframer.packet(len)).ok()? {
                Packet::Hello(Hello { terms, identity, .. }) => Some(match self.peer {
                    Some(_) => Event::Up(Peer { epoch: terms.epoch, identity, channels: terms.channels }),
                    None => Event::Incompatible { min: terms.version_min, max: terms.version_max },
                }),
                Packet::Open(Open { id, channel, .. }) => {
                    let ours = self.in_lanes.get(id.index())?.meaning.ours();
                    Some(Event::Opened { peer: PeerChannel(id.0), channel, ours })
                }
                Packet::Data(_) | Packet::Ack(_) | Packet::Close(_) => None,
            },
            Told::Frame(len, index, Labels { channel, message, position }) => {
                let Ok(Packet::Data(data)) = Packet::decode_checked(self.deframer.packet(len)) else { return None };
                let meta = if index == 0 { data.meta } else { "" };
                Some(Event::Frame(Frame {
                    channel,
                    message,
                    position,
                    kind: data.kind,
                    meta,
                    data: data.frame(index)?,
                }))
            }
            Told::Closed(len, ours) => match Packet::decode_checked(self.deframer.packet(len)) {
                Ok(Packet::Close(Close { channel, reset, .. })) => {
                    Some(Event::Closed { peer: PeerChannel(channel.0), ours, reset })
                }
                _ => None,
            },
        }
    }
}

fn judge_held<const FRAME: usize>(lane: &InLane, block: &Block<FRAME>) -> Verdict {
    lane.judge(block.place, Some(block.route.message))
}
