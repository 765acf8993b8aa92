//! Two programs that run at once: what they say, and when each of them has ended.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::program::{Mover, Role, Stage};

/// Time and whatever else is not told are looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// What our programs say when the file is whole at the other end, or here.
const VERIFIED: &str = "verified";

/// What the standard error of a program tells.
enum News {
    Said(String),
    /// Nothing more: the program has ended.
    Closed,
}

/// One of the two programs.
#[derive(Default)]
pub struct Program {
    child: Option<Child>,
    /// How often it was started.
    pub runs: usize,
    /// When it first said that the file is verified.
    pub verified: Option<Instant>,
    /// When it ended last.
    pub ended: Option<Instant>,
    status: Option<ExitStatus>,
}

/// Two programs, of which none outlives this.
pub struct Pair<'m> {
    mover: &'m dyn Mover,
    stage: &'m Stage,
    pub receiver: Program,
    pub sender: Program,
    /// One that fails is started again, so many times.
    again: usize,
    start: Instant,
    limit: Duration,
    is_late: bool,
    tell: Sender<(Role, Instant, News)>,
    hear: Receiver<(Role, Instant, News)>,
}

impl<'m> Pair<'m> {
    /// Starts both; they have so much time.
    pub fn start(mover: &'m dyn Mover, stage: &'m Stage, limit: Duration) -> io::Result<Self> {
        let (tell, hear) = channel();
        let (receiver, sender) = Default::default();
        let start = Instant::now();
        let mut pair = Self { mover, stage, receiver, sender, again: 0, start, limit, is_late: false, tell, hear };
        pair.launch(Role::Receiver)?;
        pair.launch(Role::Sender)?;
        Ok(pair)
    }

    /// Lets them run until it is so, or both have ended.
    pub fn until(&mut self, is_so: impl Fn() -> bool) -> io::Result<()> {
        while (self.receiver.child.is_some() || self.sender.child.is_some()) && !is_so() {
            self.next()?;
        }
        Ok(())
    }

    /// From now on one that fails is started again, so many times in all.
    pub fn forgive(&mut self, times: usize) {
        self.again = times;
    }

    /// Starts both again that have ended; false when that was often enough, or is too late.
    pub fn repeat(&mut self) -> io::Result<bool> {
        if self.again == 0 || self.is_late {
            return Ok(false);
        }
        self.again -= 1;
        self.launch(Role::Receiver)?;
        self.launch(Role::Sender)?;
        Ok(true)
    }

    /// Kills one of them without a warning, and starts it again.
    pub fn kill(&mut self, role: Role) -> io::Result<()> {
        let runs = self.program(role).runs;
        self.again += 1;
        if let Some(child) = &mut self.program(role).child {
            child.kill()?;
        }
        while self.program(role).child.is_some() && self.program(role).runs == runs {
            self.next()?;
        }
        Ok(())
    }

    /// True when time was up before they had ended.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    /// True when both have ended, and say that they did what they should.
    pub fn is_well(&self) -> bool {
        [&self.receiver, &self.sender].into_iter().all(|program| program.status.is_some_and(|status| status.success()))
    }

    /// From the start of both to the end of both.
    pub fn time(&self) -> Duration {
        let last = self.receiver.ended.max(self.sender.ended);
        last.unwrap_or_else(Instant::now).duration_since(self.start)
    }

    /// From the moment in which one of them said first that the file is verified to the end of each.
    pub fn lingering(&self) -> Option<[Duration; 2]> {
        let verified = self.receiver.verified.into_iter().chain(self.sender.verified).min()?;
        Some([self.receiver.ended?, self.sender.ended?].map(|ended| ended.saturating_duration_since(verified)))
    }

    fn program(&mut self, role: Role) -> &mut Program {
        match role {
            Role::Receiver => &mut self.receiver,
            Role::Sender => &mut self.sender,
        }
    }

    fn launch(&mut self, role: Role) -> io::Result<()> {
        let mut child = self.mover.command(role, self.stage)?.stderr(Stdio::piped()).spawn()?;
        let (told, tell) = (child.stderr.take(), self.tell.clone());
        let program = self.program(role);
        program.child = Some(child);
        program.runs += 1;
        std::thread::spawn(move || {
            // Nobody listens any more when the pair is gone.
            for line in told.into_iter().flat_map(|told| BufReader::new(told).lines().map_while(Result::ok)) {
                let _ = tell.send((role, Instant::now(), News::Said(line)));
            }
            let _ = tell.send((role, Instant::now(), News::Closed));
        });
        Ok(())
    }

    /// Takes what is told next, if that is soon.
    fn next(&mut self) -> io::Result<()> {
        if !self.is_late && self.start.elapsed() > self.limit {
            self.is_late = true;
            for child in [&mut self.receiver.child, &mut self.sender.child].into_iter().flatten() {
                child.kill()?;
            }
        }
        let Ok((role, at, news)) = self.hear.recv_timeout(LOOK_INTERVAL) else { return Ok(()) };
        match news {
            News::Said(line) if line.contains(VERIFIED) => {
                self.program(role).verified.get_or_insert(at);
            }
            News::Said(_) => {}
            News::Closed => self.ended(role, at)?,
        }
        Ok(())
    }

    fn ended(&mut self, role: Role, at: Instant) -> io::Result<()> {
        let program = self.program(role);
        let status = program.child.take().map(|mut child| child.wait()).transpose()?;
        (program.status, program.ended) = (status, Some(at));
        let has_failed = status.is_some_and(|status| !status.success());
        if has_failed && !self.is_late && self.again > 0 {
            self.again -= 1;
            self.launch(role)?;
        }
        Ok(())
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        for child in [&mut self.receiver.child, &mut self.sender.child].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
