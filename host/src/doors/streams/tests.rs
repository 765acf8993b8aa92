//! Streams over the line of a session, without a socket.

mod rig;

use pocketmux_core::Kind;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};

use super::numbers::{NUMBERS, StandIn};
use super::{CHANNELS_PATIENCE, HELLO_PATIENCE, STREAMS_MAX};
use crate::listener::{Listener, WAITING_MAX};
use crate::table::DeviceState;
use rig::Rig;

fn say(listener: &Listener, channel: &str, text: &str) {
    listener.say(channel, None, Kind::Text, text.as_bytes()).unwrap();
}

async fn heard(listener: &Listener) -> String {
    timeout(Duration::from_millis(10), listener.recv()).await.unwrap().unwrap().text().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_its_channel_both_ways() {
    let mut rig = Rig::new();
    let other = rig.other("chat");
    let client = rig.client();
    client.says(&[r#"["a","new",{"meta":"chat"}]"#, r#"["a","data","hi"]"#, r#"["a","data",{"x": 1.50}]"#]).await;
    assert_eq!([heard(&other).await, heard(&other).await], ["hi", r#"{"x": 1.50}"#]);
    assert_eq!(rig.to_device.recv().await.unwrap().into_message().text().unwrap(), "hi");
    say(&other, "chat", "hello");
    say(&other, "chat", "[1,2]");
    rig.device_says("chat", "[1,\n2]");
    let lines = [r#"["a","data","hello"]"#, r#"["a","data","[1,2]"]"#, r#"["a","data",[1, 2]]"#];
    assert_eq!(client.hears().await, lines, "only what comes as a value, and from devices, arrives as one");
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_only_the_ways_that_its_options_say() {
    let rig = Rig::new();
    let other = rig.other("chat");
    let client = rig.client();
    client
        .says(&[
            r#"["to","new",{"meta":"chat","opts":{"writable":true,"readable":false}}]"#,
            r#"["from","new",{"meta":"chat","opts":{"writable":false,"readable":true}}]"#,
            r#"["to","data","not said"]"#,
            r#"["from","data","said"]"#,
        ])
        .await;
    assert_eq!(heard(&other).await, "said");
    say(&other, "chat", "hello");
    // The client hears its own words on its other stream, as that is a listener like any.
    assert_eq!(client.hears().await, [r#"["to","data","said"]"#, r#"["to","data","hello"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_stream_is_held_with_the_policy_of_its_channel_until_it_is_resumed() {
    let rig = Rig::new();
    let (other, client) = (rig.other("none"), rig.client());
    let paused = ["chat", "typing"]
        .map(|name| [format!(r#"["{name}","new",{{"meta":"{name}"}}]"#), format!(r#"["{name}","pause"]"#)]);
    client.says(&paused.concat().iter().map(String::as_str).collect::<Vec<_>>()).await;
    for text in ["older", "newest"] {
        say(&other, "chat", text);
        say(&other, "typing", text);
    }
    assert!(client.hears().await.is_empty());
    client.says(&[r#"["chat","resume"]"#]).await;
    assert_eq!(client.hears().await, [r#"["chat","data","older"]"#, r#"["chat","data","newest"]"#]);
    client.says(&[r#"["typing","resume"]"#]).await;
    assert_eq!(client.hears().await, [r#"["typing","data","newest"]"#]);
    say(&other, "chat", "after");
    assert_eq!(client.hears().await, [r#"["chat","data","after"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_held_too_long_is_closed_in_words_after_what_waits() {
    let rig = Rig::new();
    let (other, client) = (rig.other("none"), rig.client());
    client.says(&[r#"["a","new",{"meta":"chat"}]"#, r#"["a","pause"]"#]).await;
    (0..=WAITING_MAX).for_each(|number| say(&other, "chat", &number.to_string()));
    client.says(&[r#"["a","resume"]"#]).await;
    let lines = client.hears().await;
    assert_eq!(lines.len(), WAITING_MAX + 2);
    assert_eq!(lines[WAITING_MAX - 1], format!(r#"["a","data","{}"]"#, WAITING_MAX - 1));
    let error = &lines[WAITING_MAX];
    assert!(error.contains(r#"["a","error","This stream is closed: its reader was too slow"#), "{error}");
    assert_eq!(lines[WAITING_MAX + 1], r#"["a","close"]"#);
    // The library answers with a close of its own, and may open the next one.
    client.says(&[r#"["a","data","lost"]"#, r#"["a","close"]"#, r#"["a","new",{"meta":"chat"}]"#]).await;
    say(&other, "chat", "again");
    assert_eq!(client.hears().await, [r#"["a","data","again"]"#]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_stream_still_hears_and_a_closed_one_does_not() {
    let rig = Rig::new();
    let (other, client) = (rig.other("chat"), rig.client());
    client.says(&[r#"["a","new",{"meta":"chat"}]"#, r#"["a","end"]"#, r#"["a","data","too late"]"#]).await;
    say(&other, "chat", "still there?");
    assert_eq!(client.hears().await, [r#"["a","data","still there?"]"#]);
    client.says(&[r#"["a","close"]"#, r#"["a","close"]"#, r#"["a","end"]"#]).await;
    say(&other, "chat", "gone");
    assert_eq!(client.hears().await, [r#"["a","close"]"#]);
    // Nothing is left of a stream that the client only wrote into.
    let written = r#"["b","new",{"meta":"chat","opts":{"writable":false,"readable":true}}]"#;
    client.says(&[written, r#"["b","end"]"#, r#"["b","close"]"#]).await;
    assert_eq!(client.hears().await, [r#"["b","close"]"#]);
    assert!(timeout(Duration::from_millis(10), other.recv()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_to_nowhere_gets_an_error_in_words_and_stays_harmless() {
    let rig = Rig::new();
    let client = rig.client();
    tokio::time::sleep(HELLO_PATIENCE).await;
    for (options, words) in [
        ("", "The meta of a stream names a channel"),
        (r#",{"meta":7}"#, "The meta of a stream names a channel"),
        (r#",{"meta":"nowhere"}"#, "No device has the channel `nowhere`. Known are: chat, log, typing."),
        (r#",{"meta":"error"}"#, "only the host speaks"),
        (r#",{"meta":{"channel":"chat","device":"tty"}}"#, "There is no device `tty`. Known are: pico."),
        (r#",{"meta":{"channel":"file","device":"pico"}}"#, "The device `pico` has no channel `file`."),
    ] {
        client
            .says(&[&format!(r#"["a","new"{options}]"#), r#"["a","data",1]"#, r#"["a","pause"]"#, r#"["a","close"]"#])
            .await;
        let lines = client.hears().await;
        assert!(lines.len() == 1 && lines[0].starts_with(r#"["a","error","#) && lines[0].contains(words), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_make_no_sense_are_passed_over() {
    let rig = Rig::new();
    let (other, client) = (rig.other("chat"), rig.client());
    let sense = [r#"["a","new",{"meta":"chat"}]"#, r#"["a","data","hi"]"#];
    let none = [
        "",
        "x",
        "{}",
        r#"["a"]"#,
        r#"["__proto__","new",{"meta":"chat"}]"#,
        r#"["a","error",null]"#,
        r#"["b","data",1]"#,
    ];
    client.says(&none).await;
    client.says(&[sense[0]]).await;
    client.says(&none).await;
    client.says(&sense).await;
    assert_eq!(heard(&other).await, "hi");
    assert!(client.hears().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_has_only_so_many_streams() {
    let rig = Rig::new();
    let client = rig.client();
    for number in 0..=STREAMS_MAX {
        client.says(&[&format!(r#"["{number}","new",{{"meta":"chat"}}]"#)]).await;
    }
    let lines = client.hears().await;
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with(r#"["64","error","A client has at most 64 streams"#) && lines[1] == r#"["64","close"]"#
    );
    client.says(&[r#"["0","close"]"#, r#"["64","new",{"meta":"chat"}]"#]).await;
    assert_eq!(client.hears().await, [r#"["0","close"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_one_device_reaches_it_alone_and_hears_it_alone() {
    let mut rig = Rig::new();
    let (task, mut to_second) = mpsc::channel(8);
    let (id, mut second) = rig.hub.open("second".into(), "/dev/tty2".into(), task);
    (second.state, second.channels) = (DeviceState::Online, vec!["chat".into()]);
    rig.hub.set(id, &second);
    let (other, client) = (rig.other("chat"), rig.client());
    client.says(&[r#"["a","new",{"meta":{"channel":"chat","device":"pico"}}]"#, r#"["a","data","hi pico"]"#]).await;
    assert_eq!(heard(&other).await, "hi pico");
    assert_eq!(rig.to_device.try_recv().unwrap().into_message().text().unwrap(), "hi pico");
    assert!(to_second.try_recv().is_err());
    say(&other, "chat", "from elsewhere");
    assert!(client.hears().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_device_cannot_take_is_an_error_of_the_stream() {
    let mut rig = Rig::new();
    rig.device.state = DeviceState::Offline;
    rig.hub.set(rig.id, &rig.device);
    let client = rig.client();
    client.says(&[r#"["a","new",{"meta":"log"}]"#, r#"["a","data","x"]"#]).await;
    let lines = client.hears().await;
    assert!(
        lines.len() == 1 && lines[0].starts_with(r#"["a","error","pico is offline, so it did not get this."#),
        "{lines:?}"
    );
    let long = format!(r#"["a","data","{}"]"#, "x".repeat(300 << 10));
    let longer = format!(r#"["a","data","{}"]"#, "x".repeat(600 << 10));
    client.says(&[&long, &longer]).await;
    let lines = client.hears().await;
    assert!(
        lines[0].contains("at most 262144 are taken") && lines[1].contains("this one was passed over"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_sooner_than_the_devices_gets_its_stream_once_they_have_said_hello() {
    let mut rig = Rig::new();
    let channels = std::mem::take(&mut rig.device.channels);
    rig.device.state = DeviceState::Opening;
    rig.hub.set(rig.id, &rig.device);
    let client = rig.client();
    client.says(&[r#"["a","new",{"meta":"log"}]"#, r#"["a","data","hi"]"#]).await;
    tokio::time::sleep(HELLO_PATIENCE / 2).await;
    rig.device.state = DeviceState::Online;
    rig.hub.set(rig.id, &rig.device);
    for channel in channels {
        tokio::time::sleep(CHANNELS_PATIENCE / 4).await;
        rig.device.channels.push(channel);
        rig.hub.set(rig.id, &rig.device);
    }
    assert_eq!(rig.to_device.recv().await.unwrap().into_message().text().unwrap(), "hi");
    assert!(client.hears().await.is_empty());
    // What nobody has is not waited for any longer than that.
    let late = rig.client();
    late.says(&[r#"["a","new",{"meta":"nowhere"}]"#]).await;
    assert!(late.hears().await.is_empty());
    tokio::time::sleep(CHANNELS_PATIENCE).await;
    assert_eq!(late.hears().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn at_numbers_the_host_opens_ten_streams_and_each_brings_what_is_heard_on_its_channel() {
    let rig = Rig::new().with_numbers();
    let (other, client) = (rig.other("none"), rig.client_of_numbers());
    client.says(&[]).await;
    let lines = client.hears().await;
    let expected =
        |n| format!(r#"["number-{n}","new",{{"meta":"mystream{n}","opts":{{"writable":false,"readable":true}}}}]"#);
    assert_eq!(lines, (0..10).map(expected).collect::<Vec<_>>());
    say(&other, "mystream3", "of no device");
    rig.device_says("mystream3", r#"{"myValue":0.123}"#);
    assert_eq!(client.hears().await, [r#"["number-3","data",{"myValue":0.123}]"#]);
}

#[tokio::test(start_paused = true)]
async fn values_go_from_stream_to_stream_as_they_are() {
    let rig = Rig::new();
    let [ann, bob] = [rig.client(), rig.client()];
    bob.says(&[r#"["b","new",{"meta":"chat"}]"#]).await;
    ann.says(&[r#"["a","new",{"meta":"chat"}]"#]).await;
    for value in ["1", "true", "null", r#""1""#, r#""{\"a\":1}""#, "[1.50]"] {
        ann.says(&[&format!(r#"["a","data",{value}]"#)]).await;
        assert_eq!(bob.hears().await, [format!(r#"["b","data",{value}]"#)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_streams_of_a_client_that_has_gone_listen_no_more() {
    let rig = Rig::new().with_numbers();
    let client = rig.client_of_numbers();
    client.says(&[]).await;
    assert!(rig.hub.is_heard("mystream9"));
    client.0.end();
    client.says(&[]).await;
    assert!((0..10).all(|number| !rig.hub.is_heard(&format!("mystream{number}"))));
}

#[tokio::test(start_paused = true)]
async fn where_no_device_has_numbers_those_of_a_virtual_one_come_and_nobody_else_sees_it() {
    // A board that was unplugged has them no more than one that never had.
    let mut rig = Rig::new().with_numbers();
    rig.device.state = DeviceState::Offline;
    rig.hub.set(rig.id, &rig.device);
    let stand_in = StandIn::default();
    let client = rig.client_of(Some(stand_in.clone()));
    client.says(&[]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let lines = client.hears().await;
    for number in 0..NUMBERS {
        let head = format!(r#"["number-{number}","data",{{"myValue":0."#);
        let heard = lines.iter().filter(|line| line.starts_with(&head)).count();
        assert!((2..=8).contains(&heard), "mystream{number}: {lines:?}");
    }
    assert_eq!(rig.hub.devices().len(), 1);
    // It runs no longer than somebody needs it.
    assert!(stand_in.is_running().await);
    client.0.end();
    client.says(&[]).await;
    assert!(!stand_in.is_running().await);
}
