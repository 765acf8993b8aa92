//! Listeners: who hears whom, and what is left to one that is behind.

use super::{Listener, Overrun, WAITING_BYTES, WAITING_MAX};
use crate::hub::Hub;
use crate::registry::Registry;
use crate::table::DeviceState;
use pocketmux_core::{Delivery, Kind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};

fn hub() -> Arc<Hub> {
    let hub = Hub::new(Registry::load(None));
    let (id, mut device) = hub.open("tty".into(), "/dev/tty".into(), mpsc::channel(1).0);
    device.state = DeviceState::Online;
    device.channels = ["typing", "log"].map(String::from).into();
    device.deliveries = [("typing".into(), Delivery::Latest), ("log".into(), Delivery::Lossy)].into();
    hub.set(id, &device);
    Arc::new(hub)
}

fn say(listener: &Listener, channel: &str, text: &str) {
    listener.say(channel, Some("Ann"), Kind::Text, text.as_bytes()).unwrap();
}

async fn heard(listener: &Listener) -> Vec<Result<String, Overrun>> {
    let mut heard = Vec::new();
    while let Ok(next) = timeout(Duration::from_millis(10), listener.recv()).await {
        let is_over = next.is_err();
        heard.push(next.map(|message| message.text().unwrap()));
        if is_over {
            break;
        }
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn what_one_says_all_others_hear_that_listen_to_the_channel() {
    let hub = hub();
    let [ann, bob, carl] = [(); 3].map(|()| Listener::new(hub.clone()));
    [&ann, &bob, &carl].iter().for_each(|listener| listener.add("chat"));
    carl.add("other");
    carl.remove("chat");
    let (mut reader, _) = hub.subscribe(false);
    say(&ann, "chat", "hi");
    assert_eq!((heard(&ann).await, heard(&bob).await, heard(&carl).await), (vec![], vec![Ok("hi".into())], vec![]));
    let mut frames = Vec::new();
    reader.take(&mut frames).unwrap();
    let frame = frames[0].as_str();
    assert!(frame.starts_with(r#"{"channel":"chat","messageId":"door-"#), "{frame}");
    assert!(frame.ends_with(r#"-1-0","sequence":0,"total":1,"data":"hi","from":"Ann"}"#), "{frame}");
    assert_eq!(frames.len(), 1);
    bob.remove("chat");
    drop(carl);
    assert!(!hub.is_heard("other") && hub.is_heard("chat"));
    drop(ann);
    assert!(!hub.is_heard("chat"));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_behind_has_what_the_delivery_of_the_channel_leaves_it() {
    let hub = hub();
    let (ann, bob) = (Listener::new(hub.clone()), Listener::new(hub));
    ["typing", "log", "chat"].iter().for_each(|channel| bob.add(channel));
    ["older", "newest"].iter().for_each(|text| say(&ann, "typing", text));
    assert_eq!(heard(&bob).await, [Ok("newest".into())]);
    (0..WAITING_MAX + 10).for_each(|n| say(&ann, "log", &n.to_string()));
    let lines = heard(&bob).await;
    assert_eq!((lines.len(), &lines[WAITING_MAX - 1]), (WAITING_MAX, &Ok((WAITING_MAX - 1).to_string())));
    (0..=WAITING_MAX).for_each(|n| say(&ann, "chat", &n.to_string()));
    let lines = heard(&bob).await;
    assert_eq!((lines.len(), lines.last()), (WAITING_MAX + 1, Some(&Err(Overrun))));
}

#[test]
fn what_cannot_be_said_is_refused_in_words() {
    let ann = Listener::new(hub());
    let long = "x".repeat(crate::inbound::CHANNEL_MAX + 1);
    for (channel, word) in [("error", "only the host"), ("", "1 to"), (&long, "1 to")] {
        assert!(ann.say(channel, None, Kind::Text, b"x").unwrap_err().contains(word));
    }
    let much = vec![b'x'; crate::inbound::DATA_MAX + 1];
    assert!(ann.say("chat", None, Kind::Binary, &much).unwrap_err().contains("at most"));
}

#[tokio::test(start_paused = true)]
async fn the_bytes_that_wait_for_all_listeners_of_a_client_are_bounded_together() {
    let (hub, bytes) = (hub(), Arc::default());
    let ann = Listener::new(hub.clone());
    let listeners: Vec<_> = (0..8).map(|_| Listener::sharing(hub.clone(), Arc::clone(&bytes))).collect();
    listeners.iter().for_each(|listener| listener.add("chat"));
    let long = "x".repeat(200_000);
    (0..40).for_each(|_| say(&ann, "chat", &long));
    assert!((WAITING_BYTES - 200_000..=WAITING_BYTES).contains(&bytes.load(Relaxed)));
    for listener in &listeners {
        assert_eq!(heard(listener).await.last(), Some(&Err(Overrun)));
    }
    assert_eq!(bytes.load(Relaxed), 0);
}
