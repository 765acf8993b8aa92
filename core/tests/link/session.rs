//! Greeting, reboot, lost announcements.

use std::mem::swap;

use crate::pair::{self, BULK, CHAT, Heard, Pair, Side, TERMS};
use pocketmux_core::packet::Terms;
use pocketmux_core::{Config, Identity, Link, Message};

#[test]
fn both_sides_come_up_and_learn_each_others_names() {
    let mut pair = Pair::new();
    pair.run_ms(1);
    assert!(pair.a.link.is_up() && pair.b.link.is_up());
    assert_eq!(pair.a.heard[0], Heard::Up("b".into()));
    assert!(pair.a.heard.contains(&Heard::Opened("chat".into())));
}

#[test]
fn two_peers_do_not_greet_each_other_for_ever() {
    let mut pair = Pair::new();
    pair.run_ms(1);
    let sent = pair.a.link.counters().sent;
    pair.run_ms(10_000);
    // Three times within the peer's patience of a second, and the one acknowledgement of its channels.
    let sent = pair.a.link.counters().sent - sent;
    assert!((29..=32).contains(&sent), "{sent}");
}

#[test]
fn two_sides_that_lost_each_other_find_each_other_again() {
    for without_keep_alive in [false, true] {
        let mut pair = if without_keep_alive { Pair::up_without_keep_alive() } else { Pair::up() };
        pair.exchange("before");
        // A HELLO of an earlier boot of b arrives late: a takes it for a new peer, which b knows nothing of.
        let mut late = pair::hello(Terms { epoch: 21, seen: 11, ..TERMS });
        late.insert(0, 0);
        pair.a.take_in(&late, pair.now_us);
        pair.run_ms(12_000);
        pair.exchange("found");
        // It was a new link for both.
        assert!(pair.a.heard.contains(&Heard::Down) && pair.b.heard.contains(&Heard::Down), "{without_keep_alive}");
    }
}

#[test]
fn a_board_that_another_stood_in_for_is_met_anew_by_both() {
    let mut pair = Pair::up();
    pair.exchange("before");
    let mut other = Side::new("c", 33);
    for name in ["c", "b"] {
        swap(&mut pair.b, &mut other);
        pair.a.link.interrupted();
        pair.run_ms(3000);
        assert!(pair.a.heard.contains(&Heard::Up(name.into())));
        pair.exchange(if name == "b" { "back" } else { "instead" });
    }
    let of_link = |heard: &&Heard| matches!(heard, Heard::Up(_) | Heard::Down);
    let told: Vec<_> = pair.b.heard.iter().filter(of_link).collect();
    assert_eq!(told, [&Heard::Up("a".into()), &Heard::Down, &Heard::Up("a".into())]);
}

#[test]
fn a_link_that_is_dropped_for_another_is_up_only_when_its_new_epoch_was_seen() {
    let mut pair = Pair::up();
    // It was heard that this side exists, before it took another epoch: each would take the other's last word for an answer, for ever.
    pair.a.take_in(&pair::hello(Terms { epoch: 33, seen: 11, ..TERMS }), pair.now_us);
    assert!(!pair.a.link.is_up());
    let seen = pair.a.link.epoch();
    pair.a.take_in(&pair::hello(Terms { epoch: 33, seen, ..TERMS }), pair.now_us);
    assert!(pair.a.link.is_up());
}

#[test]
fn signs_of_life_never_stop_what_is_to_be_said() {
    let mut pair = Pair::new();
    // A peer that wants to hear something every millisecond.
    let hello = pair::hello(Terms { epoch: 5, seen: 11, silence_ms: 1, ..TERMS });
    pair.a.take_in(&hello, 0);
    assert!(pair.a.link.is_up());
    pair.a.link.send(BULK, &Message::text("bulk")).unwrap();
    let mut sent = 0;
    for now_us in (0..1_000_000).step_by(1000) {
        pair.a.link.handle_timeout(now_us);
        let len = pair.a.link.poll_transmit(now_us).len();
        sent += len;
        pair.a.link.consume(len);
    }
    assert!(pair.a.link.mux().is_empty() && sent < 2_000, "{sent} bytes in a second");
}

#[test]
fn a_peer_that_appears_later_is_found_within_a_hello_interval() {
    let mut pair = Pair::new();
    pair.unplugged = true;
    pair.run_ms(3_100);
    pair.unplugged = false;
    pair.run_ms(500);
    assert!(pair.a.link.is_up() && pair.b.link.is_up());
}

#[test]
fn a_reboot_faster_than_any_timeout_is_noticed_and_channels_reopen() {
    let mut pair = Pair::up();
    pair.reboot_b();
    pair.run_ms(1);
    let tail = &pair.a.heard[pair.a.heard.len() - 7..];
    assert_eq!(tail[..2], [Heard::Down, Heard::Up("b".into())]);
    pair.a.link.send(CHAT, &Message::text("again")).unwrap();
    pair.run_ms(1);
    assert_eq!(pair.b.messages(), [("chat".into(), b"again".to_vec())]);
}

#[test]
fn lost_announcements_are_repeated_and_data_waits_for_them() {
    let mut pair = Pair::new();
    // Of a's first burst b gets the HELLO alone: the OPENs are lost.
    pair.drop_opens = true;
    pair.run_ms(1);
    assert!(pair.b.link.is_up());
    pair.a.link.send(CHAT, &Message::text("early")).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.b.messages(), []);
    pair.drop_opens = false;
    // Nothing was measured yet, so the sender waits long.
    pair.run_ms(500);
    assert_eq!(pair.b.messages(), [("chat".into(), b"early".to_vec())]);
    // Asking dropped nothing: the link is the same.
    assert!(!pair.a.heard.contains(&Heard::Down) && !pair.b.heard.contains(&Heard::Down));
}

#[test]
fn a_channel_of_which_nothing_is_sent_is_told_until_the_peer_has_it() {
    let mut pair = Pair::new();
    pair.drop_opens = true;
    pair.run_ms(300);
    pair.drop_opens = false;
    pair.run_ms(2000);
    let opened = |side: &pair::Side| side.heard.iter().filter(|heard| matches!(heard, Heard::Opened(_))).count();
    assert_eq!((opened(&pair.a), opened(&pair.b)), (5, 5));
}

#[test]
fn two_peers_without_a_common_version_do_not_greet_each_other_for_ever() {
    let mut pair = Pair::new();
    pair.other_version = true;
    pair.run_ms(10_000);
    // Ten within the first second, one every half second then, and the first answers.
    assert!((27..=31).contains(&pair.a.link.counters().sent), "{}", pair.a.link.counters().sent);
    assert_eq!((pair.a.heard.clone(), pair.b.heard.clone()), (vec![Heard::Incompatible], vec![Heard::Incompatible]));
}

#[test]
fn a_line_that_echoes_is_no_peer() {
    let mut pair = Pair::new();
    for now_us in 0..100 {
        let bytes = pair.a.link.poll_transmit(now_us).to_vec();
        pair.a.link.consume(bytes.len());
        pair.a.take_in(&bytes, now_us);
    }
    assert!(!pair.a.link.is_up() && pair.a.heard.is_empty());
    assert_eq!(pair.a.link.counters().echoed, 1);
}

#[test]
fn the_smallest_frame_takes_the_longest_identity() {
    let long = "n".repeat(40);
    let identity = Identity { name: &long, firmware: &long, serial: &long };
    let side = |epoch| Link::<133, 4, 1>::new(Config { identity, epoch, ..Config::default() });
    let (mut a, mut b) = (side(1), side(2));
    let hello = a.poll_transmit(0).to_vec();
    assert_eq!(b.handle_input(&hello, 0), hello.len());
    let answer = b.poll_transmit(0).to_vec();
    assert_eq!(a.handle_input(&answer, 0), answer.len());
    assert!(a.is_up());
}

#[test]
fn a_peer_of_another_version_is_named_once_and_answered() {
    let mut pair = Pair::up();
    for _ in 0..3 {
        let sent = pair.a.link.counters().sent;
        pair.a.take_in(&pair::hello(Terms { version_min: 3, version_max: 4, ..TERMS }), 5);
        assert!(!pair.a.link.is_up());
        assert!(!pair.a.link.poll_transmit(5).is_empty(), "the peer hears which versions we speak");
        pair.a.link.consume(usize::MAX);
        assert_eq!(pair.a.link.counters().sent, sent + 1);
    }
    let told = pair.a.heard.iter().filter(|heard| **heard == Heard::Incompatible).count();
    assert_eq!((told, pair.a.heard.contains(&Heard::Down)), (1, true));
}

#[test]
fn a_peer_that_speaks_our_version_among_others_comes_up() {
    let mut pair = Pair::new();
    pair.a.take_in(&pair::hello(Terms { version_min: 1, version_max: 9, seen: 11, ..TERMS }), 5);
    assert!(pair.a.link.is_up());
}

#[test]
fn a_side_that_leaves_acknowledges_at_once() {
    let mut pair = Pair::up();
    pair.run_ms(500);
    assert!(pair.a.link.acknowledge() && pair.b.link.acknowledge(), "nothing is left of the greeting");
    let message = pair.a.link.send(CHAT, &Message::text("last")).unwrap();
    pair.run_ms(1);
    assert!(pair.a.link.is_pending(message), "one frame is not answered at once");
    assert!(!pair.b.link.acknowledge());
    pair.run_ms(1);
    assert!(pair.b.link.acknowledge() && !pair.a.link.is_pending(message));
}
