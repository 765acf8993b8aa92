//! A board on a serial port that another machine shares: the host speaks RFC 2217 with the real ser2net.
//!
//! `tests/run rust` runs these; without ser2net they are left out.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pocketmux::{PortError, PortSpec, StartError};
use pocketmux_core::{Channel, Config, Demux, Event, Identity, Link, Message};
use pocketmux_firmware_example::file;
use pocketmux_tests::{Board, Cable, Client, Host, Ser2net};
use serde_json::Value;
use serialport::{SerialPort as _, TTYPort};

const SERIAL: u64 = 0x0123_4567_89ab_cdef;
const PATIENCE: Duration = Duration::from_secs(20);

fn bytes(frame: &Value) -> Vec<u8> {
    assert_eq!(frame["encoding"], "base64");
    BASE64_STANDARD.decode(frame["data"].as_str().unwrap()).unwrap()
}

/// A host on what ser2net shares. It listens a moment after its start, and connecting to see whether it does would take the port.
async fn host(ser2net: &Ser2net, cable: &Cable) -> Host {
    let started = Instant::now();
    loop {
        let spec = PortSpec::Rfc2217(ser2net.address().to_string());
        match Host::start_on(spec, cable).await {
            Err(StartError::Port(PortError::RefusedTcp(_))) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done.unwrap(),
        }
    }
}

/// Waits until the device is in that state, and online means that it has opened the channel on which it is spoken to.
async fn devices(client: &mut Client, state: &str) {
    let state = format!("\"state\":\"{state}\"");
    let is_there = |data: &str| data.contains(&state) && data.contains("\"channels\":[\"chat\"");
    client.frame(|frame| frame["channel"] == "device" && frame["data"].as_str().is_some_and(is_there)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ser2net"]
async fn a_board_behind_ser2net_is_set_to_the_speed_comes_online_and_answers() {
    let cable = Cable::new();
    let port = cable.plug().unwrap();
    let seen = port.try_clone_native().unwrap();
    let _board = Board::boot(port, SERIAL, 1, 0.0);
    let ser2net = Ser2net::start(&cable);
    let host = host(&ser2net, &cable).await;
    let mut client = Client::connect_to_session(host.address()).await;
    devices(&mut client, "online").await;
    // Both ends of a pseudo terminal share one speed.
    assert_eq!(seen.baud_rate().unwrap(), 115_200);
    client.say("chat", "ann-1", "hello 😀").await;
    let heard = client.frame(|frame| frame["from"] == "bench" && frame["channel"] == "chat").await;
    assert_eq!(heard["data"], "bench heard: hello 😀");
    client.say("chat", "ann-2", "/file").await;
    assert_eq!(client.whole("file", bytes).await, file::CONTENT);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ser2net"]
async fn a_cable_pulled_behind_ser2net_shows_as_offline_and_the_board_is_taken_back() {
    let cable = Cable::new();
    let board = Board::boot(cable.plug().unwrap(), SERIAL, 1, 0.0);
    let ser2net = Ser2net::start(&cable);
    let host = host(&ser2net, &cable).await;
    let mut client = Client::connect_to_session(host.address()).await;
    devices(&mut client, "online").await;
    cable.unlink();
    drop(board);
    devices(&mut client, "offline").await;
    let _board = Board::boot(cable.plug().unwrap(), SERIAL, 2, 0.0);
    devices(&mut client, "online").await;
    host.stop().await;
}

/// A device that answers every message with its bytes, in reverse.
fn mirror(mut port: TTYPort, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let identity = Identity { name: "mirror", firmware: "test 1", serial: "m1" };
        let mut link = Link::<512, 8, 4>::new(Config { identity, epoch: 1, ..Config::default() });
        let chat = link.open(Channel::new("chat")).unwrap();
        let started = Instant::now();
        let mut messages = Demux::<_, _, 4>::new(|| vec![0; 1024]);
        let mut answers: Vec<Vec<u8>> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let now_us = started.elapsed().as_micros() as u64;
            link.handle_timeout(now_us);
            let mut input = [0; 64];
            // Until a host is there, a pseudo terminal refuses to be read.
            let len = std::io::Read::read(&mut port, &mut input).unwrap_or(0);
            let mut rest = &input[..len];
            while !rest.is_empty() {
                rest = &rest[link.handle_input(rest, now_us)..];
                while let Some(event) = link.poll_event() {
                    if let Event::Frame(frame) = event
                        && let Ok(Some(message)) = messages.insert((frame.channel, frame.message), &frame)
                    {
                        answers.push(message.data.iter().rev().copied().collect());
                    }
                }
            }
            answers.retain(|answer| link.send(chat, &Message::bytes(answer)).is_err());
            let output = link.poll_transmit(now_us);
            let len = port.write(output).unwrap_or(0);
            link.consume(len);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ser2net"]
async fn every_byte_passes_ser2net_both_ways() {
    let cable = Cable::new();
    let mut port = cable.plug().unwrap();
    port.set_timeout(Duration::from_millis(5)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mirror = mirror(port, stop.clone());
    let ser2net = Ser2net::start(&cable);
    let host = host(&ser2net, &cable).await;
    let mut client = Client::connect_to_session(host.address()).await;
    devices(&mut client, "online").await;
    for message in [vec![0xff; 200], (100..=255).collect(), vec![0xff, 0xf0, 0xff, 0xfa, 0xff, 0xfb, 0, 13, 10, 13, 0]]
    {
        let data = BASE64_STANDARD.encode(&message);
        let frame = serde_json::json!({
            "channel": "chat", "messageId": "m", "sequence": 0, "total": 1, "data": data, "encoding": "base64"
        });
        client.send(frame.to_string()).await;
        let reversed: Vec<u8> = message.iter().rev().copied().collect();
        assert_eq!(client.whole("chat", bytes).await, reversed);
    }
    host.stop().await;
    stop.store(true, Ordering::Relaxed);
    mirror.join().unwrap();
}
