//! Messages of boards and of clients.

use std::sync::Arc;

use pocketmux_core::Message;
use tokio::time::{Duration, timeout};

use super::rig::{Board, CHAT, FILE, Rig, client, client_frame, frames, refused, run_ms, up};
use crate::inbound::Inbound;
use crate::rebuild::MESSAGE_MAX;
use crate::refusal::Refusals;

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
async fn a_message_that_is_too_long_for_a_device_is_refused_with_the_limit() {
    let (rig, mut board) = up().await;
    let (mut reader, _) = rig.hub.subscribe(false);
    let (mut client, refusals) = client(&rig);
    let (most, more) = ("x".repeat(MESSAGE_MAX), "x".repeat(MESSAGE_MAX + 1));
    client.take(&client_frame("chat", &more));
    // The same in two frames, of which the second is too much.
    for (sequence, data) in [&most, "x"].into_iter().enumerate() {
        let frame = client_frame("file", data)
            .replace("\"sequence\":0,\"total\":1", &format!("\"sequence\":{sequence},\"total\":2"));
        client.take(&frame);
    }
    client.take(&client_frame("file", &most));
    run_ms(&mut board, 10_000).await;
    let refused = refused(&refusals);
    assert_eq!(refused.len(), 2, "{refused:?}");
    for (text, channel) in refused.iter().zip(["chat", "file"]) {
        assert!(text.contains("\"channel\":\"error\"") && text.contains("at most 16384 bytes"), "{text}");
        assert!(text.contains(&format!("(channel {channel}, messageId m")), "{text}");
    }
    assert_eq!(board.heard, [(FILE, most.into_bytes())]);
    let mut texts = Vec::new();
    reader.take(&mut texts).unwrap();
    assert_eq!(texts.len(), 4);
}
