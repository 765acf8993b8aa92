//! A board and a host on a wire in memory.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::{Channel, ChannelId, Config, Delivery, Demux, Event, Identity, Link, MessageId, Priority};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout};

use crate::device::{Slot, Terms};
use crate::hub::Hub;
use crate::inbound::Inbound;
use crate::names::Names;
use crate::port::{Port, PortSpec};
use crate::refusal::Refusals;
use crate::registry::Registry;
use crate::session::{Ended, Session};
use crate::shutdown::Shutdown;
use crate::table::DeviceState;

pub(super) const TERMS: Terms = Terms { baud: 115_200, silence_ms: 1000 };
pub(super) const CHAT: ChannelId = ChannelId::new(0);
pub(super) const FILE: ChannelId = ChannelId::new(1);
pub(super) const TYPING: ChannelId = ChannelId::new(2);

/// A board: the core's own link, driven by hand.
pub(super) struct Board {
    pub(super) link: Link<'static, 256, 16, 6>,
    pub(super) wire: DuplexStream,
    pub(super) messages: Demux<(ChannelId, MessageId), Vec<u8>, 2>,
    /// Messages that arrived: the channel, and the bytes.
    pub(super) heard: Vec<(ChannelId, Vec<u8>)>,
    /// Channels that the host has opened: name and content type.
    pub(super) opened: Vec<(String, String)>,
    pub(super) started: Instant,
}

impl Board {
    pub(super) fn new(wire: DuplexStream, serial: &'static str, epoch: u32) -> Self {
        Self::with(wire, Identity { name: "microbit", firmware: "test 1", serial }, epoch, &["chat"])
    }

    /// A board with that identity and these channels first.
    pub(super) fn with(wire: DuplexStream, identity: Identity<'static>, epoch: u32, channels: &[&'static str]) -> Self {
        let mut link = Link::new(Config { identity, epoch, ..Config::default() });
        channels.iter().for_each(|name| assert!(link.open(Channel::new(name)).is_ok()));
        link.open(Channel::new("file").with_priority(Priority::Bulk)).unwrap();
        link.open(Channel::new("typing").with_priority(Priority::Urgent).with_delivery(Delivery::Latest)).unwrap();
        let messages = Demux::new(|| vec![0; 20_000]);
        Self { link, wire, messages, heard: Vec::new(), opened: Vec::new(), started: Instant::now() }
    }

    /// Runs until `is_done`, or until the wire ends.
    pub(super) async fn until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let mut input = [0; 512];
        while !is_done(self) {
            let now_us = self.started.elapsed().as_micros() as u64;
            transmit(&mut self.link, &mut self.wire, now_us).await;
            let Ok(read) = timeout(Duration::from_millis(10), self.wire.read(&mut input)).await else { continue };
            self.hear(&input[..read.unwrap()], self.started.elapsed().as_micros() as u64);
        }
    }

    pub(super) fn hear(&mut self, mut input: &[u8], now_us: u64) {
        while !input.is_empty() {
            input = &input[self.link.handle_input(input, now_us)..];
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Frame(frame) => {
                        let whole = self.messages.insert((frame.channel, frame.message), &frame);
                        if let Ok(Some(message)) = whole {
                            self.heard.push((frame.channel, message.data.to_vec()));
                        }
                    }
                    Event::Opened { channel, .. } => self.opened.push((channel.name.into(), channel.content.into())),
                    _ => {}
                }
            }
        }
    }
}

/// Does what is due at a board, and sends what it has to send.
pub(super) async fn transmit<const CHANNELS: usize>(
    link: &mut Link<'static, 256, 16, CHANNELS>,
    wire: &mut DuplexStream,
    now_us: u64,
) {
    link.handle_timeout(now_us);
    while !link.poll_transmit(now_us).is_empty() {
        let bytes = link.poll_transmit(now_us).to_vec();
        wire.write_all(&bytes).await.unwrap();
        link.consume(bytes.len());
    }
}

/// A host with one device on an in-memory wire.
pub(super) struct Rig {
    pub(super) hub: Arc<Hub>,
    pub(super) session: JoinHandle<(Slot, Ended)>,
    pub(super) _stop: watch::Sender<bool>,
}

impl Rig {
    pub(super) fn new() -> (Self, DuplexStream) {
        Self::on(TERMS)
    }

    pub(super) fn on(terms: Terms) -> (Self, DuplexStream) {
        let (rig, [wire]) = Self::on_wires(terms);
        (rig, wire)
    }

    /// One session on several wires, one after the other.
    pub(super) fn on_wires<const WIRES: usize>(terms: Terms) -> (Self, [DuplexStream; WIRES]) {
        let (ours, theirs): (Vec<_>, Vec<_>) = (0..WIRES).map(|_| duplex(256)).unzip();
        let (stop, stopping) = Shutdown::new();
        let hub = Arc::new(Hub::new(Registry::load(None)));
        let ports: Vec<Port> = ours.into_iter().map(Port::in_memory).collect();
        let slot = Slot::new(PortSpec::Demo, &ports[0], terms, hub.clone(), None, stopping);
        (Self { hub, session: Self::spawn_on(slot, ports), _stop: stop }, theirs.try_into().unwrap())
    }

    pub(super) fn spawn(slot: Slot, port: Port) -> JoinHandle<(Slot, Ended)> {
        Self::spawn_on(slot, vec![port])
    }

    fn spawn_on(mut slot: Slot, ports: Vec<Port>) -> JoinHandle<(Slot, Ended)> {
        tokio::spawn(async move {
            let names = Names::new();
            let mut session = Session::new(&mut slot, &names);
            let mut ended = Ended::Shutdown;
            for mut port in ports {
                ended = session.serve(&mut port).await;
                // As when the next port was found.
                session.slot.device.state = DeviceState::Opening;
                session.slot.publish();
            }
            (slot, ended)
        })
    }

    pub(super) fn has_channels(&self) -> bool {
        self.hub.devices()[0].channels.len() == 3
    }
}

pub(super) fn frames(texts: &[Utf8Bytes]) -> Vec<Value> {
    texts.iter().map(|text| serde_json::from_str(text.as_str()).unwrap()).collect()
}

pub(super) fn client_frame(channel: &str, data: &str) -> String {
    format!("{{\"channel\":\"{channel}\",\"messageId\":\"m\",\"sequence\":0,\"total\":1,\"data\":\"{data}\"}}")
}

/// Lets the board do its work for a while.
pub(super) async fn run_ms(board: &mut Board, ms: u64) {
    let _ = timeout(Duration::from_millis(ms), board.until(|_| false)).await;
}

pub(super) fn refused(refusals: &Refusals) -> Vec<String> {
    let mut refused = Vec::new();
    refusals.take(&mut refused);
    refused.iter().map(ToString::to_string).collect()
}

/// A host and a board that know each other.
pub(super) async fn up() -> (Rig, Board) {
    let (rig, wire) = Rig::new();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    (rig, board)
}

pub(super) fn client(rig: &Rig) -> (Inbound<'_>, Arc<Refusals>) {
    let refusals = Arc::new(Refusals::new());
    (Inbound::new(&rig.hub, refusals.clone()), refusals)
}
