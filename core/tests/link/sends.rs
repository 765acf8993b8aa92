//! What is sent: whole messages and streams, their turns, their limits.

use crate::pair::{self, BULK, CHAT, LATEST, LOSSY, Pair, TERMS, URGENT};
use pocketmux_core::packet::Terms;
use pocketmux_core::{Cut, Message, SendError};

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
