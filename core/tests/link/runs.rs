//! Neighbouring frames share a packet while the line is clean, but not where an urgent message might have to wait for it.

use pocketmux_core::{Channel, Config, Event, Link, Priority};

type Side = Link<'static, 256, 32, 4, [u8; 1100]>;

fn side(epoch: u32, with_urgent: bool) -> Side {
    let mut link = Link::new(Config { epoch, ..Config::default() });
    link.open(Channel::new("bulk").with_priority(Priority::Bulk)).unwrap();
    if with_urgent {
        link.open(Channel::new("typing").with_priority(Priority::Urgent)).unwrap();
    }
    link
}

/// Gives `to` what `from` has to send; the length of its longest packet, and the data that arrived.
fn cross(from: &mut Side, to: &mut Side, now_us: u64, data: &mut Vec<u8>) -> usize {
    let mut longest = 0;
    from.handle_timeout(now_us);
    loop {
        let bytes = from.poll_transmit(now_us).to_vec();
        from.consume(bytes.len());
        if bytes.is_empty() {
            return longest;
        }
        longest = longest.max(bytes.len());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = &rest[to.handle_input(rest, now_us)..];
            while let Some(event) = to.poll_event() {
                if let Event::Frame(frame) = event {
                    data.extend_from_slice(frame.data);
                }
            }
        }
    }
}

#[test]
fn packets_are_long_on_a_clean_line_and_short_with_an_urgent_channel() {
    for (with_urgent, least, most) in [(false, 900, 1100), (true, 200, 256)] {
        let (mut a, mut b) = (side(1, with_urgent), side(2, with_urgent));
        let file: Vec<u8> = (0..60_000u32).map(|n| (n % 251) as u8).collect();
        let (mut sent, mut stream, mut got, mut longest) = (0, None, Vec::new(), 0);
        for now_us in (0..10_000_000).step_by(1000) {
            stream = stream.or_else(|| a.begin(a.channel_named("bulk").unwrap()).ok());
            while let Some(stream) = stream.as_mut()
                && sent < file.len()
                && let Ok(len) = a.write(stream, "", &file[sent..], true)
            {
                sent += len;
            }
            longest = longest.max(cross(&mut a, &mut b, now_us, &mut got));
            cross(&mut b, &mut a, now_us, &mut Vec::new());
        }
        assert!(got == file, "{} of {} bytes", got.len(), file.len());
        assert!((least..=most).contains(&longest), "{longest} bytes in a packet, urgent: {with_urgent}");
        assert_eq!(a.counters().repaired, 0);
    }
}
