//! What a client at a door listens to: whole messages of the channels that it names, in a bounded queue.
//!
//! The delivery of a channel is the policy of the queue too. Where only the newest message matters it replaces the one that waits; on a
//! lossy channel what finds no room is dropped and counted; on a reliable one a listener that is too far behind is told so, once it
//! has taken what waits, and gets no more.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pocketmux_core::{Delivery, Kind};
use tokio::sync::Notify;

use crate::hub::Hub;
use crate::message::{By, Message};
use crate::refusal::Refusals;

/// Messages that a listener may be behind, and bytes of them.
const WAITING_MAX: usize = 1024;
const WAITING_BYTES: usize = 1 << 20;

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
    id: ListenerId,
    queue: Arc<Queue>,
    /// Messages that it has said.
    said: AtomicU64,
    refusals: Arc<Refusals>,
}

impl Listener {
    /// One that listens to nothing yet.
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let id = hub.listeners().next_id();
        Self { hub, id, queue: Arc::default(), said: AtomicU64::new(0), refusals: Arc::new(Refusals::new()) }
    }

    /// Says something on a channel: to everyone but itself. `from` is the person who says it, where that is known.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it, and what to do.
    pub(crate) fn say(&self, channel: &str, from: Option<&str>, kind: Kind, data: &[u8]) -> Result<(), String> {
        self.hub.say(self.message(channel, from, kind, data))
    }

    /// The same, but of all devices only the one of this name gets it.
    ///
    /// # Errors
    ///
    /// As [`Listener::say`].
    pub(crate) fn say_to(&self, device: &str, channel: &str, kind: Kind, data: &[u8]) -> Result<(), String> {
        self.hub.say(Message { to: Some(device.into()), ..self.message(channel, None, kind, data) })
    }

    fn message(&self, channel: &str, from: Option<&str>, kind: Kind, data: &[u8]) -> Message {
        let number = self.said.fetch_add(1, Relaxed);
        Message {
            channel: channel.into(),
            id: format!("door-{}-{number}", self.id.0).into(),
            kind,
            meta: "".into(),
            data: data.into(),
            from: from.map(Into::into),
            by: By::Listener(self.id),
            to: None,
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
        self.queue.lock().retain(|message| *message.channel != *channel);
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

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
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
            waiting.retain(|other| other.channel != message.channel);
        }
        let is_full = waiting.messages.len() >= WAITING_MAX || waiting.bytes + message.data.len() > WAITING_BYTES;
        if !is_full || waiting.messages.is_empty() {
            waiting.bytes += message.data.len();
            waiting.messages.push_back(message.clone());
        } else if delivery == Delivery::Reliable {
            waiting.is_overrun = true;
        }
        drop(waiting);
        self.news.notify_one();
    }

    fn take(&self) -> Option<Result<Message, Overrun>> {
        let mut waiting = self.lock();
        match waiting.messages.pop_front() {
            Some(message) => {
                waiting.bytes -= message.data.len();
                Some(Ok(message))
            }
            None => waiting.is_overrun.then_some(Err(Overrun)),
        }
    }
}

impl Waiting {
    fn retain(&mut self, stays: impl Fn(&Message) -> bool) {
        self.messages.retain(stays);
        self.bytes = self.messages.iter().map(|message| message.data.len()).sum();
    }
}

/// Who listens to what.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    by_channel: HashMap<Box<str>, Vec<(ListenerId, Arc<Queue>)>>,
    next: u64,
}

impl Listeners {
    fn next_id(&mut self) -> ListenerId {
        self.next += 1;
        ListenerId(self.next)
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
mod tests {
    use super::{Listener, Overrun, WAITING_MAX};
    use crate::hub::Hub;
    use crate::registry::Registry;
    use crate::table::DeviceState;
    use pocketmux_core::{Delivery, Kind};
    use std::sync::Arc;
    use tokio::sync::mpsc;
    use tokio::time::{Duration, timeout};

    fn hub() -> Arc<Hub> {
        let hub = Hub::new(Registry::load(None));
        let (id, mut device) = hub.open("tty".into(), "/dev/tty".into(), mpsc::channel(1).0);
        device.state = DeviceState::Online;
        device.channels = ["typing", "log"].map(String::from).into();
        device.deliveries = [("typing".into(), Delivery::Latest), ("log".into(), Delivery::Lossy)].into();
        hub.set(id, &device);
        Arc::new(hub)
    }

    fn say(listener: &Listener, channel: &str, text: &str) {
        listener.say(channel, Some("Ann"), Kind::Text, text.as_bytes()).unwrap();
    }

    async fn heard(listener: &Listener) -> Vec<Result<String, Overrun>> {
        let mut heard = Vec::new();
        while let Ok(next) = timeout(Duration::from_millis(10), listener.recv()).await {
            let is_over = next.is_err();
            heard.push(next.map(|message| message.text().unwrap()));
            if is_over {
                break;
            }
        }
        heard
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_says_all_others_hear_that_listen_to_the_channel() {
        let hub = hub();
        let [ann, bob, carl] = [(); 3].map(|()| Listener::new(hub.clone()));
        [&ann, &bob, &carl].iter().for_each(|listener| listener.add("chat"));
        carl.add("other");
        carl.remove("chat");
        let (mut reader, _) = hub.subscribe(false);
        say(&ann, "chat", "hi");
        assert_eq!((heard(&ann).await, heard(&bob).await, heard(&carl).await), (vec![], vec![Ok("hi".into())], vec![]));
        let mut frames = Vec::new();
        reader.take(&mut frames).unwrap();
        let expected = r#"{"channel":"chat","messageId":"door-1-0","sequence":0,"total":1,"data":"hi","from":"Ann"}"#;
        assert_eq!(frames, [expected]);
        bob.remove("chat");
        drop(carl);
        assert!(!hub.is_heard("other") && hub.is_heard("chat"));
        drop(ann);
        assert!(!hub.is_heard("chat"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_is_behind_has_what_the_delivery_of_the_channel_leaves_it() {
        let hub = hub();
        let (ann, bob) = (Listener::new(hub.clone()), Listener::new(hub));
        ["typing", "log", "chat"].iter().for_each(|channel| bob.add(channel));
        ["older", "newest"].iter().for_each(|text| say(&ann, "typing", text));
        assert_eq!(heard(&bob).await, [Ok("newest".into())]);
        (0..WAITING_MAX + 10).for_each(|n| say(&ann, "log", &n.to_string()));
        let lines = heard(&bob).await;
        assert_eq!((lines.len(), &lines[WAITING_MAX - 1]), (WAITING_MAX, &Ok((WAITING_MAX - 1).to_string())));
        (0..=WAITING_MAX).for_each(|n| say(&ann, "chat", &n.to_string()));
        let lines = heard(&bob).await;
        assert_eq!((lines.len(), lines.last()), (WAITING_MAX + 1, Some(&Err(Overrun))));
    }

    #[test]
    fn what_cannot_be_said_is_refused_in_words() {
        let ann = Listener::new(hub());
        let long = "x".repeat(crate::inbound::CHANNEL_MAX + 1);
        for (channel, word) in [("error", "only the host"), ("", "1 to"), (&long, "1 to")] {
            assert!(ann.say(channel, None, Kind::Text, b"x").unwrap_err().contains(word));
        }
        let much = vec![b'x'; crate::inbound::DATA_MAX + 1];
        assert!(ann.say("chat", None, Kind::Binary, &much).unwrap_err().contains("at most"));
    }
}
