//! How a job leaves the line: so that the device waits for nothing.

use pocketmux_core::files::{Reason, Store, TransferId};
use tokio::time::{Duration, Instant};

use super::line::Line;

/// So long the device may take to hear that a transfer is to go on later.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// So long what was said last is said again, should it be lost.
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// Meanwhile this side looks this often whether it may go.
const TURN: Duration = Duration::from_millis(1);

impl<S: Store> Line<S> {
    /// Has a transfer stop so that it can go on later, and the device hear it.
    pub(super) async fn pause(&mut self, id: TransferId) {
        self.files.cancel(id, Reason::Paused);
        self.settle_until(Instant::now() + PAUSE_MAX).await;
    }

    /// Leaves the line so that the device need not wait for anything.
    pub(super) async fn settle(&mut self) {
        self.settle_until(Instant::now() + SETTLE_MAX).await;
    }

    async fn settle_until(&mut self, until: Instant) {
        loop {
            let is_heard = !self.files.is_saying(&self.link) && self.files.transfers().next().is_none();
            let now = Instant::now();
            if (self.link.acknowledge() && is_heard) || self.port.is_none() || now >= until {
                return;
            }
            // News are of no interest any more.
            let _ = self.hear(until.min(now + TURN)).await;
        }
    }
}
