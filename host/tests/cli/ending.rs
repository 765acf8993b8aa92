//! How it ends, and what is left of it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::running::{PATIENCE, Running, close_code, pocketmux};

#[tokio::test]
async fn sigterm_says_goodbye_to_every_client_and_exits_with_zero() {
    let host = Running::start("sigterm", &["--port", "demo"]);
    let mut clients = [host.connect("").await, host.connect("pocketmux.v1").await];
    host.signal("-TERM");
    for client in &mut clients {
        assert_eq!(close_code(client).await, Some(1001));
    }
    drop(clients);
    let (status, said) = host.end().await;
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    let mut host = Running::start("second", &["--port", "demo"]);
    // A client that never answers the goodbye would hold the host up for seconds.
    let _silent = host.connect("").await;
    // Two signals in one breath may count as one.
    while host.child.try_wait().unwrap().is_none() {
        host.signal("-INT");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, said) = host.end().await;
    assert_eq!(status.code(), Some(130), "{said}");
}

#[tokio::test]
async fn what_was_seen_is_known_after_a_restart_even_if_the_file_was_damaged() {
    let host = Running::start("registry", &["--port", "demo"]);
    let file = host.data.join("devices.json");
    let seen = async {
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"virtual\"")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the device is written down");
    std::fs::write(&file, "{").unwrap();
    let again = pocketmux(&["--listen", "127.0.0.1:0", "--port", "demo", "--data", host.data.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut again = Running { child: again, address: String::new(), data: host.data.clone() };
    BufReader::new(again.child.stdout.take().unwrap()).read_line(&mut again.address).unwrap();
    again.signal("-TERM");
    let (status, said) = again.end().await;
    assert!(status.success() && said.contains("is damaged"), "{said}");
}
