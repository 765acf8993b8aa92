//! Clients that share a host: what one does disturbs no other.

use std::time::Duration;

use pocketmux_tests::{Board, Cable, Client, Host};

/// A host with a board at the end of its cable.
async fn stage() -> (Cable, Board, Host) {
    let cable = Cable::new();
    let board = Board::boot(cable.plug().unwrap(), 1, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    (cable, board, host)
}

/// Says so many lines, ten a second, and waits for each to come back.
async fn talk(calm: &mut Client, lines: usize) {
    for n in 0..lines {
        let id = format!("calm-{n}");
        calm.say("talk", &id, "still here").await;
        calm.frame(|frame| frame["messageId"] == id.as_str()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_floods_is_slowed_down_and_the_others_hear_everything() {
    let (_cable, _board, host) = stage().await;
    let (mut flooder, mut calm) = (host.client().await, host.client().await);
    let flood = tokio::spawn(async move {
        let frame = serde_json::json!({"channel": "flood", "messageId": "f", "sequence": 0, "total": 1, "data": "x".repeat(200)}).to_string();
        loop {
            flooder.send_and_skip(frame.as_str(), 64).await;
        }
    });
    let calm = tokio::spawn(async move { talk(&mut calm, 30).await });
    calm.await.expect("the calm client hears its own lines");
    assert!(!flood.is_finished(), "the flooder is slowed down, not thrown out");
    flood.abort();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_go_to_the_sender_alone_and_every_one_is_accounted_for() {
    let (_cable, _board, host) = stage().await;
    let (mut wrong, mut other) = (host.client().await, host.client().await);
    for n in 0..60 {
        wrong.send(format!("not a frame {n}")).await;
    }
    let mut told = 0;
    while told < 60 {
        let refusal = wrong.frame(|frame| frame["channel"] == "error").await;
        let sentence = refusal["data"].as_str().unwrap();
        told += match sentence.split_once(" more were refused") {
            Some((count, _)) => count.parse::<u32>().unwrap(),
            None => 1,
        };
    }
    assert_eq!(told, 60);
    wrong.say("talk", "after", "well formed").await;
    let next = other.frame(|frame| frame["channel"] == "error" || frame["channel"] == "talk").await;
    assert_eq!(next["messageId"], "after");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_in_the_classic_order_all_reach_the_board() {
    let (_cable, _board, host) = stage().await;
    let mut client = host.client().await;
    client.frame(|frame| frame["channel"] == "presence").await;
    for sequence in 0..2 {
        for line in 0..3 {
            let data = format!("{line}{}", ["first half, ", "second half"][sequence]);
            let frame = serde_json::json!({"channel": "chat", "messageId": format!("chat-{line}"), "sequence": sequence, "total": 2, "data": data});
            client.send(frame.to_string()).await;
        }
    }
    for line in 0..3 {
        let answer = client.frame(|frame| frame["from"] == "bench" && frame["channel"] == "chat").await;
        assert_eq!(answer["data"], format!("bench heard: {line}first half, {line}second half"));
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_let_go_and_disturbs_nobody() {
    let (_cable, _board, host) = stage().await;
    let (mut stalled, mut calm) = (host.client().await, host.client().await);
    let mut busy = [host.client().await, host.client().await];
    let frame =
        serde_json::json!({"channel": "load", "messageId": "l", "sequence": 0, "total": 1, "data": "x".repeat(60_000)})
            .to_string();
    // Two senders at the rate they are allowed overrun the ring and the stalled client's socket within seconds.
    let load = async {
        let [one, two] = &mut busy;
        for _ in 0..60 {
            tokio::join!(one.send_and_skip(&frame, 4), two.send_and_skip(&frame, 4));
        }
    };
    tokio::join!(load, talk(&mut calm, 40));
    assert_eq!(stalled.close_code().await, Some(1013));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_and_a_stopping_host_says_goodbye() {
    let (_cable, _board, host) = stage().await;
    let mut client = host.client().await;
    assert_eq!(client.ping(b"are you there").await, b"are you there");
    let (code, ()) = tokio::join!(client.close_code(), host.stop());
    assert_eq!(code, Some(1001));
}
