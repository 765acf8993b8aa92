//! Raspberry Pi Pico: RP2040, Cortex-M0+ at 125 MHz; UART0 on GP0 (out) and GP1 (in).

#![no_std]
#![no_main]

mod board;

use core::mem::MaybeUninit;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use cortex_m_rt::exception;
use pocketmux_core::files::Ram;
use pocketmux_firmware_example::uart::{Port, Received, Registers};
use rp2040_hal::clocks::{Clock, init_clocks_and_plls};
use rp2040_hal::fugit::{HertzU32, RateExtU32};
use rp2040_hal::gpio::bank0::{Gpio0, Gpio1};
use rp2040_hal::gpio::{FunctionUart, Pin, Pins, PullNone, PullUp};
use rp2040_hal::pac::{CorePeripherals, Interrupt, Peripherals, UART0, interrupt};
use rp2040_hal::rosc::RingOscillator;
use rp2040_hal::uart::{DataBits, Enabled, FifoWatermark, StopBits, UartConfig, UartPeripheral};
use rp2040_hal::{Sio, Timer, Watchdog, entry};

use board::{Identity, RX_BYTES, TX_BYTES};

const CRYSTAL_HZ: u32 = 12_000_000;
const TICK_HZ: u32 = 1000;
/// The files, in RAM, where a reset takes them: whoever writes to the flash of this chip must not run from it meanwhile, which takes code in RAM, and the
/// emulator has no boot ROM that would do it.
type Store = Ram<{ 64 << 10 }, 16>;

/// What the boot ROM runs first: it sets up the flash chip that everything else is read from.
// SAFETY: the section holds nothing else, and the boot ROM expects exactly this there.
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

static PORT: Port<PicoUart, RX_BYTES, TX_BYTES> = Port::new();

#[entry]
fn main() -> ! {
    // Made in its place, as it is as large as all the rest.
    static mut STORE: MaybeUninit<Store> = MaybeUninit::uninit();
    let store = STORE.write(Store::new());
    let serial = serial();
    let mut chip = Peripherals::take().expect("taken once");
    let core = CorePeripherals::take().expect("taken once");
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let Ok(clocks) = init_clocks_and_plls(
        CRYSTAL_HZ,
        chip.XOSC,
        chip.CLOCKS,
        chip.PLL_SYS,
        chip.PLL_USB,
        &mut chip.RESETS,
        &mut watchdog,
    ) else {
        panic!("the crystal or a PLL does not run");
    };
    let timer = Timer::new(chip.TIMER, &mut chip.RESETS, &clocks);
    let epoch = random(RingOscillator::new(chip.ROSC).initialize());
    let pins = Pins::new(chip.IO_BANK0, chip.PADS_BANK0, Sio::new(chip.SIO).gpio_bank0, &mut chip.RESETS);
    let lines = (pins.gpio0.reconfigure(), pins.gpio1.reconfigure());
    let line = UartConfig::new(115_200.Hz(), DataBits::Eight, None, StopBits::One);
    let uart = UartPeripheral::new(chip.UART0, lines, &mut chip.RESETS);
    let Ok(mut uart) = uart.enable(line, clocks.peripheral_clock.freq()) else {
        panic!("the baud rate is out of reach");
    };
    uart.set_fifos(true);
    // Early on both sides: the other 28 bytes are the time an interrupt may come late.
    uart.set_rx_watermark(FifoWatermark::Bytes4);
    uart.set_tx_watermark(FifoWatermark::Bytes28);
    let uart = PORT.start(PicoUart(uart));
    start_tick(core.SYST, clocks.system_clock.freq());
    // SAFETY: nothing below relies on the interrupt being masked; what its handler shares is made for it.
    unsafe { NVIC::unmask(Interrupt::UART0_IRQ) };
    let identity = Identity { name: "pico", serial, epoch, hash_steps: 8 };
    board::run(identity, store, uart, move || timer.get_counter().ticks())
}

#[interrupt]
fn UART0_IRQ() {
    PORT.serve();
    board::wake();
}

#[exception]
fn SysTick() {
    board::wake();
}

fn start_tick(mut systick: SYST, clock: HertzU32) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(clock.to_Hz() / TICK_HZ - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}

/// The flash chip's own number, which stands for the board: the RP2040 has none.
///
/// Reading it takes the boot ROM's help. An emulator may run without that ROM; its board says so instead.
fn serial() -> [u8; 8] {
    const ROM_MAGIC: u32 = 0x0001_754d;
    // SAFETY: the word at 16 is readable memory of every RP2040: the magic number of its boot ROM.
    let rom = unsafe { core::ptr::read_volatile(0x10 as *const u32) };
    if rom & 0x00ff_ffff != ROM_MAGIC {
        return *b"emulated";
    }
    let mut serial = [0; 8];
    // SAFETY: nobody else reads the flash meanwhile: the other core still sleeps in the boot ROM, and neither an
    // interrupt nor a DMA channel is set up yet.
    cortex_m::interrupt::free(|_| unsafe { rp2040_flash::flash::flash_unique_id(&mut serial, true) });
    serial
}

/// Many bits of a free-running oscillator, read at the crystal's pace and folded: one alone is biased.
fn random(oscillator: RingOscillator<rp2040_hal::rosc::Enabled>) -> u32 {
    (0..256).fold(0, |mixed: u32, _| {
        cortex_m::asm::delay(100);
        mixed.rotate_left(5).wrapping_mul(0x9e37_79b1) ^ u32::from(oscillator.get_random_bit())
    })
}

type Lines = (Pin<Gpio0, FunctionUart, PullNone>, Pin<Gpio1, FunctionUart, PullUp>);

struct PicoUart(UartPeripheral<Enabled, UART0, Lines>);

impl Registers for PicoUart {
    fn receive(&mut self) -> Received {
        if !self.0.uart_is_readable() {
            return Received::Nothing;
        }
        let mut byte = [0];
        match self.0.read_raw(&mut byte) {
            Ok(_) => Received::Byte(byte[0]),
            Err(nb::Error::WouldBlock) => Received::Nothing,
            Err(nb::Error::Other(fault)) => Received::Fault(fault.discarded.first().copied()),
        }
    }

    fn can_send(&mut self) -> bool {
        self.0.uart_is_writable()
    }

    fn send(&mut self, byte: u8) {
        // There is room, so it is taken at once.
        _ = self.0.write_raw(&[byte]);
    }

    fn listen(&mut self, receive: bool, send: bool) {
        if receive {
            self.0.enable_rx_interrupt()
        } else {
            self.0.disable_rx_interrupt()
        }
        if send { self.0.enable_tx_interrupt() } else { self.0.disable_tx_interrupt() }
    }
}
