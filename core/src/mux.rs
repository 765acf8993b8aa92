//! The sending side: queues the frames of all messages in one shared pool, and says whose goes next.
//!
//! The pool is the budget: every queued frame takes one block, whatever its channel. Messages of one class take turns, one
//! turn each in the order of their arrival, so two chats and a file give A0 B0 F0 A1 B1 F1. A higher class goes first, but
//! one frame in sixteen belongs to each lower class that waits, and one block is kept for it, so that nothing starves.

use core::fmt;
use core::num::NonZeroU8;

use crate::channel::{ChannelId, Delivery, Priority};
use crate::cut::{Cut, Message, Pieces};
use crate::frame::{Frame, Kind, MessageId, Position};

/// A class that waits has one of so many frames at least: 1/16 = 6.25 % of them.
const FLOOR: u8 = 16;
/// How many classes there are.
const CLASSES: usize = 3;

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
    /// The labels and the `meta` leave no room for data in a frame that the peer takes.
    Meta,
    /// The stream stated this many frames: this one would be one more, or the last too soon.
    Total(u32),
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
            Self::Total(total) => write!(f, "the stream stated {total} frames"),
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
    /// For each class, the frames of others that went while it waited.
    bypassed: [u8; CLASSES],
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
            bypassed: [0; CLASSES],
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
    /// The lower classes leave some blocks to the higher, so that a file that fills the queue does not lock chat out of it; the higher
    /// leave one to each lower class that has none.
    #[must_use]
    pub fn room(&self, priority: Priority) -> usize {
        let free = self.blocks.iter().filter(|block| block.is_none()).count();
        self.room_of(priority, free)
    }

    fn room_of(&self, priority: Priority, free: usize) -> usize {
        let has_none = |class: &Priority| !self.has_waiting(*class);
        let lower = [Priority::Normal, Priority::Bulk].into_iter().filter(|class| *class > priority);
        let room = free.saturating_sub(Self::reserved(priority) + lower.filter(has_none).count());
        // The block that was kept for this class is its own.
        if has_none(&priority) { room.max(free.min(1)) } else { room }
    }

    /// Blocks that a class leaves to the higher ones.
    const fn reserved(priority: Priority) -> usize {
        match priority {
            Priority::Urgent => 0,
            Priority::Normal => 1,
            Priority::Bulk => BLOCKS / 4 + 1,
        }
    }

    /// Frames of a class that are ever queued at once: a longer message must be a stream.
    const fn most(priority: Priority) -> usize {
        let lower_classes = CLASSES - 1 - priority as usize;
        BLOCKS - Self::reserved(priority) - lower_classes
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
        self.bypassed = [0; CLASSES];
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
        if total > Self::most(route.priority) {
            return Err(SendError::TooLong(total));
        }
        let replaces = route.delivery == Delivery::Latest && total > 0;
        let is_replaced = |mux: &Self, block: &Block<FRAME>| replaces && mux.waits_whole(block, route.channel);
        let free =
            self.blocks.iter().filter(|block| block.as_ref().is_none_or(|block| is_replaced(self, block))).count();
        if total > self.room_of(route.priority, free) {
            return Err(SendError::Full);
        }
        while let Some(old) =
            self.blocks.iter().flatten().find(|block| is_replaced(self, block)).map(|block| block.route)
        {
            self.drop_message(old);
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
    /// [`SendError::Full`] when no block is free for this class, [`SendError::Meta`] when meta and data exceed `FRAME`.
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
            return Err(SendError::Meta);
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
        let class = self.class_of_turn()?;
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
        self.note_class(class);
        self.note_turn(route);
        Some(Slot(at))
    }

    fn has_waiting(&self, class: Priority) -> bool {
        self.blocks.iter().flatten().any(|block| block.route.priority == class)
    }

    /// The highest class that waits, unless one below it has waited for its share; then the one that has longest.
    fn class_of_turn(&self) -> Option<Priority> {
        let waiting = || Priority::ALL.into_iter().filter(|class| self.has_waiting(*class));
        let bypassed = |class: &Priority| self.bypassed.get(*class as usize).copied().unwrap_or(0);
        waiting().filter(|class| bypassed(class) >= FLOOR - 1).max_by_key(bypassed).or_else(|| waiting().min())
    }

    fn note_class(&mut self, served: Priority) {
        for class in Priority::ALL {
            let waits = class != served && self.has_waiting(class);
            if let Some(bypassed) = self.bypassed.get_mut(class as usize) {
                *bypassed = if waits { bypassed.saturating_add(1) } else { 0 };
            }
        }
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

    /// True for a frame of a message of `channel` of which every frame still waits.
    fn waits_whole(&self, block: &Block<FRAME>, channel: ChannelId) -> bool {
        let of_message = self.blocks.iter().flatten().filter(|other| other.route == block.route).count();
        block.route.channel == channel && block.position.total().is_some_and(|total| total as usize == of_message)
    }

    fn drop_message(&mut self, route: Route) {
        for place in &mut self.blocks {
            if place.as_ref().is_some_and(|block| block.route == route) {
                *place = None;
            }
        }
    }
}
