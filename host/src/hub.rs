//! The one place where devices and clients exchange frames.
//!
//! A frame's text is made once and kept once, in the [`Ring`]; every client reads it from there at its own pace. A client that
//! reads too slowly falls out of the ring and is let go; nobody waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{mpsc, watch};

use crate::doors::chat;
use crate::errand::Errand;
use crate::history::{self, CHAT, Entry, History, Row};
use crate::inbound;
use crate::listener::Listeners;
use crate::message::{By, Message};
use crate::rebuild::{self, MESSAGE_MAX};
use crate::registry::{Known, Registry};
use crate::ring::{Audience, Lagged, Reads, Ring};
use crate::table::{Device, DeviceId, DeviceState, Table};
use crate::text;
use crate::transfers::Transfers;

mod files;

/// Devices, frames, and what was seen in earlier runs.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    listeners: Mutex<Listeners>,
    registry: Mutex<Registry>,
    history: Option<History>,
    transfers: Transfers,
    /// Where the ring of frames ends; readers wait for it to change.
    end: watch::Sender<u64>,
    /// The same of the feed: its readers are not woken by every frame.
    feed_end: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    ring: Ring,
    /// The live feed of the chat.
    feed: Ring,
    table: Table,
    /// Frames on the channel `device` so far.
    described: u64,
}

impl State {
    /// The ring of those who read that.
    fn read_by(&self, reads: Reads) -> &Ring {
        if reads == Reads::Feed { &self.feed } else { &self.ring }
    }

    fn describe(&mut self, device: &Device) -> Utf8Bytes {
        self.described += 1;
        let json = serde_json::to_string(device).unwrap_or_default();
        text::whole("device", &format!("device-{}", self.described), &json)
    }
}

impl Hub {
    /// A hub that remembers what the registry does, and no chat.
    pub(crate) fn new(registry: Registry) -> Self {
        let mut state = State::default();
        registry.devices().iter().for_each(|known| state.table.remember(known));
        Self {
            state: Mutex::new(state),
            listeners: Mutex::default(),
            registry: Mutex::new(registry),
            history: None,
            transfers: Transfers::open(None),
            end: watch::Sender::new(0),
            feed_end: watch::Sender::new(0),
        }
    }

    /// A hub on whose channel `chat` a message is committed to a history before anyone is told of it, and what commits it.
    pub(crate) fn with_history(
        registry: Registry,
        history: History,
        transfers: Transfers,
    ) -> (Arc<Self>, history::Writer) {
        let hub = Arc::new(Self { history: Some(history), transfers, ..Self::new(registry) });
        let told = Arc::downgrade(&hub);
        let tell = move |entry: &Entry, row: Option<&Row>| {
            // Without a hub there is nobody to tell.
            let Some(hub) = told.upgrade() else { return };
            hub.tell(entry.frame.clone(), entry.message.as_ref());
            if let Some(row) = row {
                hub.push(hub.lock(), Audience::Feed, chat::news(row));
            }
        };
        let writer = hub.history.as_ref().map(|history| history.start(tell)).expect("it was given one");
        (hub, writer)
    }

    /// The history of the chat.
    pub(crate) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a frame to every client.
    pub(crate) fn publish(&self, text: Utf8Bytes) {
        self.push(self.lock(), Audience::Everyone, text);
    }

    fn push(&self, mut state: MutexGuard<'_, State>, audience: Audience, text: Utf8Bytes) {
        let (ring, known_end) = match audience {
            Audience::Feed => (&mut state.feed, &self.feed_end),
            Audience::Everyone | Audience::Sessions => (&mut state.ring, &self.end),
        };
        ring.push(audience, text);
        let end = ring.end();
        drop(state);
        // Another publisher may have been faster; the end never goes back.
        known_end.send_if_modified(|known| {
            let is_later = end > *known;
            *known = end.max(*known);
            is_later
        });
    }

    /// Begins to read: what is published from now on. A `pocketmux.v1` session first gets a frame for every device and transfer.
    pub(crate) fn subscribe(&self, is_session: bool) -> (Reader<'_>, Vec<Utf8Bytes>) {
        let mut state = self.lock();
        let mut devices = Vec::new();
        if is_session {
            let known: Vec<Device> = state.table.devices().cloned().collect();
            devices.extend(known.iter().map(|device| state.describe(device)));
            devices.extend(self.transfers.list().iter().map(files::tell_transfer));
        }
        let reads = if is_session { Reads::Session } else { Reads::Frames };
        (self.read_on(&state, reads), devices)
    }

    /// Begins to read the live feed of the chat, which starts with a word of welcome.
    pub(crate) fn subscribe_to_feed(&self) -> (Reader<'_>, Vec<Utf8Bytes>) {
        (self.read_on(&self.lock(), Reads::Feed), vec![chat::WELCOME])
    }

    fn read_on(&self, state: &State, reads: Reads) -> Reader<'_> {
        let end = if reads == Reads::Feed { &self.feed_end } else { &self.end };
        Reader { hub: self, place: state.read_by(reads).end(), reads, end: end.subscribe() }
    }

    /// Adds a port whose device has not said hello.
    pub(crate) fn open(&self, name: String, port: String, task: mpsc::Sender<Errand>) -> (DeviceId, Device) {
        let mut state = self.lock();
        let (id, device) = state.table.open(name, port, task);
        let text = state.describe(&device);
        self.push(state, Audience::Sessions, text);
        (id, device)
    }

    /// The name to show for a device that has said hello.
    pub(crate) fn settle(&self, id: DeviceId, name: &str, serial: &str) -> String {
        self.lock().table.settle(id, name, serial)
    }

    /// Writes down that a device was seen.
    pub(crate) fn note(&self, known: Known) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).note(known);
    }

    /// Makes a change of a device known; no change, no word.
    pub(crate) fn set(&self, id: DeviceId, device: &Device) {
        let mut state = self.lock();
        if state.table.set(id, device) {
            let text = state.describe(device);
            self.push(state, Audience::Sessions, text);
        }
    }

    /// Every device.
    pub(crate) fn devices(&self) -> Vec<Device> {
        self.lock().table.devices().cloned().collect()
    }

    /// True when some device or door or the history has that channel, so that messages for it are worth rebuilding.
    pub(crate) fn wants(&self, channel: &str) -> bool {
        self.lock().table.having(channel).next().is_some() || self.is_heard(channel)
    }

    /// True when some door or the history has that channel.
    pub(crate) fn is_heard(&self, channel: &str) -> bool {
        self.is_kept(channel) || self.listeners().have(channel)
    }

    /// True when nobody is to have what the history has not.
    pub(crate) fn is_kept(&self, channel: &str) -> bool {
        self.history_of(channel).is_some()
    }

    fn history_of(&self, channel: &str) -> Option<&History> {
        self.history.as_ref().filter(|_| channel == CHAT)
    }

    /// Takes a frame, and the message that is whole with it: the frame is for clients, the message for devices and doors.
    ///
    /// # Errors
    ///
    /// A sentence for the sender: the history has no room for it, and nobody gets it.
    pub(crate) fn post(&self, channel: &str, frame: Utf8Bytes, message: Option<Message>) -> Result<(), String> {
        match self.history_of(channel) {
            Some(history) => history.put(Entry::heard(frame, message)),
            None => {
                self.tell(frame, message.as_ref());
                Ok(())
            }
        }
    }

    fn tell(&self, frame: Utf8Bytes, message: Option<&Message>) {
        self.publish(frame);
        if let Some(message) = message {
            self.route(message);
            let delivery = self.lock().table.delivery(&message.channel);
            self.listeners().deliver(message, delivery);
        }
    }

    /// Takes a message of a client at a door.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it, and what to do.
    pub(crate) fn say(&self, message: Message) -> Result<(), String> {
        inbound::judge_message(&message)?;
        self.post(&message.channel.clone(), message.frame(), Some(message))
    }

    /// Who listens to what.
    pub(crate) fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a message to every device that has its channel and that it is meant for. The sender is told of those that cannot take it.
    fn route(&self, message: &Message) {
        if message.by == By::Device {
            return;
        }
        let is_meant = |device: &Device| message.to.as_deref().is_none_or(|name| device.name == name);
        if message.data.len() > MESSAGE_MAX {
            // No buffer of theirs takes it.
            let is_for_devices = self.lock().table.having(&message.channel).any(|(device, _)| is_meant(device));
            return if is_for_devices {
                message.refuse(&format!("Browsers got this, devices did not: {}", rebuild::too_long()))
            };
        }
        let mut refused = Vec::new();
        for (device, task) in self.lock().table.having(&message.channel).filter(|(device, _)| is_meant(device)) {
            let Device { name, detail, .. } = device;
            refused.push(match device.state {
                DeviceState::Offline => format!("{name} is offline, so it did not get this. {detail}"),
                DeviceState::Opening => format!("{name} has not said hello yet, so it did not get this. {detail}"),
                DeviceState::Online | DeviceState::Silent => match task.try_send(Errand::Message(message.clone())) {
                    Ok(()) => continue,
                    Err(_) => format!("{name} is busy: too many messages wait for it. Send this again in a moment."),
                },
            });
        }
        refused.iter().for_each(|sentence| message.refuse(sentence));
    }
}

/// A reader of the hub's frames.
#[derive(Debug)]
pub(crate) struct Reader<'h> {
    hub: &'h Hub,
    place: u64,
    reads: Reads,
    end: watch::Receiver<u64>,
}

impl Reader<'_> {
    /// Waits until there may be something to read. Nothing is lost when the future is dropped.
    pub(crate) async fn changed(&mut self) {
        // The sender lives in the hub that is borrowed here.
        let _ = self.end.wait_for(|end| *end > self.place).await;
    }

    /// Takes what there is, up to the size of a batch.
    pub(crate) fn take(&mut self, batch: &mut Vec<Utf8Bytes>) -> Result<(), Lagged> {
        self.hub.lock().read_by(self.reads).read(&mut self.place, self.reads, batch)
    }
}

#[cfg(test)]
mod tests;
