//! What the hub has to do with files: the transfers, which it makes known, and questions to devices.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{Duration, sleep};
use tracing::info;

use super::Hub;
use crate::depot::{Depot, FileId, TakeError};
use crate::errand::{Answer, Errand, Refusal, Request, What};
use crate::ring::Audience;
use crate::shutdown::Shutdown;
use crate::text;
use crate::transfers::{Direction, Refused, Transfer, Transfers};

/// How often it is told at most that the files of the host have changed.
const FILES_INTERVAL: Duration = Duration::from_millis(200);

impl Hub {
    /// The transfers of files.
    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Begins a transfer and makes that known, and what had to be forgotten for it.
    ///
    /// # Errors
    ///
    /// [`Refused`]
    pub(crate) fn begin_transfer(
        &self,
        begin: impl FnOnce(&Transfers) -> Result<Transfer, Refused>,
    ) -> Result<Transfer, Refused> {
        let begun = begin(&self.transfers)?;
        self.show_transfer(&begun);
        for (id, revision) in self.transfers.forget_surplus() {
            self.show_forgotten(id, revision);
        }
        Ok(begun)
    }

    /// Changes a transfer and makes that known; gives it as it is then, `None` if nothing has changed.
    pub(crate) fn change_transfer(&self, id: FileId, change: impl FnOnce(&mut Transfer)) -> Option<Transfer> {
        let changed = self.transfers.change(id, change)?;
        self.show_transfer(&changed);
        Some(changed)
    }

    /// Makes known how a transfer is.
    pub(crate) fn show_transfer(&self, transfer: &Transfer) {
        self.push(self.lock(), Audience::Sessions, tell_transfer(transfer));
    }

    /// Makes known that a transfer is in no list any more.
    pub(crate) fn show_forgotten(&self, id: FileId, revision: u64) {
        let json = json!({ "id": id, "state": "forgotten", "revision": revision }).to_string();
        self.push(self.lock(), Audience::Sessions, text::whole("transfer", &format!("transfer-{revision}"), &json));
    }

    /// Makes known, until the host stops, when there are other files on it than before.
    pub(crate) async fn tell_of_files(self: Arc<Self>, depot: Depot, mut shutdown: Shutdown) {
        let mut changes = depot.changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = shutdown.wanted() => return,
            }
            let revision = *changes.borrow_and_update();
            let json = json!({ "revision": revision }).to_string();
            self.push(self.lock(), Audience::Sessions, text::whole("depot", &format!("depot-{revision}"), &json));
            // Whoever hears it asks for the list: many changes at once are told as one.
            sleep(FILES_INTERVAL).await;
        }
    }

    /// Removes what has come of a file from a device that is not wanted any more. What is in use right now is dropped by whoever uses it.
    pub(crate) fn drop_part(&self, depot: &Depot, id: FileId) {
        if depot.file(id).is_none()
            && let Err(error) = depot.remove(id)
            && !matches!(error, TakeError::Missing)
        {
            info!("What has come of a cancelled file is not removed yet. {error}");
            return;
        }
        // What a device has of one is dropped there.
        self.change_transfer(id, |transfer| transfer.drops &= transfer.direction == Direction::To);
    }

    /// Asks the device of that name something about its files.
    ///
    /// # Errors
    ///
    /// [`Refusal`]
    pub(crate) async fn ask(&self, device: &str, what: What) -> Result<Answer, Refusal> {
        let (answer, answered) = oneshot::channel();
        {
            let state = self.lock();
            let (_, task) = state.table.task(device).ok_or(Refusal::Unknown)?;
            let task = task.ok_or(Refusal::Offline)?;
            task.try_send(Errand::Files(Request { what, answer })).map_err(|_| Refusal::Busy)?;
        }
        answered.await.unwrap_or(Err(Refusal::Offline))
    }
}

/// A frame that says how a transfer is.
pub(super) fn tell_transfer(transfer: &Transfer) -> Utf8Bytes {
    let json = serde_json::to_string(transfer).unwrap_or_default();
    text::whole("transfer", &format!("transfer-{}", transfer.revision), &json)
}
