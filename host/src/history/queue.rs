//! Where entries wait for the history's thread: bounded, and in order.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::entry::Entry;

/// Entries that may wait, and bytes of them.
const WAITING_MAX: usize = 4096;
const WAITING_BYTES: usize = 8 << 20;
/// Entries taken at once, and bytes of them before the last. What is told in one go must not be more than readers can be behind.
const GROUP_MAX: usize = 256;
const GROUP_BYTES: usize = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    is_closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry; the sentence is for the sender of one for which there is no room.
    pub(super) fn put(&self, entry: Entry) -> Result<(), String> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err("The host is stopping: nobody got this. Send it again when it is back.".into());
        }
        let len = entry.len();
        if waiting.entries.len() >= WAITING_MAX || waiting.bytes + len > WAITING_BYTES {
            return Err(
                "Too many messages wait to be written to the history: nobody got this. Send it again in a moment."
                    .into(),
            );
        }
        waiting.bytes += len;
        waiting.entries.push_back(entry);
        drop(waiting);
        self.news.notify_one();
        Ok(())
    }

    /// Waits for entries and takes a group of them; false when there are none and never will be.
    pub(super) fn take(&self, group: &mut Vec<Entry>) -> bool {
        let waiting = self.lock();
        let waiting = self.news.wait_while(waiting, |waiting| waiting.entries.is_empty() && !waiting.is_closed);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        while bytes < GROUP_BYTES
            && group.len() < GROUP_MAX
            && let Some(entry) = waiting.entries.pop_front()
        {
            bytes += entry.len();
            group.push(entry);
        }
        waiting.bytes -= bytes;
        !group.is_empty()
    }

    /// Takes no more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.news.notify_all();
    }

    /// True when no more is taken.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Gives up what waits.
    pub(super) fn clear(&self) -> Vec<Entry> {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        waiting.entries.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUP_MAX, Queue, WAITING_BYTES, WAITING_MAX};
    use crate::history::Entry;

    fn entry(text: &str) -> Entry {
        Entry::heard(text.into(), None)
    }

    #[test]
    fn what_waits_is_bounded_and_comes_out_in_groups_in_its_order() {
        let queue = Queue::default();
        (0..WAITING_MAX).for_each(|n| queue.put(entry(&n.to_string())).unwrap());
        assert!(queue.put(entry("x")).unwrap_err().contains("nobody got this"));
        let mut taken = Vec::new();
        while taken.len() < WAITING_MAX {
            let mut group = Vec::new();
            assert!(queue.take(&mut group) && group.len() <= GROUP_MAX);
            taken.extend(group.iter().map(|entry| entry.frame.as_str().parse::<usize>().unwrap()));
        }
        assert!(taken.into_iter().eq(0..WAITING_MAX));
        let large = "x".repeat(WAITING_BYTES / 2);
        (0..2).for_each(|_| queue.put(entry(&large)).unwrap());
        assert!(queue.put(entry("x")).is_err());
    }

    #[test]
    fn a_closed_queue_takes_nothing_but_still_gives_what_it_has() {
        let queue = Queue::default();
        queue.put(entry("a")).unwrap();
        queue.close();
        assert!(queue.put(entry("b")).unwrap_err().contains("stopping"));
        let mut group = Vec::new();
        assert!(queue.take(&mut group));
        group.clear();
        assert!(!queue.take(&mut group));
    }
}
