//! What a board says of its channels as it opens and ends them.

use pocketmux_core::{Channel, Identity};
use serde_json::{Value, json};

use super::rig::{Board, FILE, Rig, client, client_frame, frames, refused, run_ms, up};

/// The device as a `pocketmux.v1` client is told of it.
fn device(rig: &Rig) -> Value {
    let (_, texts) = rig.hub.subscribe(true);
    serde_json::from_str(frames(&texts)[0]["data"].as_str().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_board_says_of_a_channel_is_shown_while_it_is_open() {
    let (rig, mut board) = up().await;
    assert_eq!(device(&rig).get("about"), None);
    let log = Channel::new("log").with_content("text/plain").with_meta("boot 3\n\u{202e}");
    let log = board.link.open(log).unwrap();
    let meter = board.link.open(Channel::new("meter").with_meta("cellar")).unwrap();
    run_ms(&mut board, 500).await;
    assert_eq!(device(&rig)["channels"], json!(["chat", "file", "typing", "log", "meter"]));
    let about = json!({"log": {"content": "text/plain", "meta": "boot 3"}, "meter": {"meta": "cellar"}});
    assert_eq!(device(&rig)["about"], about);
    board.link.close(log);
    board.link.reset(meter, "");
    run_ms(&mut board, 500).await;
    assert_eq!((device(&rig).get("about"), &device(&rig)["channels"]), (None, &json!(["chat", "file", "typing"])));
}

#[tokio::test(start_paused = true)]
async fn the_longest_that_a_board_can_say_of_a_channel_is_shown_whole() {
    let (rig, mut board) = up().await;
    let longest = Channel::new("log").with_content("0123456789abcdef0123456789abcdef").with_meta("éééééééééééééééé");
    board.link.open(longest).unwrap();
    run_ms(&mut board, 500).await;
    assert_eq!(device(&rig)["about"]["log"], json!({"content": longest.content, "meta": longest.meta}));
}

#[tokio::test(start_paused = true)]
async fn the_other_direction_of_a_channel_has_the_same_content_type() {
    let (_rig, mut board) = up().await;
    board.link.open(Channel::new("log").with_content("text/plain").with_meta("boot 3")).unwrap();
    run_ms(&mut board, 500).await;
    let content =
        |name: &str| board.opened.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_str());
    assert_eq!((content("log"), content("chat")), (Some("text/plain"), Some("")));
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_channel_is_what_was_said_last() {
    let (rig, mut board) = up().await;
    for (epoch, meta) in [(2, "boot 2"), (3, ""), (4, "boot 4")] {
        let identity = Identity { name: "microbit", firmware: "test 1", serial: "s1" };
        board = Board::with(board.wire, identity, epoch, &["chat"]);
        board.link.open(Channel::new("log").with_meta(meta)).unwrap();
        run_ms(&mut board, 1000).await;
        assert_eq!(device(&rig)["about"]["log"]["meta"].as_str().unwrap_or_default(), meta);
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_a_board_resets_says_why() {
    let (rig, mut board) = up().await;
    board.link.pause(FILE);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("file", &"x".repeat(16_000)));
    run_ms(&mut board, 500).await;
    board.link.reset(FILE, "the disk is full");
    run_ms(&mut board, 1_000).await;
    let refused = refused(&refusals);
    assert!(refused.len() == 1 && refused[0].contains("has ended this channel: the disk is full."), "{refused:?}");
    let device = rig.hub.devices().remove(0);
    assert_eq!((device.channels.len(), device.detail), (2, "It has ended the channel file: the disk is full.".into()));
}

#[tokio::test(start_paused = true)]
async fn a_reset_without_a_reason_is_told_without_one() {
    let (rig, mut board) = up().await;
    board.link.pause(FILE);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("file", &"x".repeat(16_000)));
    run_ms(&mut board, 500).await;
    board.link.reset(FILE, "");
    run_ms(&mut board, 1_000).await;
    let refused = refused(&refusals);
    assert!(refused.len() == 1 && refused[0].contains("microbit has ended this channel. "), "{refused:?}");
    assert_eq!(rig.hub.devices()[0].detail, "It has ended the channel file.");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_channel_is_told_until_it_is_opened_again() {
    let (rig, mut board) = up().await;
    board.link.reset(FILE, "the disk is full");
    run_ms(&mut board, 1_000).await;
    let told = rig.hub.devices()[0].detail.clone();
    board.link.open(Channel::new("log")).unwrap();
    run_ms(&mut board, 1_000).await;
    assert_eq!(rig.hub.devices()[0].detail, told);
    board.link.open(Channel::new("file")).unwrap();
    run_ms(&mut board, 1_000).await;
    assert_eq!(
        (told.as_str(), rig.hub.devices()[0].detail.as_str()),
        ("It has ended the channel file: the disk is full.", "")
    );
}
