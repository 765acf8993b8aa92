//! The devices that the host knows: those on its ports and those it remembers.
//!
//! A device is told from all others by the name and serial number of its HELLO. The name it is shown under is unique here: a
//! second `microbit` gets the end of its serial number behind its name, and keeps it.

use std::collections::BTreeMap;

use pocketmux_core::Delivery;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::errand::Errand;
use crate::registry::Known;

/// Number of a device's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceId(u32);

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeviceState {
    /// Its port is open; it has not said hello yet.
    Opening,
    /// It has said hello.
    Online,
    /// It has said hello, and then nothing for as long as it may.
    Silent,
    /// It is not there.
    Offline,
}

/// What a device says of a channel beside its name, made fit to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct About {
    /// Media type of its messages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) content: String,
    /// What this opening of it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) meta: String,
}

/// A device as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Device {
    /// What it calls itself, made unique; the port's name until it has said hello.
    pub(crate) name: String,
    /// Its own serial number, from its HELLO.
    pub(crate) serial: String,
    /// Where it is, or was last.
    pub(crate) port: String,
    /// How it is.
    pub(crate) state: DeviceState,
    /// A sentence, when it is not online or has ended a channel.
    pub(crate) detail: String,
    /// Its program and version.
    pub(crate) firmware: String,
    /// The channels that it has open.
    pub(crate) channels: Vec<String>,
    /// What it says of those of which it says anything.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) about: BTreeMap<String, About>,
    /// How its channels deliver, where that is not reliably.
    #[serde(skip)]
    pub(crate) deliveries: BTreeMap<String, Delivery>,
    /// What the host's side of the link has counted, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<Value>,
}

#[derive(Debug)]
struct Row {
    device: Device,
    /// The task that has its port; none for a device that is only remembered.
    task: Option<mpsc::Sender<Errand>>,
}

/// All devices.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<DeviceId, Row>,
    next: u32,
}

impl Table {
    /// Adds a device that was seen in an earlier run.
    pub(crate) fn remember(&mut self, known: &Known) {
        let device = Device {
            name: known.name.clone(),
            serial: known.serial.clone(),
            port: known.port.clone(),
            state: DeviceState::Offline,
            detail: "It was seen in an earlier run; none of the ports of this one leads to it.".into(),
            firmware: known.firmware.clone(),
            channels: Vec::new(),
            about: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            link: None,
        };
        self.add(device, None);
    }

    /// Adds a port whose device has not said hello.
    pub(crate) fn open(&mut self, name: String, port: String, task: mpsc::Sender<Errand>) -> (DeviceId, Device) {
        let is_taken = self.devices().any(|device| device.name == name);
        let device = Device {
            name: if is_taken { port.clone() } else { name },
            serial: String::new(),
            port,
            state: DeviceState::Opening,
            detail: "The port is open; the device has not said hello yet.".into(),
            firmware: String::new(),
            channels: Vec::new(),
            about: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            link: None,
        };
        (self.add(device.clone(), Some(task)), device)
    }

    fn add(&mut self, device: Device, task: Option<mpsc::Sender<Errand>>) -> DeviceId {
        let id = DeviceId(self.next);
        self.next += 1;
        self.rows.insert(id, Row { device, task });
        id
    }

    /// The name for the device of that row, which calls itself `name`; a remembered row of the same device makes room.
    pub(crate) fn settle(&mut self, id: DeviceId, name: &str, serial: &str) -> String {
        let suffixed = suffixed(name, serial);
        let is_same = |row: &Row| {
            row.device.serial == serial
                && (row.device.name == name || row.device.name == suffixed)
                && row.task.is_none()
        };
        let remembered = self.rows.iter().find(|(other, row)| **other != id && is_same(row)).map(|(other, _)| *other);
        if let Some(row) = remembered.and_then(|remembered| self.rows.remove(&remembered)) {
            return row.device.name;
        }
        let is_taken = |name: &str| self.rows.iter().any(|(other, row)| *other != id && row.device.name == name);
        let numbered = (2..).map(|n| format!("{suffixed}-{n}"));
        [name.to_owned(), suffixed.clone()].into_iter().chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// Changes a row; says whether that changed anything.
    pub(crate) fn set(&mut self, id: DeviceId, device: &Device) -> bool {
        match self.rows.get_mut(&id) {
            Some(row) if row.device != *device => {
                row.device = device.clone();
                true
            }
            _ => false,
        }
    }

    /// Every device, in the order in which they were added.
    pub(crate) fn devices(&self) -> impl Iterator<Item = &Device> {
        self.rows.values().map(|row| &row.device)
    }

    /// The task of the device of that name; `None` for one that is only remembered.
    pub(crate) fn task(&self, name: &str) -> Option<(&Device, Option<&mpsc::Sender<Errand>>)> {
        self.rows.values().find(|row| row.device.name == name).map(|row| (&row.device, row.task.as_ref()))
    }

    /// How a channel delivers: as the first device says that has it.
    pub(crate) fn delivery(&self, channel: &str) -> Delivery {
        self.having(channel).next().and_then(|(device, _)| device.deliveries.get(channel)).copied().unwrap_or_default()
    }

    /// The devices that have a channel, and the tasks to reach them by.
    pub(crate) fn having(&self, channel: &str) -> impl Iterator<Item = (&Device, &mpsc::Sender<Errand>)> {
        let has = move |row: &&Row| row.device.channels.iter().any(|name| name == channel);
        self.rows.values().filter(has).filter_map(|row| Some((&row.device, row.task.as_ref()?)))
    }
}

/// `microbit-3f2a`: the name and the last four characters of the serial number.
fn suffixed(name: &str, serial: &str) -> String {
    let start = serial.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    format!("{name}-{}", serial.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{DeviceState, Table};
    use crate::registry::Known;
    use tokio::sync::mpsc;

    fn known(name: &str, serial: &str) -> Known {
        Known { name: name.into(), serial: serial.into(), ..Known::default() }
    }

    #[test]
    fn a_device_that_comes_back_takes_the_place_it_is_remembered_in() {
        let mut table = Table::default();
        table.remember(&known("microbit", "00aa"));
        table.remember(&known("microbit-bb22", "1111bb22"));
        let (first, mut device) = table.open("ttyACM0".into(), "/dev/ttyACM0".into(), mpsc::channel(1).0);
        assert_eq!(table.devices().count(), 3);
        device.name = table.settle(first, "microbit", "1111bb22");
        assert!(table.set(first, &device) && !table.set(first, &device));
        let names: Vec<_> = table.devices().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["microbit", "microbit-bb22"]);
    }

    #[test]
    fn names_are_unique() {
        let mut table = Table::default();
        let mut settle = |serial: &str| {
            let (id, mut device) = table.open("tty".into(), String::new(), mpsc::channel(1).0);
            (device.name, device.state) = (table.settle(id, "pico", serial), DeviceState::Online);
            table.set(id, &device);
            device.name
        };
        assert_eq!([settle("é0001"), settle("é0002"), settle("é0002")], ["pico", "pico-0002", "pico-0002-2"]);
    }
}
