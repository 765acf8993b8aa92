//! Counts instructions, and how deep the stack went: two links in one emulated chip, a hundred frames of 240 bytes from one to the other.
//!
//! Run with `-icount shift=0`, where every instruction takes the same virtual time, so that SysTick counts instructions; a loop of known
//! length tells how many there are in a tick.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use cortex_m::peripheral::{SYST, syst::SystClkSource};
    use cortex_m_semihosting::{debug, hprintln};
    use pocketmux_core::{ChannelId, Event, Message};
    use pocketmux_on_target::{Small, side};

    const FRAMES: u32 = 100;
    static DATA: [u8; 240] = {
        let mut data = [0; 240];
        let mut at = 0;
        while at < data.len() {
            data[at] = at as u8;
            at += 1;
        }
        data
    };
    /// Two instructions a turn: subtract, and branch back.
    const TURNS: u32 = 100_000;

    /// What the start-up code of `cortex-m-rt` fills the stack with.
    const PAINT: u32 = 0xcccc_cccc;

    unsafe extern "C" {
        static mut _stack_end: u32;
    }

    /// Paints the free part of the stack again: building a link takes more of it than using one.
    #[inline(never)]
    fn repaint() {
        let mut word = &raw mut _stack_end;
        // A few words are left to this function itself.
        while (word as u32) < cortex_m::register::msp::read() - 128 {
            // SAFETY: the words from here to the stack pointer are the free part of the stack, which nobody else uses.
            unsafe { word.write_volatile(PAINT) };
            word = word.wrapping_add(1);
        }
    }

    /// The lowest word of the stack that was written since.
    fn deepest() -> u32 {
        let mut word = &raw const _stack_end;
        // SAFETY: as above.
        while unsafe { word.read_volatile() } == PAINT {
            word = word.wrapping_add(1);
        }
        word as u32
    }

    fn ticks_of(work: impl FnOnce()) -> u32 {
        let before = SYST::get_current();
        work();
        before.wrapping_sub(SYST::get_current()) & 0x00ff_ffff
    }

    /// Moves everything that waits from one side to the other; the ticks of sending and of receiving.
    fn cross(from: &mut Small, to: &mut Small, now_us: u64) -> (u32, u32, usize) {
        let (mut sending, mut receiving, mut data) = (0, 0, 0);
        loop {
            sending += ticks_of(|| {
                core::hint::black_box(from.poll_transmit(now_us));
            });
            let bytes = from.poll_transmit(now_us);
            if bytes.is_empty() {
                return (sending, receiving, data);
            }
            receiving += ticks_of(|| {
                let mut rest = bytes;
                while !rest.is_empty() {
                    rest = rest.get(to.handle_input(rest, now_us)..).unwrap_or_default();
                    while let Some(event) = to.poll_event() {
                        if let Event::Frame(frame) = event {
                            data += core::hint::black_box(frame.data).len();
                        }
                    }
                }
            });
            from.consume(usize::MAX);
        }
    }

    /// Everything that is counted; not in `main`, so that the stack of all of it lies below that of `main`.
    #[inline(never)]
    fn work(a: &mut Small, b: &mut Small) -> (u32, u32, usize) {
        let mut now_us = 0;
        while !(a.is_up() && b.is_up()) {
            cross(a, b, now_us);
            cross(b, a, now_us);
        }
        let Ok(mut stream) = a.begin(ChannelId::new(0)) else { cortex_m::asm::udf() };
        let (mut sending, mut receiving, mut received) = (0, 0, 0);
        for _ in 0..FRAMES {
            now_us += 1000;
            let _ = a.write(&mut stream, "", &DATA, false);
            let (sent, taken, len) = cross(a, b, now_us);
            (sending, receiving, received) = (sending + sent, receiving + taken, received + len);
            cross(b, a, now_us);
        }
        // Whole messages are cut on the stack.
        let _ = a.send(ChannelId::new(0), &Message::bytes(&DATA));
        cross(a, b, now_us);
        (sending, receiving, received)
    }

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let Some(mut core) = cortex_m::Peripherals::take() else { cortex_m::asm::udf() };
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(0x00ff_ffff);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        // `delay` runs half as many turns as it is given cycles, and one more.
        let calibration = ticks_of(|| cortex_m::asm::delay(2 * TURNS));
        let (mut a, mut b) = (side(1), side(2));
        repaint();
        let (sending, receiving, received) = work(&mut a, &mut b);
        let stack = cortex_m::register::msp::read().wrapping_sub(deepest());
        // In hundredths, a tick being 2 × TURNS / calibration instructions.
        let a_byte =
            |ticks: u32| u64::from(ticks) * u64::from(2 * TURNS) * 100 / u64::from(calibration) / received as u64;
        hprintln!("received {} receive {} transmit {} stack {}", received, a_byte(receiving), a_byte(sending), stack);
        debug::exit(debug::EXIT_SUCCESS);
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        debug::exit(debug::EXIT_FAILURE);
        loop {
            cortex_m::asm::wfi();
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
