//! What every board does alike: run the application, sleep between turns, log, and start over after a panic.
//!
//! Logs go out by `defmt` over RTT, through the debug probe; without a probe they cost a few microseconds and go nowhere.

#[cfg(feature = "microbit")]
pub mod nvmc;

use core::convert::Infallible;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use defmt_rtt as _;
use embedded_io::{Read, ReadReady, Write, WriteReady};
use pocketmux_core::files::Store;
use pocketmux_firmware_example::{App, Board};

/// Bytes received that wait for the run loop: 22 ms of a full line at 115200 baud.
pub const RX_BYTES: usize = 256;
/// Bytes to send that wait for the line: 5 ms of it, so that an urgent message never waits long behind them.
pub const TX_BYTES: usize = 64;

/// An interrupt came since the run loop last looked.
static WOKEN: AtomicBool = AtomicBool::new(false);

/// Lets the run loop take another turn; every interrupt handler calls it.
pub fn wake() {
    WOKEN.store(true, Ordering::Release);
}

/// Which board it is, and how fast.
pub struct Identity {
    /// What it is called.
    pub name: &'static str,
    /// The chip's own number.
    pub serial: [u8; 8],
    /// Differs at every boot.
    pub epoch: u32,
    /// How many times 128 bytes of a file are hashed, or pages erased, in a turn: a few milliseconds' worth.
    pub hash_steps: u16,
}

/// Runs the application for ever, one turn after every interrupt.
///
/// An interrupt must come every millisecond or so, because that is how the application hears of time.
pub fn run<U, S>(identity: Identity, store: S, mut uart: U, mut now_us: impl FnMut() -> u64) -> !
where
    U: Read<Error = Infallible> + ReadReady + Write + WriteReady,
    S: Store,
{
    let Identity { name, serial, epoch, hash_steps } = identity;
    defmt::info!("{=str} {=[u8; 8]:02x} epoch {=u32:08x}", name, serial, epoch);
    let board = Board::new(name, serial, epoch);
    let mut app: App<'_, _> = App::new(&board, store, hash_steps);
    loop {
        WOKEN.store(false, Ordering::Release);
        let Ok(()) = app.step(&mut uart, now_us());
        if app.is_busy() {
            continue;
        }
        // With interrupts masked none can come between the look and the sleep; a pending one still ends the sleep.
        cortex_m::interrupt::free(|_| {
            if !WOKEN.load(Ordering::Acquire) {
                cortex_m::asm::wfi();
            }
        });
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // The place only: the message would pull in formatting code of several kilobytes.
    match info.location() {
        Some(place) => defmt::error!("panic at {=str}:{=u32}", place.file(), place.line()),
        None => defmt::error!("panic"),
    }
    SCB::sys_reset()
}

// SAFETY: the handler touches no state of the program that faulted; it logs and resets.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault at {=u32:08x}", frame.pc());
    SCB::sys_reset()
}
