//! The transfers of one link, each in a place of its own: none is moved when another goes, which on a chip would cost more code than all else here.

use super::transfer::{Transfer, TransferId};

#[derive(Debug)]
pub(super) struct Table<const TRANSFERS: usize>([Option<Transfer>; TRANSFERS]);

impl<const TRANSFERS: usize> Table<TRANSFERS> {
    pub(super) const EMPTY: Self = Self([const { None }; TRANSFERS]);

    pub(super) fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Transfer> {
        self.0.iter().flatten()
    }

    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = &mut Transfer> {
        self.0.iter_mut().flatten()
    }

    pub(super) fn find(&mut self, id: TransferId) -> Option<&mut Transfer> {
        self.each_mut().find(|transfer| transfer.id == id)
    }

    /// The transfer in that place.
    pub(super) fn at(&mut self, place: usize) -> Option<&mut Transfer> {
        self.0.get_mut(place)?.as_mut()
    }

    /// The place of a transfer.
    pub(super) fn position(&self, is_it: impl Fn(&Transfer) -> bool) -> Option<usize> {
        self.0.iter().position(|place| place.as_ref().is_some_and(&is_it))
    }

    /// Gives a transfer a place; `None` when there is none.
    pub(super) fn add(&mut self, transfer: Transfer) -> Option<usize> {
        let place = self.0.iter().position(Option::is_none)?;
        *self.0.get_mut(place)? = Some(transfer);
        Some(place)
    }

    /// Takes out a transfer of which that is true.
    pub(super) fn take(&mut self, mut is_it: impl FnMut(&mut Transfer) -> bool) -> Option<Transfer> {
        self.0.iter_mut().find_map(|place| place.take_if(&mut is_it))
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
