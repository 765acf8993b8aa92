//! Many channels, credit, and what a receiver that does not read costs the others: nothing.

use crate::pair::{BULK, CHAT, LATEST, LOSSY, Pair, URGENT};
use pocketmux_core::{Channel, Config, Delivery, Event, Link, Message};

/// A side with many channels and a small queue.
type Many<'n> = Link<'n, 256, 16, 64>;

#[test]
fn a_paused_channel_stops_and_no_other() {
    let mut pair = Pair::up();
    pair.b.link.pause(CHAT);
    let mut sent = 0;
    for _ in 0..200 {
        sent += u32::from(pair.a.link.send(CHAT, &Message::text("held")).is_ok());
        pair.run_ms(1);
    }
    assert_eq!(pair.b.messages(), []);
    // A window of frames crosses and is held there; one more waits here.
    assert_eq!(sent, 9);
    pair.a.link.send(URGENT, &Message::text("passes")).unwrap();
    pair.a.link.send(LATEST, &Message::text("passes, too")).unwrap();
    pair.run_ms(5);
    assert_eq!(pair.b.messages().len(), 2);
    let sent_packets = pair.a.link.counters().sent;
    pair.run_ms(1000);
    assert!(pair.a.link.counters().sent - sent_packets < 10, "nothing is sent again and again into a closed door");
    pair.b.link.resume(CHAT);
    pair.run_ms(1000);
    assert_eq!(pair.b.messages().len() as u32, 2 + sent);
}

#[test]
fn a_paused_latest_channel_brings_the_newest_when_it_goes_on() {
    let mut pair = Pair::up();
    pair.b.link.pause(LATEST);
    for n in 0..50 {
        pair.a.link.send(LATEST, &Message::text(&n.to_string())).unwrap();
        pair.run_ms(1);
    }
    assert_eq!(pair.b.messages(), []);
    pair.b.link.resume(LATEST);
    pair.run_ms(500);
    assert_eq!(pair.b.messages().last(), Some(&("latest".into(), b"49".to_vec())));
}

#[test]
fn what_comes_on_a_paused_lossy_channel_is_dropped() {
    let mut pair = Pair::up();
    pair.b.link.pause(LOSSY);
    pair.a.link.send(LOSSY, &Message::text("unheard")).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.b.link.counters().refused, 1);
    pair.b.link.resume(LOSSY);
    pair.a.link.send(LOSSY, &Message::text("heard")).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.b.messages(), [("lossy".into(), b"heard".to_vec())]);
}

#[test]
fn a_channel_that_was_paused_stays_so_when_the_peer_opens_it_or_starts_anew() {
    let mut pair = Pair::new();
    pair.a.link.pause(CHAT);
    pair.run_ms(50);
    pair.reboot_b();
    pair.run_ms(50);
    pair.b.link.send(CHAT, &Message::text("held")).unwrap();
    pair.run_ms(50);
    assert!(pair.a.messages().is_empty());
    pair.a.link.resume(CHAT);
    pair.run_ms(50);
    assert_eq!(pair.a.messages(), [("chat".into(), b"held".to_vec())]);
}

#[test]
fn every_channel_but_one_paused_leaves_that_one_its_way() {
    let mut pair = Pair::up();
    for channel in [URGENT, BULK, CHAT] {
        pair.b.link.pause(channel);
    }
    for n in 0..100 {
        for channel in [URGENT, BULK, CHAT] {
            let _ = pair.a.link.send(channel, &Message::text("held"));
        }
        if n % 10 == 0 {
            let _ = pair.a.link.send(LATEST, &Message::text(&n.to_string()));
        }
        pair.run_ms(1);
        // And the receiver can still send.
        if n % 20 == 0 {
            pair.b.link.send(CHAT, &Message::text("back")).unwrap();
        }
        pair.run_ms(10);
    }
    pair.run_ms(500);
    assert_eq!(pair.a.messages().len(), 5);
    assert_eq!(pair.b.messages().last().map(|(name, _)| name.as_str()), Some("latest"));
    for channel in [URGENT, BULK, CHAT] {
        pair.b.link.resume(channel);
    }
    pair.run_ms(500);
    assert!(pair.b.messages().len() > 10);
}

#[test]
fn a_channel_that_only_one_side_has_costs_the_others_nothing() {
    let mut pair = Pair::up();
    let own = pair.a.link.open(Channel::new("own")).unwrap();
    for n in 0..100 {
        pair.a.link.send(own, &Message::text("unheard")).unwrap();
        pair.a.link.send(CHAT, &Message::text(&n.to_string())).unwrap();
        pair.run_ms(1);
    }
    pair.run_ms(100);
    assert_eq!(pair.b.messages().len(), 100);
    assert!(pair.a.link.mux().is_empty());
}

#[test]
fn drops_are_told_by_channel_as_json() {
    let mut a = Pair::up().a.link;
    let told = a.stats().to_string();
    assert!(told.ends_with(r#","chunk":119,"droppedBy":{}}"#), "{told}");
    let quoted = a.open(Channel::new("a \"b\\").with_delivery(Delivery::Lossy)).unwrap();
    for channel in [LOSSY, quoted, quoted] {
        while a.send(channel, &Message::text("log")).is_ok() {}
    }
    assert_eq!(a.stats().dropped_by().collect::<Vec<_>>(), [("lossy", 1), ("a \"b\\", 2)]);
    let told = a.stats().to_string();
    assert!(told.contains(r#","dropped":3,"#) && told.ends_with(r#","droppedBy":{"lossy":1,"a \"b\\":2}}"#), "{told}");
}

#[test]
fn a_lost_grant_is_said_again_without_any_keep_alive_and_on_a_busy_line() {
    for is_busy in [false, true] {
        let mut pair = Pair::up_without_keep_alive();
        let mut sent = 0;
        for n in 0..8_000 {
            // What b grants meanwhile is lost, and a uses up what it had.
            pair.is_a_deaf = (100..1_000).contains(&n);
            sent += usize::from(pair.a.link.send(CHAT, &Message::text("a")).is_ok());
            if is_busy {
                let _ = pair.b.link.send(BULK, &Message::text("b"));
            }
            pair.run_ms(1);
        }
        assert!(sent > 4_000 && pair.b.messages().len() > 4_000, "busy: {is_busy}, {sent} sent");
    }
}

/// How many of the messages 0, 1, 2 ... of each channel have come.
type Come = [usize; 64];

/// Gives `to` what `from` has to send, spoilt by `noise`.
fn cross(from: &mut Many<'_>, to: &mut Many<'_>, now_us: u64, come: &mut Come, mut noise: impl FnMut(&mut u8)) {
    from.handle_timeout(now_us);
    let mut bytes = from.poll_transmit(now_us).to_vec();
    from.consume(bytes.len());
    bytes.iter_mut().for_each(&mut noise);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        rest = &rest[to.handle_input(rest, now_us)..];
        while let Some(event) = to.poll_event() {
            if let Event::Frame(frame) = event {
                let count = &mut come[frame.channel.index()];
                assert_eq!(frame.data, count.to_string().as_bytes(), "channel {}", frame.channel.index());
                *count += 1;
            }
        }
    }
}

#[test]
fn sixty_four_channels_both_ways_bring_everything_in_order_through_noise() {
    const SEED: u64 = 88_172_645_463_325_252;
    const EACH: usize = 5;
    for bytes_an_error in [u64::MAX, 1000] {
        let names: Vec<String> = (0..64).map(|n| format!("channel {n}")).collect();
        let [mut a, mut b] = [1, 2].map(|epoch| Many::new(Config { epoch, ..Config::default() }));
        let ids: Vec<_> = names.iter().map(|name| a.open(Channel::new(name)).unwrap()).collect();
        names.iter().for_each(|name| assert!(b.open(Channel::new(name)).is_ok()));
        let (mut sent, mut come, mut random) = ([[0; 64]; 2], [[0; 64]; 2], SEED);
        let mut noise = |byte: &mut u8| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            *byte ^= if random % bytes_an_error == 0 { 4 } else { 0 };
        };
        let mut now_us = 0;
        while come != [[EACH; 64]; 2] {
            now_us += 1000;
            assert!(now_us < 30_000_000, "seed {SEED}, an error in {bytes_an_error} bytes: {come:?} of {sent:?}");
            for (side, sent) in [&mut a, &mut b].into_iter().zip(&mut sent) {
                for (id, sent) in ids.iter().zip(sent).filter(|(_, sent)| **sent < EACH) {
                    *sent += usize::from(side.send(*id, &Message::text(&sent.to_string())).is_ok());
                }
            }
            cross(&mut a, &mut b, now_us, &mut come[1], &mut noise);
            cross(&mut b, &mut a, now_us, &mut come[0], &mut noise);
        }
    }
}
