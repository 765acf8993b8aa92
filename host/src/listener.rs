//! What a client at a door listens to: whole messages of the channels that it names, in a bounded queue.
//!
//! The delivery of a channel is the policy of the queue too. Where only the newest message matters it replaces the one that waits; on a
//! lossy channel what finds no room is dropped and counted; on a reliable one a listener that is too far behind is told so, once it
//! has taken what waits, and gets no more.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pocketmux_core::{Delivery, Kind};
use tokio::sync::Notify;

use crate::hub::Hub;
use crate::message::{By, Message};
use crate::refusal::Refusals;
use crate::ring;

/// Messages that a listener may be behind, and bytes of them that may wait for all listeners of one client: as for those who read frames.
pub(crate) const WAITING_MAX: usize = ring::FRAMES_MAX;
const WAITING_BYTES: usize = ring::BYTES_MAX;

/// Tells a listener from all others of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenerId(u64);

/// That a listener was too slow: messages on a reliable channel are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

/// One client's place at the hub. Dropped, it listens to nothing.
#[derive(Debug)]
pub(crate) struct Listener {
    hub: Arc<Hub>,
    /// Tells this run of the host from others.
    run: u32,
    id: ListenerId,
    queue: Arc<Queue>,
    /// Messages that it has said.
    said: AtomicU64,
    refusals: Arc<Refusals>,
}

impl Listener {
    /// One that listens to nothing yet.
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self::sharing(hub, Arc::default())
    }

    /// The same, where the bytes that wait are counted together with those of the client's other listeners.
    pub(crate) fn sharing(hub: Arc<Hub>, bytes: Arc<AtomicUsize>) -> Self {
        let (run, id) = hub.listeners().next_id();
        let queue = Arc::new(Queue { state: Mutex::default(), bytes, news: Notify::new() });
        Self { hub, run, id, queue, said: AtomicU64::new(0), refusals: Arc::new(Refusals::new()) }
    }

    /// Says something on a channel: to everyone but itself. `from` is the person who says it, where that is known.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it, and what to do.
    pub(crate) fn say(&self, channel: &str, from: Option<&str>, kind: Kind, data: &[u8]) -> Result<(), String> {
        self.hub.say(self.message(channel, from, kind, data))
    }

    /// Says a message that it has [made](Listener::message).
    ///
    /// # Errors
    ///
    /// As [`Listener::say`].
    pub(crate) fn pass(&self, message: Message) -> Result<(), String> {
        self.hub.say(message)
    }

    /// A message of its own.
    pub(crate) fn message(&self, channel: &str, from: Option<&str>, kind: Kind, data: &[u8]) -> Message {
        let number = self.said.fetch_add(1, Relaxed);
        Message {
            channel: channel.into(),
            id: format!("door-{:x}-{}-{number}", self.run, self.id.0).into(),
            kind,
            meta: "".into(),
            data: data.into(),
            from: from.map(Into::into),
            by: By::Listener(self.id),
            to: None,
            is_json: false,
            sender: Some(self.refusals.clone()),
        }
    }

    /// Why devices did not get what it has said, as frames on the channel `error`.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Listens to a channel, from now on.
    pub(crate) fn add(&self, channel: &str) {
        self.hub.listeners().add(channel, self.id, &self.queue);
    }

    /// Listens to a channel no more; what waits of it is not heard either.
    pub(crate) fn remove(&self, channel: &str) {
        self.hub.listeners().remove(channel, self.id);
        self.queue.keep(&mut self.queue.lock(), |message| *message.channel != *channel);
    }

    /// The next message. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// [`Overrun`].
    pub(crate) async fn recv(&self) -> Result<Message, Overrun> {
        loop {
            if let Some(next) = self.queue.take() {
                return next;
            }
            self.queue.news.notified().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.listeners().forget(self.id);
    }
}

#[derive(Debug)]
struct Queue {
    state: Mutex<Waiting>,
    /// What waits for all listeners of the client.
    bytes: Arc<AtomicUsize>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    is_overrun: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, message: &Message, delivery: Delivery) {
        let mut waiting = self.lock();
        if waiting.is_overrun {
            return;
        }
        if delivery == Delivery::Latest {
            self.keep(&mut waiting, |other| other.channel != message.channel);
        }
        let len = message.data.len();
        let is_full = waiting.messages.len() >= WAITING_MAX || self.bytes.load(Relaxed) + len > WAITING_BYTES;
        if !is_full || waiting.messages.is_empty() {
            self.bytes.fetch_add(len, Relaxed);
            waiting.messages.push_back(message.clone());
        } else if delivery == Delivery::Reliable {
            waiting.is_overrun = true;
        }
        drop(waiting);
        self.news.notify_one();
    }

    fn keep(&self, waiting: &mut Waiting, stays: impl Fn(&Message) -> bool) {
        waiting.messages.retain(|message| {
            let stays = stays(message);
            if !stays {
                self.bytes.fetch_sub(message.data.len(), Relaxed);
            }
            stays
        });
    }

    fn take(&self) -> Option<Result<Message, Overrun>> {
        let mut waiting = self.lock();
        match waiting.messages.pop_front() {
            Some(message) => {
                self.bytes.fetch_sub(message.data.len(), Relaxed);
                Some(Ok(message))
            }
            None => waiting.is_overrun.then_some(Err(Overrun)),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.keep(&mut self.lock(), |_| false);
    }
}

/// Who listens to what.
#[derive(Debug)]
pub(crate) struct Listeners {
    run: u32,
    by_channel: HashMap<Box<str>, Vec<(ListenerId, Arc<Queue>)>>,
    next: u64,
}

impl Default for Listeners {
    fn default() -> Self {
        // Keyed by the system's own randomness.
        Self { run: RandomState::new().hash_one("run") as u32, by_channel: HashMap::new(), next: 0 }
    }
}

impl Listeners {
    fn next_id(&mut self) -> (u32, ListenerId) {
        self.next += 1;
        (self.run, ListenerId(self.next))
    }

    fn add(&mut self, channel: &str, id: ListenerId, queue: &Arc<Queue>) {
        let of_channel = self.by_channel.entry(channel.into()).or_default();
        if !of_channel.iter().any(|(other, _)| *other == id) {
            of_channel.push((id, queue.clone()));
        }
    }

    fn remove(&mut self, channel: &str, id: ListenerId) {
        if let Some(of_channel) = self.by_channel.get_mut(channel) {
            of_channel.retain(|(other, _)| *other != id);
            if of_channel.is_empty() {
                self.by_channel.remove(channel);
            }
        }
    }

    fn forget(&mut self, id: ListenerId) {
        self.by_channel.retain(|_, of_channel| {
            of_channel.retain(|(other, _)| *other != id);
            !of_channel.is_empty()
        });
    }

    /// True when somebody listens to that channel.
    pub(crate) fn have(&self, channel: &str) -> bool {
        self.by_channel.contains_key(channel)
    }

    /// Gives a message to all who listen to its channel, but not to who has said it.
    pub(crate) fn deliver(&self, message: &Message, delivery: Delivery) {
        for (id, queue) in self.by_channel.get(&*message.channel).into_iter().flatten() {
            if message.by != By::Listener(*id) {
                queue.put(message, delivery);
            }
        }
    }
}

#[cfg(test)]
mod tests;
