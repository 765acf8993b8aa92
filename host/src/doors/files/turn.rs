//! One request at a time for an upload, and the latest has the right of way.
//!
//! A client whose connection broke comes back on another before the host can know that the first one is dead. So whoever has the
//! upload gives it up as soon as someone else asks for it, and keeps what it has written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{self, OwnedMutexGuard, watch};
use tokio::time::{Duration, timeout};

use crate::depot::FileId;

/// How long the one before may take to bring to the disk what it has.
const PATIENCE: Duration = Duration::from_secs(1);

/// The turns of all uploads that someone asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<FileId, Weak<Place>>>>);

#[derive(Debug, Default)]
struct Place {
    lock: Arc<sync::Mutex<()>>,
    /// How many have asked so far.
    asked: watch::Sender<u64>,
}

/// The right to an upload.
#[derive(Debug)]
pub(super) struct Turn {
    place: Arc<Place>,
    number: u64,
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn; `None` when the one before does not give way.
    pub(super) async fn take(&self, id: FileId) -> Option<Turn> {
        let place = self.place(id);
        let mut number = 0;
        place.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        let _held = timeout(PATIENCE, place.lock.clone().lock_owned()).await.ok()?;
        Some(Turn { place, number, _held })
    }

    fn place(&self, id: FileId) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&id).and_then(Weak::upgrade) {
            return place;
        }
        places.retain(|_, place| place.strong_count() > 0);
        let place = Arc::default();
        places.insert(id, Arc::downgrade(&place));
        place
    }
}

impl Turn {
    /// Waits until someone else asks. Nothing is lost when the future is dropped.
    pub(super) async fn is_over(&self) {
        // The sender is in the place, which is ours as well.
        let _ = self.place.asked.subscribe().wait_for(|asked| *asked > self.number).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{FileId, Turns};

    #[tokio::test(start_paused = true)]
    async fn the_latest_has_the_right_of_way() {
        let (turns, id) = (Turns::default(), FileId::new());
        let first = turns.take(id).await.unwrap();
        assert!(turns.take(FileId::new()).await.is_some(), "another upload is nobody's business");
        let (second, ()) = tokio::join!(turns.take(id), async {
            first.is_over().await;
            drop(first);
        });
        let second = second.unwrap();
        assert!(turns.take(id).await.is_none(), "one who does not give way is waited for only so long");
        second.is_over().await;
    }

    #[tokio::test]
    async fn nothing_is_kept_of_uploads_that_nobody_asks_for() {
        let turns = Turns::default();
        for _ in 0..100 {
            drop(turns.take(FileId::new()).await);
        }
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
