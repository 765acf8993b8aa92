//! An interrupt-driven UART that the run loop reads and writes without waiting.
//!
//! A board says how to reach its registers ([`Registers`]) and calls [`Port::serve`] from the UART's interrupt;
//! everything else is here, the same for every chip and tested on a PC. Bytes that arrive while the receive
//! ring is full stay in the hardware, which drops them only when its own buffer overflows as well;
//! [`Port::faults`] counts that.

use core::cell::RefCell;
use core::convert::Infallible;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use critical_section::Mutex;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

use crate::ring::Ring;

/// What a UART has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing.
    Nothing,
    /// One byte.
    Byte(u8),
    /// The hardware lost bytes or could not make one out; with the byte at hand, if that one is good.
    Fault(Option<u8>),
}

/// A UART as its interrupt sees it. No method waits.
pub trait Registers {
    /// Takes the oldest received byte out of the hardware.
    fn receive(&mut self) -> Received;
    /// Whether the hardware takes a byte to send now.
    fn can_send(&mut self) -> bool;
    /// Sends a byte; called only after [`Self::can_send`] said yes.
    fn send(&mut self, byte: u8);
    /// Asks for an interrupt when a byte arrives, and when there is room for a byte to send.
    fn listen(&mut self, receive: bool, send: bool);
}

/// One UART with its two rings; a `static` on a board.
#[derive(Debug)]
pub struct Port<R, const RX: usize, const TX: usize> {
    registers: Mutex<RefCell<Option<R>>>,
    rx: Ring<RX>,
    tx: Ring<TX>,
    /// The receive ring was full, so the interrupt stopped taking bytes out of the hardware.
    stalled: AtomicBool,
    faults: AtomicU32,
}

impl<R: Registers, const RX: usize, const TX: usize> Port<R, RX, TX> {
    /// A port that is not started yet; it takes bytes to send and receives none.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            registers: Mutex::new(RefCell::new(None)),
            rx: Ring::new(),
            tx: Ring::new(),
            stalled: AtomicBool::new(false),
            faults: AtomicU32::new(0),
        }
    }

    /// Starts the port on a UART that is configured, and hands out its run-loop side.
    ///
    /// Call it once: two run-loop sides would share the bytes between them.
    pub fn start(&self, registers: R) -> Uart<'_, R, RX, TX> {
        critical_section::with(|token| self.registers.borrow(token).replace(Some(registers)));
        self.serve();
        Uart { port: self }
    }

    /// Moves bytes both ways until neither can move; what the UART's interrupt calls.
    pub fn serve(&self) {
        critical_section::with(|token| {
            if let Some(registers) = self.registers.borrow(token).borrow_mut().as_mut() {
                self.move_bytes(registers);
            }
        });
    }

    /// How often the hardware lost bytes or could not make one out, since the start.
    pub fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }

    fn move_bytes(&self, registers: &mut R) {
        // As many turns as the ring has places at most, so that no stuck flag keeps the interrupt busy.
        for _ in 0..RX {
            if self.rx.is_full() {
                break;
            }
            let byte = match registers.receive() {
                Received::Nothing => break,
                Received::Byte(byte) => Some(byte),
                Received::Fault(byte) => {
                    // Only this function writes the count, and never twice at once: a load and a store do.
                    self.faults.store(self.faults().wrapping_add(1), Ordering::Relaxed);
                    byte
                }
            };
            if let Some(byte) = byte {
                self.rx.push(byte);
            }
        }
        while !self.tx.is_empty() && registers.can_send() {
            if let Some(byte) = self.tx.pop() {
                registers.send(byte);
            }
        }
        // An interrupt that could move nothing would come again at once and for ever.
        let stalled = self.rx.is_full();
        self.stalled.store(stalled, Ordering::Release);
        registers.listen(!stalled, !self.tx.is_empty());
    }
}

impl<R: Registers, const RX: usize, const TX: usize> Default for Port<R, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

/// The run loop's side of a [`Port`].
///
/// `read` and `write` wait only where `embedded-io` says they must: with nothing received, or with no room at
/// all. `read_ready` and `write_ready` tell beforehand.
#[derive(Debug)]
pub struct Uart<'a, R, const RX: usize, const TX: usize> {
    port: &'a Port<R, RX, TX>,
}

impl<R, const RX: usize, const TX: usize> ErrorType for Uart<'_, R, RX, TX> {
    type Error = Infallible;
}

impl<R: Registers, const RX: usize, const TX: usize> Read for Uart<'_, R, RX, TX> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        while !out.is_empty() {
            let count = self.port.rx.pop_slice(out);
            if self.port.stalled.load(Ordering::Acquire) {
                self.port.serve();
            }
            if count > 0 {
                return Ok(count);
            }
            spin_loop();
        }
        Ok(0)
    }
}

impl<R: Registers, const RX: usize, const TX: usize> ReadReady for Uart<'_, R, RX, TX> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.port.rx.is_empty())
    }
}

impl<R: Registers, const RX: usize, const TX: usize> Write for Uart<'_, R, RX, TX> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        while !bytes.is_empty() {
            let count = self.port.tx.push_slice(bytes);
            if count > 0 {
                self.port.serve();
                return Ok(count);
            }
            spin_loop();
        }
        Ok(0)
    }

    /// Waits until the hardware has every byte; the last ones may still be on their way out.
    fn flush(&mut self) -> Result<(), Infallible> {
        while !self.port.tx.is_empty() {
            spin_loop();
        }
        Ok(())
    }
}

impl<R: Registers, const RX: usize, const TX: usize> WriteReady for Uart<'_, R, RX, TX> {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.port.tx.is_full())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Port, Received, Registers};
    use embedded_io::{Read, ReadReady, Write, WriteReady};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;
    use std::vec::Vec;

    /// Hardware with room for two bytes to send; the test plays the line.
    #[derive(Default)]
    struct Fake {
        arrived: VecDeque<Received>,
        sending: Vec<u8>,
        listening: (bool, bool),
    }

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Fake>>);

    impl Registers for Shared {
        fn receive(&mut self) -> Received {
            self.0.borrow_mut().arrived.pop_front().unwrap_or(Received::Nothing)
        }
        fn can_send(&mut self) -> bool {
            self.0.borrow().sending.len() < 2
        }
        fn send(&mut self, byte: u8) {
            self.0.borrow_mut().sending.push(byte);
        }
        fn listen(&mut self, receive: bool, send: bool) {
            self.0.borrow_mut().listening = (receive, send);
        }
    }

    impl Shared {
        fn arrive(&self, bytes: &[u8]) {
            self.0.borrow_mut().arrived.extend(bytes.iter().map(|byte| Received::Byte(*byte)));
        }
        fn sent(&self) -> Vec<u8> {
            core::mem::take(&mut self.0.borrow_mut().sending)
        }
        fn listening(&self) -> (bool, bool) {
            self.0.borrow().listening
        }
    }

    #[test]
    fn a_write_starts_the_line_and_the_interrupt_keeps_it_going() {
        let line = Shared::default();
        let port = Port::<_, 4, 4>::new();
        let mut uart = port.start(line.clone());
        assert_eq!(line.listening(), (true, false));
        assert_eq!(uart.write(b"abcdef").unwrap(), 4);
        assert_eq!(line.listening(), (true, true));
        assert_eq!(line.sent(), b"ab");
        assert_eq!(uart.write(b"ef").unwrap(), 2);
        assert_eq!(line.sent(), b"cd");
        port.serve();
        assert_eq!(line.sent(), b"ef");
        assert_eq!(line.listening(), (true, false));
    }

    #[test]
    fn a_full_send_ring_is_not_ready_until_the_line_moves() {
        let line = Shared::default();
        let port = Port::<_, 4, 2>::new();
        let mut uart = port.start(line.clone());
        assert_eq!(uart.write(b"abcd").unwrap(), 2);
        assert_eq!(uart.write(b"cd").unwrap(), 2);
        assert!(!uart.write_ready().unwrap());
        line.sent();
        port.serve();
        assert!(uart.write_ready().unwrap());
    }

    #[test]
    fn a_full_receive_ring_leaves_bytes_in_the_hardware_until_there_is_room() {
        let line = Shared::default();
        let port = Port::<_, 4, 4>::new();
        let mut uart = port.start(line.clone());
        line.arrive(b"abcdef");
        port.serve();
        assert_eq!(line.listening(), (false, false));
        let mut out = [0; 8];
        assert_eq!(uart.read(&mut out).unwrap(), 4);
        assert_eq!(&out[..4], b"abcd");
        assert_eq!(line.listening(), (true, false));
        assert_eq!(uart.read(&mut out).unwrap(), 2);
        assert_eq!(&out[..2], b"ef");
        assert!(!uart.read_ready().unwrap());
    }

    #[test]
    fn a_fault_is_counted_and_loses_nothing_else() {
        let line = Shared::default();
        let port = Port::<_, 4, 4>::new();
        let mut uart = port.start(line.clone());
        line.arrive(b"a");
        line.0.borrow_mut().arrived.extend([Received::Fault(None), Received::Fault(Some(b'b'))]);
        line.arrive(b"c");
        port.serve();
        assert_eq!(port.faults(), 2);
        let mut out = [0; 8];
        assert_eq!(uart.read(&mut out).unwrap(), 3);
        assert_eq!(&out[..3], b"abc");
    }
}
