//! Boards that start anew, are unplugged, or fall silent.

use pocketmux_core::Message;
use tokio::io::duplex;
use tokio::time::{Duration, Instant};

use super::rig::{Board, CHAT, Rig, TERMS, TYPING, client, client_frame, frames, refused, run_ms};
use crate::device::Terms;
use crate::port::Port;
use crate::session::Ended;
use crate::table::DeviceState;

#[tokio::test(start_paused = true)]
async fn a_reboot_changes_the_ids_of_messages_and_keeps_the_channels() {
    let (rig, wire) = Rig::new();
    let (mut reader, _) = rig.hub.subscribe(false);
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let mut board = Board::new(board.wire, "s1", 2);
    board.until(|board| board.link.is_up()).await;
    run_ms(&mut board, 100).await;
    board.link.send(TYPING, &Message::text("typing")).unwrap();
    run_ms(&mut board, 100).await;
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
    let (rig, [wire, after]) = Rig::on_wires(TERMS);
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let (mut reader, _) = rig.hub.subscribe(false);
    let (mut client, refusals) = client(&rig);
    let lines: Vec<String> = (0..20).map(|n| format!("{n} {}", "x".repeat(200))).collect();
    lines.iter().for_each(|line| client.take(&client_frame("chat", line)));
    for line in ["one", "two"] {
        board.link.send(CHAT, &Message::text(line)).unwrap();
    }
    // In the middle of it all.
    board.until(|board| board.heard.len() > 3).await;
    board.wire = after;
    board.link.interrupted();
    board.until(|board| board.heard.len() == lines.len()).await;
    assert_eq!(rig.hub.devices()[0].state, DeviceState::Online);
    assert!(board.heard.iter().map(|(_, data)| data.as_slice()).eq(lines.iter().map(String::as_bytes)));
    run_ms(&mut board, 100).await;
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    let of_board = frames(&texts).into_iter().filter(|frame| frame["from"] == "microbit");
    assert!(of_board.map(|frame| frame["data"].clone()).eq(["one", "two"]));
    assert!(refused(&refusals).is_empty());
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
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("chat", "unheard"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut board = Board::new(board.wire, "s1", 2);
    board.until(|board| board.link.is_up()).await;
    run_ms(&mut board, 100).await;
    let refused = refused(&refusals);
    assert!(refused.len() == 1 && refused[0].contains("may not have got this"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_is_met_anew_after_another_had_its_place() {
    let (rig, [wire, of_other, back]) = Rig::on_wires(TERMS);
    let device = || rig.hub.devices()[0].clone();
    let mut board = Board::new(wire, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let (mut reader, _) = rig.hub.subscribe(false);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("chat", "before"));
    run_ms(&mut board, 100).await;
    // The cable is moved to another board, which is refused, and back; the first has run on meanwhile.
    let mut other = Board::new(of_other, "s2", 9);
    board.wire = duplex(1).0;
    other.until(|board| board.link.is_up() || device().detail.contains("Another device")).await;
    drop(other);
    board.wire = back;
    board.link.interrupted();
    run_ms(&mut board, 3_000).await;
    assert_eq!(device().state, DeviceState::Online);
    client.take(&client_frame("chat", "after"));
    board.link.send(CHAT, &Message::text("from the board")).unwrap();
    run_ms(&mut board, 1_000).await;
    assert!(board.heard.iter().map(|(_, data)| data.as_slice()).eq([&b"before"[..], b"after"]));
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    assert_eq!(frames(&texts).iter().filter(|frame| frame["data"] == "from the board").count(), 1);
    assert!(refused(&refusals).is_empty());
}
