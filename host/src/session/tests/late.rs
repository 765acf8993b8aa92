//! A line on which everything takes its time.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::rig::{Board, Rig, client_frame};
use crate::inbound::Inbound;
use crate::refusal::Refusals;

const DELAY: Duration = Duration::from_millis(100);

/// Carries bytes from one to the other, each as late.
fn carry(mut from: ReadHalf<tokio::io::DuplexStream>, mut to: WriteHalf<tokio::io::DuplexStream>) {
    let (sender, mut on_the_way) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut buf = [0; 512];
        while let Ok(len @ 1..) = from.read(&mut buf).await {
            let _ = sender.send((Instant::now() + DELAY, buf[..len].to_vec()));
        }
    });
    tokio::spawn(async move {
        while let Some((at, bytes)) = on_the_way.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn round_trips_are_measured_and_nothing_is_repeated_too_early() {
    let (rig, wire) = Rig::new();
    let (near, far) = duplex(4096);
    let ((from_host, to_host), (from_board, to_board)) = (split(wire), split(far));
    carry(from_host, to_board);
    carry(from_board, to_host);
    let mut board = Board::new(near, "s1", 1);
    board.until(|board| board.link.is_up() && rig.has_channels()).await;
    let mut client = Inbound::new(&rig.hub, Arc::new(Refusals::new()));
    for n in 0..20 {
        client.take(&client_frame("chat", &format!("chat {n}")));
        let _ = timeout(Duration::from_millis(500), board.until(|_| false)).await;
    }
    let _ = timeout(Duration::from_secs(3), board.until(|_| false)).await;
    let counted = rig.hub.devices()[0].link.clone().unwrap();
    let round_trip_us = counted["roundTripUs"].as_u64().unwrap();
    assert!((200_000..250_000).contains(&round_trip_us), "{counted}");
    assert_eq!((&counted["timeouts"], &counted["repaired"]), (&0.into(), &0.into()), "{counted}");
    assert_eq!(board.link.counters().duplicate, 0);
}
