//! What clients of it see.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::running::{PATIENCE, Running, close_code, frame_on};

#[tokio::test]
async fn the_virtual_device_answers_a_line_of_chat() {
    let host = Running::start("chat", &["--port", "demo"]);
    assert!(host.address.starts_with("http://localhost:"), "{}", host.address);
    let mut client = host.connect("pocketmux.v1").await;
    loop {
        let device: Value =
            serde_json::from_str(frame_on(&mut client, "device").await["data"].as_str().unwrap()).unwrap();
        if device["channels"].as_array().unwrap().len() == 6 {
            assert_eq!(device["about"]["stats"]["content"], "application/json");
            assert_eq!((&device["name"], &device["state"]), (&"virtual".into(), &"online".into()));
            break;
        }
    }
    for (sequence, data) in [r"hi \ud83d", r"\ude00!"].into_iter().enumerate() {
        let text = format!(r#"{{"channel":"chat","messageId":"c-1","sequence":{sequence},"total":2,"data":"{data}"}}"#);
        client.send(Message::text(text.clone())).await.unwrap();
        // It comes back to its sender as it was, and then the board has its word.
        let next = timeout(PATIENCE, async {
            loop {
                match client.next().await.unwrap().unwrap() {
                    Message::Text(back) if back.contains("\"c-1\"") => return back,
                    _ => {}
                }
            }
        });
        assert_eq!(next.await.unwrap().as_str(), text);
    }
    let answer = frame_on(&mut client, "chat").await;
    assert!(answer["data"].as_str().unwrap().contains("hi 😀!"), "{answer}");
    assert_eq!(answer["from"], "virtual");
    assert_eq!(frame_on(&mut client, "presence").await["data"], "online");
}

#[tokio::test]
async fn a_client_without_subprotocol_hears_nothing_about_devices() {
    let host = Running::start("classic", &["--port", "demo"]);
    let mut client = host.connect("").await;
    for _ in 0..2 {
        let next = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
        assert!(!next.to_text().unwrap().contains("\"device\""), "{next:?}");
    }
}

#[tokio::test]
async fn refusals_go_to_the_sender_and_end_nothing() {
    let host = Running::start("refusals", &["--port", "demo"]);
    let mut client = host.connect("").await;
    client.send(Message::text("hello")).await.unwrap();
    client.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    for (number, words) in [("error-1", "not JSON"), ("error-2", "binary WebSocket message")] {
        let frame = frame_on(&mut client, "error").await;
        assert_eq!(frame["messageId"], number);
        assert!(frame["data"].as_str().unwrap().contains(words), "{frame}");
    }
    // Beyond 1 MiB the connection is closed, and says why.
    client.send(Message::text("x".repeat((1 << 20) + 1))).await.unwrap();
    assert_eq!(close_code(&mut client).await, Some(1009));
}

#[tokio::test]
async fn strange_pages_are_refused_and_those_allowed_by_name_are_not() {
    let host = Running::start("origin", &["--port", "demo", "--allow-origin", "https://pages.example"]);
    for (origin, status) in
        [("https://pages.example", 101), ("http://localhost:5500", 101), ("https://evil.example", 403)]
    {
        let mut request = host.address.replace("http", "ws").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let got = match connect_async(request).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(got, status, "{origin}");
    }
}
