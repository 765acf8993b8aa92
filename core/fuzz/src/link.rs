//! Any sequence of operations on two links, with noise between them: nothing panics, and no message is invented.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketmux_core::{Channel, ChannelId, Config, Cut, Delivery, Event, Link, Message, Priority, Stream};

type Side = Link<'static, 400, 8, 4>;

fn side(epoch: u32) -> Side {
    let mut link = Link::new(Config { epoch, ..Config::default() });
    for (name, priority, delivery) in [
        ("a", Priority::Urgent, Delivery::Latest),
        ("b", Priority::Normal, Delivery::Reliable),
        ("c", Priority::Bulk, Delivery::Lossy),
    ] {
        link.open(Channel::new(name).with_priority(priority).with_delivery(delivery)).unwrap();
    }
    link
}

fn take_in(link: &mut Side, mut input: &[u8], now_us: u64) {
    while !input.is_empty() {
        let taken = link.handle_input(input, now_us);
        assert!(taken > 0);
        input = &input[taken..];
        while let Some(event) = link.poll_event() {
            if let Event::Frame(frame) = event {
                assert!(frame.data.iter().all(|&byte| byte == frame.channel.index() as u8 + 1), "invented data");
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut sides = [side(1), side(2)];
    let mut streams: [Option<Stream>; 2] = [None, None];
    let mut epoch = 3;
    let mut now_us = 0;
    for step in data.chunks_exact(2) {
        let &[operation, value] = step else { unreachable!() };
        let at = usize::from(operation >> 7);
        let channel = operation >> 4 & 3;
        match operation & 7 {
            0 => {
                let payload = vec![channel + 1; usize::from(value) * 4];
                let meta = "m".repeat(usize::from(value % 5));
                let _ = sides[at].send(ChannelId::new(channel), &Message::bytes(&payload).with_meta(&meta));
            }
            1 => {
                if value == 0 {
                    streams[at] = sides[at].begin(ChannelId::new(channel)).ok();
                } else if let Some(stream) = &mut streams[at] {
                    // The data says which channel it belongs to, so that it cannot come out on another.
                    let payload = vec![stream.channel().index() as u8 + 1; usize::from(value)];
                    let _ = sides[at].write(stream, "meta", &payload, value % 7 == 0);
                }
            }
            2 | 3 => {
                let bytes = sides[at].poll_transmit(now_us).to_vec();
                sides[at].consume(bytes.len());
                take_in(&mut sides[1 - at], &bytes, now_us);
            }
            4 => {
                // A burst that no check survives: it is shorter than a check.
                take_in(&mut sides[at], &[value, value ^ 0x55, 0], now_us);
            }
            5 => {
                now_us += u64::from(value) * 10_000;
                sides[at].handle_timeout(now_us);
            }
            6 => {
                sides[at].mux().set_cut(Cut::units(usize::from(value)).unwrap_or_default());
                if let Ok(quantum) = value.try_into() {
                    sides[at].mux().set_quantum(quantum);
                }
            }
            _ => {
                sides[at] = side(epoch);
                epoch += 1;
            }
        }
    }
});
