//! What a stream leads to: a channel, of all or of one device.

use std::sync::Arc;

use serde_json::Value;

use crate::history::CHAT;
use crate::hub::Hub;
use crate::inbound::HOSTS_OWN;
use crate::message::{By, Message};

/// The `meta` of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) channel: Arc<str>,
    /// Only this device is meant.
    pub(crate) device: Option<Arc<str>>,
    /// Only what devices say belongs there.
    pub(crate) is_of_devices: bool,
}

impl Place {
    /// A channel's name, or an object with that and perhaps a device's.
    pub(crate) fn of(meta: &Value) -> Option<Self> {
        let Some(channel) = meta.as_str() else {
            let device = match meta.get("device") {
                None | Some(Value::Null) => None,
                Some(device) => Some(device.as_str()?.into()),
            };
            return Some(Self { channel: meta.get("channel")?.as_str()?.into(), device, is_of_devices: false });
        };
        Some(Self { channel: channel.into(), device: None, is_of_devices: false })
    }

    /// Says what is wrong with a place that is none.
    pub(crate) fn judge(&self, hub: &Hub) -> Result<(), String> {
        let Self { channel, device, .. } = self;
        if HOSTS_OWN.contains(&&**channel) {
            return Err(format!("On the channel `{channel}` only the host speaks. Choose another channel."));
        }
        let Some(device) = device else {
            let is_known = **channel == *CHAT || hub.wants(channel);
            return is_known.then_some(()).ok_or_else(|| {
                let channels = hub.devices().into_iter().flat_map(|device| device.channels).collect();
                format!("No device has the channel `{channel}`. Known are: {}.", list(channels, CHAT))
            });
        };
        let Some(named) = hub.devices().into_iter().find(|known| known.name == **device) else {
            let names = hub.devices().into_iter().map(|device| device.name).collect();
            return Err(format!("There is no device `{device}`. Known are: {}.", list(names, "none")));
        };
        if named.channels.iter().any(|known| **known == **channel) {
            return Ok(());
        }
        Err(format!("The device `{device}` has no channel `{channel}`. It has: {}.", list(named.channels, "none")))
    }

    /// True for a message that belongs there.
    pub(crate) fn has(&self, message: &Message) -> bool {
        let is_by_device = message.by == By::Device;
        (is_by_device || !self.is_of_devices) && (self.device.is_none() || is_by_device && message.from == self.device)
    }
}

/// The names, each once, with commas between them; `instead` where there are none.
fn list(mut names: Vec<String>, instead: &str) -> String {
    names.sort();
    names.dedup();
    if names.is_empty() { instead.into() } else { names.join(", ") }
}
