//! Boards with an STM32F405 (Olimex STM32-H405, Netduino Plus 2): Cortex-M4F at 168 MHz; USART3 on PB10 (out)
//! and PB11 (in).
//!
//! The same binary runs in QEMU, which models neither the PLL nor the random number generator nor the chip's
//! serial number, and feeds the timers from a 1 GHz clock of its own. Whether the PLL locks tells the two apart.

#![no_std]
#![no_main]

mod board;

use core::hash::{Hash, Hasher};
use core::mem::MaybeUninit;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use cortex_m::prelude::_embedded_hal_blocking_rng_Read as _;
use cortex_m_rt::{entry, exception};
use pocketmux_core::files::Ram;
use pocketmux_firmware_example::clock::Clock;
use pocketmux_firmware_example::uart::{Port, Received, Registers};
use stm32f4xx_hal::pac::{CorePeripherals, Interrupt, Peripherals, RCC, TIM2, USART3, interrupt};
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::{Config, Enable, Rcc};
use stm32f4xx_hal::serial::{Serial3, config};
use stm32f4xx_hal::signature::Uid;

use board::{Identity, RX_BYTES, TX_BYTES};

const CORE_HZ: u32 = 168_000_000;
const TICK_HZ: u32 = 1000;
/// The files, in RAM, where a reset takes them: the pages of this chip's flash are of 128 KiB, so large that every file would fill one and each erasing hold the
/// program for a second, and the emulator does not model its controller.
type Store = Ram<{ 48 << 10 }, 16>;
/// QEMU gives every timer of this chip this clock, however the program sets the dividers.
const QEMU_TIMER_HZ: u32 = 1_000_000_000;

static PORT: Port<Stm32Uart, RX_BYTES, TX_BYTES> = Port::new();

#[entry]
fn main() -> ! {
    // Made in its place: it would not fit on the stack.
    static mut STORE: MaybeUninit<Store> = MaybeUninit::uninit();
    let store = STORE.write(Store::new());
    let chip = Peripherals::take().expect("taken once");
    let core = CorePeripherals::take().expect("taken once");
    // A debug probe can read the log while the core sleeps.
    chip.DBGMCU.cr().modify(|_, w| w.dbg_sleep().set_bit());
    let silicon = pll_locks(&chip.RCC);
    let mut rcc = if silicon {
        chip.RCC.freeze(Config::hsi().sysclk(CORE_HZ.Hz()).require_pll48clk())
    } else {
        chip.RCC.freeze(Config::hsi())
    };
    let timer_hz = if silicon { rcc.clocks.timclk1().raw() } else { QEMU_TIMER_HZ };
    let serial = if silicon { serial() } else { *b"emulated" };
    let mut epoch = [0; 4];
    if !silicon || chip.RNG.constrain(&mut rcc).read(&mut epoch).is_err() {
        epoch = jitter(&chip.TIM2, &mut rcc);
    }
    let epoch = u32::from_le_bytes(epoch);
    start_clock(&chip.TIM2, &mut rcc, timer_hz);
    start_tick(core.SYST);

    let pins = chip.GPIOB.split(&mut rcc);
    let line = config::Config::default().baudrate(115_200.bps());
    let Ok(uart) = Serial3::<u8>::new(chip.USART3, (pins.pb10, pins.pb11), line, &mut rcc) else {
        panic!("the baud rate is out of reach");
    };
    let (usart, _pins) = uart.release();
    let uart = PORT.start(Stm32Uart(usart));
    // SAFETY: nothing below relies on the interrupt being masked; what its handler shares is made for it.
    unsafe { NVIC::unmask(Interrupt::USART3) };
    let timer = chip.TIM2;
    let mut clock = Clock::new();
    let identity = Identity { name: "stm32f405", serial, epoch, hash_steps: 8 };
    board::run(identity, store, uart, move || clock.at(timer.cnt().read().bits()))
}

#[interrupt]
fn USART3() {
    PORT.serve();
    board::wake();
}

#[exception]
fn SysTick() {
    board::wake();
}

/// Whether the PLL locks, as it does on every real chip within a third of a millisecond. It is off afterwards.
fn pll_locks(rcc: &RCC) -> bool {
    const LOOKS: u32 = 50_000;
    rcc.cr().modify(|_, w| w.pllon().set_bit());
    let locks = (0..LOOKS).any(|_| rcc.cr().read().pllrdy().bit_is_set());
    rcc.cr().modify(|_, w| w.pllon().clear_bit());
    // It takes a new setting only when it has stopped.
    locks && (0..LOOKS).any(|_| rcc.cr().read().pllrdy().bit_is_clear())
}

/// Lets TIM2 count microseconds, 32 bits wide, for ever.
fn start_clock(timer: &TIM2, rcc: &mut Rcc, timer_hz: u32) {
    TIM2::enable(rcc);
    timer.psc().write(|w| w.psc().set((timer_hz / 1_000_000 - 1) as u16));
    // The divider counts only after an update event.
    timer.egr().write(|w| w.ug().set_bit());
    timer.cr1().write(|w| w.cen().set_bit());
}

fn start_tick(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CORE_HZ / TICK_HZ - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}

/// The 96 bits that the factory gave this chip, folded to 64.
fn serial() -> [u8; 8] {
    let mut fold = Fnv(0xcbf2_9ce4_8422_2325);
    Uid::get().hash(&mut fold);
    fold.finish().to_be_bytes()
}

/// A number made of how unevenly the emulator runs: all the chance there is in it.
fn jitter(timer: &TIM2, rcc: &mut Rcc) -> [u8; 4] {
    TIM2::enable(rcc);
    timer.cr1().write(|w| w.cen().set_bit());
    let mut fold = Fnv(0xcbf2_9ce4_8422_2325);
    for _ in 0..256 {
        timer.cnt().read().bits().hash(&mut fold);
    }
    let folded = fold.finish();
    timer.cr1().reset();
    ((folded ^ (folded >> 32)) as u32).to_le_bytes()
}

/// The 64-bit FNV-1a hash.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Stm32Uart(USART3);

impl Registers for Stm32Uart {
    fn receive(&mut self) -> Received {
        let status = self.0.sr().read();
        if status.rxne().bit_is_clear() && status.ore().bit_is_clear() {
            return Received::Nothing;
        }
        // Reading the data after the status clears every flag, the faults as well.
        let byte = self.0.dr().read().dr().bits() as u8;
        if status.ore().bit_is_set() || status.fe().bit_is_set() || status.nf().bit_is_set() {
            return Received::Fault(status.rxne().bit_is_set().then_some(byte));
        }
        Received::Byte(byte)
    }

    fn can_send(&mut self) -> bool {
        self.0.sr().read().txe().bit_is_set()
    }

    fn send(&mut self, byte: u8) {
        self.0.dr().write(|w| w.dr().set(u16::from(byte)));
    }

    fn listen(&mut self, receive: bool, send: bool) {
        self.0.cr1().modify(|_, w| w.rxneie().bit(receive).txeie().bit(send));
    }
}
