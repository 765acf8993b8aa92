//! How the transfer of a file went, whoever moved it.

use std::time::Duration;

use pocketmux_tests::{End, Traffic, Wire};

use crate::course::Course;
use crate::machine;
use crate::pair::Pair;
use crate::program::Stage;
use crate::report::{Report, Row};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has every byte as it was.
    Whole,
    /// It ran into the time limit.
    TimeLimit,
    /// A program gave up before that.
    GaveUp,
    /// Frames of a reliable channel are missing: the link repairs nothing.
    Lost,
    /// The receiver has as many bytes, and some are others.
    Changed,
}

impl Outcome {
    /// Of two programs that have ended.
    pub fn of(pair: &Pair<'_>, stage: &Stage, course: &Course) -> Self {
        match stage.received() {
            received if received == course.file => Self::Whole,
            _ if pair.is_late() => Self::TimeLimit,
            _ if !pair.is_well() => Self::GaveUp,
            _ => Self::Changed,
        }
    }
}

/// A transfer from [`End::A`] to [`End::B`] that has ended.
pub struct Transfer {
    pub outcome: Outcome,
    /// From the sender's first byte on the wire until the receiver had the last of the file.
    pub time: Duration,
    forward: Traffic,
    back: Traffic,
}

impl Transfer {
    /// What the wire says of a transfer that was over `end` after the wire was made.
    pub fn over(wire: &Wire, outcome: Outcome, end: Duration) -> Self {
        let (forward, back) = (wire.traffic(End::A), wire.traffic(End::B));
        Self { outcome, time: end.saturating_sub(forward.first.unwrap_or_default()), forward, back }
    }

    /// Adds it to the report; `is_ours` says that it must not fail where the link promises that it will not, and `stolen` how much of the
    /// machine's time others took.
    pub fn report(&self, report: &mut Report, who: &str, course: &Course, is_ours: bool, stolen: f64) {
        let figure = match self.outcome {
            Outcome::Whole => format!("{:.1} %", self.share_of_line(course, course.file.len() as u64)),
            Outcome::TimeLimit | Outcome::GaveUp => "never".into(),
            Outcome::Lost => "n/a: lost".into(),
            Outcome::Changed => "wrong bytes".into(),
        };
        let repairs = pocketmux_core::packet::VERSION >= 2;
        let must_succeed = course.is_clean() || is_ours && (repairs || self.outcome == Outcome::Changed);
        if self.outcome != Outcome::Whole && must_succeed {
            report.fail(format!("{who} over {}: {:?}", course.name, self.outcome));
        }
        let detail = self.detail(course) + &machine::remark(stolen);
        report.add(Row { what: "goodput".into(), who: who.into(), line: course.name.into(), figure, detail });
        if is_ours && self.outcome == Outcome::Whole {
            let (what, line) = ("reverse traffic".to_owned(), course.name.to_owned());
            let detail = format!("{} B beside {} B", self.back.carried, self.forward.carried);
            report.add(Row { what, who: who.into(), line, figure: format!("{:.2} %", self.reverse()), detail });
        }
    }

    fn detail(&self, course: &Course) -> String {
        let ended = match self.outcome {
            Outcome::TimeLimit => "stopped after ",
            Outcome::GaveUp => "gave up after ",
            _ => "",
        };
        let flipped = self.forward.flipped + self.back.flipped;
        let overrun = self.forward.overrun + self.back.overrun;
        let mut detail = format!(
            "{} KiB; {ended}{:.2} s; line busy {:.1} %, longest pause {:.0} ms; reverse {:.2} %; queue {} B at most",
            course.file.len() / 1024,
            self.time.as_secs_f64(),
            self.share_of_line(course, self.forward.carried),
            self.forward.pause_max.as_secs_f64() * 1e3,
            self.reverse(),
            self.forward.queued_max
        );
        if flipped > 0 {
            detail += &format!("; {flipped} bits flipped");
        }
        if overrun > 0 {
            detail += &format!("; {overrun} B overrun");
        }
        detail
    }

    /// So many bytes in percent of those that the line could have carried in the time.
    fn share_of_line(&self, course: &Course, bytes: u64) -> f64 {
        100.0 * course.line.time_of(bytes as usize).as_secs_f64() / self.time.as_secs_f64().max(1e-9)
    }

    fn reverse(&self) -> f64 {
        100.0 * self.back.carried as f64 / self.forward.carried.max(1) as f64
    }
}
