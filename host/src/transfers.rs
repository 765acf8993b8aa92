//! The transfers between the files of the host and devices: what is wanted, how far it is, kept over restarts of the host.
//!
//! This is the list; the task of a device looks into it for what concerns the device, and does it (see `session::courier`). One that was
//! neither paused nor cancelled goes on by itself whenever device and host are there.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::info;

use crate::depot::{File, FileId};

mod keeper;
mod list;
mod transfer;

pub(crate) use keeper::Keeper;
pub(crate) use transfer::{Direction, State, Transfer};

use list::List;

/// Transfers that are not over.
const OPEN_MAX: usize = 256;
/// Transfers that are remembered after their end, see [`Transfers::forget_surplus`].
const ENDED_MAX: usize = 256;

/// Why a transfer is not begun, or not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("There is no such transfer.")]
    Missing,
    #[error("{OPEN_MAX} transfers are not over yet. Cancel some, or wait.")]
    TooMany,
    #[error("It is {0} already.")]
    Over(&'static str),
    #[error("Devices take files of at most 4294967295 bytes.")]
    TooLarge,
    #[error("{0}. Give another name under which the device is to have it.")]
    Name(pocketmux_core::files::NameError),
    #[error("{0}")]
    Disk(String),
}

/// Whether a device can have a file of that name and size, if it has room; gives the size as devices count it.
///
/// # Errors
///
/// [`Refused::Name`], [`Refused::TooLarge`]
pub(crate) fn fits_device(name: &str, size: u64) -> Result<u32, Refused> {
    pocketmux_core::files::Name::new(name).map_err(Refused::Name)?;
    u32::try_from(size).map_err(|_| Refused::TooLarge)
}

/// All transfers.
#[derive(Debug)]
pub(crate) struct Transfers {
    state: Mutex<List>,
    keeper: Keeper,
    /// Counts what people want: devices look when it changes.
    wishes: watch::Sender<u64>,
    /// The last change of any transfer.
    revision: watch::Sender<u64>,
}

impl Transfers {
    /// Those that are kept in a data directory, in the order in which they were begun.
    pub(crate) fn open(data: Option<&Path>) -> Self {
        let (keeper, kept) = Keeper::open(data);
        let mut list = List::default();
        for transfer in kept {
            if transfer.state.is_open() {
                info!("The transfer of {} {} {} goes on.", transfer.name, transfer.direction, transfer.device);
            }
            // What changes from now on is later than all of them.
            list.revision = list.revision.max(transfer.revision);
            list.add(transfer);
        }
        Self { state: Mutex::new(list), keeper, wishes: watch::Sender::new(0), revision: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything is written.
    pub(crate) async fn finish(&self) {
        self.keeper.finish().await;
    }

    /// Begins to send a file of the host to a device.
    ///
    /// # Errors
    ///
    /// [`Refused`]
    pub(crate) fn begin_to(&self, device: &str, file: &File, name: Option<&str>) -> Result<Transfer, Refused> {
        let name = name.unwrap_or(file.name.as_str());
        let size = fits_device(name, file.size)?;
        let begun = Transfer::new(device, Direction::To, name);
        let digest = Some(format!("sha-256:{}", file.sha256));
        self.begin(Transfer { file: Some(file.id), size: Some(size.into()), digest, ..begun })
    }

    /// Begins to fetch a file from a device.
    ///
    /// # Errors
    ///
    /// [`Refused`]
    pub(crate) fn begin_from(&self, device: &str, name: &str) -> Result<Transfer, Refused> {
        pocketmux_core::files::Name::new(name).map_err(Refused::Name)?;
        self.begin(Transfer::new(device, Direction::From, name))
    }

    /// The transfer that a device's offer of that name is for: one that was begun before, or else a new one.
    pub(crate) fn offered(&self, device: &str, name: &str) -> Result<Transfer, Refused> {
        let is_it = |transfer: &&Transfer| {
            let Transfer { direction, state, .. } = transfer;
            *direction == Direction::From && state.is_open() && transfer.device == device && transfer.name == name
        };
        if let Some(known) = self.lock().all().find(is_it) {
            return Ok(known.clone());
        }
        self.begin(Transfer { is_theirs: true, ..Transfer::new(device, Direction::From, name) })
    }

    fn begin(&self, mut transfer: Transfer) -> Result<Transfer, Refused> {
        let mut list = self.lock();
        if list.all().filter(|transfer| transfer.state.is_open()).count() >= OPEN_MAX {
            return Err(Refused::TooMany);
        }
        list.revision += 1;
        transfer.revision = list.revision;
        self.keeper.keep(&transfer);
        list.add(transfer.clone());
        drop(list);
        self.tell_change();
        self.wishes.send_modify(|wishes| *wishes += 1);
        Ok(transfer)
    }

    /// Forgets those that ended long ago, so that there is an end to what is remembered: of each the id, and the revision of that. The last to go
    /// are those of which something is still to be dropped.
    pub(crate) fn forget_surplus(&self) -> Vec<(FileId, u64)> {
        let mut list = self.lock();
        let surplus = list.surplus(ENDED_MAX);
        let forget = |id| {
            // Even of these there is an end.
            list.row(id).into_iter().for_each(|transfer| transfer.drops = false);
            (id, list.forget(id, &self.keeper))
        };
        surplus.into_iter().map(forget).collect()
    }

    /// Calls `then` when a transfer is on the disk as it is now.
    pub(crate) fn when_written(&self, id: FileId, then: impl FnOnce() + Send + 'static) {
        self.keeper.tell(id, move |written| {
            if written.is_ok() {
                then();
            }
        });
    }

    /// Waits until a transfer is on the disk as it is now.
    ///
    /// # Errors
    ///
    /// [`Refused::Disk`]: it would not survive the end of the host.
    pub(crate) async fn written(&self, id: FileId) -> Result<(), Refused> {
        self.keeper.written(id).await.map_err(Refused::Disk)
    }

    /// All of them, in the order in which they were begun.
    pub(crate) fn list(&self) -> Vec<Transfer> {
        self.lock().shown().cloned().collect()
    }

    /// One of them.
    pub(crate) fn get(&self, id: FileId) -> Option<Transfer> {
        self.lock().shown().find(|transfer| transfer.id == id).cloned()
    }

    /// Those from devices of which this host still has something to drop.
    pub(crate) fn to_be_dropped_here(&self) -> Vec<FileId> {
        let is_it = |transfer: &&Transfer| transfer.drops && transfer.direction == Direction::From;
        self.lock().all().filter(is_it).map(|transfer| transfer.id).collect()
    }

    /// Those of a device that are not over, or of which something is still to be dropped, in the order in which they were begun.
    pub(crate) fn of_device(&self, device: &str) -> Vec<Transfer> {
        let is_its = |transfer: &&Transfer| transfer.device == device && (transfer.state.is_open() || transfer.drops);
        self.lock().all().filter(is_its).cloned().collect()
    }

    /// Changes a transfer, and gives it as it is then; `None` when people see none or nothing has changed.
    pub(crate) fn change(&self, id: FileId, change: impl FnOnce(&mut Transfer)) -> Option<Transfer> {
        let mut list = self.lock();
        let revision = list.revision + 1;
        let transfer = list.row(id)?;
        let before = transfer.clone();
        change(transfer);
        if *transfer == before {
            return None;
        }
        if transfer.is_forgotten && !transfer.drops {
            list.forget(id, &self.keeper);
            return None;
        }
        transfer.revision = revision;
        let changed = transfer.clone();
        list.revision = revision;
        // How far it is, the store says when it goes on.
        if !changed.differs_only_in_progress(&before) {
            self.keeper.keep(&changed);
        }
        drop(list);
        self.tell_change();
        Some(changed).filter(|changed| !changed.is_forgotten)
    }

    /// Does what a person wants with a transfer that is not over.
    ///
    /// # Errors
    ///
    /// [`Refused::Missing`], [`Refused::Over`].
    pub(crate) fn wish(&self, id: FileId, state: State) -> Result<Transfer, Refused> {
        self.get(id).ok_or(Refused::Missing)?;
        let mut over = None;
        let changed = self.change(id, |transfer| {
            let may_be = transfer.state.is_open() || (state, transfer.state) == (State::Waiting, State::Failed);
            if !may_be {
                over = Some(transfer.state.word());
            } else if state != State::Waiting || matches!(transfer.state, State::Paused | State::Failed) {
                transfer.enter(state, "");
                // The device has nothing of what never ran.
                let is_begun = transfer.direction == Direction::From || transfer.at > 0;
                transfer.drops = state == State::Cancelled && is_begun;
            }
        });
        if let Some(word) = over {
            return Err(Refused::Over(word));
        }
        self.wishes.send_modify(|wishes| *wishes += 1);
        changed.or_else(|| self.get(id)).ok_or(Refused::Missing)
    }

    /// Forgets a transfer that is over, and gives the revision of that; `None` when there is none.
    pub(crate) fn forget(&self, id: FileId) -> Option<u64> {
        let mut list = self.lock();
        list.shown().find(|transfer| transfer.id == id && !transfer.state.is_open())?;
        Some(list.forget(id, &self.keeper))
    }

    /// Changes when somebody wants something.
    pub(crate) fn wishes(&self) -> watch::Receiver<u64> {
        self.wishes.subscribe()
    }

    /// Waits until a transfer has changed since that revision, or is gone.
    pub(crate) async fn changed_since(&self, id: FileId, revision: u64) -> Option<Transfer> {
        let mut revisions = self.revision.subscribe();
        loop {
            revisions.borrow_and_update();
            match self.get(id) {
                Some(transfer) if transfer.revision <= revision => {}
                other => return other,
            }
            if revisions.changed().await.is_err() {
                return None;
            }
        }
    }

    fn tell_change(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

#[cfg(test)]
mod tests;
