//! The virtual device: the example firmware's own application on an in-memory UART, paced like a real one.
//!
//! It runs as a task of its own, knows nothing of the host, and ends when the host lets go of the other end of the wire. The line
//! carries 115200 baud, ten bits a byte, in both directions: bytes wait for their time in a FIFO, and a full one makes the other
//! side wait.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

use pocketmux_core::files::Ram;
use pocketmux_firmware_example::{App, Board};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Duration, Instant, sleep_until};

use crate::uart::Uart;

/// Nanoseconds that a byte takes: ten bits at 115200 baud.
const BYTE_NS: u64 = 10 * 1_000_000_000 / 115_200;
/// Size of the UART's FIFOs, and of what the "driver" on the host's side holds.
const FIFO: usize = 128;
/// Bytes and files that its store takes.
const STORE: usize = 64 << 10;
const FILES: usize = 16;
/// While bytes move, the line is looked at this often; about eleven bytes pass in that time.
const BUSY: Duration = Duration::from_millis(1);
/// The application wants a turn this often anyway.
const IDLE: Duration = Duration::from_millis(5);

/// Switches the virtual device on; the result is the host's end of its wire.
pub(crate) fn start() -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(FIFO);
    tokio::spawn(run(theirs));
    ours
}

async fn run(mut wire: DuplexStream) {
    let epoch = RandomState::new().hash_one("epoch") as u32;
    let board = Board::new("virtual", *b"demo\0\0\0\x01", epoch);
    let store = Ram::<STORE, FILES>::new();
    let mut app: Box<App<'_, _>> = Box::new(App::new(&board, store, 1));
    let mut uart = Uart { room: FIFO, ..Uart::default() };
    let started = Instant::now();
    let mut arriving = VecDeque::<u8>::new();
    let (mut towards_host, mut towards_board) = (Pace::default(), Pace::default());
    loop {
        let now = Instant::now();
        let elapsed = now.duration_since(started);
        let due = towards_board.due(arriving.len(), elapsed);
        uart.received.extend(arriving.drain(..due));
        towards_host.start(uart.to_send.len(), elapsed);
        let Ok(()) = app.step(&mut uart, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        let due = towards_host.due(uart.to_send.len(), elapsed);
        let sent: Vec<u8> = uart.to_send.drain(..due).collect();
        if wire.write_all(&sent).await.is_err() {
            return;
        }
        let is_busy = !arriving.is_empty() || !uart.to_send.is_empty();
        let turn = now + if is_busy { BUSY } else { IDLE };
        let mut input = [0; FIFO];
        let room = FIFO - arriving.len();
        tokio::select! {
            () = sleep_until(turn) => {}
            read = wire.read(&mut input[..room]), if room > 0 => {
                let Ok(len @ 1..) = read else { return };
                towards_board.start(arriving.len(), started.elapsed());
                arriving.extend(&input[..len]);
            }
        }
    }
}

/// The time of one direction of the line.
#[derive(Debug, Default)]
struct Pace {
    /// Up to when it is used.
    used: Duration,
}

impl Pace {
    /// An idle line begins now, not when it last carried something.
    fn start(&mut self, waiting: usize, now: Duration) {
        if waiting == 0 {
            self.used = now;
        }
    }

    /// Of the bytes that wait, how many have passed by now.
    fn due(&mut self, waiting: usize, now: Duration) -> usize {
        let passed = now.saturating_sub(self.used).as_nanos() / u128::from(BYTE_NS);
        let due = usize::try_from(passed).unwrap_or(usize::MAX).min(waiting);
        self.used += Duration::from_nanos(BYTE_NS) * u32::try_from(due).unwrap_or(u32::MAX);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTE_NS, Pace, start};
    use tokio::io::AsyncReadExt as _;
    use tokio::time::{Duration, Instant, timeout};

    #[test]
    fn bytes_pass_at_the_speed_of_the_line() {
        let mut pace = Pace::default();
        let second = Duration::from_secs(1);
        pace.start(0, second);
        assert_eq!(pace.due(100, second), 0);
        assert_eq!(pace.due(100, second + Duration::from_nanos(10 * BYTE_NS + 1)), 10);
        assert_eq!(pace.due(90, second * 2), 90);
        assert_eq!(pace.due(20_000, second * 2), 11_520 - 100);
    }

    #[tokio::test(start_paused = true)]
    async fn the_virtual_board_greets_at_the_speed_of_the_line() {
        let mut wire = start();
        let began = Instant::now();
        let mut bytes = [0; 40];
        wire.read_exact(&mut bytes).await.unwrap();
        assert!(began.elapsed() >= Duration::from_nanos(40 * BYTE_NS));
        assert_eq!(bytes[0], 0);
        // It goes on asking for a peer.
        assert!(timeout(Duration::from_secs(5), wire.read_exact(&mut bytes)).await.is_ok());
    }
}
