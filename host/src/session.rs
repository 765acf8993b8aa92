//! One device and the link to it, on one open port after the other.
//!
//! The task that runs this owns the port and the core's [`Link`](pocketmux_core::Link); everyone else sends it messages and reads the
//! hub. Reading never waits for writing, nor the other way round. The link outlives the port: when a pulled cable is plugged in again and
//! the device has not started anew meanwhile, both go on where they were, and nothing is lost.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::mem::replace;
use std::sync::OnceLock;

use pocketmux_core::{Channel, ChannelId, Config, Delivery, Event, Identity, PeerChannel, Priority};
use tokio::time::{Duration, Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::backlog::Room;
use crate::device::Slot;
use crate::hello::Hello;
use crate::inbound::HOSTS_OWN;
use crate::outgoing::{CHANNELS, DeviceLink, Outgoing, ToDevice};
use crate::port::{Exchange, Port};
use crate::scribe::Scribe;
use crate::table::{Device, DeviceState};
use crate::text;
use crate::throttle::Throttle;

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
    Message(Option<ToDevice>),
    Timer,
    Shutdown,
}

/// Names of channels that the device has ever opened: only added to, so that the link can borrow them.
pub(crate) struct Names([OnceLock<Box<str>>; NAMES]);

/// Beyond the channels that are open at once there may be those of firmware that was replaced.
const NAMES: usize = 4 * CHANNELS;

impl Names {
    pub(crate) const fn new() -> Self {
        Self([const { OnceLock::new() }; NAMES])
    }

    /// The name, kept; `None` when there are too many.
    fn keep(&self, name: &str) -> Option<&str> {
        let is_its = |place: &&OnceLock<Box<str>>| place.get().is_none_or(|known| **known == *name);
        self.0.iter().find(is_its).map(|place| &**place.get_or_init(|| name.into()))
    }
}

/// The counters of a link are shown this often.
const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// The state of one device's task.
pub(crate) struct Session<'s> {
    pub(crate) slot: &'s mut Slot,
    names: &'s Names,
    link: Box<DeviceLink<'s>>,
    /// The escaped name of each channel of the link, by its number.
    pockets: Vec<String>,
    /// Since the device has said hello.
    scribe: Option<Scribe>,
    outgoing: Outgoing,
    /// The beginning of the link's time.
    started: Instant,
    stats_at: Instant,
    has_warned: HasWarned,
    /// A device may say hello as fast as the line carries it.
    restarts: Throttle,
    incompatibles: Throttle,
}

/// What was said once in this session and is not said again: a device tells its channels as often as it likes.
#[derive(Default)]
struct HasWarned {
    of_hosts_own: bool,
    of_surplus: bool,
    of_unopened: bool,
}

impl<'s> Session<'s> {
    /// A link that has not seen a port yet.
    pub(crate) fn new(slot: &'s mut Slot, names: &'s Names) -> Self {
        let identity =
            Identity { name: "pocketmux", firmware: concat!("pocketmux ", env!("CARGO_PKG_VERSION")), serial: "" };
        let silence_ms = slot.terms.silence_ms;
        let epoch = RandomState::new().hash_one(std::process::id()) as u32;
        Self {
            slot,
            names,
            link: Box::new(DeviceLink::new(Config { identity, epoch, silence_ms })),
            pockets: Vec::new(),
            scribe: None,
            outgoing: Outgoing::default(),
            started: Instant::now(),
            stats_at: Instant::now(),
            has_warned: HasWarned::default(),
            restarts: Throttle::default(),
            incompatibles: Throttle::default(),
        }
    }

    /// Runs until the port or the host goes away.
    pub(crate) async fn serve(&mut self, port: &mut Port) -> Ended {
        let mut input = vec![0; INPUT];
        let mut hint_at = Some(Instant::now() + HELLO_PATIENCE);
        self.link.interrupted();
        loop {
            let now = Instant::now();
            let now_us = micros(now.duration_since(self.started));
            self.link.handle_timeout(now_us);
            if let Err(ended) = self.take_events() {
                return ended;
            }
            if hint_at.is_some_and(|at| now >= at) {
                hint_at = None;
                self.hint();
            }
            self.show_stats(now);
            let mut wake_at = hint_at.unwrap_or(self.stats_at).min(self.stats_at);
            if let Some(due_us) = self.link.poll_timeout() {
                wake_at = wake_at.min(self.started + Duration::from_micros(due_us));
            }
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
                message = self.slot.messages.recv(), if !self.outgoing.is_full() => Woken::Message(message),
                () = sleep_until(wake_at) => Woken::Timer,
                () = self.slot.shutdown.wanted() => Woken::Shutdown,
            };
            match woken {
                Woken::Exchanged(Ok(Exchange { read, written })) => {
                    self.link.consume(written);
                    if let Err(ended) = self.hear(input.get(..read).unwrap_or_default(), now_us) {
                        return ended;
                    }
                    self.outgoing.pump(&mut self.link, &self.slot.device.name);
                }
                Woken::Exchanged(Err(error)) => return Ended::Unplugged(error),
                Woken::Message(Some(message)) => self.outgoing.push(&mut self.link, &self.slot.device.name, message),
                Woken::Timer => {}
                Woken::Message(None) | Woken::Shutdown => return Ended::Shutdown,
            }
        }
    }

    /// Takes what the device sent.
    fn hear(&mut self, mut input: &[u8], now_us: u64) -> Result<(), Ended> {
        while !input.is_empty() {
            let taken = self.link.handle_input(input, now_us);
            input = input.get(taken..).unwrap_or_default();
            self.take_events()?;
        }
        Ok(())
    }

    /// Takes what the input or the time has brought.
    fn take_events(&mut self) -> Result<(), Ended> {
        let mut has_changed = false;
        while let Some(event) = self.link.poll_event() {
            has_changed |= !matches!(event, Event::Frame(_));
            match event {
                Event::Frame(frame) => {
                    if let (Some(scribe), Some(name)) = (&mut self.scribe, self.pockets.get(frame.channel.index()))
                        && let Some(text) = scribe.write(name, &frame)
                    {
                        self.slot.hub.publish(text);
                    }
                }
                Event::Up(peer) => {
                    let (epoch, hello) = (peer.epoch, Hello::new(peer.identity, &self.slot.short_name()));
                    self.up(epoch, hello)?;
                }
                Event::Opened { peer, channel, ours: None } => {
                    let Channel { name, priority, delivery, .. } = channel;
                    let name: Box<str> = name.into();
                    self.open(peer, &name, priority, delivery);
                }
                Event::Opened { channel, .. } => {
                    let name = channel.name.to_owned();
                    self.show_channel(name);
                }
                // What one direction has ended, the other has no use for.
                Event::Closed { ours: Some(id), .. } => self.closed(id),
                Event::Down => self.down(),
                Event::Silent => self.silent(),
                Event::Back => self.online(),
                Event::Incompatible { min, max } => self.incompatible(min, max),
                _ => {}
            }
        }
        if has_changed {
            self.slot.publish();
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

    fn up(&mut self, epoch: u32, hello: Hello) -> Result<(), Ended> {
        self.slot.recognise(&hello).map_err(Ended::Stranger)?;
        let Hello { firmware, serial, .. } = hello;
        let slot = &mut *self.slot;
        if slot.device.firmware != firmware {
            slot.device.channels.clear();
        }
        slot.device.firmware = firmware;
        slot.note();
        if let Some(left_out) = self.restarts.admit() {
            let Device { name, port, firmware, .. } = &slot.device;
            info!("{name} is online on {port} ({firmware}, serial {serial}).{left_out}");
        }
        self.scribe = Some(Scribe::new(&slot.device.name, epoch));
        self.online();
        Ok(())
    }

    fn online(&mut self) {
        self.slot.device.state = DeviceState::Online;
        self.slot.device.detail.clear();
    }

    fn silent(&mut self) {
        self.slot.device.state = DeviceState::Silent;
        self.slot.device.detail = format!(
            "Nothing was heard from it for {} ms (--silence): the cable may be loose, or the board stands still. What it has not got yet is \
             kept for it.",
            self.slot.terms.silence_ms
        );
    }

    fn down(&mut self) {
        // That it is online again is what the log says.
        let name = &self.slot.device.name;
        debug!("{name} has started anew.");
        self.outgoing.refuse_all(&format!("{name} started anew, and may not have got this. Send it again."));
        self.scribe = None;
    }

    fn incompatible(&mut self, min: u8, max: u8) {
        let ours = pocketmux_core::packet::VERSION;
        self.slot.device.state = DeviceState::Opening;
        self.slot.device.detail = format!(
            "It speaks versions {min} to {max} of the protocol and this host version {ours}: update the older of the two."
        );
        if let Some(left_out) = self.incompatibles.admit() {
            warn!("{}: {}{left_out}", self.slot.device.port, self.slot.device.detail);
        }
    }

    /// Opens our side of a channel that the device has opened.
    fn open(&mut self, peer: PeerChannel, name: &str, priority: Priority, delivery: Delivery) {
        let device = &self.slot.device.name;
        if HOSTS_OWN.contains(&name) {
            // A device could forge refusals and other devices there.
            if !replace(&mut self.has_warned.of_hosts_own, true) {
                warn!(
                    "{device} opens the channel {name:?}, on which only the host speaks; what it sends there is left out."
                );
            }
            return;
        }
        let names: &'s Names = self.names;
        let Some(name) = names.keep(name) else {
            if !replace(&mut self.has_warned.of_surplus, true) {
                warn!("{device} opens more than {CHANNELS} channels; {name:?} is left out, and those after it.");
            }
            return;
        };
        match self.link.open(Channel::new(name).with_priority(priority).with_delivery(delivery)) {
            Ok(id) => {
                self.link.attach(peer, id);
                let at = id.index();
                self.pockets.resize(self.pockets.len().max(at + 1), String::new());
                if let Some(pocket) = self.pockets.get_mut(at) {
                    *pocket = text::escaped(name);
                }
                self.show_channel(name.to_owned());
            }
            Err(error) => {
                if !replace(&mut self.has_warned.of_unopened, true) {
                    warn!("The channel {name:?} of {device} was not opened: {error}.");
                }
            }
        }
    }

    fn closed(&mut self, id: ChannelId) {
        if let Some(channel) = self.link.channel(id) {
            self.slot.device.channels.retain(|name| name != channel.name);
        }
        self.link.close(id);
    }

    fn show_channel(&mut self, name: String) {
        let channels = &mut self.slot.device.channels;
        if !channels.contains(&name) {
            channels.push(name);
        }
    }

    /// Nothing was heard: says what to look at, going by what came in.
    fn hint(&mut self) {
        if self.link.is_up() || self.slot.device.state != DeviceState::Opening {
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

fn hint(baud: u32, noise: u32) -> String {
    if noise > 0 {
        format!(
            "Something arrives, but no Pocketmux frame: check that both sides use {baud} baud (--baud), and that the Pocketmux firmware is \
             what runs on the board."
        )
    } else {
        format!(
            "It has not said hello: check that the Pocketmux firmware is on the board and runs, that TX and RX are crossed and GND is \
             joined, and that both sides use {baud} baud (--baud)."
        )
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
