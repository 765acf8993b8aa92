//! What is logged of files that come and go.

use pocketmux_core::files::{Ended, Progress, TransferId};
use tracing::{info, warn};

/// The transfers that were logged, and where they began.
#[derive(Debug, Default)]
pub(super) struct Record(Vec<(TransferId, u32)>);

impl Record {
    /// Logs where transfers begin.
    pub(super) fn note<'p>(&mut self, transfers: impl Iterator<Item = Progress<'p>>) {
        let moving: Vec<_> = transfers.filter(|transfer| transfer.is_moving).collect();
        self.0.retain(|(id, _)| moving.iter().any(|transfer| transfer.id == *id));
        for Progress { id, name, is_sending, from, size, .. } in moving {
            let verb = if is_sending { "is sent" } else { "is received" };
            match self.0.iter_mut().find(|(known, _)| *known == id) {
                Some((_, before)) => {
                    if from < *before {
                        warn!("{name} starts over: what was here of it is not the same");
                    }
                    *before = from;
                }
                None => {
                    match from {
                        0 => info!("{name}: {size} bytes; it {verb}"),
                        _ => info!("{name}: {size} bytes; it {verb}, and resumes at {from}"),
                    }
                    self.0.push((id, from));
                }
            }
        }
    }

    /// Logs how one has ended.
    pub(super) fn ended(&mut self, ended: &Ended) {
        let Ended { id, name, is_sending, size, result, .. } = ended;
        self.0.retain(|(known, _)| known != id);
        match result {
            Ok(()) if *is_sending => info!("{name}: sent and verified, {size} bytes"),
            Ok(()) => info!("{name}: received and verified, {size} bytes"),
            Err(failure) => warn!("{name}: {}", failure.reason),
        }
    }
}
