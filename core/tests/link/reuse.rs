//! Numbers of channels that are used again, in a table that is full.

use crate::pair::{CHAT, Heard, Pair};
use pocketmux_core::{Channel, ChannelId, Message, SendError};

/// A pair whose side `a` has no number left; the last is that of `z`, whose OPEN is the packet.
fn full() -> (Pair, ChannelId, Vec<u8>) {
    let mut pair = Pair::up();
    for name in ["x", "y"] {
        pair.a.link.open(Channel::new(name)).unwrap();
    }
    pair.run_ms(200);
    let last = pair.a.link.open(Channel::new("z")).unwrap();
    let open = pair.a.link.poll_transmit(pair.now_us).to_vec();
    pair.run_ms(200);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Opened("z".into())));
    (pair, last, open)
}

#[test]
fn a_late_copy_of_an_open_opens_nothing() {
    let (mut pair, last, open) = full();
    pair.a.link.close(last);
    pair.run_ms(200);
    pair.b.take_in(&open, pair.now_us);
    assert_eq!(pair.a.link.open(Channel::new("other")), Ok(last));
    pair.run_ms(200);
    let opened = |name: &str| pair.b.heard.iter().filter(|heard| **heard == Heard::Opened(name.into())).count();
    assert_eq!((opened("z"), opened("other")), (1, 1));
}

#[test]
fn the_peers_direction_of_a_channel_that_was_opened_again_goes_on() {
    let (mut pair, ..) = full();
    for round in ["once", "twice", "three times"] {
        pair.a.link.close(CHAT);
        pair.run_ms(200);
        assert_eq!(pair.a.link.open(Channel::new("chat")), Ok(CHAT));
        pair.run_ms(200);
        pair.b.link.send(CHAT, &Message::text(round)).unwrap();
        pair.run_ms(200);
        assert_eq!(pair.a.messages().last(), Some(&("chat".into(), round.into())));
    }
}

#[test]
fn what_the_peer_sends_for_a_channel_that_has_ended_is_not_for_the_next_of_its_number() {
    let (mut pair, ..) = full();
    pair.a.link.close(CHAT);
    pair.run_ms(200);
    assert_eq!(pair.a.link.open(Channel::new("other")), Ok(CHAT));
    pair.run_ms(200);
    pair.b.link.send(CHAT, &Message::text("for chat")).unwrap();
    pair.run_ms(200);
    assert_eq!(pair.a.messages(), []);
}

#[test]
fn a_stream_ends_with_the_channel_that_it_was_begun_on() {
    let (mut pair, last, _) = full();
    let mut stream = pair.a.link.begin(last).unwrap();
    pair.a.link.write(&mut stream, "", b"first", false).unwrap();
    pair.a.link.close(last);
    pair.run_ms(200);
    assert_eq!(pair.a.link.open(Channel::new("other")), Ok(last));
    assert_eq!(pair.a.link.write(&mut stream, "", b"second", false), Err(SendError::Channel));
}
