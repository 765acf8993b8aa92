//! The same file by every program, from the start of both to the end of both; and once with the receiver killed on the way.

use std::io;
use std::path::Path;
use std::time::Duration;

use pocketmux_tests::{End, Traffic};

use crate::course::Course;
use crate::crossing::Crossing;
use crate::kermit::{self, Kermit};
use crate::machine;
use crate::options::Options;
use crate::pair::Pair;
use crate::pocketmux::{self, Get, Put};
use crate::program::{Mover, Role, Stage};
use crate::report::Report;
use crate::transfer::Outcome;
use crate::zmodem::{self, Zmodem};

/// How often a program that gives up is started again, where the receiver is killed.
const AGAIN: usize = 5;

/// Two programs that are measured.
struct Contender {
    who: &'static str,
    is_ours: bool,
    mover: Box<dyn Mover>,
    /// The same, told to go on with what is there already, and what that is called.
    resuming: (&'static str, Box<dyn Mover>),
}

/// Adds the lines.
pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let contenders = contenders(&pocketmux::program()?);
    for course in Course::of_programs(options) {
        for contender in contenders.iter().filter(|contender| contender.is_ours || course.for_peers) {
            measure(&course, contender, options, report)?;
        }
    }
    Ok(())
}

fn contenders(program: &Path) -> Vec<Contender> {
    let (put, get) = (|| Box::new(Put(program.into())), || Box::new(Get(program.into())));
    let zmodem = |resumes| Box::new(Zmodem { settings: &[], resumes });
    let kermit = |resumes| Box::new(Kermit { settings: kermit::WINDOW, resumes });
    let mut all = vec![
        Contender { who: "pocketmux put", is_ours: true, mover: put(), resuming: ("pocketmux put", put()) },
        Contender { who: "pocketmux get", is_ours: true, mover: get(), resuming: ("pocketmux get", get()) },
    ];
    if zmodem::is_installed() {
        let resuming: (_, Box<dyn Mover>) = ("ZMODEM, sz -r to rz -r", zmodem(true));
        all.push(Contender { who: "ZMODEM", is_ours: false, mover: zmodem(false), resuming });
    }
    if kermit::is_installed() {
        let resuming: (_, Box<dyn Mover>) = ("Kermit, window 31, 1000 B, resend", kermit(true));
        all.push(Contender { who: "Kermit, window 31, 1000 B", is_ours: false, mover: kermit(false), resuming });
    }
    all
}

/// Has one of them move the course's file, and on a clean line once more with the receiver killed.
fn measure(course: &Course, contender: &Contender, options: &Options, report: &mut Report) -> io::Result<()> {
    let Contender { who, is_ours, mover, resuming } = contender;
    let (moved, stolen) = machine::undisturbed(!options.quick, || Moved::by(mover.as_ref(), course, false))?;
    if *is_ours || course.is_clean() {
        moved.check(who, course, report);
    }
    report.add_crossing(moved.crossing(who, course, *is_ours, &machine::remark(stolen)));
    if !course.is_clean() || options.quick && !is_ours {
        return Ok(());
    }
    let (who, mover) = resuming;
    let who = format!("{who}, receiver killed at 60 %");
    let (resumed, stolen) = machine::undisturbed(!options.quick, || Moved::by(mover.as_ref(), course, true))?;
    if *is_ours {
        resumed.check(&who, course, report);
    }
    let again = resumed.forward.carried.saturating_sub(moved.forward.carried);
    let [receiver, sender] = resumed.runs;
    let more = format!("; {again} B carried again; receiver started {receiver} times, sender {sender}");
    report.add_crossing(resumed.crossing(&who, course, *is_ours, &(more + &machine::remark(stolen))));
    Ok(())
}

/// How it went.
struct Moved {
    outcome: Outcome,
    /// Both programs said that all was well.
    is_well: bool,
    time: Duration,
    lingering: Option<[Duration; 2]>,
    /// How often the receiver and the sender were started.
    runs: [usize; 2],
    forward: Traffic,
    back: Traffic,
}

impl Moved {
    fn by(mover: &dyn Mover, course: &Course, is_killed: bool) -> io::Result<Self> {
        let stage = Stage::new(course, mover)?;
        let mut pair = Pair::start(mover, &stage, course.time_limit())?;
        if is_killed {
            let most = course.file.len() as u64 * 6 / 10;
            pair.until(|| stage.wire.traffic(End::A).carried >= most)?;
            pair.forgive(AGAIN);
            pair.kill(Role::Receiver)?;
        }
        pair.until(|| false)?;
        while is_killed && Outcome::of(&pair, &stage, course) != Outcome::Whole && pair.repeat()? {
            pair.until(|| false)?;
        }
        Ok(Self {
            outcome: Outcome::of(&pair, &stage, course),
            is_well: pair.is_well(),
            time: pair.time(),
            lingering: pair.lingering(),
            runs: [pair.receiver.runs, pair.sender.runs],
            forward: stage.wire.traffic(End::A),
            back: stage.wire.traffic(End::B),
        })
    }

    /// The file has to be whole, and both programs have to have ended.
    fn check(&self, who: &str, course: &Course, report: &mut Report) {
        if self.outcome != Outcome::Whole || !self.is_well {
            let well = if self.is_well { "" } else { ", and a program failed" };
            report.fail(format!("{who} over {}: {:?}{well}", course.name, self.outcome));
        }
    }

    fn crossing(&self, who: &str, course: &Course, is_ours: bool, more: &str) -> Crossing {
        let is_whole = self.outcome == Outcome::Whole;
        let seconds = self.time.as_secs_f64();
        let share =
            |bytes, time: Duration| 100.0 * course.line.time_of(bytes).as_secs_f64() / time.as_secs_f64().max(1e-9);
        let ended = match self.outcome {
            Outcome::TimeLimit => "stopped after ",
            Outcome::GaveUp => "gave up after ",
            _ => "",
        };
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let lingering = match self.lingering {
            Some([receiver, sender]) if is_ours => {
                format!("receiver {:.0} ms, sender {:.0} ms", ms(receiver), ms(sender))
            }
            _ if is_ours => "none".into(),
            _ => "does not say".into(),
        };
        Crossing {
            who: who.into(),
            line: course.name.into(),
            seconds: format!("{ended}{seconds:.2} s"),
            goodput: if is_whole { format!("{:.1} %", share(course.file.len(), self.time)) } else { "never".into() },
            identical: if is_whole { "yes".into() } else { "no".into() },
            lingering,
            detail: self.detail(course, share(course.file.len(), self.on_wire())) + more,
        }
    }

    /// From the sender's first byte to its last.
    fn on_wire(&self) -> Duration {
        self.forward.last.saturating_sub(self.forward.first.unwrap_or_default())
    }

    fn detail(&self, course: &Course, on_wire: f64) -> String {
        let (forward, back) = (&self.forward, &self.back);
        let mut detail = format!("{} KiB", course.file.len() / 1024);
        if self.outcome == Outcome::Whole {
            detail += &format!("; on the wire {on_wire:.1} %");
        }
        let pause = forward.pause_max.as_secs_f64() * 1e3;
        detail += &format!("; {} B beside {} B, longest pause {pause:.0} ms", forward.carried, back.carried);
        let flipped = forward.flipped + back.flipped;
        if flipped > 0 {
            detail += &format!("; {flipped} bits flipped");
        }
        detail
    }
}
