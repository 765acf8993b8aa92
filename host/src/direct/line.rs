//! The device at the other end of the wire: one link, on one open port after the other, and the files on it.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

use pocketmux_core::files::{Answer, Ended, Files, Progress, Store, TransferId, channel};
use pocketmux_core::{ChannelId, Config, Identity};
use tokio::time::{Duration, Instant, sleep_until};

use crate::backlog::Room;
use crate::outgoing::DeviceLink;
use crate::port::Port;
use crate::session::hint::hint;

use super::Wire;
use super::interrupt::Interrupt;
use super::trouble::{Exit, Trouble};

/// Transfers at a time.
const TRANSFERS: usize = 4;
/// Steps of hashing in a turn: about a tenth of a millisecond.
const HASH_STEPS: u16 = 256;
/// Bytes read at once.
const INPUT: usize = 4096;
/// How long a device may take to say what it is, and then whether it has files.
const HELLO_PATIENCE: Duration = Duration::from_secs(10);
/// A port that is gone is looked for this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What happened on the line.
#[derive(Debug)]
pub(super) enum News {
    /// The device is there, or there again after it had started anew: what was asked of it is to be asked again.
    Up,
    /// It has files.
    HasFiles,
    /// It is not heard any more.
    Away(String),
    /// It is heard again.
    Back,
    /// The answer to a request.
    Answer(u32, Answer),
    /// The end of a transfer.
    Ended(Ended),
}

/// The link to the device, and the files on it.
pub(super) struct Line<S> {
    pub(super) wire: Wire,
    pub(super) link: Box<DeviceLink<'static>>,
    pub(super) files: Files<S, TRANSFERS>,
    pub(super) port: Option<Port>,
    started: Instant,
    pub(super) news: VecDeque<News>,
    /// The name and serial number of the device.
    pub(super) device: Option<(String, String)>,
    /// Since when it is not there.
    pub(super) away_since: Option<Instant>,
    look_at: Instant,
    /// Packets that were received when it was last heard.
    pub(super) received: u32,
    /// What makes an end of it.
    pub(super) trouble: Option<Trouble>,
}

impl<S: Store> Line<S> {
    /// Opens the port and waits for a device that has files; it is refused everything that is not asked of it.
    pub(super) async fn to_device(wire: Wire, store: S, interrupt: &mut Interrupt<'_>) -> Result<Self, Trouble> {
        let identity =
            Identity { name: "pocketmux", firmware: concat!("pocketmux ", env!("CARGO_PKG_VERSION")), serial: "" };
        let epoch = RandomState::new().hash_one(std::process::id()) as u32;
        let mut link = Box::new(DeviceLink::new(Config { identity, epoch, ..Config::default() }));
        let channel = link.open(channel()).unwrap_or(ChannelId::new(0));
        let mut files = Files::new(store, channel, HASH_STEPS);
        files.keep_private();
        let absent = |error: crate::PortError| Trouble::new(Exit::Absent, error.to_string());
        let port = tokio::select! {
            opened = wire.port.open(wire.baud) => Some(opened.map_err(absent)?),
            () = interrupt.wanted() => return Err(Trouble::interrupted()),
        };
        let now = Instant::now();
        let mut line = Self {
            wire,
            link,
            files,
            port,
            started: now,
            news: VecDeque::new(),
            device: None,
            away_since: None,
            look_at: now,
            received: 0,
            trouble: None,
        };
        line.greet(interrupt).await?;
        Ok(line)
    }

    /// Waits until the device has said that it has files.
    async fn greet(&mut self, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
        let until = Instant::now() + HELLO_PATIENCE;
        loop {
            match self.next(until, interrupt).await? {
                Some(News::HasFiles) => return Ok(()),
                Some(_) => {}
                None if self.device.is_none() => {
                    let counters = self.link.counters();
                    let noise = counters.bad_crc.saturating_add(counters.too_long);
                    let words = format!(
                        "No device answered on {} within {} s. {}",
                        self.wire.port,
                        HELLO_PATIENCE.as_secs(),
                        hint(self.wire.baud, noise)
                    );
                    return Err(Trouble::new(Exit::Absent, words));
                }
                None => {
                    let words =
                        format!("The device on {} has no files: its firmware does not do that.", self.wire.port);
                    return Err(Trouble::new(Exit::Refused, words));
                }
            }
        }
    }

    /// What happens next; `None` when nothing has until then. Nothing is lost when the future is dropped.
    ///
    /// When the job is interrupted, or the device was away for too long, that is a trouble.
    pub(super) async fn next(
        &mut self,
        until: Instant,
        interrupt: &mut Interrupt<'_>,
    ) -> Result<Option<News>, Trouble> {
        tokio::select! {
            biased;
            () = interrupt.wanted() => {
                Err(Trouble::new(Exit::Interrupted, "Interrupted. What has crossed stays; the same command goes on from there."))
            }
            news = self.hear(until) => news,
        }
    }

    pub(super) async fn hear(&mut self, until: Instant) -> Result<Option<News>, Trouble> {
        let mut input = [0; INPUT];
        loop {
            let now = Instant::now();
            if let Some(news) = self.news.pop_front() {
                return Ok(Some(news));
            }
            self.check_patience(now)?;
            if now >= until {
                return Ok(None);
            }
            if self.port.is_none() {
                self.look_for_port(now, until).await;
                continue;
            }
            self.turn(now);
            if self.news.is_empty() {
                self.exchange(&mut input, until).await;
            }
        }
    }

    /// Does what is due.
    fn turn(&mut self, now: Instant) {
        let now_us = self.micros(now);
        self.link.handle_timeout(now_us);
        self.take_events(now_us);
        self.files.transmit(&mut self.link, now_us);
        while let Some(ended) = self.files.poll_event() {
            self.news.push_back(News::Ended(ended));
        }
    }

    /// Waits until bytes have moved, or something is due.
    async fn exchange(&mut self, input: &mut [u8], until: Instant) {
        let Some(port) = &mut self.port else { return };
        let now = Instant::now();
        let now_us = micros(now.duration_since(self.started));
        let due_us = [self.link.poll_timeout(), self.files.poll_timeout()].into_iter().flatten().min();
        let mut wake_at = due_us.map_or(until, |due_us| until.min(self.started + Duration::from_micros(due_us)));
        let mut output: &[u8] = &[];
        match port.room(now) {
            Room::For(bytes) => {
                output = self.link.poll_transmit(now_us);
                output = output.get(..bytes).unwrap_or(output);
            }
            Room::From(at) => wake_at = wake_at.min(at),
        }
        let done = tokio::select! {
            biased;
            done = port.exchange(input, output) => done,
            () = sleep_until(wake_at) => return,
        };
        match done {
            Ok(done) => {
                self.link.consume(done.written);
                let now_us = self.micros(Instant::now());
                let mut input = input.get(..done.read).unwrap_or_default();
                while !input.is_empty() {
                    let taken = self.link.handle_input(input, now_us);
                    input = input.get(taken..).unwrap_or_default();
                    self.take_events(now_us);
                }
                self.note_return();
            }
            Err(error) => {
                self.port = None;
                self.look_at = Instant::now();
                self.went(format!("{} is gone ({error}).", self.wire.port));
            }
        }
    }

    /// Opens the port again once that is possible.
    async fn look_for_port(&mut self, now: Instant, until: Instant) {
        if now < self.look_at {
            return sleep_until(self.look_at.min(until)).await;
        }
        self.look_at = now + LOOK_INTERVAL;
        if let Ok(port) = self.wire.port.open(self.wire.baud).await {
            self.port = Some(port);
            self.link.interrupted();
        }
    }

    pub(super) fn files(&mut self) -> &mut Files<S, TRANSFERS> {
        &mut self.files
    }

    pub(super) fn store(&mut self) -> &mut S {
        self.files.store()
    }

    pub(super) fn is_away(&self) -> bool {
        self.away_since.is_some()
    }

    /// How a transfer stands.
    pub(super) fn progress(&self, id: TransferId) -> Option<Progress<'_>> {
        self.files.transfers().find(|transfer| transfer.id == id)
    }

    /// Asks something of the device; `None` while there is no room for it.
    pub(super) fn request(&mut self, what: &Request<'_>) -> Option<u32> {
        let asked = match what {
            Request::List(index) => self.files.list(&mut self.link, *index),
            Request::Remove(name) => self.files.remove(&mut self.link, name),
            Request::Rename(from, to) => self.files.rename(&mut self.link, from, to),
        };
        asked.ok()
    }

    fn micros(&self, now: Instant) -> u64 {
        micros(now.duration_since(self.started))
    }
}

/// What can be asked of a device beside transfers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request<'r> {
    /// The entry of that index.
    List(u32),
    /// A file is to go.
    Remove(&'r str),
    /// A file is to have another name.
    Rename(&'r str, &'r str),
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
