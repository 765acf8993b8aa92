//! One device on one open port, from the opening to the unplugging.
//!
//! The task that runs this owns the port and the core's [`Link`](pocketmux_core::Link); everyone else sends it messages and reads the
//! hub. Reading never waits for writing, nor the other way round.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::mem::replace;
use std::sync::OnceLock;

use pocketmux_core::{Channel, Config, Delivery, Event, Identity, PeerChannel, Priority};
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

/// The names of the channels that the device has opened: only ever added to, so that the link can borrow them.
type Names = [OnceLock<Box<str>>; CHANNELS];

/// Runs until the port or the host goes away.
pub(crate) async fn run(slot: &mut Slot, mut port: Port) -> Ended {
    let names: Names = [const { OnceLock::new() }; CHANNELS];
    let identity =
        Identity { name: "pocketmux", firmware: concat!("pocketmux ", env!("CARGO_PKG_VERSION")), serial: "" };
    let epoch = RandomState::new().hash_one(std::process::id()) as u32;
    let link = Box::new(DeviceLink::new(Config { identity, epoch }));
    let mut session = Session {
        slot,
        names: &names,
        link,
        pockets: Vec::new(),
        scribe: None,
        outgoing: Outgoing::default(),
        has_warned: HasWarned::default(),
        restarts: Throttle::default(),
        incompatibles: Throttle::default(),
    };
    let ended = session.serve(&mut port).await;
    let name = session.slot.device.name.clone();
    session.outgoing.refuse_all(&format!("{name} was unplugged before it got this. Send it again when it is back."));
    ended
}

struct Session<'s> {
    slot: &'s mut Slot,
    names: &'s Names,
    link: Box<DeviceLink<'s>>,
    /// The escaped name of each channel of the link, by its number.
    pockets: Vec<String>,
    /// Since the device has said hello.
    scribe: Option<Scribe>,
    outgoing: Outgoing,
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
    async fn serve(&mut self, port: &mut Port) -> Ended {
        let started = Instant::now();
        let mut input = vec![0; INPUT];
        let mut hint_at = Some(started + HELLO_PATIENCE);
        loop {
            let now = Instant::now();
            let now_us = micros(now.duration_since(started));
            self.link.handle_timeout(now_us);
            if hint_at.is_some_and(|at| now >= at) {
                hint_at = None;
                self.hint();
            }
            let mut wake_at = hint_at.unwrap_or(now + Duration::from_secs(60));
            if let Some(due_us) = self.link.poll_timeout() {
                wake_at = wake_at.min(started + Duration::from_micros(due_us));
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
            while let Some(event) = self.link.poll_event() {
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
                        let Channel { name, priority, delivery } = channel;
                        let name = name.into();
                        self.open(peer, name, priority, delivery);
                    }
                    Event::Opened { channel, .. } => {
                        let name = channel.name.to_owned();
                        self.show_channel(name);
                    }
                    Event::Down => self.down(),
                    Event::Incompatible { min, max } => self.incompatible(min, max),
                    _ => {}
                }
            }
        }
        self.slot.publish();
        Ok(())
    }

    fn up(&mut self, epoch: u32, hello: Hello) -> Result<(), Ended> {
        self.slot.recognise(&hello).map_err(Ended::Stranger)?;
        let Hello { firmware, serial, .. } = hello;
        let slot = &mut *self.slot;
        if slot.device.firmware != firmware {
            slot.device.channels.clear();
        }
        slot.device.firmware = firmware;
        slot.device.state = DeviceState::Online;
        slot.device.detail.clear();
        slot.note();
        if let Some(left_out) = self.restarts.admit() {
            let Device { name, port, firmware, .. } = &slot.device;
            info!("{name} is online on {port} ({firmware}, serial {serial}).{left_out}");
        }
        self.scribe = Some(Scribe::new(&slot.device.name, epoch));
        Ok(())
    }

    fn down(&mut self) {
        // That it is online again is what the log says.
        let name = &self.slot.device.name;
        debug!("{name} has started anew.");
        self.outgoing.refuse_all(&format!("{name} started anew before it got this. Send it again."));
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
    fn open(&mut self, peer: PeerChannel, name: Box<str>, priority: Priority, delivery: Delivery) {
        let device = &self.slot.device.name;
        if HOSTS_OWN.contains(&&*name) {
            // A device could forge refusals and other devices there.
            if !replace(&mut self.has_warned.of_hosts_own, true) {
                warn!(
                    "{device} opens the channel {name:?}, on which only the host speaks; what it sends there is left out."
                );
            }
            return;
        }
        let Some(place) = self.names.iter().find(|place| place.get().is_none()) else {
            if !replace(&mut self.has_warned.of_surplus, true) {
                warn!("{device} opens more than {CHANNELS} channels; {name:?} is left out, and those after it.");
            }
            return;
        };
        let name: &'s str = place.get_or_init(|| name);
        match self.link.open(Channel { name, priority, delivery }) {
            Ok(id) => {
                self.link.attach(peer, id);
                self.pockets.push(text::escaped(name));
                self.show_channel(name.to_owned());
            }
            Err(error) => {
                if !replace(&mut self.has_warned.of_unopened, true) {
                    warn!("The channel {name:?} of {device} was not opened: {error}.");
                }
            }
        }
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
        self.slot.device.detail = hint(self.slot.baud, noise);
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
