//! One direction of a wire: takes bytes from a device, lets them wait, ages and spoils them, and hands them to the other device.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::termios::{FlowArg, tcflow};

use crate::noise::Noise;
use crate::wire::{Line, Traffic};

/// How often bytes are carried: a UART's FIFO hands them on no later. The schedule stays exact; only its execution is bundled.
const TICK_NS: u64 = 250_000;
/// How long the thread may go without looking whether it should stop.
const IDLE_NS: u64 = 20_000_000;
/// Bytes that have arrived and that the receiver may leave unread, beside those that its own kernel holds.
const UNREAD_MAX: usize = 64 * 1024;
/// Stands for "never" in [`Flow::first_ns`].
const NEVER: u64 = u64::MAX;

/// What a pump and those who watch it share.
#[derive(Debug)]
pub(crate) struct Flow {
    stop: AtomicBool,
    carried: AtomicU64,
    flipped: AtomicU64,
    overrun: AtomicU64,
    queued_max: AtomicU64,
    pause_max_ns: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Default for Flow {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            stop: AtomicBool::new(false),
            carried: zero(),
            flipped: zero(),
            overrun: zero(),
            queued_max: zero(),
            pause_max_ns: zero(),
            first_ns: AtomicU64::new(NEVER),
            last_ns: zero(),
        }
    }
}

impl Flow {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let first_ns = of(&self.first_ns);
        Traffic {
            carried: of(&self.carried),
            flipped: of(&self.flipped),
            overrun: of(&self.overrun),
            queued_max: of(&self.queued_max),
            pause_max: Duration::from_nanos(of(&self.pause_max_ns)),
            first: (first_ns != NEVER).then_some(Duration::from_nanos(first_ns)),
            last: Duration::from_nanos(of(&self.last_ns)),
        }
    }
}

/// Where a pump takes bytes from, without waiting.
pub(crate) struct Outlet {
    pub(crate) file: File,
    /// The device that `file` is the other side of, to stop its output; a pipe stops a writer by itself.
    pub(crate) device: Option<OwnedFd>,
    /// Bytes that a pipe holds.
    pub(crate) pipe: usize,
}

/// The state of one direction; times are nanoseconds since the wire was made.
pub(crate) struct Pump {
    from: Outlet,
    to: File,
    flow: Arc<Flow>,
    start: Instant,
    noise: Noise,
    byte_ns: u64,
    latency_ns: u64,
    tick_ns: u64,
    queue: VecDeque<u8>,
    queue_max: usize,
    /// The kernel held more than the queue took: the line need not pause between the two.
    more_waits: bool,
    stopped: bool,
    /// Bytes that wait, those included of which the kernel turned out to have held them when the device was stopped.
    waiting: usize,
    /// When the line has sent its last byte.
    free_at: u64,
    /// Bytes under way, each with the time of its arrival.
    under_way: VecDeque<(u64, u8)>,
}

impl Pump {
    pub(crate) fn new(from: Outlet, to: File, line: &Line, flow: Arc<Flow>, start: Instant) -> Self {
        // A short queue must not run dry between two ticks.
        let tick_ns = TICK_NS.min(line.queue as u64 * line.byte_ns() / 4);
        Self {
            from,
            to,
            flow,
            start,
            noise: Noise::new(line.bit_error_rate, line.seed),
            byte_ns: line.byte_ns(),
            latency_ns: line.latency.as_nanos() as u64,
            tick_ns,
            queue: VecDeque::new(),
            queue_max: line.queue,
            more_waits: false,
            stopped: false,
            waiting: 0,
            free_at: 0,
            under_way: VecDeque::new(),
        }
    }

    /// Carries bytes until it is told to stop.
    pub(crate) fn run(mut self) {
        while !self.flow.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.step() {
                // Whoever waits at the other end runs into its time limit; this says why.
                eprintln!("the wire broke: {error}");
                return;
            }
        }
    }

    fn step(&mut self) -> io::Result<()> {
        let now = self.now();
        self.send(now);
        self.take(now)?;
        self.send(now);
        self.deliver(now)?;
        self.hold_back()?;
        self.wait(now)
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Moves bytes from the device to the queue, as far as that has room.
    fn take(&mut self, now: u64) -> io::Result<()> {
        let mut buf = [0; 1024];
        loop {
            let room = self.queue_max.saturating_sub(self.queue.len()).min(buf.len());
            if room == 0 {
                self.more_waits = true;
                return Ok(());
            }
            let len = match self.from.file.read(&mut buf[..room]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                read => read?,
            };
            if len == 0 {
                self.more_waits = false;
                return Ok(());
            }
            if self.queue.is_empty() && !self.more_waits {
                self.note_pause(now);
            }
            self.flow.first_ns.fetch_min(self.free_at, Ordering::Relaxed);
            self.queue.extend(&buf[..len]);
            if self.stopped {
                // The kernel held it already when the device was stopped.
                self.note_waiting(self.waiting + len);
            }
        }
    }

    /// Notes that the line had nothing to send until now.
    fn note_pause(&mut self, now: u64) {
        let has_begun = self.flow.first_ns.load(Ordering::Relaxed) != NEVER;
        if has_begun {
            self.flow.pause_max_ns.fetch_max(now.saturating_sub(self.free_at), Ordering::Relaxed);
        }
        self.free_at = self.free_at.max(now);
    }

    /// Puts on the line what has had the time to leave by now.
    fn send(&mut self, now: u64) {
        while self.free_at + self.byte_ns <= now {
            let Some(mut byte) = self.queue.pop_front() else { return };
            self.free_at += self.byte_ns;
            let flipped = self.noise.spoil(&mut byte);
            self.flow.flipped.fetch_add(u64::from(flipped), Ordering::Relaxed);
            self.flow.carried.fetch_add(1, Ordering::Relaxed);
            self.under_way.push_back((self.free_at + self.latency_ns, byte));
        }
    }

    /// Hands over what has arrived by now.
    fn deliver(&mut self, now: u64) -> io::Result<()> {
        let arrived = self.under_way.partition_point(|(at, _)| *at <= now);
        let mut bytes: Vec<u8> = self.under_way.range(..arrived).map(|(_, byte)| *byte).collect();
        while !bytes.is_empty() {
            match self.to.write(&bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                written => {
                    let written = written?;
                    bytes.drain(..written);
                    let last = self.under_way.drain(..written).next_back();
                    self.flow.last_ns.store(last.map_or(0, |(at, _)| at), Ordering::Relaxed);
                }
            }
        }
        let overrun = bytes.len().saturating_sub(UNREAD_MAX);
        self.under_way.drain(..overrun);
        self.flow.overrun.fetch_add(overrun as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Stops the device's output while the queue is full, and starts it again.
    fn hold_back(&mut self) -> io::Result<()> {
        let is_full = self.queue.len() >= self.queue_max;
        if let Some(device) = self.from.device.as_ref().filter(|_| is_full != self.stopped) {
            tcflow(device, if is_full { FlowArg::TCOOFF } else { FlowArg::TCOON })?;
            self.stopped = is_full;
            self.note_waiting(self.queue.len());
        } else if !self.stopped {
            self.note_waiting(self.queue.len() + if is_full { self.from.pipe } else { 0 });
        }
        Ok(())
    }

    fn note_waiting(&mut self, waiting: usize) {
        self.waiting = waiting;
        self.flow.queued_max.fetch_max(waiting as u64, Ordering::Relaxed);
    }

    /// Waits for bytes from the device, or for the time of those that it has.
    fn wait(&self, now: u64) -> io::Result<()> {
        let next_arrival = self.under_way.front().map(|(at, _)| at.saturating_sub(now).max(self.tick_ns));
        let next_leaving = (!self.queue.is_empty()).then_some(self.tick_ns);
        let wait_ns = next_arrival.into_iter().chain(next_leaving).min().unwrap_or(IDLE_NS).min(IDLE_NS);
        let timeout = Some(Duration::from_nanos(wait_ns).into());
        let full = self.queue.len() >= self.queue_max;
        let mut device = [PollFd::new(self.from.file.as_fd(), PollFlags::POLLIN)];
        let watched = if full { &mut device[..0] } else { &mut device[..] };
        match ppoll(watched, timeout, None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
