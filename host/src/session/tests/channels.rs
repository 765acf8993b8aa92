//! Channels that come and go, that are not read, and that are urgent.

use std::cell::Cell;

use pocketmux_core::{Channel, Config, Event, Identity, Link, Message};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::time::{Duration, Instant, timeout};

use super::rig::{Board, FILE, Rig, client, client_frame, frames, refused, run_ms, transmit, up};

/// Bytes that a line of 115200 baud carries in a millisecond.
const LINE: usize = 12;
/// And one so slow that an acknowledgement arrives before what follows it.
const SLOW_LINE: usize = 8;

/// Runs until `is_done`, and hears so many bytes in a millisecond.
async fn crawl(board: &mut Board, rate: usize, is_done: impl Fn(&Board) -> bool) {
    let mut input = vec![0; rate];
    while !is_done(board) {
        let now_us = board.started.elapsed().as_micros() as u64;
        transmit(&mut board.link, &mut board.wire, now_us).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        if let Ok(read) = timeout(Duration::ZERO, board.wire.read(&mut input)).await {
            board.hear(&input[..read.unwrap()], now_us);
        }
    }
}

async fn crawl_ms(board: &mut Board, ms: u64) {
    let end = Instant::now() + Duration::from_millis(ms);
    crawl(board, SLOW_LINE, |_| Instant::now() >= end).await;
}

/// A board that keeps two channels.
struct Small {
    link: Link<'static, 256, 16, 2>,
    wire: DuplexStream,
    heard: Vec<String>,
    started: Instant,
}

impl Small {
    fn new(wire: DuplexStream, identity: Identity<'static>, channels: &[&'static str; 2]) -> Self {
        let mut link = Link::new(Config { identity, epoch: 77, ..Config::default() });
        channels.iter().for_each(|name| assert!(link.open(Channel::new(name)).is_ok()));
        Self { link, wire, heard: Vec::new(), started: Instant::now() }
    }

    async fn run_ms(&mut self, ms: u64) {
        let mut input = [0; 256];
        let end = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < end {
            let now_us = self.started.elapsed().as_micros() as u64;
            transmit(&mut self.link, &mut self.wire, now_us).await;
            let Ok(read) = timeout(Duration::from_millis(5), self.wire.read(&mut input)).await else { continue };
            let mut input = &input[..read.unwrap()];
            while !input.is_empty() {
                input = &input[self.link.handle_input(input, now_us)..];
                while let Some(event) = self.link.poll_event() {
                    if let Event::Frame(frame) = event {
                        self.heard.push(String::from_utf8(frame.data.to_vec()).unwrap());
                    }
                }
            }
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
        crawl(&mut board, LINE, |_| Instant::now() >= next).await;
        let said = format!("typing {n}");
        let at = Instant::now();
        client.take(&client_frame("typing", &said));
        crawl(&mut board, LINE, |board| board.heard.last().is_some_and(|(_, data)| data == said.as_bytes())).await;
        longest = longest.max(at.elapsed());
    }
    // Files are on their way all the time; two chunks of theirs may be ahead, 22 ms each at 115200 baud.
    assert!(board.heard.iter().filter(|(channel, _)| *channel == FILE).count() < 4, "the files are too short");
    assert!(longest <= Duration::from_millis(60), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_board_with_a_full_table_may_end_a_channel_and_open_it_at_once() {
    for is_reset in [false, true] {
        let (rig, wire) = Rig::new();
        let identity = Identity { name: "microbit", firmware: "test 1", serial: "s1" };
        let mut board = Board::with(wire, identity, 1, &["chat", "a", "b", "c"]);
        let is_up = || rig.hub.devices()[0].channels.len() == 6;
        board.until(|board| board.link.is_up() && is_up()).await;
        let (mut client, refusals) = client(&rig);
        let (mut reader, _) = rig.hub.subscribe(false);
        for round in 0..6 {
            let file = board.link.channel_named("file").unwrap();
            if is_reset {
                board.link.reset(file, "again");
            } else {
                board.link.close(file);
            }
            while board.link.open(Channel::new("file")).is_err() {
                // As soon as its end was answered: the host's own end of it has not been, then.
                let is_first = Cell::new(true);
                crawl(&mut board, SLOW_LINE, |_| !is_first.replace(false)).await;
            }
            let file = board.link.channel_named("file").unwrap();
            board.link.send(file, &Message::text("from the board")).unwrap();
            crawl_ms(&mut board, 500).await;
            let text = format!("round {round}");
            client.take(&client_frame("file", &text));
            crawl_ms(&mut board, 500).await;
            assert_eq!(board.heard.last(), Some(&(file, text.into_bytes())));
        }
        assert_eq!(board.heard.len(), 6);
        let mut texts = Vec::new();
        reader.take(&mut texts).unwrap();
        assert_eq!(frames(&texts).iter().filter(|frame| frame["data"] == "from the board").count(), 6);
        assert!(is_up() && refused(&refusals).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_whose_new_firmware_keeps_fewer_channels_has_those_that_it_opens() {
    let (rig, wire) = Rig::new();
    let identity = || Identity { name: "microbit", firmware: "test 1", serial: "s1" };
    let mut board = Board::with(wire, identity(), 1, &["a", "b", "c", "d"]);
    board.until(|board| board.link.is_up() && rig.hub.devices()[0].channels.len() == 6).await;
    let mut small = Small::new(board.wire, identity(), &["d", "file"]);
    small.run_ms(3000).await;
    assert_eq!(rig.hub.devices()[0].channels, ["d", "file"]);
    let (mut client, refusals) = client(&rig);
    client.take(&client_frame("file", "for the file"));
    client.take(&client_frame("d", "for d"));
    small.run_ms(200).await;
    assert_eq!(small.heard, ["for the file", "for d"]);
    assert!(refused(&refusals).is_empty());
}
