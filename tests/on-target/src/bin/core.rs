//! The binary core with eight channels and reliability, in the loop that a firmware has: what it adds to an empty program.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use core::hint::black_box;

    use pocketmux_core::{Channel, ChannelId, Config, Event, Link, Message, Priority};
    use pocketmux_on_target::{EightChannels, unknown};

    const NAMES: [&str; 8] = ["chat", "presence", "typing", "file", "log", "stats", "command", "sensor"];

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let mut link: EightChannels = Link::new(Config { epoch: unknown(1), ..Config::default() });
        for name in NAMES {
            let _ = link.open(Channel::new(name).with_priority(unknown(Priority::Bulk)));
        }
        let mut stream = None;
        let mut bytes = [0u8; 64];
        loop {
            let now_us = unknown(0u64);
            link.handle_timeout(now_us);
            black_box(&mut bytes);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let taken = link.handle_input(rest, now_us);
                rest = rest.get(taken..).unwrap_or_default();
                while let Some(event) = link.poll_event() {
                    match event {
                        Event::Frame(frame) => drop(black_box(frame.data)),
                        Event::Up(_) => stream = link.begin(unknown(ChannelId::new(3))).ok(),
                        _ => {}
                    }
                }
            }
            let _ = link.send(unknown(ChannelId::new(0)), &Message::text(unknown("hello")));
            if let Some(stream) = &mut stream {
                let _ = link.write(stream, "", &bytes, unknown(false));
            }
            let shown = black_box(link.poll_transmit(now_us)).len();
            link.consume(shown);
            black_box(link.poll_timeout());
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
