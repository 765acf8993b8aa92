//! Runs a link on a port: the loop that every program with a UART has.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::sides::{Side, Small};
use pocketmux_core::{Buffer, Event};
use pocketmux_tests::{Line, Port};

/// How much may be in flight behind the link's back: the more, the later an urgent message; the less, the sooner the line runs dry when
/// a thread oversleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// What the line carries in 2 ms, and a UART's FIFO at least.
    Little,
    /// Two chunks, or what the line carries in 20 ms if that is more, as the host does.
    Chunks,
    /// Whatever the queue of the driver below takes, as programs do that do not ask.
    Queue,
}

impl Ahead {
    fn bytes(self, line: &Line) -> usize {
        let in_time = |ms| (Duration::from_millis(ms).as_nanos() / line.time_of(1).as_nanos()) as usize;
        match self {
            Self::Little => in_time(2).max(32),
            Self::Chunks => in_time(20).max(2 * size_of::<Small>()),
            Self::Queue => line.queue,
        }
    }
}

/// The loop looks this often whether it should end, and no oftener than the other at what is due.
const WAIT_MAX: Duration = Duration::from_millis(20);
const WAIT_MIN: Duration = Duration::from_micros(100);

/// What a link is driven for.
pub trait Application<P: Buffer> {
    /// Hears what the link tells.
    fn handle_event(&mut self, event: Event<'_>, now_us: u64);

    /// Gives the link what it takes now; returns when there will be more to give, if that is a matter of time.
    fn fill(&mut self, link: &mut Side<P>, now_us: u64) -> Option<u64>;

    /// True when both sides may stop.
    fn is_done(&self) -> bool;
}

/// What the two sides of a run have in common: one clock, and an end.
pub struct Run {
    start: Instant,
    limit: Duration,
    ended: AtomicBool,
}

impl Run {
    /// Begins now and ends when an application is done, or after `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { start: Instant::now(), limit, ended: AtomicBool::new(false) }
    }

    pub fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Ends it for both sides.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.start.elapsed() > self.limit
    }
}

/// One side: how it writes to its port.
pub struct Driver {
    port: Port,
    line: Line,
    in_flight_max: usize,
}

impl Driver {
    /// A driver that keeps so much in flight.
    pub fn new(port: Port, line: &Line, ahead: Ahead) -> Self {
        Self { port, line: *line, in_flight_max: ahead.bytes(line).min(line.queue) }
    }

    /// Runs the link until `run` has ended, which it does when `app` is done.
    pub fn drive<P: Buffer>(&mut self, link: &mut Side<P>, app: &mut impl Application<P>, run: &Run) -> io::Result<()> {
        let mut buf = [0; 512];
        while !run.has_ended() {
            link.handle_timeout(run.now_us());
            hear(link, app, run.now_us());
            let next_fill = app.fill(link, run.now_us());
            let is_full = self.transmit(link, run)?;
            let deadline = next_fill.into_iter().chain(link.poll_timeout()).min();
            let len = self.port.read(&mut buf, self.wait(is_full, deadline, run.now_us()))?;
            let mut input = &buf[..len];
            while !input.is_empty() {
                input = &input[link.handle_input(input, run.now_us())..];
                hear(link, app, run.now_us());
            }
            if app.is_done() {
                run.end();
            }
        }
        Ok(())
    }

    /// Writes what may be in flight; true when that is all there may be. The link chooses its next packet only when there is room.
    fn transmit<P: Buffer>(&mut self, link: &mut Side<P>, run: &Run) -> io::Result<bool> {
        loop {
            let room = self.in_flight_max.saturating_sub(self.port.queued());
            if room == 0 {
                return Ok(true);
            }
            let bytes = link.poll_transmit(run.now_us());
            if bytes.is_empty() {
                return Ok(false);
            }
            let len = self.port.write(&bytes[..bytes.len().min(room)])?;
            link.consume(len);
            if len == 0 {
                return Ok(true);
            }
        }
    }

    /// How long to wait for input: until half of what is in flight has left, or until something is due.
    fn wait(&self, is_full: bool, deadline_us: Option<u64>, now_us: u64) -> Duration {
        let drained = is_full.then(|| self.line.time_of(self.in_flight_max.div_ceil(2)));
        let due = deadline_us.map(|deadline| Duration::from_micros(deadline.saturating_sub(now_us)));
        drained.into_iter().chain(due).min().unwrap_or(WAIT_MAX).clamp(WAIT_MIN, WAIT_MAX)
    }
}

fn hear<P: Buffer>(link: &mut Side<P>, app: &mut impl Application<P>, now_us: u64) {
    while let Some(event) = link.poll_event() {
        app.handle_event(event, now_us);
    }
}
