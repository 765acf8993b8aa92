//! The blocks of a link: one shared pool for frames that wait, are on their way, or were received out of order.
//!
//! RAM is the budget, so there is no window for each channel: a block is taken by whoever needs it, and given back as soon as its frame
//! has arrived or was delivered.

use core::ops::{Deref, DerefMut};

use crate::frame::{Frame, Kind, Position};
use crate::mux::Route;

/// Why a block is taken. Numbers are those of the transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// To be sent for the first time.
    Waiting,
    /// On its way, and kept until it is acknowledged.
    Out(u8),
    /// On its way for too long: to be sent again under the same number, as a question.
    Again(u8),
    /// To be sent again under a new number.
    Lost,
    /// Received ahead of its place on a channel of the peer, whose number is the route's.
    Held,
}

impl Role {
    /// True for a frame that is to be sent.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::Again(_) | Self::Lost)
    }

    /// The number that it is on its way under.
    pub(crate) fn number(self) -> Option<u8> {
        match self {
            Self::Out(number) | Self::Again(number) => Some(number),
            Self::Waiting | Self::Lost | Self::Held => None,
        }
    }
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) role: Role,
    pub(crate) route: Route,
    pub(crate) position: Position,
    pub(crate) kind: Kind,
    /// The place on its channel, once it has one.
    pub(crate) place: u8,
    /// It continues the frame of the place before it.
    pub(crate) continues: bool,
    /// Place in the order of arrival.
    pub(crate) arrival: u32,
    /// The last turn that its message had.
    pub(crate) served: u32,
}

/// A frame with what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<const FRAME: usize> {
    head: Head,
    meta_len: u16,
    len: u16,
    bytes: [u8; FRAME],
}

impl<const FRAME: usize> Deref for Block<FRAME> {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl<const FRAME: usize> DerefMut for Block<FRAME> {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

impl<const FRAME: usize> Block<FRAME> {
    /// True for a frame of that message of ours.
    pub(crate) fn is_of(&self, route: Route) -> bool {
        self.role != Role::Held && self.route == route
    }

    /// True for a frame that has a place on its channel and is not known to have arrived.
    pub(crate) fn has_place(&self) -> bool {
        matches!(self.role, Role::Out(_) | Role::Again(_) | Role::Lost)
    }

    /// True for the frame behind `before` in the same message, in the same state.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let is_next = match self.role {
            Role::Waiting => true,
            Role::Lost => self.continues && self.place == before.place.wrapping_add(1),
            Role::Out(_) | Role::Again(_) | Role::Held => false,
        };
        is_next
            && self.role == before.role
            && self.route == before.route
            && self.kind == before.kind
            && Some(self.position.sequence()) == before.position.sequence().checked_add(1)
    }

    /// Bytes of data.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(crate) fn has_meta(&self) -> bool {
        self.meta_len > 0
    }

    pub(crate) fn frame(&self) -> Option<Frame<'_>> {
        let (meta, rest) = self.bytes.split_at_checked(usize::from(self.meta_len))?;
        Some(Frame {
            channel: self.route.channel,
            message: self.route.message,
            position: self.position,
            kind: self.kind,
            meta: core::str::from_utf8(meta).ok()?,
            data: rest.get(..usize::from(self.len))?,
        })
    }
}

/// A block of the pool, taken out of the order, to be read with [`Mux::frame`](crate::Mux::frame) and then given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

#[derive(Clone, Debug)]
pub(crate) struct Pool<const FRAME: usize, const BLOCKS: usize> {
    blocks: [Option<Block<FRAME>>; BLOCKS],
}

impl<const FRAME: usize, const BLOCKS: usize> Pool<FRAME, BLOCKS> {
    pub(crate) const fn new() -> Self {
        Self { blocks: [const { None }; BLOCKS] }
    }

    pub(crate) fn free(&self) -> usize {
        self.blocks.iter().filter(|block| block.is_none()).count()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Block<FRAME>) -> bool) {
        for place in &mut self.blocks {
            if place.as_ref().is_some_and(|block| !keep(block)) {
                *place = None;
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Block<FRAME>)> {
        self.blocks.iter().enumerate().filter_map(|(at, block)| Some((Slot(at), block.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Block<FRAME>> {
        self.blocks.iter_mut().flatten()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Block<FRAME>> {
        self.blocks.get(slot.0)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Block<FRAME>> {
        self.blocks.get_mut(slot.0)?.as_mut()
    }

    /// Fills a free block; `None` when there is none, or when meta and data exceed it.
    pub(crate) fn put(&mut self, head: Head, meta: &str, data: &[u8]) -> Option<Slot> {
        let len = meta.len().checked_add(data.len())?;
        let at = self.blocks.iter().position(Option::is_none).filter(|_| len <= FRAME)?;
        let (meta_len, len) = (u16::try_from(meta.len()).ok()?, u16::try_from(data.len()).ok()?);
        let block = self.blocks.get_mut(at)?.insert(Block { head, meta_len, len, bytes: [0; FRAME] });
        let (front, rest) = block.bytes.split_at_mut_checked(meta.len())?;
        crate::bytes::copy(front, meta.as_bytes());
        crate::bytes::copy(rest, data);
        Some(Slot(at))
    }

    pub(crate) fn release(&mut self, slot: Slot) {
        if let Some(block) = self.blocks.get_mut(slot.0) {
            *block = None;
        }
    }
}
