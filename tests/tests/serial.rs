//! A board on a serial device path: a pseudo terminal, opened by the host as any serial port is.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pocketmux_firmware_example::file;
use pocketmux_tests::{Board, Cable, Client, Host};
use serde_json::Value;

const SERIAL: u64 = 0x0123_4567_89ab_cdef;

fn bytes(frame: &Value) -> Vec<u8> {
    assert_eq!(frame["encoding"], "base64");
    BASE64_STANDARD.decode(frame["data"].as_str().unwrap()).unwrap()
}

fn text(frame: &Value) -> Vec<u8> {
    frame["data"].as_str().unwrap().as_bytes().to_vec()
}

async fn devices(client: &mut Client, state: &str) -> Value {
    client
        .frame(|frame| {
            frame["channel"] == "device" && frame["data"].as_str().unwrap().contains(&format!("\"state\":\"{state}\""))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_presence_and_a_file_of_a_board_reach_two_clients() {
    let cable = Cable::new();
    let _board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    let (mut ann, mut bob) = (host.client().await, host.client().await);
    ann.say("chat", "ann-1", "/file").await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.whole("file", bytes).await, file::CONTENT);
        assert_eq!(client.whole("presence", text).await, b"online");
    }
    ann.say("chat", "ann-2", "hello 😀").await;
    for client in [&mut ann, &mut bob] {
        let heard = client
            .frame(|frame| {
                frame["from"] == "bench" && frame["data"].as_str().is_some_and(|data| data.contains("hello"))
            })
            .await;
        assert_eq!(heard["data"], "bench heard: hello 😀");
        assert_eq!(heard["channel"], "chat");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_in_classic_frames_is_heard_whole_halves_of_characters_included() {
    let cable = Cable::new();
    let _board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    let mut client = host.client().await;
    client.whole("presence", text).await;
    // "hi 😀!" at four UTF-16 code units a frame: the pair is cut in two.
    let first = r#"{"channel":"chat","messageId":"chat-1","sequence":0,"total":2,"data":"hi \ud83d"}"#;
    let second = r#"{"channel":"chat","messageId":"chat-1","sequence":1,"total":2,"data":"\ude00!"}"#;
    client.send(second).await;
    client.send(first).await;
    let mut echoes = Vec::new();
    while echoes.len() < 2 {
        let text = client.text().await;
        if text.contains("\"chat-1\"") {
            echoes.push(text);
        }
    }
    assert_eq!(echoes, [second, first], "the sender gets its own text back, unchanged");
    let heard = client.frame(|frame| frame["from"] == "bench" && frame["channel"] == "chat").await;
    assert_eq!(heard["data"], "bench heard: hi 😀!");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_line_costs_time_and_never_a_wrong_byte() {
    let cable = Cable::new();
    // Three bits in a hundred thousand: about every second file of 23 frames comes whole, so it is asked for again and again.
    let board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 3e-5);
    let host = Host::start(&cable).await.unwrap();
    let mut client = host.client().await;
    let mut asking = host.client().await;
    let ask = tokio::spawn(async move {
        for n in 0.. {
            asking.say("chat", &format!("ask-{n}"), "/file").await;
            tokio::time::sleep(Duration::from_millis(800)).await;
        }
    });
    while board.flipped() < 10 {
        assert_eq!(client.whole("file", bytes).await, file::CONTENT);
        assert_eq!(client.whole("presence", text).await, b"online");
    }
    ask.abort();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_pulled_in_the_middle_of_a_file_shows_as_offline_and_the_file_comes_after_the_replug() {
    let cable = Cable::new();
    let board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    let mut client = Client::connect_to_session(host.address()).await;
    devices(&mut client, "online").await;
    client.frame(|frame| frame["channel"] == "file" && frame["sequence"] == 5).await;
    cable.unlink();
    drop(board);
    devices(&mut client, "offline").await;
    // The host goes on: a line is relayed, and the sender hears that the board did not get it.
    client.say("chat", "while-away", "anyone?").await;
    let (mut relayed, mut refused) = (false, false);
    while !relayed || !refused {
        let frame = client.frame(|frame| frame["messageId"] == "while-away" || frame["channel"] == "error").await;
        relayed |= frame["channel"] == "chat";
        refused |= frame["data"].as_str().is_some_and(|data| data.contains("bench"));
    }
    let _board = Board::boot(cable.plug().unwrap(), SERIAL, 2, 0.0);
    devices(&mut client, "online").await;
    assert_eq!(client.whole("file", bytes).await, file::CONTENT);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_at_the_same_path_is_not_taken_for_it() {
    let cable = Cable::new();
    let board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    let mut client = Client::connect_to_session(host.address()).await;
    devices(&mut client, "online").await;
    cable.unlink();
    drop(board);
    devices(&mut client, "offline").await;
    let stranger = Board::boot(cable.plug().unwrap(), SERIAL + 1, 2, 0.0);
    let told = client
        .frame(|frame| frame["channel"] == "device" && frame["data"].as_str().unwrap().contains("Another device"))
        .await;
    assert!(!told["data"].as_str().unwrap().contains("\"state\":\"online\""), "{told}");
    cable.unlink();
    drop(stranger);
    let _board = Board::boot(cable.plug().unwrap(), SERIAL, 3, 0.0);
    devices(&mut client, "online").await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_without_a_pulled_cable_is_noticed_and_the_file_comes_again() {
    let cable = Cable::new();
    let port = cable.plug().unwrap();
    let kept = port.try_clone_native().unwrap();
    let board = Board::boot(port, SERIAL, 1, 0.0);
    let host = Host::start(&cable).await.unwrap();
    let mut client = host.client().await;
    assert_eq!(client.whole("file", bytes).await, file::CONTENT);
    drop(board);
    let _board = Board::boot(kept, SERIAL, 2, 0.0);
    assert_eq!(client.whole("file", bytes).await, file::CONTENT);
    let frame = client.frame(|frame| frame["channel"] == "presence").await;
    assert!(frame["messageId"].as_str().unwrap().ends_with('2'), "{frame}");
    host.stop().await;
}
