//! The rows of the list of transfers.

use super::keeper::Keeper;
use super::transfer::Transfer;
use crate::depot::FileId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct List {
    /// In the order in which they were begun.
    rows: Vec<Transfer>,
    /// The last change of any of them.
    pub(super) revision: u64,
}

impl List {
    pub(super) fn row(&mut self, id: FileId) -> Option<&mut Transfer> {
        self.rows.iter_mut().find(|transfer| transfer.id == id)
    }

    /// In the order in which they were begun.
    pub(super) fn all(&self) -> impl Iterator<Item = &Transfer> {
        self.rows.iter()
    }

    /// What people see.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Transfer> {
        self.all().filter(|transfer| !transfer.is_forgotten)
    }

    pub(super) fn add(&mut self, transfer: Transfer) {
        self.rows.push(transfer);
    }

    /// Takes a transfer off the list, once there is nothing of it to drop any more; gives the revision of that.
    pub(super) fn forget(&mut self, id: FileId, keeper: &Keeper) -> u64 {
        self.revision += 1;
        let revision = self.revision;
        match self.row(id) {
            Some(transfer) if transfer.drops => {
                transfer.is_forgotten = true;
                keeper.keep(transfer);
            }
            _ => {
                self.rows.retain(|transfer| transfer.id != id);
                keeper.remove(id);
            }
        }
        revision
    }

    /// Of those that are over, the oldest beyond so many; the last are those of which something is still to be dropped.
    pub(super) fn surplus(&self, most: usize) -> Vec<FileId> {
        let mut over: Vec<&Transfer> = self.all().filter(|transfer| !transfer.state.is_open()).collect();
        over.sort_by_key(|transfer| transfer.drops);
        over[..over.len().saturating_sub(most)].iter().map(|transfer| transfer.id).collect()
    }
}
