//! The thread that commits what waits, a group at a time, and then tells of it.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::task::spawn_blocking;
use tracing::warn;

use super::entry::Entry;
use super::queue::Queue;
use super::row::{Draft, Row, Written};
use super::store::Store;
use crate::throttle::Throttle;

/// The thread that writes the history.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(super) fn start(queue: Arc<Queue>, store: Store, tell: impl Fn(&Entry, Option<&Row>) + Send + 'static) -> Self {
        let closes = Closes(queue.clone());
        let run = move || {
            let (mut group, mut warnings) = (Vec::new(), Throttle::default());
            while closes.0.take(&mut group) {
                let is_written = commit(&store, std::mem::take(&mut group), &tell, &mut warnings);
                // The end is not to wait for a disk that does not answer, once for every group.
                if !is_written && closes.0.is_closed() {
                    break;
                }
            }
        };
        let thread = Builder::new().name("history".into()).spawn(run).expect("the system has room for one more thread");
        Self { queue, thread }
    }

    /// Takes no more, and waits until what was taken is committed.
    pub(crate) async fn finish(self) {
        self.queue.close();
        let _ = spawn_blocking(move || self.join()).await;
    }

    /// Waits for the end of the thread.
    pub(super) fn join(self) {
        // One that panicked has said so.
        let _ = self.thread.join();
    }
}

/// Without the thread nothing is taken, so that nobody waits for ever.
struct Closes(Arc<Queue>);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.close();
        let sentence = "The history could not be written: nobody got this. Start the host again.";
        self.0.clear().into_iter().for_each(|entry| entry.refuse(sentence));
    }
}

/// Commits the messages of a group, then tells of it entry by entry; false when they could not be committed.
fn commit(store: &Store, group: Vec<Entry>, tell: &impl Fn(&Entry, Option<&Row>), warnings: &mut Throttle) -> bool {
    let drafts: Vec<&Draft> = group.iter().filter_map(|entry| entry.draft.as_ref()).collect();
    let written = if drafts.is_empty() { Ok(Vec::new()) } else { store.write(&drafts) };
    let mut written = match written {
        Ok(written) => written.into_iter(),
        Err(error) => {
            if let Some(left_out) = warnings.admit() {
                warn!(
                    "The history could not be written ({error}): its messages are refused to their senders.{left_out}"
                );
            }
            let sentence =
                format!("The history could not be written ({error}): nobody got this. Send it again in a moment.");
            for entry in group {
                match &entry.draft {
                    Some(_) => entry.refuse(&sentence),
                    None => tell(&entry, None),
                }
            }
            return false;
        }
    };
    for mut entry in group {
        let Some(written) = entry.draft.as_ref().and_then(|_| written.next()) else {
            tell(&entry, None);
            continue;
        };
        if let Written::New(row) = &written {
            tell(&entry, Some(row));
        }
        if let Some(answer) = entry.answer.take() {
            // Whoever asked may have gone.
            let _ = answer.send(Ok(written));
        }
    }
    true
}
