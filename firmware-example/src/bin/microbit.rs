//! BBC micro:bit v1: nRF51822, Cortex-M0 at 16 MHz, 16 KiB of RAM; the UART goes to the on-board USB chip.

#![no_std]
#![no_main]

mod board;

use core::mem::MaybeUninit;

use cortex_m::peripheral::NVIC;
use cortex_m_rt::entry;
use nrf51_pac::{FICR, GPIO, Interrupt, NVMC, Peripherals, RNG, TIMER0, TIMER1, UART0, interrupt};
use pocketmux_core::files::Nor;
use pocketmux_firmware_example::clock::Clock;
use pocketmux_firmware_example::uart::{Port, Received, Registers};

use board::nvmc::Flash;
use board::{Identity, RX_BYTES, TX_BYTES};

/// To the USB chip.
const TX_PIN: usize = 24;
/// From the USB chip.
const RX_PIN: usize = 25;
const TICK_US: u32 = 1000;
/// The files, in the 128 pages of flash that the memory map keeps for them, in blocks of 128 bytes.
type Store = Nor<Flash, 128, 16, 128>;

/// Writes a whole register that stands for a number or a task.
macro_rules! set {
    ($register:expr, $bits:expr) => {
        // SAFETY: used on task registers, compare values and pin numbers only, which are allowed any value written here.
        $register.write(|w| unsafe { w.bits($bits) })
    };
}

static PORT: Port<Nrf51Uart, RX_BYTES, TX_BYTES> = Port::new();

#[entry]
fn main() -> ! {
    static mut STORE: MaybeUninit<Store> = MaybeUninit::uninit();
    let chip = Peripherals::take().expect("taken once");
    let store = mount(STORE, chip.NVMC);
    // The chip changes over to the crystal when it runs, and keeps time and baud rate by it from then on.
    set!(chip.CLOCK.tasks_hfclkstart, 1);
    start_clock(&chip.TIMER0);
    start_tick(&chip.TIMER1);
    let (serial, epoch) = (serial(&chip.FICR), random(&chip.RNG));
    let uart = PORT.start(Nrf51Uart::new(chip.UART0, &chip.GPIO));
    // SAFETY: nothing below relies on an interrupt being masked; what the handlers share is made for it.
    unsafe {
        NVIC::unmask(Interrupt::UART0);
        NVIC::unmask(Interrupt::TIMER1);
    }
    let timer = chip.TIMER0;
    let mut clock = Clock::new();
    // Each hashes for a millisecond, or erases for 22.
    let identity = Identity { name: "microbit", serial, epoch, hash_steps: 1 };
    board::run(identity, store, uart, move || {
        set!(timer.tasks_capture[0], 1);
        clock.at(timer.cc[0].read().bits())
    })
}

/// Finds the files; a function of its own, so that what it needs of the stack is free again when the loop begins.
#[inline(never)]
fn mount(place: &mut MaybeUninit<Store>, nvmc: NVMC) -> &mut Store {
    let Ok(store) = Store::mount(Flash::new(nvmc), 0..Flash::len()) else {
        panic!("the memory map keeps fewer pages for files");
    };
    place.write(store)
}

#[interrupt]
fn UART0() {
    PORT.serve();
    board::wake();
}

#[interrupt]
fn TIMER1() {
    // SAFETY: this event register belongs to this handler; nothing else touches it after the start.
    unsafe { &*TIMER1::ptr() }.events_compare[0].reset();
    // QEMU raises no interrupt for a sent byte that had to wait for a full socket; this finds its event.
    PORT.serve();
    board::wake();
}

/// Lets TIMER0 count microseconds, 32 bits wide, for ever.
fn start_clock(timer: &TIMER0) {
    timer.bitmode.write(|w| w.bitmode()._32bit());
    // 16 MHz divided by 2 to the power of 4.
    timer.prescaler.write(|w| w.prescaler().variant(4));
    set!(timer.tasks_clear, 1);
    set!(timer.tasks_start, 1);
}

/// Lets TIMER1 interrupt every millisecond: this chip has no SysTick.
fn start_tick(timer: &TIMER1) {
    timer.bitmode.write(|w| w.bitmode()._16bit());
    timer.prescaler.write(|w| w.prescaler().variant(4));
    set!(timer.cc[0], TICK_US);
    timer.shorts.write(|w| w.compare0_clear().enabled());
    timer.intenset.write(|w| w.compare0().set());
    set!(timer.tasks_clear, 1);
    set!(timer.tasks_start, 1);
}

/// The number the factory gave this chip.
fn serial(ficr: &FICR) -> [u8; 8] {
    let [low, high] = [0, 1].map(|word: usize| ficr.deviceid[word].read().bits());
    ((u64::from(high) << 32) | u64::from(low)).to_be_bytes()
}

/// Four bytes of thermal noise.
fn random(rng: &RNG) -> u32 {
    rng.config.write(|w| w.dercen().enabled());
    set!(rng.tasks_start, 1);
    let bytes = [(); 4].map(|()| {
        while rng.events_valrdy.read().bits() == 0 {}
        rng.events_valrdy.reset();
        rng.value.read().value().bits()
    });
    set!(rng.tasks_stop, 1);
    u32::from_le_bytes(bytes)
}

struct Nrf51Uart {
    uart: UART0,
    /// A byte is on its way out; the chip says so only by an event at its end.
    sending: bool,
}

impl Nrf51Uart {
    fn new(uart: UART0, gpio: &GPIO) -> Self {
        // The line idles high from the first moment, before the UART drives it.
        gpio.outset.write(|w| w.pin24().set());
        gpio.pin_cnf[TX_PIN].write(|w| w.dir().output().input().disconnect());
        gpio.pin_cnf[RX_PIN].write(|w| w.dir().input().input().connect().pull().pullup());
        set!(uart.pseltxd, TX_PIN as u32);
        set!(uart.pselrxd, RX_PIN as u32);
        uart.baudrate.write(|w| w.baudrate().baud115200());
        uart.config.reset();
        uart.enable.write(|w| w.enable().enabled());
        set!(uart.tasks_starttx, 1);
        set!(uart.tasks_startrx, 1);
        Self { uart, sending: false }
    }
}

impl Registers for Nrf51Uart {
    fn receive(&mut self) -> Received {
        if self.uart.events_rxdrdy.read().bits() == 0 {
            return Received::Nothing;
        }
        // Before the byte is taken: taking it lets the next one raise the event again.
        self.uart.events_rxdrdy.reset();
        let byte = self.uart.rxd.read().rxd().bits();
        let faults = self.uart.errorsrc.read().bits();
        if faults == 0 {
            return Received::Byte(byte);
        }
        // Each flag is cleared by writing it back.
        // SAFETY: the bits come from this very register.
        self.uart.errorsrc.write(|w| unsafe { w.bits(faults) });
        Received::Fault(Some(byte))
    }

    fn can_send(&mut self) -> bool {
        if self.sending && self.uart.events_txdrdy.read().bits() != 0 {
            self.sending = false;
        }
        !self.sending
    }

    fn send(&mut self, byte: u8) {
        self.uart.events_txdrdy.reset();
        self.sending = true;
        self.uart.txd.write(|w| w.txd().variant(byte));
    }

    fn listen(&mut self, receive: bool, send: bool) {
        self.uart.intenclr.write(|w| w.rxdrdy().bit(!receive).txdrdy().bit(!send));
        self.uart.intenset.write(|w| w.rxdrdy().bit(receive).txdrdy().bit(send));
    }
}
