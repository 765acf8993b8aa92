//! The last things that happened in a run, kept only when somebody will read them.

use std::collections::VecDeque;
use std::fmt;

/// Lines that are kept.
const LINES_MAX: usize = 120;

/// The last lines.
#[derive(Debug)]
pub struct Trace {
    /// Whether anything is kept.
    pub is_on: bool,
    /// Nothing is kept after that.
    pub until_ns: u64,
    lines: VecDeque<String>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { is_on: false, until_ns: u64::MAX, lines: VecDeque::new() }
    }
}

impl Trace {
    /// Notes what a side did.
    pub fn note(&mut self, now_ns: u64, side: usize, what: impl FnOnce() -> String) {
        if self.is_on && now_ns < self.until_ns {
            if self.lines.len() == LINES_MAX {
                self.lines.pop_front();
            }
            let mut what = what();
            if let Some((at, _)) = what.char_indices().nth(300) {
                what.truncate(at);
            }
            self.lines.push_back(format!("{:>14} ns  {}  {what}", now_ns, ["a", "b"][side]));
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
