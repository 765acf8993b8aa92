//! Channels that end and begin: after everything that was sent, or at once.

use crate::pair::{BULK, CHAT, Heard, LATEST, Pair, URGENT};
use pocketmux_core::{Channel, Message, OpenError, SendError};

#[test]
fn a_channel_opens_in_the_middle_of_a_link_with_its_meta_and_ends_after_its_last_frame() {
    let mut pair = Pair::up();
    let new = pair.a.link.open(Channel::new("new").with_content("text/plain").with_meta("why")).unwrap();
    pair.a.link.send(new, &Message::text("before it is known")).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Opened("new why".into())));
    pair.a.link.close(new);
    assert_eq!(pair.a.link.send(new, &Message::text("after")), Err(SendError::Channel));
    assert_eq!(pair.a.link.channel_named("new"), None);
    pair.run_ms(50);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Closed(String::new(), None)));
    // Its number is free for another.
    let other = pair.a.link.open(Channel::new("other")).unwrap();
    assert_eq!(other, new);
    pair.run_ms(50);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Opened("other".into())));
}

#[test]
fn an_end_comes_after_everything_that_was_sent_whatever_is_lost() {
    let mut pair = Pair::up();
    pair.bit_error_rate = 2e-3;
    for n in 0..6 {
        pair.a.link.send(BULK, &Message::text(&format!("{n}{}", "x".repeat(100)))).unwrap();
    }
    pair.a.link.close(BULK);
    pair.run_ms(3000);
    assert_eq!(pair.b.messages().len(), 6);
    assert!(pair.b.heard.contains(&Heard::Closed("bulk".into(), None)));
    assert_eq!(pair.b.heard.iter().filter(|heard| matches!(heard, Heard::Closed(..))).count(), 1);
    // It can be opened anew, and is the same channel to the other side.
    let again = pair.a.link.open(Channel::new("bulk")).unwrap();
    pair.a.link.send(again, &Message::text("again")).unwrap();
    pair.run_ms(3000);
    assert_eq!(pair.b.messages().last(), Some(&("bulk".into(), b"again".to_vec())));
}

#[test]
fn a_reset_drops_what_has_not_arrived_and_says_why() {
    let mut pair = Pair::up();
    pair.unplugged = true;
    pair.a.link.send(BULK, &Message::text("never")).unwrap();
    pair.run_ms(5);
    pair.a.link.reset(BULK, "the disk is full");
    pair.a.link.send(CHAT, &Message::text("chat goes on")).unwrap();
    pair.unplugged = false;
    pair.run_ms(2000);
    assert_eq!(pair.b.messages(), [("chat".into(), b"chat goes on".to_vec())]);
    assert!(pair.b.heard.contains(&Heard::Closed("bulk".into(), Some("the disk is full".into()))));
}

#[test]
fn a_reason_and_a_meta_have_their_limits() {
    let mut pair = Pair::up();
    pair.a.link.reset(BULK, "a reason that is much longer than a reset holds, cut between chäracters");
    pair.run_ms(50);
    assert!(pair.b.heard.contains(&Heard::Closed("bulk".into(), Some("a reason that is much longer tha".into()))));
    const LONG: &str = "thirty-three bytes, one too many.";
    assert_eq!(pair.a.link.open(Channel::new("m").with_meta(LONG)), Err(OpenError::Meta));
    assert_eq!(pair.a.link.open(Channel::new("c").with_content(LONG)), Err(OpenError::Meta));
}

#[test]
fn the_end_of_a_paused_channel_waits_for_its_frames_and_costs_one_packet() {
    let mut pair = Pair::up();
    pair.b.link.pause(CHAT);
    for _ in 0..3 {
        pair.a.link.send(CHAT, &Message::text("held")).unwrap();
    }
    pair.run_ms(100);
    pair.a.link.close(CHAT);
    let (sent, chunk) = (pair.a.link.counters().sent, pair.a.link.chunk());
    for _ in 0..100 {
        pair.a.link.send(URGENT, &Message::text("goes on")).unwrap();
        pair.run_ms(10);
    }
    // The messages, the end once, and signs of life.
    let sent = pair.a.link.counters().sent - sent;
    assert!((101..110).contains(&sent), "{sent} packets");
    assert_eq!((pair.b.link.counters().refused, pair.b.link.counters().malformed), (1, 0));
    assert!(pair.a.link.chunk() >= chunk, "the line is clean");
    assert!(!pair.b.heard.iter().any(|heard| matches!(heard, Heard::Closed(..))));
    pair.b.link.resume(CHAT);
    pair.run_ms(50);
    assert_eq!(pair.b.messages().iter().filter(|(name, _)| name == "chat").count(), 3);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Closed("chat".into(), None)));
    // Its number is free for another, and the last to be taken: b may still send for it.
    for name in ["x", "y", "z"] {
        pair.a.link.open(Channel::new(name)).unwrap();
    }
    assert_eq!(pair.a.link.open(Channel::new("other")), Ok(CHAT));
    pair.run_ms(50);
    assert!(pair.b.heard.contains(&Heard::Opened("other".into())));
}

#[test]
fn an_end_that_was_refused_comes_by_itself_although_the_answers_to_it_are_lost() {
    let mut pair = Pair::up();
    pair.b.link.pause(CHAT);
    pair.a.link.send(CHAT, &Message::text("held")).unwrap();
    pair.run_ms(100);
    pair.is_a_deaf = true;
    pair.a.link.close(CHAT);
    pair.run_ms(500);
    pair.b.link.resume(CHAT);
    pair.run_ms(500);
    pair.is_a_deaf = false;
    pair.run_ms(5000);
    assert_eq!(pair.b.messages(), [("chat".into(), b"held".to_vec())]);
    assert_eq!(pair.b.heard.iter().filter(|heard| matches!(heard, Heard::Closed(..))).count(), 1);
    for name in ["x", "y", "z"] {
        pair.a.link.open(Channel::new(name)).unwrap();
    }
    assert_eq!(pair.a.link.open(Channel::new("other")), Ok(CHAT));
}

#[test]
fn the_newest_message_of_a_paused_channel_comes_before_its_end() {
    let mut pair = Pair::up();
    pair.b.link.pause(LATEST);
    for text in ["older", "newest"] {
        pair.a.link.send(LATEST, &Message::text(text)).unwrap();
        pair.run_ms(100);
    }
    pair.a.link.close(LATEST);
    pair.run_ms(500);
    assert_eq!(pair.b.messages(), []);
    pair.b.link.resume(LATEST);
    pair.run_ms(50);
    assert_eq!(pair.b.messages(), [("latest".into(), b"newest".to_vec())]);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Closed("latest".into(), None)));
}

#[test]
fn a_reset_drops_what_a_paused_channel_has_kept() {
    let mut pair = Pair::up();
    pair.b.link.pause(CHAT);
    pair.a.link.send(CHAT, &Message::text("never")).unwrap();
    pair.run_ms(100);
    pair.a.link.reset(CHAT, "enough");
    pair.run_ms(50);
    assert_eq!(pair.b.heard.last(), Some(&Heard::Closed("chat".into(), Some("enough".into()))));
    pair.b.link.resume(CHAT);
    pair.run_ms(50);
    assert_eq!(pair.b.messages(), []);
}

#[test]
fn what_waits_for_a_reader_that_pauses_can_still_be_reset() {
    let mut pair = Pair::up();
    pair.b.link.pause(CHAT);
    pair.a.link.send(CHAT, &Message::text("unread")).unwrap();
    pair.a.link.close(CHAT);
    // Its end leaves, and is refused.
    pair.run_ms(1000);
    assert!(pair.a.link.open(Channel::new("chat")).is_ok_and(|other| other != CHAT));
    pair.a.link.reset(CHAT, "enough");
    pair.run_ms(1000);
    assert!(pair.b.heard.contains(&Heard::Closed("chat".into(), Some("enough".into()))));
    pair.b.link.resume(CHAT);
    pair.run_ms(1000);
    assert_eq!(pair.b.messages(), []);
    assert_eq!(pair.a.link.open(Channel::new("next")).unwrap(), CHAT);
}
