//! Boards that start anew, are unplugged, or fall silent.

use std::sync::Arc;

use pocketmux_core::Message;
use tokio::io::duplex;
use tokio::time::{Duration, Instant, timeout};

use super::rig::{Board, CHAT, Rig, TERMS, TYPING, client_frame, frames};
use crate::device::{Slot, Terms};
use crate::hub::Hub;
use crate::inbound::Inbound;
use crate::port::{Port, PortSpec};
use crate::refusal::Refusals;
use crate::registry::Registry;
use crate::session::Ended;
use crate::shutdown::Shutdown;
use crate::table::DeviceState;

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
    assert_eq!(hub.devices()[0].state, DeviceState::Online);
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
