use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::{
    Channel, ChannelId, Config, Delivery, Demux, Event, Identity, Link, Message, MessageId, Priority,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout};

use super::{Ended, Names, Session, hint};
use crate::device::{Slot, Terms};
use crate::hub::Hub;
use crate::inbound::Inbound;
use crate::port::{Port, PortSpec};
use crate::refusal::Refusals;
use crate::registry::Registry;
use crate::shutdown::Shutdown;
use crate::table::DeviceState;

const TERMS: Terms = Terms { baud: 115_200, silence_ms: 1000 };
const CHAT: ChannelId = ChannelId::new(0);
const FILE: ChannelId = ChannelId::new(1);
const TYPING: ChannelId = ChannelId::new(2);

/// A board: the core's own link, driven by hand.
struct Board {
    link: Link<'static, 256, 16, 4>,
    wire: DuplexStream,
    messages: Demux<(ChannelId, MessageId), Vec<u8>, 2>,
    /// Messages that arrived: the channel, and the bytes.
    heard: Vec<(ChannelId, Vec<u8>)>,
    started: Instant,
}

impl Board {
    fn new(wire: DuplexStream, serial: &'static str, epoch: u32) -> Self {
        Self::with(wire, Identity { name: "microbit", firmware: "test 1", serial }, epoch, &["chat"])
    }

    /// A board with that identity and these channels first.
    fn with(wire: DuplexStream, identity: Identity<'static>, epoch: u32, channels: &[&'static str]) -> Self {
        let mut link = Link::new(Config { identity, epoch, ..Config::default() });
        channels.iter().for_each(|name| assert!(link.open(Channel::new(name)).is_ok()));
        link.open(Channel::new("file").with_priority(Priority::Bulk)).unwrap();
        link.open(Channel::new("typing").with_priority(Priority::Urgent).with_delivery(Delivery::Latest)).unwrap();
        let messages = Demux::new(|| vec![0; 20_000]);
        Self { link, wire, messages, heard: Vec::new(), started: Instant::now() }
    }

    /// Runs until `is_done`, or until the wire ends.
    async fn until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let mut input = [0; 512];
        while !is_done(self) {
            let now_us = self.started.elapsed().as_micros() as u64;
            self.link.handle_timeout(now_us);
            while !self.link.poll_transmit(now_us).is_empty() {
                let bytes = self.link.poll_transmit(now_us).to_vec();
                self.wire.write_all(&bytes).await.unwrap();
                self.link.consume(bytes.len());
            }
            let Ok(read) = timeout(Duration::from_millis(10), self.wire.read(&mut input)).await else { continue };
            let mut rest = &input[..read.unwrap()];
            while !rest.is_empty() {
                rest = &rest[self.link.handle_input(rest, now_us)..];
                while let Some(event) = self.link.poll_event() {
                    if let Event::Frame(frame) = event
                        && let Ok(Some(message)) = self.messages.insert((frame.channel, frame.message), &frame)
                    {
                        self.heard.push((frame.channel, message.data.to_vec()));
                    }
                }
            }
        }
    }
}

/// A host with one device on an in-memory wire.
struct Rig {
    hub: Arc<Hub>,
    session: JoinHandle<(Slot, Ended)>,
    _stop: watch::Sender<bool>,
}

impl Rig {
    fn new() -> (Self, DuplexStream) {
        Self::on(TERMS)
    }

    fn on(terms: Terms) -> (Self, DuplexStream) {
        let (ours, theirs) = duplex(256);
        let (stop, stopping) = Shutdown::new();
        let hub = Arc::new(Hub::new(Registry::load(None)));
        let port = Port::in_memory(ours);
        let slot = Slot::new(PortSpec::Demo, &port, terms, hub.clone(), stopping);
        (Self { hub, session: Self::spawn(slot, port), _stop: stop }, theirs)
    }

    fn spawn(slot: Slot, port: Port) -> JoinHandle<(Slot, Ended)> {
        Self::spawn_on(slot, vec![port])
    }

    /// One session on several ports, one after the other.
    fn spawn_on(mut slot: Slot, ports: Vec<Port>) -> JoinHandle<(Slot, Ended)> {
        tokio::spawn(async move {
            let names = Names::new();
            let mut session = Session::new(&mut slot, &names);
            let mut ended = Ended::Shutdown;
            for mut port in ports {
                ended = session.serve(&mut port).await;
            }
            (slot, ended)
        })
    }

    fn has_channels(&self) -> bool {
        self.hub.devices()[0].channels.len() == 3
    }
}

fn frames(texts: &[Utf8Bytes]) -> Vec<Value> {
    texts.iter().map(|text| serde_json::from_str(text.as_str()).unwrap()).collect()
}

fn client_frame(channel: &str, data: &str) -> String {
    format!("{{\"channel\":\"{channel}\",\"messageId\":\"m\",\"sequence\":0,\"total\":1,\"data\":\"{data}\"}}")
}

#[tokio::test(start_paused = true)]
async fn what_a_board_sends_reaches_everyone_as_json() {
    let (rig, wire) = Rig::new();
    let (mut reader, _) = rig.hub.subscribe(false);
    let mut board = Board::new(wire, "s1", 0xabc);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    board.link.send(CHAT, &Message::text("hello")).unwrap();
    board.link.send(FILE, &Message::bytes(&[0xff; 3]).with_meta("{\"size\":3}")).unwrap();
    let mut texts = Vec::new();
    while texts.len() < 2 {
        let _ = timeout(Duration::from_millis(20), board.until(|_| false)).await;
        reader.take(&mut texts).unwrap();
    }
    let [chat, file] = &frames(&texts)[..] else { panic!("{texts:?}") };
    assert_eq!((&chat["data"], &chat["from"]), (&"hello".into(), &"microbit".into()));
    assert!(chat["messageId"].as_str().unwrap().ends_with("@microbit.abc"), "{chat}");
    assert_eq!(
        (&file["data"], &file["encoding"], &file["meta"]["size"]),
        (&"////".into(), &"base64".into(), &3.into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_message_is_streamed_and_a_short_one_overtakes_it() {
    let (rig, wire) = Rig::new();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let refusals = Arc::new(Refusals::new());
    let mut client = Inbound::new(&rig.hub, refusals.clone());
    // Longer than everything the link holds, so that it has to wait in the host.
    let long = "x".repeat(16_000);
    client.take(&client_frame("file", &long));
    client.take(&client_frame("chat", "overtakes"));
    board.until(|board| board.heard.len() == 2).await;
    assert_eq!(board.heard[0], (CHAT, b"overtakes".to_vec()));
    assert_eq!(board.heard[1], (FILE, long.into_bytes()));
    let mut refused = Vec::new();
    refusals.take(&mut refused);
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_of_one_channel_stay_in_order() {
    let (rig, wire) = Rig::new();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let mut client = Inbound::new(&rig.hub, Arc::new(Refusals::new()));
    let lines: Vec<String> = (0..60).map(|n| format!("{n:04}").repeat(if n % 2 == 0 { 100 } else { 1 })).collect();
    for line in &lines {
        client.take(&client_frame("chat", line));
    }
    board.until(|board| board.heard.len() == lines.len()).await;
    // A board has few buffers: none was given up because too many messages came at once.
    assert_eq!(board.messages.given_up(), 0);
    assert!(board.heard.iter().map(|(_, data)| data.as_slice()).eq(lines.iter().map(String::as_bytes)));
}

#[tokio::test(start_paused = true)]
async fn a_reboot_changes_the_ids_of_messages_and_keeps_the_channels() {
    let (rig, wire) = Rig::new();
    let (mut reader, _) = rig.hub.subscribe(false);
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let mut board = Board::new(board.wire, "s1", 2);
    board.until(|board| board.link.is_up()).await;
    let _ = timeout(Duration::from_millis(100), board.until(|_| false)).await;
    board.link.send(TYPING, &Message::text("typing")).unwrap();
    let _ = timeout(Duration::from_millis(100), board.until(|_| false)).await;
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    assert!(frames(&texts)[0]["messageId"].as_str().unwrap().ends_with("@microbit.2"), "{texts:?}");
    assert!(rig.has_channels());
}

#[tokio::test(start_paused = true)]
async fn after_an_unplugging_only_the_same_board_is_taken_back() {
    let (rig, wire) = Rig::new();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    drop(board);
    let (slot, ended) = rig.session.await.unwrap();
    assert!(matches!(ended, Ended::Unplugged(_)), "{ended:?}");

    let (ours, theirs) = duplex(256);
    let session = Rig::spawn(slot, Port::in_memory(ours));
    let stranger = tokio::spawn(async move { Board::new(theirs, "s2", 1).until(|_| false).await });
    let (slot, ended) = session.await.unwrap();
    let Ended::Stranger(sentence) = ended else { panic!("{ended:?}") };
    assert!(sentence.contains("serial number s2, not microbit with the serial number s1"), "{sentence}");
    stranger.abort();

    let (ours, theirs) = duplex(256);
    let _session = Rig::spawn(slot, Port::in_memory(ours));
    let hub = rig.hub.clone();
    Board::new(theirs, "s1", 3).until(|_| hub.devices()[0].state == DeviceState::Online).await;
    assert_eq!(hub.devices().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_cable_was_pulled_arrives_after_the_replug_once() {
    let ((ours, theirs), (ours_2, theirs_2)) = (duplex(256), duplex(256));
    let (_stop, stopping) = Shutdown::new();
    let hub = Arc::new(Hub::new(Registry::load(None)));
    let port = Port::in_memory(ours);
    let slot = Slot::new(PortSpec::Demo, &port, TERMS, hub.clone(), stopping);
    let session = Rig::spawn_on(slot, vec![port, Port::in_memory(ours_2)]);
    let mut board = Board::new(theirs, "s1", 1);
    board.until(|board| board.link.is_up() && hub.devices()[0].channels.len() == 3).await;
    let (mut reader, _) = hub.subscribe(false);
    let refusals = Arc::new(Refusals::new());
    let mut client = Inbound::new(&hub, refusals.clone());
    let lines: Vec<String> = (0..20).map(|n| format!("{n} {}", "x".repeat(200))).collect();
    lines.iter().for_each(|line| client.take(&client_frame("chat", line)));
    for line in ["one", "two"] {
        board.link.send(CHAT, &Message::text(line)).unwrap();
    }
    // In the middle of it all.
    board.until(|board| board.heard.len() > 3).await;
    board.wire = theirs_2;
    board.link.interrupted();
    board.until(|board| board.heard.len() == lines.len()).await;
    assert!(board.heard.iter().map(|(_, data)| data.as_slice()).eq(lines.iter().map(String::as_bytes)));
    let _ = timeout(Duration::from_millis(100), board.until(|_| false)).await;
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    let of_board = frames(&texts).into_iter().filter(|frame| frame["from"] == "microbit");
    assert!(of_board.map(|frame| frame["data"].clone()).eq(["one", "two"]));
    let mut refused = Vec::new();
    refusals.take(&mut refused);
    assert!(refused.is_empty(), "{refused:?}");
    session.abort();
}

#[tokio::test(start_paused = true)]
async fn a_board_that_falls_silent_is_shown_so_and_is_back_when_it_is_heard() {
    for silence_ms in [1000, 200] {
        let (rig, wire) = Rig::on(Terms { silence_ms, ..TERMS });
        let mut board = Board::new(wire, "s1", 1);
        board.until(|board| board.link.is_up() && rig.has_channels()).await;
        let silent_at = Instant::now();
        while rig.hub.devices()[0].state != DeviceState::Silent {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let after_ms = silent_at.elapsed().as_millis();
        assert!((150..=u128::from(silence_ms) + 50).contains(&after_ms), "{after_ms} ms instead of {silence_ms}");
        board.until(|_| rig.hub.devices()[0].state == DeviceState::Online && rig.hub.devices()[0].link.is_some()).await;
        let counted = rig.hub.devices()[0].link.clone().unwrap();
        assert!(counted["received"].as_u64().unwrap() > 3, "{counted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_starts_anew_leaves_no_message_without_a_word() {
    let (rig, wire) = Rig::new();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let refusals = Arc::new(Refusals::new());
    let mut client = Inbound::new(&rig.hub, refusals.clone());
    client.take(&client_frame("chat", "unheard"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut board = Board::new(board.wire, "s1", 2);
    board.until(|board| board.link.is_up()).await;
    let _ = timeout(Duration::from_millis(100), board.until(|_| false)).await;
    let mut refused = Vec::new();
    refusals.take(&mut refused);
    assert!(refused.len() == 1 && refused[0].contains("may not have got this"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_say_hello_gets_a_hint_and_its_messages_are_refused() {
    let (rig, mut wire) = Rig::new();
    let _ = timeout(Duration::from_secs(4), async {
        loop {
            let _ = wire.read(&mut [0; 64]).await;
        }
    })
    .await;
    let [device] = &rig.hub.devices()[..] else { panic!() };
    assert_eq!(device.state, DeviceState::Opening);
    assert!(device.detail.contains("TX and RX are crossed"), "{}", device.detail);
}

#[tokio::test(start_paused = true)]
async fn a_board_does_not_get_the_channels_on_which_only_the_host_speaks() {
    for own in ["error", "device"] {
        let (rig, wire) = Rig::new();
        let (mut reader, _) = rig.hub.subscribe(false);
        let identity = Identity { name: "microbit", firmware: "", serial: "s1" };
        let mut board = Board::with(wire, identity, 1, &[own]);
        board.until(|board| board.link.is_up() && rig.hub.devices()[0].channels.len() == 2).await;
        board.link.send(CHAT, &Message::text("forged")).unwrap();
        board.link.send(TYPING, &Message::text("typing")).unwrap();
        let _ = timeout(Duration::from_millis(100), board.until(|_| false)).await;
        let mut texts = Vec::new();
        reader.take(&mut texts).unwrap();
        let [typing] = &frames(&texts)[..] else { panic!("{texts:?}") };
        assert_eq!((&typing["channel"], &typing["data"]), (&"typing".into(), &"typing".into()));
        assert_eq!(rig.hub.devices()[0].channels, ["file", "typing"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_board_calls_itself_forges_nothing() {
    for (name, shown) in [("pi\nco\u{202e}", "pico"), ("\u{7}", "demo")] {
        let (rig, wire) = Rig::new();
        let identity = Identity { name, firmware: "a\r1", serial: "s\u{2066}1" };
        let mut board = Board::with(wire, identity, 1, &["chat"]);
        board.until(|board| board.link.is_up() && rig.has_channels()).await;
        let device = rig.hub.devices().remove(0);
        assert_eq!((device.name.as_str(), device.firmware.as_str(), device.serial.as_str()), (shown, "a1", "s1"));
    }
}

#[test]
fn the_hint_goes_by_what_came_in() {
    assert!(hint(9600, 3).starts_with("Something arrives") && hint(9600, 3).contains("9600 baud"));
    assert!(hint(9600, 0).contains("TX and RX are crossed"));
}
