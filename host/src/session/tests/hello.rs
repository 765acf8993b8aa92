//! What a board says of itself first, or does not say.

use pocketmux_core::packet::{self, Packet, Seal};
use pocketmux_core::{Identity, Message, cobs};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Duration, timeout};

use super::rig::{Board, CHAT, Rig, TERMS, TYPING, client, client_frame, frames, refused};
use crate::table::DeviceState;

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_say_hello_gets_a_hint_and_no_messages() {
    let (rig, mut wire) = Rig::new();
    let (mut reader, _) = rig.hub.subscribe(false);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("chat", "anybody there?"));
    let mut heard = Vec::new();
    let _ = timeout(Duration::from_secs(4), wire.read_to_end(&mut heard)).await;
    let [device] = &rig.hub.devices()[..] else { panic!() };
    assert_eq!(device.state, DeviceState::Opening);
    assert!(device.detail.contains("TX and RX are crossed"), "{}", device.detail);
    // It has no channels that anything could be for; what people say to each other goes on.
    assert!(!heard.windows(7).any(|part| part == b"anybody"), "{heard:?}");
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    assert_eq!((texts.len(), refused(&refusals)), (1, Vec::<String>::new()));
}

#[tokio::test(start_paused = true)]
async fn what_is_for_a_device_that_is_not_heard_on_its_new_port_is_refused() {
    let (rig, [wire, mut mute]) = Rig::on_wires(TERMS);
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    drop(board);
    let mut input = [0; 64];
    while rig.hub.devices()[0].state != DeviceState::Opening {
        let _ = mute.read(&mut input).await.unwrap();
    }
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("chat", "to nobody"));
    let refused = refused(&refusals);
    assert!(
        refused.len() == 1 && refused[0].contains("microbit has not said hello yet, so it did not get this"),
        "{refused:?}"
    );
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

#[tokio::test(start_paused = true)]
async fn a_device_of_another_version_stays_named_as_such() {
    let (rig, mut wire) = Rig::new();
    wire.write_all(&hello_of_version_3()).await.unwrap();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        let detail = rig.hub.devices()[0].detail.clone();
        assert!(detail.contains("versions 3 to 3") && detail.contains("this host version 2"), "{detail}");
    }
}

/// A HELLO that is right in everything but the versions.
fn hello_of_version_3() -> Vec<u8> {
    let terms = packet::Terms {
        version_min: 3,
        version_max: 3,
        epoch: 5,
        seen: 0,
        packet_max: 252,
        window: 8,
        ack_every: 4,
        silence_ms: 1000,
        channels: 8,
    };
    let identity = Identity { name: "b", firmware: "f", serial: "s" };
    let mut run = vec![0; 256];
    let hello = Packet::Hello(packet::Hello { asks: true, terms, identity });
    let packet = hello.encode(Seal::default(), &mut run).unwrap().to_vec();
    run = vec![0; cobs::encoded_max(packet.len())];
    let start = run.len() - packet.len();
    run[start..].copy_from_slice(&packet);
    let len = cobs::encode(&mut run, packet.len()).unwrap();
    run.truncate(len);
    run.push(0);
    run
}
