//! The transfers of one link, each in a place of its own: none is moved when another goes, which on a chip would cost more code than all else here.

use super::name::Name;
use super::transfer::{Transfer, TransferId};

#[derive(Debug)]
pub(super) struct Table<const TRANSFERS: usize>([Option<Transfer>; TRANSFERS]);

impl<const TRANSFERS: usize> Table<TRANSFERS> {
    /// A table of nothing. Not a constant, of which a chip would have every byte in its flash.
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| None))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Transfer> {
        self.0.iter().flatten()
    }

    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = &mut Transfer> {
        self.0.iter_mut().flatten()
    }

    #[inline(never)]
    pub(super) fn find(&mut self, id: TransferId) -> Option<&mut Transfer> {
        self.each_mut().find(|transfer| transfer.id == id)
    }

    /// The transfer in that place.
    pub(super) fn at(&mut self, place: usize) -> Option<&mut Transfer> {
        self.0.get_mut(place)?.as_mut()
    }

    /// Gives a new transfer a place; `None` when there is none.
    #[inline(never)]
    pub(super) fn add(&mut self, id: TransferId, is_sending: bool, name: &Name) -> Option<&mut Transfer> {
        let place = self.0.iter_mut().find(|place| place.is_none())?;
        Some(place.insert(Transfer::new(id, is_sending, name)))
    }

    /// Takes out the first transfer of which there is something to be made.
    pub(super) fn take<T>(&mut self, make: impl Fn(&Transfer) -> Option<T>) -> Option<T> {
        self.0.iter_mut().find_map(|place| {
            let made = make(place.as_ref()?)?;
            *place = None;
            Some(made)
        })
    }

    /// Drops those of which that is not true.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&mut Transfer) -> bool) {
        for place in &mut self.0 {
            if place.as_mut().is_some_and(|transfer| !stays(transfer)) {
                *place = None;
            }
        }
    }
}
