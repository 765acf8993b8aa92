//! Streams: the JSON lines of mux-demux, over SockJS at `/shoe` and `/numbers` and over a bare WebSocket at `/streams`.
//!
//! Either side opens streams on the one connection; each leads to the channel that its `meta` names, both ways:
//!
//! ```text
//! ["id","new",{"meta":"chat"}]      or {"meta":{"channel":"chat","device":"pico"}}
//! ["id","data","hi"]                one message; what is no string is its JSON text
//! ["id","pause"]  ["id","resume"]   what is heard waits in a queue with the channel's policy
//! ["id","end"]    ["id","close"]    the client writes no more; the stream is over
//! ["id","error","No device ..."]    what went wrong, in words
//! ```
//!
//! What makes no sense is passed over, as the library does. At `/numbers` the host opens ten streams at once, as the library's example
//! does: the channels `mystream0` to `mystream9`, of whatever device has them, or else of a virtual one.

mod answer;
mod event;
mod lines;
mod numbers;
mod place;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::time::{Duration, Instant, sleep, timeout_at};

use crate::doors::streams::event::{Event, Ways};
use crate::doors::streams::lines::{LINE_MAX, Line, Lines};
use crate::doors::streams::numbers::{NUMBERS, Running, StandIn};
use crate::doors::streams::place::Place;
use crate::doors::streams::stream::Stream;
use crate::hub::Hub;
use crate::listener::Listener;
use crate::pace::Pace;
use crate::sockjs::{Closed, Options, Room, Service, Session};
use crate::table::DeviceState;

/// Streams that one client may have at once.
const STREAMS_MAX: usize = 64;
/// A client may be there sooner than the devices have said hello, as after a restart of the host. For so long from its start, a channel
/// that nobody has is waited for while there is a device that has not.
const HELLO_PATIENCE: Duration = Duration::from_secs(2);
/// The same once all have: their channels follow within a few packets.
const CHANNELS_PATIENCE: Duration = Duration::from_millis(300);

/// The services of this door.
pub(crate) fn services(hub: &Arc<Hub>, room: &Room) -> [Service; 3] {
    let service = |prefix, options, stand_in: Option<StandIn>| {
        let hub = hub.clone();
        Service::new(prefix, options, room.clone(), move |session| serve(session, hub.clone(), stand_in.clone()))
    };
    let bare = Options { is_bare: true, ..Options::default() };
    [
        service("/shoe", Options::default(), None),
        service("/numbers", Options::default(), Some(StandIn::default())),
        service("/streams", bare, None),
    ]
}

/// Serves a client until its session ends. With a stand-in for devices that have no numbers the host opens the streams of those.
async fn serve(session: Session, hub: Arc<Hub>, stand_in: Option<StandIn>) {
    let mut client = Client::new(session, hub);
    let (mut lines, mut pace) = (Lines::default(), Pace::new());
    if let Some(stand_in) = stand_in
        && client.open_numbers(&stand_in).await.is_err()
    {
        return;
    }
    while let Some(message) = client.session.recv().await {
        let text = message.to_text();
        let mut rest = text.as_str();
        loop {
            let len = rest.len();
            let line = lines.next(&mut rest);
            if let Some(line) = &line
                && client.take(line).await.is_err()
            {
                return;
            }
            if let Some(wait) = pace.count(len - rest.len()) {
                sleep(wait).await;
            }
            if line.is_none() {
                break;
            }
        }
    }
}

/// One client's streams.
struct Client {
    session: Arc<Session>,
    hub: Arc<Hub>,
    streams: HashMap<String, Stream>,
    /// What waits for all of its streams, in bytes.
    waiting: Arc<AtomicUsize>,
    /// The virtual device that its numbers come from.
    stand_in: Option<Arc<Running>>,
    patient_until: Instant,
}

impl Client {
    fn new(session: Session, hub: Arc<Hub>) -> Self {
        let patient_until = Instant::now() + HELLO_PATIENCE;
        Self {
            session: Arc::new(session),
            hub,
            streams: HashMap::new(),
            waiting: Arc::default(),
            stand_in: None,
            patient_until,
        }
    }

    /// Opens the streams of the numbers, which the client only reads from.
    async fn open_numbers(&mut self, stand_in: &StandIn) -> Result<(), Closed> {
        let first = numbers::channel(0);
        self.patiently(|hub| numbers::is_there(hub, &first).then_some(()).ok_or(())).await.unwrap_or_default();
        for number in 0..NUMBERS {
            let (id, channel) = (format!("number-{number}"), numbers::channel(number));
            self.tell(&answer::new(&id, &channel, Ways { writable: false, readable: true })).await?;
            let place = Place { channel: channel.as_str().into(), device: None, is_of_devices: true };
            let hub = if numbers::is_there(&self.hub, &channel) {
                self.hub.clone()
            } else {
                let running = stand_in.running().await;
                self.stand_in.insert(running).hub.clone()
            };
            self.open(id, place, Ways { writable: true, readable: false }, hub);
        }
        Ok(())
    }

    fn open(&mut self, id: String, place: Place, ways: Ways, hub: Arc<Hub>) {
        let listener = Listener::sharing(hub, self.waiting.clone());
        let stream = Stream::open(&id, place, ways, listener, self.session.clone());
        self.streams.insert(id, stream);
    }

    async fn tell(&self, lines: &str) -> Result<(), Closed> {
        self.session.send(lines.into()).await
    }

    /// Takes a line of the client's.
    async fn take(&mut self, line: &Line) -> Result<(), Closed> {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong(head) => {
                let sentence = format!("A line has at most {LINE_MAX} bytes; this one was passed over.");
                let Some(id) = Event::id_at_head(head) else { return Ok(()) };
                return self.tell(&answer::error(&id, &sentence)).await;
            }
        };
        let Some((id, event)) = Event::parse(line) else { return Ok(()) };
        let stream = self.streams.get_mut(&id);
        match (event, stream) {
            (Event::New(place, ways), None) => return self.take_new(id, place, ways).await,
            (Event::Data(data), Some(stream)) => {
                if let Err(sentence) = stream.say(&data) {
                    return self.tell(&answer::error(&id, &sentence)).await;
                }
            }
            (Event::Pause, Some(stream)) => stream.pause(true),
            (Event::Resume, Some(stream)) => stream.pause(false),
            (Event::End, Some(stream)) => {
                if stream.end() {
                    return self.close(&id).await;
                }
            }
            (Event::Close, Some(_)) => return self.close(&id).await,
            (Event::New(..), Some(_)) | (Event::Other, _) | (_, None) => {}
        }
        Ok(())
    }

    /// Closes a stream that the client is through with, with a word unless it has had that already.
    async fn close(&mut self, id: &str) -> Result<(), Closed> {
        match self.streams.remove(id) {
            Some(stream) if !stream.is_closed() => self.tell(&answer::close(id)).await,
            _ => Ok(()),
        }
    }

    /// Opens what the client asks for, or says why not; then there is no stream, and what comes for it is passed over.
    async fn take_new(&mut self, id: String, place: Option<Place>, ways: Ways) -> Result<(), Closed> {
        let Some(place) = place else {
            let sentence = "The meta of a stream names a channel: a string, or {\"channel\": ..., \"device\": ...}.";
            return self.tell(&answer::error(&id, sentence)).await;
        };
        if self.streams.len() >= STREAMS_MAX {
            let sentence = format!("A client has at most {STREAMS_MAX} streams at once. Close one first.");
            return self.tell(&(answer::error(&id, &sentence) + &answer::close(&id))).await;
        }
        match self.patiently(|hub| place.judge(hub)).await {
            Ok(()) => self.open(id, place, ways, self.hub.clone()),
            Err(sentence) => self.tell(&answer::error(&id, &sentence)).await?,
        }
        Ok(())
    }

    /// Judges what depends on what devices have, once they have had time to say so.
    async fn patiently<E>(&self, judge: impl Fn(&Hub) -> Result<(), E>) -> Result<(), E> {
        let judged = judge(&self.hub);
        if judged.is_ok() || Instant::now() >= self.patient_until {
            return judged;
        }
        let (mut changes, _) = self.hub.subscribe(true);
        let mut all_there_until = None;
        loop {
            let judged = judge(&self.hub);
            let until = if self.hub.devices().iter().any(|device| device.state == DeviceState::Opening) {
                all_there_until = None;
                self.patient_until
            } else {
                *all_there_until.get_or_insert(self.patient_until.min(Instant::now() + CHANNELS_PATIENCE))
            };
            if judged.is_ok() || timeout_at(until, changes.changed()).await.is_err() {
                return judged;
            }
            // What has changed is seen by looking again, also by one that fell behind.
            if changes.take(&mut Vec::new()).is_err() {
                changes = self.hub.subscribe(true).0;
            }
        }
    }
}

#[cfg(test)]
mod tests;
