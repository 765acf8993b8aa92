//! What is kept in RAM of a file, and of one that is being received.

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Partial,
    Whole,
    /// Gone from the flash's point of view, and somebody reads it still: its pages are taken when it is closed.
    Hidden,
}

/// A file or partial; its name and digest are in its first page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) size: u32,
    /// How much is in the flash, in whole blocks.
    pub(super) stored: u32,
    /// How many of its pages it has; the others are only counted.
    pub(super) linked: u16,
    pub(super) state: State,
    /// Something is written behind what is stored, and it is not a block.
    pub(super) is_torn: bool,
    /// How often it is open.
    pub(super) users: u8,
}

/// The block of a partial that is not full yet.
#[derive(Debug)]
pub(super) struct Tail<const BLOCK: usize> {
    /// Whose it is; kept when the partial is closed, until another needs it.
    pub(super) slot: Option<u8>,
    pub(super) len: usize,
    /// With the data where it will stand in the flash.
    pub(super) block: [u8; BLOCK],
}

impl<const BLOCK: usize> Tail<BLOCK> {
    pub(super) const EMPTY: Self = Self { slot: None, len: 0, block: [0xff; BLOCK] };

    pub(super) fn is_of(&self, slot: usize) -> bool {
        self.slot.is_some_and(|own| usize::from(own) == slot)
    }
}
