//! Signs of life on a line on which there is nothing else to say.

use crate::pair::{BULK, Pair};
use pocketmux_core::Message;

#[test]
fn a_side_says_something_three_times_within_the_silence_of_its_peer() {
    for (silence_ms, least, most) in [(3000, 10, 12), (300, 95, 105), (150, 190, 205)] {
        let mut pair = Pair::up_with_silences([silence_ms, 0]);
        pair.run_ms(100);
        let before = pair.b.link.counters().sent;
        pair.run_ms(10_000);
        let sent = pair.b.link.counters().sent - before;
        assert!((least..=most).contains(&sent), "{sent} packets in ten seconds for a silence of {silence_ms} ms");
    }
}

#[test]
fn a_hasty_peer_does_not_fill_the_line_with_signs_of_life() {
    for silence_ms in [1, 20, 149] {
        let mut pair = Pair::up_with_silences([silence_ms, 0]);
        pair.run_ms(100);
        let before = pair.b.link.counters().sent;
        pair.run_ms(1000);
        let sent = pair.b.link.counters().sent - before;
        assert!((19..=21).contains(&sent), "{sent} packets in a second for a silence of {silence_ms} ms");
    }
}

/// A side that is up, and one frame of its peer as it looks on the wire.
fn up_and_a_frame() -> (Pair, Vec<u8>) {
    let mut pair = Pair::up();
    pair.run_ms(200);
    pair.b.link.send(BULK, &Message::text(&"x".repeat(100))).unwrap();
    let frame = pair.b.link.poll_transmit(pair.now_us).to_vec();
    assert!(frame.len() > 100);
    (pair, frame)
}

#[test]
fn a_packet_longer_than_the_silence_breaks_it_with_every_byte() {
    let (mut pair, frame) = up_and_a_frame();
    let mut now_us = pair.now_us;
    for byte in frame {
        now_us += 10_000;
        pair.a.take_in(&[byte], now_us);
        pair.a.link.handle_timeout(now_us);
        assert!(!pair.a.link.is_silent());
    }
    assert_eq!(pair.a.messages().len(), 1);
    pair.a.link.handle_timeout(now_us + 999_000);
    assert!(!pair.a.link.is_silent());
    pair.a.link.handle_timeout(now_us + 1_000_000);
    assert!(pair.a.link.is_silent());
}

#[test]
fn a_peer_of_which_no_packet_fits_is_called_although_it_is_heard() {
    let (mut pair, _) = up_and_a_frame();
    pair.a.link.consume(usize::MAX);
    let sent = pair.a.link.counters().sent;
    // A packet of another link, slowly, so that it never seems to end.
    for at in 0..300 {
        pair.now_us += 19_000;
        pair.a.take_in(&[if at % 10 == 9 { 0 } else { 7 }], pair.now_us);
        pair.a.link.handle_timeout(pair.now_us);
        let is_hello = pair.a.link.poll_transmit(pair.now_us).get(2) == Some(&0x11);
        pair.a.link.consume(usize::MAX);
        if is_hello {
            assert!(!pair.a.link.is_silent() && at > 250);
            return;
        }
    }
    panic!("{} packets, and no HELLO among them", pair.a.link.counters().sent - sent);
}

#[test]
fn noise_is_no_sign_of_life() {
    let (mut pair, _) = up_and_a_frame();
    let mut now_us = pair.now_us;
    for _ in 0..2 * 256 + 110 {
        now_us += 10_000;
        pair.a.take_in(&[0x55], now_us);
        pair.a.link.handle_timeout(now_us);
    }
    assert!(pair.a.link.is_silent());
}

#[test]
fn a_stray_byte_now_and_then_is_no_sign_of_life() {
    let (mut pair, _) = up_and_a_frame();
    let start_us = pair.now_us;
    for now_us in [start_us + 900_000, start_us + 1_000_000] {
        pair.a.take_in(&[0x55], now_us);
        pair.a.link.handle_timeout(now_us);
    }
    assert!(pair.a.link.is_silent());
}
