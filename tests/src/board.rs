//! A board at the end of a cable: the firmware's own application on a thread, its UART a pseudo terminal with or without noise.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pocketmux_core::files::Ram;
use pocketmux_firmware_example::{App, Board as Identity};
use serialport::{SerialPort, TTYPort};

/// What a board has for files.
type Files = Ram<16384, 4>;

/// A running board; dropping it switches it off and pulls the cable.
pub struct Board {
    stop: Arc<AtomicBool>,
    flipped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    /// Boots a board on `port` with this serial number, flipping each bit either way with probability `bit_error_rate`.
    #[must_use]
    pub fn boot(port: TTYPort, serial: u64, epoch: u32, bit_error_rate: f64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flipped = Arc::new(AtomicU64::new(0));
        let mut uart =
            Uart { port, bit_error_rate, random: u64::from(epoch) << 32 | 0x9e37_79b9, flipped: flipped.clone() };
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let identity = Identity::new("bench", serial.to_be_bytes(), epoch);
            let mut app: App<'_, Files> = App::new(&identity, Files::new(), 1);
            let start = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                // Without a host at the other end a pseudo terminal refuses to be read; the board goes on like one without a cable.
                let _ = app.step(&mut uart, start.elapsed().as_micros() as u64);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { stop, flipped, thread: Some(thread) }
    }

    /// Bits that the noise has flipped so far.
    #[must_use]
    pub fn flipped(&self) -> u64 {
        self.flipped.load(Ordering::Relaxed)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A pseudo terminal behind the traits of a UART, at the pace of about 115200 baud: 12 bytes a millisecond.
struct Uart {
    port: TTYPort,
    bit_error_rate: f64,
    random: u64,
    flipped: Arc<AtomicU64>,
}

const BYTES_A_TURN: usize = 12;

impl Uart {
    fn spoil(&mut self, bytes: &mut [u8]) {
        if self.bit_error_rate == 0.0 {
            return;
        }
        for bit in 0..bytes.len() * 8 {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            if ((self.random >> 11) as f64) < self.bit_error_rate * (1u64 << 53) as f64 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                self.flipped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl embedded_io::ErrorType for Uart {
    type Error = io::Error;
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(self.port.bytes_to_read()? > 0)
    }
}

impl embedded_io::Read for Uart {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.port.read(buf)?;
        self.spoil(&mut buf[..len]);
        Ok(len)
    }
}

impl embedded_io::WriteReady for Uart {
    fn write_ready(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut bytes = buf[..buf.len().min(BYTES_A_TURN)].to_vec();
        self.spoil(&mut bytes);
        let len = self.port.write(&bytes)?;
        std::thread::sleep(Duration::from_millis(1));
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
