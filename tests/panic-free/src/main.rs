//! Proves by linking that no panic is reachable in a release build of the core.
//!
//! Every operation but `JsonFrame::parse` and `write` (see `json`) is called with values the optimiser cannot know. The panic handler calls a function that does not
//! exist: if any panic survives optimisation, the link fails and names it. `tests/run` builds this for `thumbv6m-none-eabi`,
//! and once more with the feature `with-panic`, which must fail. On a PC it is an empty program.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod files;

#[cfg(target_os = "none")]
mod board {
    use core::convert::Infallible;
    use core::ptr::{read_volatile, write_volatile};

    use core::fmt::{self, Write as _};

    use pocketmux_core::deframe::{Deframer, Run};
    use pocketmux_core::io::{Wire, transmit};
    use pocketmux_core::json::{EscapedStr, escape, unescape};
    use pocketmux_core::mux::{Bounds, Mux, Route};
    use pocketmux_core::packet::{Packet, Seal};
    use pocketmux_core::{
        Channel, ChannelId, Config, Cut, Delivery, Demux, Event, Frame, Identity, Kind, Link, Message, MessageId,
        Position, Priority, cobs, wtf8,
    };

    /// Where inputs come from and outputs go: addresses that mean nothing, since this never runs.
    const INPUT: *const u8 = 0x2000_0000 as *const u8;
    const OUTPUT: *mut u8 = 0x2000_1000 as *mut u8;

    pub(crate) fn input() -> u8 {
        // SAFETY: the program is linked and never run.
        unsafe { read_volatile(INPUT) }
    }

    pub(crate) fn output(byte: u8) {
        // SAFETY: as above.
        unsafe { write_volatile(OUTPUT, byte) }
    }

    pub(crate) fn inputs<const N: usize>() -> [u8; N] {
        core::array::from_fn(|_| input())
    }

    /// A length within `bytes` that the optimiser does not know.
    pub(crate) fn some(bytes: &[u8]) -> &[u8] {
        bytes.get(..usize::from(input())).unwrap_or(bytes)
    }

    pub(crate) fn text(bytes: &[u8]) -> &str {
        core::str::from_utf8(some(bytes)).unwrap_or_default()
    }

    pub(crate) fn show(bytes: &[u8]) {
        bytes.iter().for_each(|byte| output(*byte));
    }

    struct Uart;

    impl embedded_io::ErrorType for Uart {
        type Error = Infallible;
    }

    impl embedded_io::Read for Uart {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
            buf.iter_mut().for_each(|byte| *byte = input());
            Ok(usize::from(input()))
        }
    }

    impl embedded_io::ReadReady for Uart {
        fn read_ready(&mut self) -> Result<bool, Infallible> {
            Ok(input() == 1)
        }
    }

    impl embedded_io::Write for Uart {
        fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
            show(buf);
            Ok(usize::from(input()))
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl embedded_io::WriteReady for Uart {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(input() == 1)
        }
    }

    #[unsafe(no_mangle)]
    extern "C" fn _start() -> ! {
        let names = inputs::<64>();
        let identity = Identity { name: text(&names), firmware: text(&names), serial: text(&names) };
        let epoch = u32::from_le_bytes(inputs());
        let silence_ms = u32::from_le_bytes(inputs());
        let mut link = WholeLink::new(Config { identity, epoch, silence_ms });
        for _ in 0..input() {
            let channel = Channel::new(text(&names)).with_priority(Priority::Bulk).with_delivery(Delivery::Latest);
            let channel = channel.with_content(text(&names)).with_meta(text(&names));
            if let Err(error) = link.open(channel) {
                let _ = write!(Out, "{error}");
            }
            let _ = link.open(Channel::new(text(&names)).with_delivery(Delivery::Lossy));
        }
        link_operations(&mut link);
        text_operations();
        mux_operations();
        packet_operations();
        crate::files::operations(&mut link);
        #[cfg(feature = "with-panic")]
        output(names[usize::from(input())]);
        loop {
            output(input());
        }
    }

    /// With packets longer than a frame, so that runs of frames are in it.
    pub(crate) type WholeLink<'n> = Link<'n, 256, 12, 8, [u8; 1100]>;

    fn link_operations(link: &mut WholeLink<'_>) {
        let mut wire = Wire::<32>::new();
        let mut demux = Demux::<(ChannelId, MessageId), [u8; 256], 3>::new(|| [0; 256]);
        loop {
            let now_us = u64::from_le_bytes(inputs());
            while let Ok(Some(event)) = wire.poll(link, &mut Uart, now_us) {
                match event {
                    Event::Up(peer) => show(peer.identity.name.as_bytes()),
                    Event::Down => demux.clear(),
                    Event::Opened { channel, .. } => show(channel.name.as_bytes()),
                    Event::Frame(frame) => match demux.insert((frame.channel, frame.message), &frame) {
                        Ok(Some(message)) => show(message.data),
                        Ok(None) => output(demux.given_up() as u8),
                        Err(_) => output(demux.pending() as u8),
                    },
                    Event::Closed { reset, .. } => show(reset.unwrap_or_default().as_bytes()),
                    _ => output(1),
                }
            }
            let data = inputs::<200>();
            let channel = ChannelId::new(input());
            link.mux().set_cut(Cut::units(usize::from(input())).unwrap_or_default());
            if let Some(quantum) = core::num::NonZeroU8::new(input()) {
                link.mux().set_quantum(quantum);
            }
            let message = Message::text_wtf8(some(&data)).with_meta(text(&data));
            output(u8::from(link.send(channel, &message).is_ok()));
            output(u8::from(link.send(channel, &Message::bytes(some(&data))).is_ok()));
            if let Ok(stream) = link.begin(channel) {
                let mut stream = if input() == 1 { stream.text().of_frames(u32::from(input())) } else { stream };
                for _ in 0..input() {
                    let written = link.write(&mut stream, text(&data), some(&data), input() == 1);
                    output(written.unwrap_or_default() as u8);
                }
            }
            match input() {
                0 => link.close(channel),
                1 => link.reset(channel, "gone"),
                2 => link.pause(channel),
                _ => link.resume(channel),
            }
            link.handle_timeout(now_us);
            let _ = write!(Out, "{}", link.stats());
            output(link.dropped(channel) as u8);
            output(link.poll_timeout().unwrap_or_default() as u8);
            let _ = transmit(link, &mut Uart, now_us);
            output(link.counters().bad_crc as u8);
            if input() == 1 {
                return;
            }
        }
    }

    /// Shows a text, and so proves the `Display` of what made it.
    pub(crate) struct Out;

    impl fmt::Write for Out {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            show(text.as_bytes());
            Ok(())
        }
    }

    fn mux_operations() {
        let mut mux = Mux::<128, 6>::new();
        let data = inputs::<200>();
        let route = Route {
            channel: ChannelId::new(input()),
            message: MessageId(u32::from_le_bytes(inputs())),
            priority: if input() == 1 { Priority::Urgent } else { Priority::Normal },
            delivery: if input() == 1 { Delivery::Latest } else { Delivery::Reliable },
        };
        for _ in 0..input() {
            let message = Message::bytes(some(&data)).with_meta(text(&data));
            if let Err(error) = mux.send(route, &message, Bounds::of_data(usize::from(input()))) {
                let _ = write!(Out, "{error}");
            }
            if let Some(position) = Position::new(u32::from_le_bytes(inputs()), Some(u32::from_le_bytes(inputs()))) {
                output(u8::from(mux.push(route, position, Kind::Text, text(&data), some(&data)).is_ok()));
            }
            if let Some(slot) = mux.next_slot() {
                output(mux.frame(slot).map_or(0, |frame| frame.data.len() as u8));
                mux.release(slot);
            }
            output(mux.room(route.priority) as u8);
        }
        mux.clear();
    }

    fn packet_operations() {
        let mut deframer = Deframer::<[u8; 200]>::new();
        let bytes = inputs::<200>();
        let mut rest = some(&bytes);
        while let Some(run) = deframer.next_run(&mut rest) {
            let Run::Packet(packet) = run else { continue };
            let seal = Seal::new(u32::from_le_bytes(inputs()), u32::from_le_bytes(inputs()));
            match Packet::decode(packet, seal) {
                Ok(packet) => {
                    let mut out = [0; 300];
                    show(packet.encode(seal, &mut out).unwrap_or_default());
                }
                Err(error) => drop(write!(Out, "{error}")),
            }
        }
        deframer.reset();
        let mut run = bytes;
        output(cobs::encode(&mut run, usize::from(input())).unwrap_or_default() as u8);
        let position = Position::new(u32::from_le_bytes(inputs()), None).unwrap_or_else(|| loop {});
        let mut demux = Demux::<u8, [u8; 64], 2>::new(|| [0; 64]);
        let (channel, message) = (ChannelId::new(input()), MessageId(0));
        let frame = Frame { channel, message, position, kind: Kind::Text, meta: "", data: some(&bytes) };
        if let Err(error) = demux.insert(input(), &frame) {
            let _ = write!(Out, "{error}");
        }
        demux.reopen(input());
    }

    fn text_operations() {
        let raw = inputs::<100>();
        let mut scratch = [0; 300];
        show(unescape(EscapedStr(text(&raw)), &mut scratch).unwrap_or_default());
        show(escape(some(&raw), &mut scratch).map_or("", |text| text.0).as_bytes());
        let mut text = inputs::<200>();
        output(wtf8::join(&mut text) as u8);
        output(wtf8::head(some(&text), usize::from(input())) as u8);
        wtf8::units(&text).for_each(|unit| output(unit as u8));
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        unsafe extern "C" {
            fn a_panic_is_reachable() -> !;
        }
        // SAFETY: there is no such function, so a program that gets here does not exist.
        unsafe { a_panic_is_reachable() }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
