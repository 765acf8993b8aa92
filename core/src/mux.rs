//! The sending side: queues the frames of all messages in one shared pool, and says whose goes next.
//!
//! The pool is the budget: every queued frame takes one block, whatever its channel. Messages of one class take turns, one
//! turn each in the order of their arrival, so two chats and a file give A0 B0 F0 A1 B1 F1. A higher class goes first, but
//! one frame in sixteen belongs to each lower class that waits, and one block is kept for it, so that nothing starves.

mod turns;

use core::fmt;
use core::num::NonZeroU8;

use crate::channel::{ChannelId, Delivery, Priority};
use crate::cut::{Cut, Cutter, Message, Pieces};
use crate::frame::{Frame, Kind, MessageId, Position};
use crate::pool::{Block, Head, Pool, Role, Slot};

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

/// What frames a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of meta and data in each.
    pub data_max: usize,
    /// How many of them now: [`SendError::Full`] beyond.
    pub frames_now: usize,
    /// How many of them at the best of times: [`SendError::TooLong`] beyond.
    pub frames_ever: usize,
}

impl Bounds {
    /// Frames of so many bytes, as many as the queue has room for.
    #[must_use]
    pub const fn of_data(data_max: usize) -> Self {
        Self { data_max, frames_now: usize::MAX, frames_ever: usize::MAX }
    }
}

/// Why a message was refused; the caller keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The queue is full; try again after frames have left.
    Full,
    /// It needs this many frames, more than the queue or the receiver ever takes at once: send it as a stream.
    TooLong(usize),
    /// The labels and the `meta` leave no room for data in a frame that the peer takes.
    Meta,
    /// The stream stated this many frames: this one would be one more, or the last too soon.
    Total(u32),
    /// No peer is there; try again after [`Event::Up`](crate::Event::Up).
    Down,
    /// There is no channel of that number.
    Channel,
    /// The peer keeps fewer channels, so this one does not reach it: close it, and open it again under a lower number.
    Beyond,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the send queue is full"),
            Self::TooLong(frames) => write!(f, "the message needs {frames} frames, more than are taken at once"),
            Self::Meta => f.write_str("the meta fills a whole frame"),
            Self::Total(total) => write!(f, "the stream stated {total} frames"),
            Self::Down => f.write_str("no peer has said hello"),
            Self::Channel => f.write_str("no such channel"),
            Self::Beyond => f.write_str("the peer keeps fewer channels"),
        }
    }
}

impl core::error::Error for SendError {}

/// The queue of at most `BLOCKS` frames of up to `FRAME` bytes of meta and data.
///
/// In a [`Link`](crate::Link) the same blocks keep frames that are on their way until they are acknowledged, and frames that came
/// ahead of their place. Costs `BLOCKS` × (`FRAME` + 40) bytes of RAM. Every call looks through the pool once or twice: keep it to tens of blocks.
#[derive(Clone, Debug)]
pub struct Mux<const FRAME: usize, const BLOCKS: usize> {
    pub(crate) pool: Pool<FRAME, BLOCKS>,
    cutter: Cutter,
    quantum: NonZeroU8,
    arrivals: u32,
    turns: u32,
    /// The message whose turn it is and the frames it still has in it.
    turn: Option<(Route, u8)>,
    /// For each class, the frames of others that went while it waited.
    bypassed: [u8; CLASSES],
}

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
            pool: Pool::new(),
            cutter: Cutter::FILL,
            quantum: NonZeroU8::MIN,
            arrivals: 0,
            turns: 0,
            turn: None,
            bypassed: [0; CLASSES],
        }
    }

    /// Cuts messages sent from now on in this way.
    pub fn set_cut(&mut self, cut: Cut) {
        self.cutter = Cutter::new(cut);
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
        self.room_of(priority, self.pool.free())
    }

    fn room_of(&self, priority: Priority, free: usize) -> usize {
        let of_class =
            |class: Priority| move |block: &Block<FRAME>| block.role != Role::Held && block.route.priority == class;
        let has_none = |class: &Priority| !self.any(of_class(*class));
        let lower = [Priority::Normal, Priority::Bulk].iter().filter(|class| **class > priority);
        let room = free.saturating_sub(Self::reserved(priority) + lower.filter(|class| has_none(class)).count());
        // The block that was kept for this class is its own.
        if has_none(&priority) { room.max(free.min(1)) } else { room }
    }

    /// The same for a channel: one that has frames in the pool leaves a quarter of it to those that have none, as it may have to wait for
    /// its receiver; one that has none may have the last block.
    fn room_for(&self, route: Route, free: usize) -> usize {
        let room = self.room_of(route.priority, free);
        if self.any(|block| block.role != Role::Held && block.route.channel == route.channel) {
            room.min(free.saturating_sub(BLOCKS / 4))
        } else {
            room.max(free.min(1))
        }
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

    /// True when nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any(|block| block.role.waits())
    }

    /// Forgets everything queued, on its way or held.
    pub fn clear(&mut self) {
        self.pool.retain(|_| false);
        self.turn = None;
        self.bypassed = [0; CLASSES];
    }

    /// Cuts `message` into frames, and queues all of them or none.
    ///
    /// A message without data makes no frame. On a [`Delivery::Latest`] channel the message replaces what has not left of older ones.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`], [`SendError::TooLong`] or [`SendError::Meta`]; nothing is queued then.
    pub fn send(&mut self, route: Route, message: &Message<'_>, bounds: Bounds) -> Result<(), SendError> {
        let data_max = bounds.data_max.min(FRAME);
        if message.meta.len() + 4 > data_max {
            return Err(SendError::Meta);
        }
        let mut cutting = Pieces::new(message, self.cutter, data_max);
        let mut counting = cutting.clone();
        let mut scratch = [0; FRAME];
        let mut total = 0;
        while counting.next(&mut scratch).is_some() {
            total += 1;
        }
        if total > Self::most(route.priority).min(bounds.frames_ever) {
            return Err(SendError::TooLong(total));
        }
        let replaces = route.delivery == Delivery::Latest && total > 0;
        let is_replaced =
            |block: &Block<FRAME>| replaces && block.role == Role::Waiting && block.route.channel == route.channel;
        let replaced = self.pool.iter().filter(|(_, block)| is_replaced(block)).count();
        if total > self.room_for(route, self.pool.free() + replaced).min(bounds.frames_now) {
            return Err(SendError::Full);
        }
        self.pool.retain(|block| !is_replaced(block));
        for sequence in 0..total {
            let meta = if sequence == 0 { message.meta } else { "" };
            let piece = cutting.next(&mut scratch).unwrap_or_default();
            let position = Position::new(sequence as u32, u32::try_from(total).ok()).ok_or(SendError::Full)?;
            self.put(route, position, message.kind, meta, piece)?;
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
        if meta.len().checked_add(data.len()).is_none_or(|len| len > FRAME) {
            return Err(SendError::Meta);
        }
        if self.room_for(route, self.pool.free()) == 0 {
            return Err(SendError::Full);
        }
        self.put(route, position, kind, meta, data)
    }

    /// Queues one frame for which there is room.
    fn put(&mut self, route: Route, position: Position, kind: Kind, meta: &str, data: &[u8]) -> Result<(), SendError> {
        // A message already under way keeps its place; a new one starts behind all that wait.
        let under_way = self.pool.iter().map(|(_, other)| other).find(|other| other.is_of(route));
        let served = under_way.map_or(self.turns, |other| other.served);
        let (role, arrival) = (Role::Waiting, self.arrivals);
        let head = Head { role, route, position, kind, place: 0, continues: false, arrival, served };
        self.pool.put(head, meta, data).ok_or(SendError::Full)?;
        self.arrivals = self.arrivals.wrapping_add(1);
        Ok(())
    }

    /// Frames of a channel that wait to be sent for the first time.
    #[must_use]
    pub fn waiting(&self, channel: ChannelId) -> usize {
        let waits = |block: &Block<FRAME>| block.role == Role::Waiting && block.route.channel == channel;
        self.pool.iter().filter(|(_, block)| waits(block)).count()
    }

    fn any(&self, is_it: impl Fn(&Block<FRAME>) -> bool) -> bool {
        self.pool.iter().any(|(_, block)| is_it(block))
    }

    /// The frame in a slot; `None` once it was given back.
    #[must_use]
    pub fn frame(&self, slot: Slot) -> Option<Frame<'_>> {
        self.pool.get(slot)?.frame()
    }

    /// Gives the block of a frame that has left back to the pool.
    pub fn release(&mut self, slot: Slot) {
        self.pool.release(slot);
    }
}
