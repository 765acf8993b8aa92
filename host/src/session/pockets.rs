//! The device's channels: what they are called, what is said of them, and when they end.
//!
//! A channel that the device opens is opened towards it too, of the same priority, delivery and content type: what goes the other way
//! is of one kind with what comes. That holds while ours is open. A device that starts anew and gives the same channel another content
//! type is shown with the new one, and hears the old one until it has ended the channel once.

use std::mem::replace;

use pocketmux_core::{Channel, ChannelId, Delivery, PeerChannel, Priority};
use tokio::time::{Duration, Instant};
use tracing::{info, warn};

use crate::hello::plain;
use crate::inbound::HOSTS_OWN;
use crate::names::{NAMES, Names};
use crate::outgoing::DeviceLink;
use crate::table::{About, Device};
use crate::text;
use crate::throttle::Throttle;

/// Channels that a device has not opened again for this long after it started anew are ended.
const REOPEN_PATIENCE: Duration = Duration::from_secs(2);

/// The channels of one device's link.
pub(super) struct Pockets<'s> {
    names: &'s Names,
    /// The name of each channel of the link, by its number, and as it stands in JSON text.
    called: Vec<(&'s str, String)>,
    /// What the device has opened and the host could not yet.
    awaited: Vec<Announced>,
    /// When channels of an earlier boot that the device has not opened again are ended.
    reopened_by: Option<Instant>,
    /// The channel whose end the device's detail tells, and how it does.
    ended: Option<Ending>,
    has_warned: HasWarned,
    /// A device may reset channels as fast as the line carries it.
    endings: Throttle,
}

/// What was said once of a device and is not said again: a device tells its channels as often as it likes.
#[derive(Default)]
struct HasWarned {
    of_hosts_own: bool,
    of_surplus: bool,
    of_awaited: bool,
}

struct Ending {
    channel: String,
    detail: String,
}

/// What a device says of a channel when it opens it.
#[derive(Clone)]
pub(super) struct Announced {
    peer: PeerChannel,
    name: Box<str>,
    priority: Priority,
    delivery: Delivery,
    content: Box<str>,
    meta: Box<str>,
}

impl Announced {
    /// What it says of that channel of its.
    pub(super) fn new(peer: PeerChannel, channel: Channel<'_>) -> Self {
        let Channel { name, priority, delivery, content, meta } = channel;
        Self { peer, name: name.into(), priority, delivery, content: content.into(), meta: meta.into() }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        *self.name == *name
    }

    /// What this opening is about.
    pub(super) fn meta(&self) -> &str {
        &self.meta
    }
}

impl<'s> Pockets<'s> {
    /// None yet.
    pub(super) fn new(names: &'s Names) -> Self {
        Self {
            names,
            called: Vec::new(),
            awaited: Vec::new(),
            reopened_by: None,
            ended: None,
            has_warned: HasWarned::default(),
            endings: Throttle::default(),
        }
    }

    /// The name of a channel, and as it stands in JSON text.
    pub(super) fn name(&self, id: ChannelId) -> Option<(&'s str, &str)> {
        self.called.get(id.index()).map(|(name, escaped)| (*name, escaped.as_str()))
    }

    /// Opens our side of a channel that the device called `device` has opened; `None` for one that it cannot have, or not yet.
    pub(super) fn open(&mut self, link: &mut DeviceLink<'s>, device: &str, announced: &Announced) -> Option<ChannelId> {
        let name = self.admit(device, &announced.name)?;
        let names: &'s Names = self.names;
        let channel = Channel::new(name)
            .with_priority(announced.priority)
            .with_delivery(announced.delivery)
            .with_content(names.keep_content(&announced.content));
        match link.open(channel) {
            Ok(id) => {
                let at = id.index();
                self.called.resize(self.called.len().max(at + 1), Default::default());
                if let Some(called) = self.called.get_mut(at) {
                    *called = (name, text::escaped(name));
                }
                Some(id)
            }
            // The number that it shall have may be that of a channel whose end is on its way.
            Err(error) => {
                if !replace(&mut self.has_warned.of_awaited, true) {
                    info!("The channel {name:?} of {device} is opened when another has ended: {error}.");
                }
                link.keep(announced.peer);
                self.awaited.push(announced.clone());
                None
            }
        }
    }

    /// The name, kept, if the device may have a channel of it.
    fn admit(&mut self, device: &str, name: &str) -> Option<&'s str> {
        if HOSTS_OWN.contains(&name) {
            // A device could forge refusals and other devices there.
            if !replace(&mut self.has_warned.of_hosts_own, true) {
                warn!(
                    "{device} opens the channel {name:?}, on which only the host speaks; what it sends there is left out."
                );
            }
            return None;
        }
        let names: &'s Names = self.names;
        let kept = names.keep(name);
        if kept.is_none() && !replace(&mut self.has_warned.of_surplus, true) {
            warn!("{device} has opened channels of {NAMES} different names; {name:?} is left out, and those after it.");
        }
        kept
    }

    /// How many channels of the device's could not be opened yet.
    pub(super) fn awaited(&self) -> usize {
        self.awaited.len()
    }

    /// Forgets the channels that could not be opened yet, and returns them.
    pub(super) fn await_nothing(&mut self) -> Vec<Announced> {
        std::mem::take(&mut self.awaited)
    }

    /// The device has ended a channel that may not have been opened yet.
    pub(super) fn no_longer_await(&mut self, peer: PeerChannel) {
        self.awaited.retain(|announced| announced.peer != peer);
    }

    /// Shows a channel that is open on both sides.
    pub(super) fn show(&mut self, device: &mut Device, announced: &Announced) {
        let Announced { name, content, meta, delivery, .. } = announced;
        if !device.channels.iter().any(|known| **known == **name) {
            device.channels.push(name.to_string());
        }
        let about = About { content: plain(content), meta: plain(meta) };
        if about == About::default() {
            device.about.remove(&**name);
        } else {
            device.about.insert(name.to_string(), about);
        }
        device.deliveries.remove(&**name);
        if *delivery != Delivery::default() {
            device.deliveries.insert(name.to_string(), *delivery);
        }
        // What the detail says may have become another sentence meanwhile.
        if let Some(ending) = self.ended.take_if(|ending| *ending.channel == **name)
            && device.detail == ending.detail
        {
            device.detail.clear();
        }
    }

    /// Ends our side of a channel that the device has ended: with `reset` at once, and for that reason if it states one.
    ///
    /// Returns the sentence for those who have something for it; `None` when it was not open.
    pub(super) fn close(
        &mut self,
        link: &mut DeviceLink<'s>,
        device: &mut Device,
        id: ChannelId,
        reset: Option<&str>,
    ) -> Option<String> {
        let name = link.channel(id)?.name;
        device.channels.retain(|known| known != name);
        device.about.remove(name);
        device.deliveries.remove(name);
        let why = reset.map(reason).unwrap_or_default();
        if reset.is_some() {
            device.detail = format!("It has ended the channel {name}{why}.");
            self.ended = Some(Ending { channel: name.into(), detail: device.detail.clone() });
            if let Some(left_out) = self.endings.admit() {
                info!("{} has ended the channel {name:?}{why}.{left_out}", device.name);
            }
        }
        link.close(id);
        Some(format!("{} has ended this channel{why}.", device.name))
    }

    /// The device has started anew: the channels that it had are its own for a while, without it having said so.
    pub(super) fn await_reopening(&mut self, now: Instant) {
        self.reopened_by = Some(now + REOPEN_PATIENCE);
    }

    /// True once, when it has had the time to open its channels again.
    pub(super) fn is_reopening_over(&mut self, now: Instant) -> bool {
        self.reopened_by.take_if(|at| now >= *at).is_some()
    }
}

/// `: the disk is full`, or nothing when no reason is stated.
fn reason(stated: &str) -> String {
    match plain(stated).trim().trim_end_matches('.') {
        "" => String::new(),
        words => format!(": {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_reason_is_a_clause_of_the_sentence_or_nothing() {
        assert_eq!(reason("the disk is full"), ": the disk is full");
        assert_eq!(reason(" the disk\nis full.\u{202e}"), ": the diskis full");
        assert_eq!(["", " ", "\n", "."].map(reason), [""; 4]);
    }
}
