//! Channels that come and go, that are not read, and that are urgent.

use pocketmux_core::{Channel, Identity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Duration, Instant, timeout};

use super::rig::{Board, FILE, client, client_frame, refused, run_ms, up};

/// Runs until `is_done`, and hears no faster than a line of 115200 baud carries.
async fn crawl(board: &mut Board, is_done: impl Fn(&Board) -> bool) {
    let mut input = [0; 12];
    while !is_done(board) {
        let now_us = board.started.elapsed().as_micros() as u64;
        board.link.handle_timeout(now_us);
        while !board.link.poll_transmit(now_us).is_empty() {
            let bytes = board.link.poll_transmit(now_us).to_vec();
            board.wire.write_all(&bytes).await.unwrap();
            board.link.consume(bytes.len());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        if let Ok(read) = timeout(Duration::ZERO, board.wire.read(&mut input)).await {
            board.hear(&input[..read.unwrap()], now_us);
        }
    }
}

fn named(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_a_board_does_not_read_stops_no_other() {
    let (rig, mut board) = up().await;
    board.link.pause(FILE);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("file", &"x".repeat(8000)));
    for n in 0..140 {
        client.take(&client_frame("file", &format!("file {n}")));
        run_ms(&mut board, 20).await;
    }
    for n in 0..5 {
        client.take(&client_frame("chat", &format!("chat {n}")));
        run_ms(&mut board, 100).await;
    }
    assert_eq!(board.heard.len(), 5);
    let refused = refused(&refusals);
    assert!(
        !refused.is_empty() && refused.iter().all(|text| text.contains("is busy") && text.contains("file")),
        "{refused:?}"
    );
    board.link.resume(FILE);
    run_ms(&mut board, 10_000).await;
    // All that was not refused: the long one, what the queue holds, and what the link holds.
    assert!(board.heard.len() > 5 + 60, "{}", board.heard.len());
}

#[tokio::test(start_paused = true)]
async fn a_board_may_open_channels_of_ever_new_names() {
    let (rig, mut board) = up().await;
    for n in 0..130 {
        let name = named(format!("upload-{n}"));
        let id = board.link.open(Channel::new(name)).unwrap();
        run_ms(&mut board, 150).await;
        assert!(rig.hub.devices()[0].channels.iter().any(|known| known == name), "{name}");
        board.link.close(id);
        run_ms(&mut board, 150).await;
    }
    assert!(rig.has_channels());
}

#[tokio::test(start_paused = true)]
async fn channels_that_a_board_does_not_open_again_after_a_reboot_are_ended() {
    let (rig, mut board) = up().await;
    let identity = || Identity { name: "microbit", firmware: "test 1", serial: "s1" };
    // More than there is room for at once.
    for boot in 0..70 {
        let name = named(format!("boot-{boot}"));
        board = Board::with(board.wire, identity(), 2 + boot, &[name]);
        board.until(|board| board.link.is_up()).await;
        run_ms(&mut board, 3_000).await;
        let channels = rig.hub.devices()[0].channels.clone();
        assert!(channels.len() == 3 && channels.iter().any(|known| known == name), "{channels:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_channel_that_a_reboot_ended_is_refused() {
    let (rig, board) = up().await;
    let identity = Identity { name: "microbit", firmware: "test 1", serial: "s1" };
    let mut board = Board::with(board.wire, identity, 2, &[]);
    board.until(|board| board.link.is_up()).await;
    let (mut client, refusals) = client(&rig);
    // The board has not told its channels yet, and might open this one again.
    client.take(&client_frame("chat", "to nobody"));
    client.take(&client_frame("chat", &"x".repeat(16_000)));
    run_ms(&mut board, 3_000).await;
    assert_eq!(rig.hub.devices()[0].channels, ["file", "typing"]);
    assert!(board.heard.is_empty());
    let refused = refused(&refusals);
    assert!(!refused.is_empty() && refused[0].contains("has ended this channel"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_from_a_client_waits_for_no_more_than_what_is_ahead_of_it() {
    let (rig, mut board) = up().await;
    let (mut client, _) = client(&rig);
    (0..4).for_each(|_| client.take(&client_frame("file", &"x".repeat(16_000))));
    let mut longest = Duration::ZERO;
    for n in 0..20 {
        let next = Instant::now() + Duration::from_millis(37 + 7 * n % 20);
        crawl(&mut board, |_| Instant::now() >= next).await;
        let said = format!("typing {n}");
        let at = Instant::now();
        client.take(&client_frame("typing", &said));
        crawl(&mut board, |board| board.heard.last().is_some_and(|(_, data)| data == said.as_bytes())).await;
        longest = longest.max(at.elapsed());
    }
    // Files are on their way all the time; two chunks of theirs may be ahead, 22 ms each at 115200 baud.
    assert!(board.heard.iter().filter(|(channel, _)| *channel == FILE).count() < 4, "the files are too short");
    assert!(longest <= Duration::from_millis(60), "{longest:?}");
}
