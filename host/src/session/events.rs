//! What the link tells, and what becomes of it for clients.

use std::ops::Range;

use pocketmux_core::{ChannelId, Event, Peer, files};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::pockets::Announced;
use super::{Ended, Session};
use crate::hello::Hello;
use crate::outgoing::CHANNELS;
use crate::scribe::Scribe;
use crate::table::{Device, DeviceState};

impl Session<'_> {
    /// Takes what the input or the time has brought.
    pub(super) fn take_events(&mut self, now_us: u64) -> Result<(), Ended> {
        let mut has_changed = false;
        while let Some(event) = self.link.poll_event() {
            has_changed |= !matches!(event, Event::Frame(_));
            match event {
                Event::Frame(frame) => {
                    if self.courier.take(&frame, now_us) {
                        continue;
                    }
                    if let (Some(scribe), Some((name, escaped))) = (&mut self.scribe, self.pockets.name(frame.channel))
                        && let Some(text) = scribe.write(escaped, &frame)
                    {
                        let hub = &self.slot.hub;
                        let message = if hub.is_heard(name) { scribe.rebuild(name, &frame) } else { None };
                        if let Err(sentence) = hub.post(name, text, message)
                            && let Some(left_out) = self.unheard.admit()
                        {
                            warn!("{} said something on {name}. {sentence}{left_out}", self.slot.device.name);
                        }
                    }
                }
                Event::Up(peer) => {
                    let Peer { epoch, identity, channels } = peer;
                    let hello = Hello::new(identity, &self.slot.short_name());
                    self.up(epoch, hello, channels)?;
                }
                Event::Opened { peer, channel, ours } => {
                    let announced = Announced::new(peer, channel);
                    self.opened(ours, announced);
                }
                // What one direction has ended, the other has no use for.
                Event::Closed { ours: Some(id), reset, .. } => {
                    let reset = reset.map(str::to_owned);
                    self.closed(id, reset.as_deref());
                }
                Event::Closed { peer, ours: None, .. } => self.pockets.no_longer_await(peer),
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

    fn up(&mut self, epoch: u32, hello: Hello, kept: u8) -> Result<(), Ended> {
        self.slot.recognise(&hello).map_err(Ended::Stranger)?;
        let Hello { firmware, serial, .. } = hello;
        let slot = &mut *self.slot;
        slot.device.firmware = firmware;
        slot.note();
        if let Some(left_out) = self.restarts.admit() {
            let Device { name, port, firmware, .. } = &slot.device;
            info!("{name} is online on {port} ({firmware}, serial {serial}).{left_out}");
        }
        self.scribe = Some(Scribe::new(&slot.device.name, epoch));
        let ids = |numbers: Range<u8>| numbers.map(ChannelId::new);
        // One of another firmware may keep fewer than it did: what it opens again gets a lower number.
        ids(kept..CHANNELS as u8).for_each(|id| self.closed(id, None));
        self.outgoing.hold(ids(0..CHANNELS as u8).filter(|id| self.link.channel(*id).is_some()));
        self.pockets.await_reopening(Instant::now());
        self.is_incompatible = false;
        self.online();
        Ok(())
    }

    pub(super) fn online(&mut self) {
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
        self.courier.interrupted();
    }

    fn down(&mut self) {
        // That it is online again is what the log says.
        let name = &self.slot.device.name;
        debug!("{name} has started anew.");
        self.outgoing.refuse_all(&format!("{name} started anew, and may not have got this. Send it again."));
        self.scribe = None;
        self.courier.down();
        self.pockets.await_nothing();
    }

    fn incompatible(&mut self, min: u8, max: u8) {
        let ours = pocketmux_core::packet::VERSION;
        self.is_incompatible = true;
        self.slot.device.state = DeviceState::Opening;
        self.slot.device.detail = format!(
            "It speaks versions {min} to {max} of the protocol and this host version {ours}: update the older of the two."
        );
        self.outgoing.refuse_all(&self.slot.device.detail);
        if let Some(left_out) = self.incompatibles.admit() {
            warn!("{}: {}{left_out}", self.slot.device.port, self.slot.device.detail);
        }
    }

    /// The device has opened a channel.
    fn opened(&mut self, ours: Option<ChannelId>, announced: Announced) {
        let device = &mut self.slot.device;
        let ours = ours.or_else(|| self.pockets.open(&mut self.link, &device.name, &announced));
        if let Some(id) = ours {
            self.outgoing.opened(id);
            if announced.is_named(files::FILE_CHANNEL) {
                self.courier.opened(&device.name, id, announced.meta());
            }
            self.pockets.show(device, &announced);
        }
    }

    /// Opens what found no number before.
    pub(super) fn open_awaited(&mut self) {
        let awaited = self.pockets.await_nothing();
        let before = awaited.len();
        awaited.into_iter().for_each(|announced| self.opened(None, announced));
        if self.pockets.awaited() < before {
            self.slot.publish();
        }
    }

    /// The device has ended a channel, with `reset` at once.
    pub(super) fn closed(&mut self, id: ChannelId, reset: Option<&str>) {
        self.courier.closed(id);
        if let Some(sentence) = self.pockets.close(&mut self.link, &mut self.slot.device, id, reset) {
            self.outgoing.refuse(id, &sentence);
        }
    }
}
