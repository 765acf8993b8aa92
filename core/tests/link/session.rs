//! Greeting, reboot, lost announcements, turns, pressure.

use crate::pair::{self, BULK, CHAT, Heard, LATEST, LOSSY, Pair, TERMS, URGENT};
use pocketmux_core::packet::Terms;
use pocketmux_core::{Config, Cut, Identity, Link, Message, SendError};

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
        // A HELLO of an earlier boot of b arrives late: a takes it for a new peer, which b knows nothing of.
        let mut late = pair::hello(Terms { epoch: 21, seen: 11, ..TERMS });
        late.insert(0, 0);
        pair.a.take_in(&late, 0);
        pair.run_ms(12_000);
        assert!(pair.a.link.send(CHAT, &Message::text("found")).is_ok());
        pair.run_ms(100);
        assert_eq!(pair.b.messages(), [("chat".into(), b"found".to_vec())], "{without_keep_alive}");
    }
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
fn a_message_crosses_whole_with_its_meta() {
    let mut pair = Pair::up();
    let long = "é".repeat(700);
    pair.a.link.send(CHAT, &Message::text(&long).with_meta("m")).unwrap();
    pair.run_ms(1);
    assert_eq!(pair.b.messages(), [("chat".into(), long.into_bytes())]);
    assert_eq!(pair.b.metas, ["m"]);
}

#[test]
fn an_empty_message_makes_no_frame() {
    let mut pair = Pair::up();
    pair.a.link.send(CHAT, &Message::text("")).unwrap();
    pair.run_ms(1);
    assert_eq!(pair.b.frames, []);
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
fn messages_take_turns_in_the_order_of_their_arrival() {
    let mut pair = Pair::up();
    pair.a.link.mux().set_cut(Cut::units(1).unwrap());
    for text in ["aaa", "b", "cc"] {
        pair.a.link.send(CHAT, &Message::text(text)).unwrap();
    }
    pair.run_ms(1);
    assert_eq!(pair.b.order(), "abcaca");
}

#[test]
fn a_turn_of_two_frames_sends_two() {
    let mut pair = Pair::up();
    pair.a.link.mux().set_cut(Cut::units(1).unwrap());
    pair.a.link.mux().set_quantum(2.try_into().unwrap());
    for text in ["aaa", "bbb"] {
        pair.a.link.send(CHAT, &Message::text(text)).unwrap();
    }
    pair.run_ms(1);
    assert_eq!(pair.b.order(), "aabbab");
}

#[test]
fn an_urgent_message_overtakes_bulk_and_bulk_is_not_starved() {
    let mut pair = Pair::up();
    pair.a.link.mux().set_cut(Cut::units(1).unwrap());
    pair.a.link.send(BULK, &Message::text("bbbb")).unwrap();
    pair.a.link.send(URGENT, &Message::text("u")).unwrap();
    pair.run_ms(1);
    assert_eq!(pair.b.order(), "ubbbb");
    // Urgent messages without end: one frame in sixteen is still bulk's.
    pair.b.frames.clear();
    pair.a.link.send(BULK, &Message::text("bb")).unwrap();
    for _ in 0..40 {
        pair.a.link.send(URGENT, &Message::text("u")).unwrap();
        pair.one_frame();
    }
    let order = pair.b.order();
    assert_eq!(order.find('b'), Some(15), "{order}");
    assert_eq!(order.matches('b').count(), 2, "{order}");
}

#[test]
fn no_class_starves_whatever_the_others_send() {
    let mut pair = Pair::up();
    for _ in 0..3000 {
        // The greediest that there can be: every class takes all the room it gets, the higher ones first.
        for channel in [URGENT, CHAT, BULK] {
            while pair.a.link.send(channel, &Message::text(["c", "u", "b"][channel.index()])).is_ok() {}
        }
        pair.one_frame();
    }
    let order = pair.b.order();
    for class in ["c", "b"] {
        let share = order.matches(class).count() * 100 / order.len();
        assert!((5..=10).contains(&share), "{class} got {share} %");
    }
}

#[test]
fn a_full_queue_refuses_bulk_first_and_urgent_last() {
    let mut pair = Pair::up();
    while pair.a.link.send(BULK, &Message::text("bulk")).is_ok() {}
    assert_eq!(pair.a.link.send(BULK, &Message::text("bulk")), Err(SendError::Full));
    pair.a.link.send(CHAT, &Message::text("chat")).unwrap();
    while pair.a.link.send(CHAT, &Message::text("chat")).is_ok() {}
    pair.a.link.send(URGENT, &Message::text("now")).unwrap();
    while pair.a.link.send(LOSSY, &Message::text("log")).is_ok() {}
    assert_eq!((pair.a.link.counters().dropped, pair.a.link.dropped(LOSSY)), (1, 1));
}

#[test]
fn only_the_newest_of_a_latest_channel_waits() {
    let mut pair = Pair::up();
    for text in ["one", "two", "three"] {
        pair.a.link.send(LATEST, &Message::text(text)).unwrap();
    }
    pair.run_ms(1);
    assert_eq!(pair.b.messages(), [("latest".into(), b"three".to_vec())]);
}

#[test]
fn a_refused_newest_message_leaves_the_one_before_it() {
    let mut pair = Pair::up();
    pair.a.link.send(LATEST, &Message::text("old")).unwrap();
    for channel in [LOSSY, CHAT, BULK, URGENT] {
        while pair.a.link.send(channel, &Message::text("full")).is_ok() {}
    }
    let long = "x".repeat(1000);
    assert_eq!(pair.a.link.send(LATEST, &Message::text(&long)), Err(SendError::Full));
    pair.run_ms(1);
    assert!(pair.b.messages().contains(&("latest".into(), b"old".to_vec())));
}

#[test]
fn on_a_latest_channel_nothing_of_an_older_message_is_told_after_a_newer_one() {
    let mut pair = Pair::up();
    let mut stream = pair.a.link.begin(LATEST).unwrap();
    pair.a.link.write(&mut stream, "", b"first", false).unwrap();
    pair.run_ms(1);
    pair.a.link.send(LATEST, &Message::text("newer")).unwrap();
    pair.a.link.write(&mut stream, "", b"second", true).unwrap();
    pair.run_ms(1);
    assert_eq!(pair.b.messages(), [("latest".into(), b"newer".to_vec())]);
    assert_eq!(pair.b.frames.len(), 2);
}

#[test]
fn a_stream_ends_with_the_link_that_it_was_begun_on() {
    let mut pair = Pair::up();
    let mut stream = pair.a.link.begin(BULK).unwrap();
    pair.a.link.write(&mut stream, "", b"to the old peer", false).unwrap();
    pair.reboot_b();
    pair.run_ms(1);
    assert!(pair.a.link.is_up());
    assert_eq!(pair.a.link.write(&mut stream, "", b"to the new", true), Err(SendError::Down));
}

#[test]
fn a_stream_has_the_frames_that_it_stated() {
    let mut pair = Pair::up();
    let mut stream = pair.a.link.begin(BULK).unwrap().of_frames(2);
    assert_eq!(pair.a.link.write(&mut stream, "", b"too soon", true), Err(SendError::Total(2)));
    assert_eq!(pair.a.link.write(&mut stream, "", b"one", false), Ok(3));
    assert_eq!(pair.a.link.write(&mut stream, "", b"not the last?", false), Err(SendError::Total(2)));
    assert_eq!(pair.a.link.write(&mut stream, "", b"two", true), Ok(3));
    assert_eq!(pair.a.link.write(&mut stream, "", b"three", true), Err(SendError::Total(2)));
    let mut stream = pair.a.link.begin(BULK).unwrap();
    assert_eq!(pair.a.link.write(&mut stream, &"m".repeat(250), b"", false), Err(SendError::Meta));
    pair.run_ms(1);
    assert_eq!(pair.b.messages(), [("bulk".into(), b"onetwo".to_vec())]);
}

#[test]
fn frames_of_a_stream_of_any_stated_length_fit() {
    for total in [127, 128, 16_383, 16_384, u32::MAX] {
        let mut pair = Pair::up();
        let mut stream = pair.a.link.begin(BULK).unwrap().of_frames(total);
        pair.a.link.write(&mut stream, "meta", &[7; 400], false).unwrap();
        pair.a.link.write(&mut stream, "", &[7; 400], false).unwrap();
        pair.run_ms(1);
        assert_eq!(pair.b.frames.len(), 2, "{total}");
    }
}

#[test]
fn two_peers_without_a_common_version_do_not_greet_each_other_for_ever() {
    let mut pair = Pair::new();
    pair.other_version = true;
    pair.run_ms(10_000);
    // One every half second, and the first answers.
    assert!((20..=24).contains(&pair.a.link.counters().sent), "{}", pair.a.link.counters().sent);
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
fn a_message_longer_than_the_queue_is_refused_whole_and_goes_as_a_stream() {
    let mut pair = Pair::up();
    let long = vec![7; 5000];
    assert!(matches!(pair.a.link.send(BULK, &Message::bytes(&long)), Err(SendError::TooLong(_))));
    let mut stream = pair.a.link.begin(BULK).unwrap();
    let mut sent = 0;
    while sent < long.len() {
        match pair.a.link.write(&mut stream, "name", &long[sent..], true) {
            Ok(taken) => sent += taken,
            Err(error) => {
                assert_eq!(error, SendError::Full);
                pair.one_frame();
            }
        }
    }
    pair.run_ms(1);
    let data: Vec<u8> = pair.b.frames.iter().flat_map(|frame| frame.data.clone()).collect();
    assert_eq!(data, long);
    let totals: Vec<_> = pair.b.frames.iter().map(|frame| frame.total).collect();
    assert_eq!(totals.last(), Some(&Some(totals.len() as u32)));
    assert!(totals[..totals.len() - 1].iter().all(Option::is_none));
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
fn frames_are_no_longer_than_the_peer_takes() {
    let mut pair = Pair::new();
    pair.a.take_in(&pair::hello(Terms { seen: 11, packet_max: 130, ..TERMS }), 5);
    pair.a.link.send(BULK, &Message::bytes(&[7; 400])).unwrap();
    let mut stream = pair.a.link.begin(BULK).unwrap();
    pair.a.link.write(&mut stream, "meta", &[7; 400], true).unwrap();
    let mut frames = 0;
    loop {
        let bytes = pair.a.link.poll_transmit(5).to_vec();
        if bytes.is_empty() {
            break;
        }
        pair.a.link.consume(bytes.len());
        // A packet of 130 bytes, a byte of COBS, and a delimiter; a HELLO has one in front, too.
        assert!(bytes.len() <= 133, "{} bytes", bytes.len());
        frames += 1;
    }
    assert!(frames > 6);
}

#[test]
fn bytes_that_the_wire_did_not_take_are_shown_again() {
    let mut pair = Pair::up();
    pair.a.link.send(CHAT, &Message::text("piece by piece")).unwrap();
    let whole = pair.a.link.poll_transmit(9).to_vec();
    let mut taken = Vec::new();
    while taken.len() < whole.len() {
        let bytes = pair.a.link.poll_transmit(9);
        taken.push(bytes[0]);
        pair.a.link.consume(1);
    }
    assert_eq!(taken, whole);
    assert!(pair.a.link.poll_transmit(9).is_empty());
}

#[test]
fn nothing_is_queued_before_a_peer_is_there() {
    let mut pair = Pair::new();
    assert_eq!(pair.a.link.send(CHAT, &Message::text("early")), Err(SendError::Down));
    assert!(pair.a.link.begin(CHAT).is_err());
}

#[test]
fn noise_costs_time_and_nothing_else() {
    let mut pair = Pair::up();
    pair.bit_error_rate = 1e-3;
    let mut sent = Vec::new();
    for n in 0..2000 {
        let text = format!("message {n} {}", "x".repeat(n % 60));
        if pair.a.link.send(CHAT, &Message::text(&text)).is_ok() {
            sent.push(("chat".to_string(), text.into_bytes()));
        }
        pair.run_ms(1);
    }
    pair.run_ms(1000);
    assert!(sent.len() > 1500, "{}", sent.len());
    // Messages of more frames end after those that began later with fewer; nothing else changes.
    let mut heard = pair.b.messages();
    heard.sort();
    sent.sort();
    assert!(heard == sent, "{} of {}", heard.len(), sent.len());
    assert!(pair.b.link.counters().bad_crc > 100 && pair.a.link.counters().repaired > 100);
}
