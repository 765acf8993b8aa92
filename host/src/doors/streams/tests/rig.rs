//! A hub, a device that is there by name only, and clients of streams without sockets.

use std::sync::Arc;

use pocketmux_core::{Delivery, Kind};
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};

use crate::doors::streams::numbers::{self, NUMBERS, StandIn};
use crate::doors::streams::serve;
use crate::errand::Errand;
use crate::hub::Hub;
use crate::listener::Listener;
use crate::message::{By, Message};
use crate::registry::Registry;
use crate::sockjs::{Frame, Line, Session};
use crate::table::{Device, DeviceId, DeviceState};

/// The hub, and a device with three channels whose task takes eight messages.
pub(super) struct Rig {
    pub(super) hub: Arc<Hub>,
    pub(super) id: DeviceId,
    pub(super) device: Device,
    pub(super) to_device: mpsc::Receiver<Errand>,
}

impl Rig {
    pub(super) fn new() -> Self {
        let hub = Hub::new(Registry::load(None));
        let (task, to_device) = mpsc::channel(8);
        let (id, mut device) = hub.open("pico".into(), "/dev/tty".into(), task);
        device.state = DeviceState::Online;
        device.channels = ["chat", "typing", "log"].map(String::from).into();
        device.deliveries = [("typing".into(), Delivery::Latest), ("log".into(), Delivery::Lossy)].into();
        hub.set(id, &device);
        Self { hub: Arc::new(hub), id, device, to_device }
    }

    pub(super) fn client(&self) -> Client {
        self.client_of(None)
    }

    /// A client for which the host opens the streams of the numbers.
    pub(super) fn client_of_numbers(&self) -> Client {
        self.client_of(Some(StandIn::default()))
    }

    pub(super) fn client_of(&self, stand_in: Option<StandIn>) -> Client {
        let line = Line::new();
        tokio::spawn(serve(Session::new(line.clone()), self.hub.clone(), stand_in));
        Client(line)
    }

    /// Gives the device the channels of the numbers.
    pub(super) fn with_numbers(mut self) -> Self {
        self.device.channels.extend((0..NUMBERS).map(numbers::channel));
        self.hub.set(self.id, &self.device);
        self
    }

    /// The device says something on a channel.
    pub(super) fn device_says(&self, channel: &str, text: &str) {
        let (id, name) = ("d-1".into(), Some(self.device.name.as_str().into()));
        let (by, to, is_json, sender) = (By::Device, None, false, None);
        let data = text.as_bytes().into();
        let message = Message {
            channel: channel.into(),
            id,
            kind: Kind::Text,
            meta: "".into(),
            is_json,
            data,
            from: name,
            by,
            to,
            sender,
        };
        self.hub.post(channel, message.frame(), Some(message)).unwrap();
    }

    /// Somebody who talks and listens elsewhere.
    pub(super) fn other(&self, channel: &str) -> Listener {
        let other = Listener::new(self.hub.clone());
        other.add(channel);
        other
    }
}

pub(super) struct Client(pub(super) Arc<Line>);

impl Client {
    pub(super) async fn says(&self, lines: &[&str]) {
        for line in lines {
            self.0.deliver(vec![format!("{line}\n").as_str().into()]).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// What it has got, in lines.
    pub(super) async fn hears(&self) -> Vec<String> {
        let mut receiver = self.0.attach().unwrap();
        let mut text = String::new();
        while let Ok(Some(frame)) = timeout(Duration::from_millis(10), receiver.next()).await {
            if let Frame::Messages(messages) = frame {
                messages.iter().for_each(|message| text += &message.to_text());
            }
        }
        receiver.leave();
        text.lines().map(String::from).collect()
    }
}
