//! A serial wire between two pseudo terminals: paced like a UART, as noisy and as late as wished.
//!
//! The slave end of each pseudo terminal looks like a serial device, so that programs which know nothing of us can be measured
//! over it beside our own. One thread a direction carries the bytes, ten bits each, on an absolute schedule: what a late wake-up
//! did not carry in time it catches up with, so the rate does not drift. The directions are independent.
//!
//! # The queue of the driver
//!
//! Between a program and a real UART lies the queue of the driver; here it is [`Line::queue`] bytes long. Linux puts one of its
//! own into every pseudo terminal: a writer gets rid of 12 to 20 KiB (Linux 6.18; most when it writes in small pieces), over a second of
//! time at 115200 baud, and neither end can be asked about it: `TIOCOUTQ` says 0 always, and `FIONREAD` on the other side sees at most
//! the first 4095 bytes. There are three ways around it:
//!
//! - Our own code asks [`Port::queued`](crate::Port::queued), which is exact, and keeps little in flight.
//! - The wire stops the device's output (`TCOOFF`, as an XOFF would) while its queue is full. The kernel takes nothing then, and `poll`
//!   says so. But a worker of the kernel hands over what was written, a tenth of a millisecond later; what a fast program
//!   writes meanwhile is in, 8 to 16 KiB at times. [`Traffic::queued_max`] tells what it came to.
//! - A program that writes to its standard output can be given a pipe of the queue's size in place of the device: [`Wire::with_pipe`].
//!
//! Noise flips data bits only, never start and stop bits: every byte arrives, some of them wrong.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc::c_int;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use serialport::TTYPort;

use crate::port::Port;
use crate::pump::{Flow, Outlet, Pump};

/// Bits that a byte takes: start, eight of data, stop.
const BITS_A_BYTE: u64 = 10;
/// The queue behind a pipe.
const FIFO: usize = 64;

/// What a wire is like, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Bits a second.
    pub baud: u32,
    /// Time that every byte takes beyond its bits, each way.
    pub latency: Duration,
    /// Probability that a bit flips.
    pub bit_error_rate: f64,
    /// Bytes that the driver of either side takes ahead of the line.
    pub queue: usize,
    /// Of the noise.
    pub seed: u64,
}

impl Line {
    /// A clean line without latency, and with a short queue.
    #[must_use]
    pub const fn new(baud: u32) -> Self {
        Self { baud, latency: Duration::ZERO, bit_error_rate: 0.0, queue: 256, seed: 0 }
    }

    /// Time that so many bytes take.
    #[must_use]
    pub fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * self.byte_ns())
    }

    pub(crate) fn byte_ns(&self) -> u64 {
        BITS_A_BYTE * 1_000_000_000 / u64::from(self.baud)
    }
}

/// One end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first.
    A,
    /// The other.
    B,
}

/// What one direction has carried so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that have left.
    pub carried: u64,
    /// Bits of them that noise has flipped.
    pub flipped: u64,
    /// Bytes that the receiver did not read in time, dropped as by an overrun.
    pub overrun: u64,
    /// Most bytes that waited before the line at once, in the wire's queue and in the kernel; a pipe counts as full when the queue is.
    pub queued_max: u64,
    /// Longest time between two bytes in which there was none to send.
    pub pause_max: Duration,
    /// When the first byte began to leave, counted from the making of the wire; `None` before it.
    pub first: Option<Duration>,
    /// When the last byte had arrived.
    pub last: Duration,
}

/// A wire; dropping it pulls both plugs.
pub struct Wire {
    start: Instant,
    paths: [PathBuf; 2],
    line: Line,
    flows: [Arc<Flow>; 2],
    pumps: Vec<JoinHandle<()>>,
    /// So that a program which closes its device or its pipe does not hang up.
    _kept_open: Vec<OwnedFd>,
}

impl Wire {
    /// Two devices joined by this line.
    ///
    /// # Errors
    ///
    /// Those of the pseudo terminals.
    pub fn new(line: &Line) -> io::Result<Self> {
        let (a, b) = (Terminal::open(line.baud)?, Terminal::open(line.baud)?);
        Self::between(line, a, b, Vec::new())
    }

    /// The same, but what is sent from [`End::A`] is what is written to the pipe that comes with it; what is written to the device is lost.
    ///
    /// Its queue is exactly as long as said, beside a small one, like a UART's FIFO; but whole pages of memory, 4 KiB at least.
    ///
    /// # Errors
    ///
    /// Those of the pseudo terminals and of the pipe.
    pub fn with_pipe(line: &Line) -> io::Result<(Self, PipeWriter)> {
        let (mut a, b) = (Terminal::open(line.baud)?, Terminal::open(line.baud)?);
        let (reader, writer) = std::io::pipe()?;
        let pages = c_int::try_from(line.queue).map_err(io::Error::other)?;
        fcntl(&writer, FcntlArg::F_SETPIPE_SZ(pages))?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        a.outlet = Outlet { file: OwnedFd::from(reader).into(), device: None, pipe: line.queue };
        let kept_open = vec![OwnedFd::from(writer.try_clone()?)];
        Ok((Self::between(&Line { queue: FIFO, ..*line }, a, b, kept_open)?, writer))
    }

    fn between(line: &Line, a: Terminal, b: Terminal, mut kept_open: Vec<OwnedFd>) -> io::Result<Self> {
        let start = Instant::now();
        let flows = [Arc::new(Flow::default()), Arc::new(Flow::default())];
        let paths = [a.path.clone(), b.path.clone()];
        let seeds = [line.seed, !line.seed];
        let ends = [(a.outlet, b.inlet), (b.outlet, a.inlet)];
        let pumps = ends.into_iter().zip(&flows).zip(seeds).map(|(((from, to), flow), seed)| {
            let pump = Pump::new(from, to, &Line { seed, ..*line }, flow.clone(), start);
            std::thread::spawn(move || pump.run())
        });
        kept_open.extend([a.slave, b.slave]);
        Ok(Self { start, paths, line: *line, pumps: pumps.collect(), flows, _kept_open: kept_open })
    }

    /// The device at this end.
    #[must_use]
    pub fn path(&self, end: End) -> &Path {
        &self.paths[end as usize]
    }

    /// Opens the device at this end, raw, for code of ours that asks how much it has in flight.
    ///
    /// # Errors
    ///
    /// Those of the serial port.
    pub fn open(&self, end: End) -> io::Result<Port> {
        let device = open_device(self.path(end), self.line.baud)?;
        Ok(Port::new(device, self.flows[end as usize].clone()))
    }

    /// What was carried from this end to the other.
    #[must_use]
    pub fn traffic(&self, from: End) -> Traffic {
        self.flows[from as usize].traffic()
    }

    /// Time since the wire was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.flows.iter().for_each(|flow| flow.stop());
        for pump in self.pumps.drain(..) {
            let _ = pump.join();
        }
    }
}

/// A pseudo terminal.
struct Terminal {
    outlet: Outlet,
    inlet: File,
    slave: OwnedFd,
    path: PathBuf,
}

impl Terminal {
    fn open(baud: u32) -> io::Result<Self> {
        let pair = nix::pty::openpty(None, None)?;
        for end in [&pair.master, &pair.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let mut settings = tcgetattr(&pair.slave)?;
        cfmakeraw(&mut settings);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &settings)?;
        let path = nix::unistd::ttyname(&pair.slave)?;
        // The rate stays with the device: programs that reckon with it find it set.
        drop(open_device(&path, baud)?);
        let outlet = Outlet { file: pair.master.try_clone()?.into(), device: Some(pair.slave.try_clone()?), pipe: 0 };
        Ok(Self { outlet, inlet: pair.master.into(), slave: pair.slave, path })
    }
}

fn open_device(path: &Path, baud: u32) -> io::Result<TTYPort> {
    Ok(TTYPort::open(&serialport::new(path.to_string_lossy(), baud).exclusive(false))?)
}
