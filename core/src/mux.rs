//! The sending side: queues the frames of all messages in one shared pool, and says whose goes next.
//!
//! The pool is the budget: every queued frame takes one block, whatever its channel. Messages of one class take turns, one
//! turn each in the order of their arrival, so two chats and a file give A0 B0 F0 A1 B1 F1. A higher class goes first, but one
//! frame in sixteen belongs to the lowest class that waits, so that nothing starves.

use core::fmt;
use core::num::NonZeroU8;

use crate::channel::{ChannelId, Delivery, Priority};
use crate::cut::{Cut, Message, Pieces};
use crate::frame::{Frame, Kind, MessageId, Position};

/// While a lower class waits, every so many frames one is its own: 1/16 = 6.25 % of the frames.
const FLOOR: u8 = 16;

/// Where a message goes: its labels, and how its channel is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The channel.
    pub channel: ChannelId,
    /// The message's number.
    pub message: MessageId,
    /// Its class.
    pub priority: Priority,
    /// Its policy under pressure.
    pub delivery: Delivery,
}

/// Why a message was refused; the caller keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The queue is full; try again after frames have left.
    Full,
    /// It needs this many frames, more than the queue ever holds: send it as a stream.
    TooLong(usize),
    /// The `meta` leaves no room for data in a frame.
    Meta,
    /// No peer is there; try again after [`Event::Up`](crate::Event::Up).
    Down,
    /// There is no channel of that number.
    Channel,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the send queue is full"),
            Self::TooLong(frames) => write!(f, "the message needs {frames} frames, more than the queue holds"),
            Self::Meta => f.write_str("the meta fills a whole frame"),
            Self::Down => f.write_str("no peer has said hello"),
            Self::Channel => f.write_str("no such channel"),
        }
    }
}

impl core::error::Error for SendError {}

/// A queued frame.
#[derive(Clone, Copy, Debug)]
struct Block<const FRAME: usize> {
    route: Route,
    position: Position,
    kind: Kind,
    meta_len: u16,
    len: u16,
    /// Place in the order of arrival.
    arrival: u32,
    /// The last turn that its message had.
    served: u32,
    bytes: [u8; FRAME],
}

/// The queue of at most `BLOCKS` frames of up to `FRAME` bytes of meta and data.
///
/// Costs `BLOCKS` × (`FRAME` + 32) bytes of RAM. Every call looks through the pool once or twice: keep it to tens of blocks.
#[derive(Debug)]
pub struct Mux<const FRAME: usize, const BLOCKS: usize> {
    blocks: [Option<Block<FRAME>>; BLOCKS],
    cut: Cut,
    quantum: NonZeroU8,
    arrivals: u32,
    turns: u32,
    /// The message whose turn it is and the frames it still has in it.
    turn: Option<(Route, u8)>,
    /// Frames since a lower class than theirs had one, while one waited.
    bypassed: u8,
}

/// A block taken out of the order, to be read with [`Mux::frame`] and then given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

impl<const FRAME: usize, const BLOCKS: usize> Default for Mux<FRAME, BLOCKS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const FRAME: usize, const BLOCKS: usize> Mux<FRAME, BLOCKS> {
    /// An empty queue that fills frames and gives turns of one frame.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(FRAME >= 32 && FRAME <= 4096 && BLOCKS >= 4 && BLOCKS <= 1024) };
        Self {
            blocks: [const { None }; BLOCKS],
            cut: Cut::Fill,
            quantum: NonZeroU8::MIN,
            arrivals: 0,
            turns: 0,
            turn: None,
            bypassed: 0,
        }
    }

    /// Cuts messages sent from now on in this way.
    pub fn set_cut(&mut self, cut: Cut) {
        self.cut = cut;
    }

    /// Gives turns of this many frames.
    pub fn set_quantum(&mut self, frames: NonZeroU8) {
        self.quantum = frames;
    }

    /// Frames that a message of this class could queue now.
    ///
    /// The lower classes leave some blocks to the higher, so that a file that fills the queue does not lock chat out of it.
    #[must_use]
    pub fn room(&self, priority: Priority) -> usize {
        let free = self.blocks.iter().filter(|block| block.is_none()).count();
        free.saturating_sub(Self::reserved(priority))
    }

    const fn reserved(priority: Priority) -> usize {
        match priority {
            Priority::Urgent => 0,
            Priority::Normal => 1,
            Priority::Bulk => BLOCKS / 4 + 1,
        }
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(Option::is_none)
    }

    /// Forgets everything queued.
    pub fn clear(&mut self) {
        self.blocks.fill(None);
        self.turn = None;
        self.bypassed = 0;
    }

    /// Cuts `message` into frames of at most `data_max` bytes of meta and data, and queues all of them or none.
    ///
    /// A message without data makes no frame. On a [`Delivery::Latest`] channel the message replaces those that have not begun to leave.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`], [`SendError::TooLong`] or [`SendError::Meta`]; nothing is queued then.
    pub fn send(&mut self, route: Route, message: &Message<'_>, data_max: usize) -> Result<(), SendError> {
        let data_max = data_max.min(FRAME);
        if message.meta.len() + 4 > data_max {
            return Err(SendError::Meta);
        }
        let mut cutting = Pieces::new(message, self.cut, data_max);
        let mut counting = cutting.clone();
        let mut scratch = [0; FRAME];
        let mut total = 0;
        while counting.next(&mut scratch).is_some() {
            total += 1;
        }
        if total > BLOCKS - Self::reserved(route.priority) {
            return Err(SendError::TooLong(total));
        }
        if route.delivery == Delivery::Latest && total > 0 {
            self.drop_waiting(route.channel);
        }
        if total > self.room(route.priority) {
            return Err(SendError::Full);
        }
        for sequence in 0..total {
            let meta = if sequence == 0 { message.meta } else { "" };
            let piece = cutting.next(&mut scratch).unwrap_or_default();
            let position = Position::new(sequence as u32, u32::try_from(total).ok()).ok_or(SendError::Full)?;
            self.push(route, position, message.kind, meta, piece)?;
        }
        Ok(())
    }

    /// Queues one frame whose labels the caller knows.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] when no block is free for this class, [`SendError::TooLong`] when meta and data exceed `FRAME`.
    pub fn push(
        &mut self,
        route: Route,
        position: Position,
        kind: Kind,
        meta: &str,
        data: &[u8],
    ) -> Result<(), SendError> {
        let fits = meta.len().checked_add(data.len()).is_some_and(|len| len <= FRAME);
        let (true, Ok(meta_len), Ok(len)) = (fits, u16::try_from(meta.len()), u16::try_from(data.len())) else {
            return Err(SendError::TooLong(2));
        };
        if self.room(route.priority) == 0 {
            return Err(SendError::Full);
        }
        // A message already under way keeps its place; a new one starts behind all that wait.
        let served = self
            .blocks
            .iter()
            .flatten()
            .find(|other| other.route.message == route.message && other.route.channel == route.channel)
            .map_or(self.turns, |other| other.served);
        let Some(free) = self.blocks.iter_mut().find(|block| block.is_none()) else { return Err(SendError::Full) };
        let mut bytes = [0; FRAME];
        let meta_end = crate::bytes::copy(&mut bytes, meta.as_bytes());
        crate::bytes::copy(bytes.get_mut(meta_end..).unwrap_or_default(), data);
        *free = Some(Block { route, position, kind, meta_len, len, arrival: self.arrivals, served, bytes });
        self.arrivals = self.arrivals.wrapping_add(1);
        Ok(())
    }

    /// Whose frame goes next, if any waits.
    pub fn next_slot(&mut self) -> Option<Slot> {
        let waiting = || self.blocks.iter().enumerate().filter_map(|(at, block)| Some((at, block.as_ref()?)));
        let highest = waiting().map(|(_, block)| block.route.priority).min()?;
        let lowest = waiting().map(|(_, block)| block.route.priority).max()?;
        let class = if lowest > highest && self.bypassed + 1 >= FLOOR { lowest } else { highest };
        let of_turn = |block: &Block<FRAME>| {
            self.turn.is_some_and(|(route, left)| left > 0 && route == block.route && route.priority == class)
        };
        let (at, block) = waiting().filter(|(_, block)| block.route.priority == class).min_by_key(|(_, block)| {
            // Ages instead of numbers, so that a wrap-around changes nothing.
            let age = self.turns.wrapping_sub(block.served);
            let wait = self.arrivals.wrapping_sub(block.arrival);
            (!of_turn(block), u32::MAX - age, u32::MAX - wait)
        })?;
        let route = block.route;
        self.bypassed = if class < lowest { self.bypassed + 1 } else { 0 };
        self.note_turn(route);
        Some(Slot(at))
    }

    fn note_turn(&mut self, route: Route) {
        let left = match self.turn {
            Some((current, left)) if current == route && left > 0 => left,
            _ => self.quantum.get(),
        };
        self.turn = Some((route, left - 1));
        self.turns = self.turns.wrapping_add(1);
        for block in self.blocks.iter_mut().flatten().filter(|block| block.route == route) {
            block.served = self.turns;
        }
    }

    /// The frame in a slot; `None` once it was given back.
    #[must_use]
    pub fn frame(&self, slot: Slot) -> Option<Frame<'_>> {
        let block = self.blocks.get(slot.0)?.as_ref()?;
        let (meta, rest) = block.bytes.split_at_checked(usize::from(block.meta_len))?;
        Some(Frame {
            channel: block.route.channel,
            message: block.route.message,
            position: block.position,
            kind: block.kind,
            meta: core::str::from_utf8(meta).ok()?,
            data: rest.get(..usize::from(block.len))?,
        })
    }

    /// Gives the block of a frame that has left back to the pool.
    pub fn release(&mut self, slot: Slot) {
        if let Some(block) = self.blocks.get_mut(slot.0) {
            *block = None;
        }
    }

    /// Drops the messages of a channel of which no frame has left.
    fn drop_waiting(&mut self, channel: ChannelId) {
        for at in 0..BLOCKS {
            let first = |block: &Block<FRAME>| block.route.channel == channel && block.position.sequence() == 0;
            let Some(route) =
                self.blocks.get(at).and_then(Option::as_ref).filter(|block| first(block)).map(|b| b.route)
            else {
                continue;
            };
            for block in &mut self.blocks {
                if block.as_ref().is_some_and(|block| block.route == route) {
                    *block = None;
                }
            }
        }
    }
}
