//! The history through a hundred deaths of the program.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::running::{Client, PATIENCE, Running};

const DEATHS: usize = 100;
const POSTERS: usize = 4;
/// Posts that are answered before the program is killed, at most.
const ANSWERED_MAX: usize = 60;

/// Posts one message after the other until the connection breaks; the ids of those that were answered with 201.
async fn post(address: String, name: String, answered: Arc<AtomicUsize>) -> Vec<String> {
    // The others may have brought about the end before this one was there.
    let Ok(socket) = TcpStream::connect(address).await else { return Vec::new() };
    let mut socket = BufReader::new(socket);
    let mut ids = Vec::new();
    loop {
        let body = serde_json::json!({"sender": name, "content": format!("post {}", ids.len())}).to_string();
        let head = format!("POST /api/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        if socket.write_all((head + &body).as_bytes()).await.is_err() {
            return ids;
        }
        let Some(body) = answer(&mut socket).await else { return ids };
        let row: Value = serde_json::from_slice(&body).unwrap();
        ids.push(row["id"].as_str().unwrap().to_owned());
        answered.fetch_add(1, Relaxed);
    }
}

/// The body of a whole answer; nothing else than 201 may be one.
async fn answer(socket: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut len, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        if !matches!(socket.read_line(&mut line).await, Ok(1..)) || !line.ends_with('\n') {
            return None;
        }
        assert!(!line.starts_with("HTTP") || line.contains(" 201 "), "{line}");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; len];
    socket.read_exact(&mut body).await.ok().map(|_| body)
}

/// The messages that the feed tells of until the connection breaks, by their ids.
async fn follow(mut feed: Client) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(Ok(message)) = feed.next().await {
        let Message::Text(text) = message else { continue };
        let told: Value = serde_json::from_str(&text).unwrap();
        ids.push(told["data"]["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Says one line of chat after the other as a page does, and counts those that come back until the connection breaks.
async fn say(mut page: Client, round: usize) -> Vec<String> {
    let mut back = Vec::new();
    for n in 0.. {
        let content = format!("line {n} of round {round}");
        let frame = serde_json::json!({"channel": "chat", "messageId": "c", "sequence": 0, "total": 1, "data": content, "from": "page"});
        if page.send(Message::text(frame.to_string())).await.is_err() {
            break;
        }
        loop {
            match page.next().await {
                Some(Ok(Message::Text(text))) if text.contains(&content) && text.contains("\"page\"") => break,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return back,
            }
        }
        back.push(content);
    }
    back
}

/// The history after the message of that id.
async fn since(address: &str, id: &str) -> Vec<Value> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let query = if id.is_empty() { String::new() } else { format!("?since={id}") };
    // Of this version the answer ends where the connection does.
    let head = format!("GET /api/messages{query} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut text)).await.expect("an answer").unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{text}");
    serde_json::from_str(body).unwrap()
}

#[derive(Default)]
struct Expected {
    ids: Vec<String>,
    lines: Vec<String>,
    last: String,
}

impl Expected {
    /// Kills the program while everyone talks, and remembers what was promised.
    async fn round(&mut self, host: &mut Running, round: usize, deadline: usize) {
        let address = host.address.trim_start_matches("http://").to_owned();
        let mut feed = host.connect_to("/ws").await;
        let welcome = feed.next().await.unwrap().unwrap();
        assert!(welcome.to_text().unwrap().contains("Connected to real-time chat"));
        let line = tokio::spawn(say(host.connect("").await, round));
        let told = tokio::spawn(follow(feed));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut posters = JoinSet::new();
        for poster in 0..POSTERS {
            posters.spawn(post(address.clone(), format!("poster {poster}"), answered.clone()));
        }
        let enough = async {
            while answered.load(Relaxed) < deadline {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, enough).await.expect("posts are answered");
        host.kill();
        self.ids = posters.join_all().await.concat();
        assert!(self.ids.len() >= deadline);
        self.ids.extend(told.await.unwrap());
        self.lines = line.await.unwrap();
    }

    /// Checks what the next run has of this one.
    async fn check(&mut self, host: &Running, all: &mut HashSet<String>) {
        let rows = since(host.address.trim_start_matches("http://"), &self.last).await;
        let mut lines = HashMap::<&str, usize>::new();
        for row in &rows {
            assert!(all.insert(row["id"].as_str().unwrap().to_owned()), "twice: {row}");
            *lines.entry(row["content"].as_str().unwrap()).or_default() += 1;
        }
        for id in &self.ids {
            assert!(all.contains(id), "{id} was promised and is gone");
        }
        for line in &self.lines {
            assert_eq!(lines.get(line.as_str()), Some(&1), "{line}");
        }
        self.last = rows.last().unwrap()["id"].as_str().unwrap().to_owned();
    }
}

/// In real time, since a process is killed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_or_told_is_in_the_history_after_the_program_was_killed_a_hundred_times() {
    let mut host = Running::start("history", &["--port", "demo"]);
    let (mut expected, mut all) = (Expected::default(), HashSet::new());
    // Always the same deadlines; where in its work the program is then is up to the machine.
    let mut chance = 0x2545_f491_u32;
    for round in 0..DEATHS {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        expected.round(&mut host, round, 1 + (chance >> 16) as usize % ANSWERED_MAX).await;
        host.start_again(&["--port", "demo"]);
        expected.check(&host, &mut all).await;
    }
    let address = host.address.trim_start_matches("http://");
    let listed = since(address, "").await;
    let ids: HashSet<String> = listed.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ids.len(), all.is_subset(&ids)), (listed.len(), true));
}
