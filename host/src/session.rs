//! One device and the link to it, on one open port after the other.
//!
//! The task that runs this owns the port and the core's [`Link`](pocketmux_core::Link); everyone else sends it messages and reads the
//! hub. Reading never waits for writing, nor the other way round. The link outlives the port: when a pulled cable is plugged in again and
//! the device has not started anew meanwhile, both go on where they were, and nothing is lost.

use std::hash::{BuildHasher as _, RandomState};
use std::io;

use pocketmux_core::{Config, Identity, files};
use tokio::time::{Duration, Instant, sleep_until};
use tracing::{debug, warn};

use crate::backlog::Room;
use crate::device::Slot;
use crate::errand::Errand;
use crate::names::Names;
use crate::outgoing::{DeviceLink, Outgoing};
use crate::port::{Exchange, Port};
use crate::scribe::Scribe;
use crate::table::DeviceState;
use crate::throttle::Throttle;

use courier::Courier;
use hint::hint;
use pockets::Pockets;

mod courier;
mod events;
pub(crate) mod hint;
mod pockets;

/// A device that has not said hello for this long after its port was opened gets a hint beside its name.
const HELLO_PATIENCE: Duration = Duration::from_secs(3);
/// Bytes read at once.
const INPUT: usize = 4096;

/// Why a session ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The host stops.
    Shutdown,
    /// The port is gone; the system's words.
    Unplugged(io::Error),
    /// Another device answered; a sentence.
    Stranger(String),
}

/// What happened while the session waited.
enum Woken {
    Exchanged(io::Result<Exchange>),
    Errand(Option<Errand>),
    Wish,
    Timer,
    Shutdown,
}

/// The counters of a link are shown this often.
const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// The state of one device's task.
pub(crate) struct Session<'s> {
    pub(crate) slot: &'s mut Slot,
    link: Box<DeviceLink<'s>>,
    pockets: Pockets<'s>,
    /// Since the device has said hello.
    scribe: Option<Scribe>,
    outgoing: Outgoing,
    courier: Courier,
    /// The device speaks other versions of the protocol, which is what its detail says.
    is_incompatible: bool,
    /// The beginning of the link's time.
    started: Instant,
    stats_at: Instant,
    /// A device may say hello as fast as the line carries it.
    restarts: Throttle,
    incompatibles: Throttle,
    /// What it says while the history has no room for it.
    unheard: Throttle,
}

impl<'s> Session<'s> {
    /// A link that has not seen a port yet.
    pub(crate) fn new(slot: &'s mut Slot, names: &'s Names) -> Self {
        let identity =
            Identity { name: "pocketmux", firmware: concat!("pocketmux ", env!("CARGO_PKG_VERSION")), serial: "" };
        let silence_ms = slot.terms.silence_ms;
        let epoch = RandomState::new().hash_one(std::process::id()) as u32;
        let courier = Courier::new(slot.hub.clone(), slot.depot.clone());
        Self {
            slot,
            link: Box::new(DeviceLink::new(Config { identity, epoch, silence_ms })),
            pockets: Pockets::new(names),
            scribe: None,
            outgoing: Outgoing::default(),
            courier,
            is_incompatible: false,
            started: Instant::now(),
            stats_at: Instant::now(),
            restarts: Throttle::default(),
            incompatibles: Throttle::default(),
            unheard: Throttle::default(),
        }
    }

    /// Runs until the port or the host goes away.
    pub(crate) async fn serve(&mut self, port: &mut Port) -> Ended {
        let mut input = vec![0; INPUT];
        let mut hint_at = Some(Instant::now() + HELLO_PATIENCE);
        self.link.interrupted();
        let received = self.link.counters().received;
        loop {
            let now = Instant::now();
            let now_us = micros(now.duration_since(self.started));
            self.link.handle_timeout(now_us);
            if let Err(ended) = self.take_events(now_us) {
                return ended;
            }
            if hint_at.is_some_and(|at| now >= at) {
                hint_at = None;
                self.hint();
            }
            self.end_unopened(now);
            self.open_awaited();
            self.show_stats(now);
            self.work_on_files(now, now_us);
            let mut wake_at = hint_at.unwrap_or(self.stats_at).min(self.stats_at);
            if let Some(due_us) = self.link.poll_timeout() {
                wake_at = wake_at.min(self.started + Duration::from_micros(due_us));
            }
            wake_at = self.courier.due(self.started).map_or(wake_at, |due| wake_at.min(due));
            let mut output: &[u8] = &[];
            match port.room(now) {
                Room::For(bytes) => {
                    output = self.link.poll_transmit(now_us);
                    output = output.get(..bytes).unwrap_or(output);
                }
                Room::From(at) => wake_at = wake_at.min(at),
            }
            let woken = tokio::select! {
                done = port.exchange(&mut input, output) => Woken::Exchanged(done),
                errand = self.slot.errands.recv() => Woken::Errand(errand),
                () = self.courier.wished() => Woken::Wish,
                () = sleep_until(wake_at) => Woken::Timer,
                () = self.slot.shutdown.wanted() => Woken::Shutdown,
            };
            match woken {
                Woken::Exchanged(Ok(Exchange { read, written })) => {
                    self.link.consume(written);
                    // Bytes count from when they came, not from when they were first waited for.
                    let now_us = micros(self.started.elapsed());
                    if let Err(ended) = self.hear(input.get(..read).unwrap_or_default(), now_us) {
                        return ended;
                    }
                    self.note_return(received);
                    self.outgoing.pump(&mut self.link, &self.slot.device.name);
                }
                Woken::Exchanged(Err(error)) => {
                    self.courier.interrupted();
                    return Ended::Unplugged(error);
                }
                Woken::Errand(Some(Errand::Message(message))) => {
                    self.outgoing.push(&mut self.link, &self.slot.device.name, message)
                }
                Woken::Errand(Some(Errand::Files(request))) => self.courier.ask(request, self.link.is_up()),
                Woken::Wish | Woken::Timer => {}
                Woken::Errand(None) | Woken::Shutdown => return Ended::Shutdown,
            }
        }
    }

    /// Goes on with transfers; messages of their channel that are none go first.
    fn work_on_files(&mut self, now: Instant, now_us: u64) {
        let waits = self.link.channel_named(files::FILE_CHANNEL).is_some_and(|channel| self.outgoing.waits(channel));
        self.courier.work(&mut self.link, &self.slot.device.name, waits, now, now_us);
    }

    /// Takes what the device sent.
    fn hear(&mut self, mut input: &[u8], now_us: u64) -> Result<(), Ended> {
        while !input.is_empty() {
            let taken = self.link.handle_input(input, now_us);
            input = input.get(taken..).unwrap_or_default();
            self.take_events(now_us)?;
        }
        Ok(())
    }

    /// Shows how the link does, while there is one.
    fn show_stats(&mut self, now: Instant) {
        if now < self.stats_at {
            return;
        }
        self.stats_at = now + STATS_INTERVAL;
        if self.link.is_up() {
            self.slot.device.link = serde_json::from_str(&self.link.stats().to_string()).ok();
            self.slot.publish();
        }
    }

    /// A device that is still the same, on a port that was opened again, needs no greeting: any packet of its link says that it is back.
    fn note_return(&mut self, received_before: u32) {
        let is_heard = self.link.counters().received != received_before;
        if is_heard && self.link.is_up() && self.slot.device.state == DeviceState::Opening {
            self.online();
            self.slot.publish();
        }
    }

    /// Ends the channels of an earlier boot that the device does not have any more.
    fn end_unopened(&mut self, now: Instant) {
        if self.pockets.is_reopening_over(now) {
            self.outgoing.take_unopened().into_iter().for_each(|id| self.closed(id, None));
            self.slot.publish();
        }
    }

    /// Nothing was heard: says what to look at, going by what came in.
    fn hint(&mut self) {
        if self.link.is_up() || self.is_incompatible || self.slot.device.state != DeviceState::Opening {
            return;
        }
        let counters = self.link.counters();
        let noise = counters.bad_crc.saturating_add(counters.too_long);
        debug!("{}: no HELLO yet, {counters:?}", self.slot.device.port);
        self.slot.device.detail = hint(self.slot.terms.baud, noise);
        warn!("{}: {}", self.slot.device.port, self.slot.device.detail);
        self.slot.publish();
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
