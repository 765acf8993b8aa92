//! One side of a run: a link, the application on it, and whether they run.

use std::collections::HashMap;

use pocketmux_core::{Config, Event, Identity, PeerChannel};

use super::application::{Application, OPENINGS, REASON};
use super::chance::Chance;
use super::ledger::{Ledger, Session};
use super::node::Node;
use super::scenario::SidePlan;
use super::table::TABLE;
use super::trace::Trace;

/// Events that one call may bring before it counts as endless.
const EVENTS_MAX: usize = 10_000;

/// A side.
pub struct Side {
    /// 0 or 1.
    pub number: usize,
    name: &'static str,
    plan: SidePlan,
    random: Chance,
    /// The link.
    pub node: Box<dyn Node>,
    /// The application.
    pub application: Application,
    /// That it goes under now.
    pub epoch: u32,
    /// The epoch that this boot began with.
    pub boot: u32,
    /// Of the peer's boot, while the link is up.
    pub peer: Option<u32>,
    /// When the link came up.
    pub up_ns: u64,
    /// The links of this boot so far, as what it heard on them.
    sessions: Vec<Session>,
    /// Nothing is heard of the peer.
    pub is_silent: bool,
    /// How often it was silent in this boot.
    pub silences: u32,
    /// Channels that the peer of the link announced.
    pub opened: usize,
    /// What the peer has opened and not closed, as places in the table and the number of the opening.
    openings: HashMap<PeerChannel, (usize, usize)>,
    /// It is off until then.
    pub off_until_ns: u64,
    /// It does not run until then.
    pub asleep_until_ns: u64,
    /// Bytes that its UART keeps while it does not run.
    pub fifo: usize,
    inbox: Vec<u8>,
    /// What the link showed and was not taken: it is to show the same again.
    shown: Vec<u8>,
    /// The first HELLO of this boot has not left yet.
    pub first_hello: bool,
    /// The link had bytes for which the wire had no room.
    pub has_more: bool,
    /// Events and input so far.
    pub heard: usize,
    /// When the link was given any byte last.
    pub heard_ns: u64,
}

impl Side {
    /// A side that boots now at a place, under a name that tells it from others there.
    #[must_use]
    pub fn new(number: usize, name: &'static str, plan: SidePlan, mut random: Chance) -> Self {
        let (node, application, epoch) = boot(name, &plan, &mut random);
        Self {
            number,
            name,
            plan,
            random,
            node,
            application,
            epoch,
            boot: epoch,
            peer: None,
            up_ns: 0,
            sessions: Vec::new(),
            is_silent: false,
            silences: 0,
            opened: 0,
            openings: HashMap::new(),
            off_until_ns: 0,
            asleep_until_ns: 0,
            fifo: 0,
            inbox: Vec::new(),
            shown: Vec::new(),
            first_hello: true,
            has_more: false,
            heard: 0,
            heard_ns: 0,
        }
    }

    /// Starts anew; what its link and its application held is gone.
    pub fn reboot(&mut self, off_until_ns: u64) {
        let (plan, random) = (self.plan.clone(), self.random.clone());
        *self = Self { off_until_ns, ..Self::new(self.number, self.name, plan, random) };
    }

    /// True while it runs.
    #[must_use]
    pub fn runs(&self, now_ns: u64) -> bool {
        now_ns >= self.awake_ns()
    }

    /// When it runs again, if it does not.
    #[must_use]
    pub fn awake_ns(&self) -> u64 {
        self.off_until_ns.max(self.asleep_until_ns)
    }

    /// True for a side that calls the link only when it must.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        self.plan.lazy
    }

    /// The next moment at which it wants to run.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        let deadline = self.node.poll_timeout().map(|us| us.saturating_mul(1000));
        let application = self.application.next_ns().filter(|_| self.peer.is_some());
        let next = deadline.into_iter().chain(application).min()?;
        Some(next.max(self.awake_ns()))
    }

    /// The application stops reading a channel, or reads it again.
    pub fn set_paused(&mut self, place: usize, is_paused: bool) {
        self.application.set_paused(self.node.as_mut(), place, is_paused);
    }

    /// The application closes a channel, or resets it.
    pub fn close(&mut self, place: usize, reset: bool, ledger: &mut Ledger) {
        if self.application.close(self.node.as_mut(), place, reset) {
            ledger.close(self.epoch, place, reset);
        }
    }

    /// The application waits no longer for the ends of the channels that it closed.
    pub fn give_up(&mut self, ledger: &mut Ledger) {
        for place in self.application.give_up(self.node.as_mut()) {
            ledger.give_up(self.epoch, place);
        }
    }

    /// It hears that its line was interrupted.
    pub fn interrupt(&mut self) {
        self.node.interrupted();
        self.shown.clear();
    }

    /// Bytes arrived for it.
    pub fn receive(&mut self, bytes: &[u8], now_ns: u64) {
        if now_ns < self.off_until_ns {
            return;
        }
        self.inbox.extend_from_slice(bytes);
        if !self.runs(now_ns) {
            self.inbox.truncate(self.fifo);
        }
    }

    /// Takes in what arrived, does what is due, and lets the application run.
    ///
    /// # Errors
    ///
    /// What the link did wrong.
    pub fn run(&mut self, ledger: &mut Ledger, trace: &mut Trace, now_ns: u64) -> Result<(), String> {
        let now_us = now_ns / 1000;
        let inbox = std::mem::take(&mut self.inbox);
        if !inbox.is_empty() {
            self.heard_ns = now_ns;
        }
        let mut rest = &inbox[..];
        while !rest.is_empty() {
            let taken = self.node.handle_input(rest, now_us);
            if taken == 0 || taken > rest.len() {
                return Err(format!("handle_input took {taken} of {} bytes", rest.len()));
            }
            rest = &rest[taken..];
            self.heard += 1;
            self.take_events(ledger, trace, now_ns)?;
        }
        let is_due = self.node.poll_timeout().is_some_and(|due_us| due_us <= now_us);
        if is_due || !self.plan.lazy {
            self.node.handle_timeout(now_us);
            self.take_events(ledger, trace, now_ns)?;
        }
        self.application.open(self.node.as_mut())?;
        self.keep_unopened();
        if let Some(peer) = self.peer {
            let session = Session { sender: self.epoch, receiver: peer };
            self.application.run(self.node.as_mut(), session, ledger, now_ns)?;
        }
        if self.node.is_up() == self.peer.is_some() { Ok(()) } else { Err("is_up and the events differ".into()) }
    }

    fn take_events(&mut self, ledger: &mut Ledger, trace: &mut Trace, now_ns: u64) -> Result<(), String> {
        for _ in 0..EVENTS_MAX {
            let Some(event) = self.node.poll_event() else { return Ok(()) };
            self.heard += 1;
            trace.note(now_ns, self.number, || format!("{event:?}"));
            match event {
                Event::Up(peer) => {
                    let sender = peer.epoch;
                    self.renew(ledger);
                    let session = Session { sender, receiver: self.epoch };
                    if self.peer.is_some() || self.sessions.contains(&session) {
                        return Err(format!("up again: {session:?}"));
                    }
                    self.peer = Some(sender);
                    self.sessions.push(session);
                    self.up_ns = now_ns;
                    self.opened = 0;
                    self.openings.clear();
                }
                Event::Down => {
                    self.peer.take().ok_or("down twice")?;
                    self.is_silent = false;
                    self.application.go_down();
                    self.renew(ledger);
                }
                Event::Opened { peer, channel, .. } => {
                    let opening = OPENINGS.iter().position(|meta| *meta == channel.meta);
                    let place = TABLE.iter().position(|known| known.with_meta(channel.meta) == channel);
                    let known = place.zip(opening).ok_or_else(|| format!("a channel that nobody has: {channel:?}"))?;
                    let place = known.0;
                    if self.openings.insert(peer, known).is_some() {
                        return Err(format!("a channel is opened twice: {channel:?}"));
                    }
                    self.application.note_opened(self.node.as_mut(), place);
                    self.keep_unopened();
                    self.opened += 1;
                }
                Event::Frame(frame) => {
                    let session = self.peer.map(|sender| Session { sender, receiver: self.epoch });
                    let session = session.ok_or("a frame without a link")?;
                    self.application.hear(&frame, session, ledger)?;
                }
                Event::Silent => {
                    if self.peer.is_none() || std::mem::replace(&mut self.is_silent, true) {
                        return Err("silent twice, or without a link".into());
                    }
                    self.silences += 1;
                }
                Event::Back => {
                    if !std::mem::replace(&mut self.is_silent, false) {
                        return Err("back without a silence".into());
                    }
                }
                Event::Closed { peer, reset, .. } => {
                    let session = self.peer.map(|sender| Session { sender, receiver: self.epoch });
                    let session = session.ok_or("the end of a channel without a link")?;
                    let known = self.openings.remove(&peer);
                    let (place, opening) = known.ok_or("the end of a channel that is not open")?;
                    if reset.is_some_and(|reason| reason != REASON) {
                        return Err(format!("a reset with another reason: {reset:?}"));
                    }
                    ledger.hear_close(session, place, opening as u32, reset.is_some())?;
                }
                other => return Err(format!("an event that should not be: {other:?}")),
            }
        }
        Err("events without an end".into())
    }

    /// What the peer has open and this side has not open now is kept: every channel of the peer's is to be open here at last.
    fn keep_unopened(&mut self) {
        let unopened = self.openings.iter().filter(|(_, (place, _))| !self.application.is_open(*place));
        unopened.for_each(|(peer, _)| self.node.keep(*peer));
    }

    /// A link that it dropped leaves it under another epoch.
    fn renew(&mut self, ledger: &mut Ledger) {
        let before = std::mem::replace(&mut self.epoch, self.node.epoch());
        if before != self.epoch {
            ledger.renew(before, self.epoch);
        }
    }

    /// What goes out next, at most `len` bytes, and whether they end the first HELLO of this boot.
    ///
    /// # Errors
    ///
    /// What the link did wrong.
    pub fn transmit(&mut self, len: usize, now_ns: u64) -> Result<(Vec<u8>, bool), String> {
        let bytes = self.node.poll_transmit(now_ns / 1000);
        if !self.shown.is_empty() && bytes != self.shown {
            return Err("poll_transmit shows other bytes before those that it showed were taken".into());
        }
        let taken = bytes[..bytes.len().min(len)].to_vec();
        self.shown = bytes[taken.len()..].to_vec();
        self.node.consume(taken.len());
        let ends_hello = self.first_hello && !taken.is_empty() && self.shown.is_empty();
        self.first_hello &= !ends_hello;
        Ok((taken, ends_hello))
    }
}

fn boot(name: &'static str, plan: &SidePlan, random: &mut Chance) -> (Box<dyn Node>, Application, u32) {
    let epoch = (random.number() as u32).max(1);
    let identity = Identity { name, firmware: "sim 1", serial: "0001" };
    let mut node = (plan.shape.boot)(Config { identity, epoch, silence_ms: plan.silence_ms });
    if let Some(cut) = plan.cut.and_then(pocketmux_core::Cut::units) {
        node.set_cut(cut);
    }
    let mut application = Application::new(epoch, Chance::new(random.number(), 1), &plan.channels, plan.cut);
    application.open(node.as_mut()).expect("a new link refuses no channel of the table");
    (node, application, epoch)
}
