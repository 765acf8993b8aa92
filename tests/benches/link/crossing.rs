//! A line of the table of the same file by every program.

use crate::report::Entry;

/// One file that has crossed, or has not, from the start of both programs to the end of both.
pub struct Crossing {
    pub who: String,
    pub line: String,
    pub seconds: String,
    pub goodput: String,
    pub identical: String,
    /// How long the receiver and the sender were there after the verified end.
    pub lingering: String,
    pub detail: String,
}

impl Entry for Crossing {
    const HEAD: &'static str = "| who | line | start to exit of both | goodput | identical | exits after the verified end (goal: 200 ms) | detail |\n\
        |---|---|---|---|---|---|---|\n";

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(7, " | ").map(String::from);
        let mut next = || fields.next();
        let (who, line, seconds, goodput) = (next()?, next()?, next()?, next()?);
        Some(Self { who, line, seconds, goodput, identical: next()?, lingering: next()?, detail: next()? })
    }

    fn text(&self) -> String {
        let Self { who, line, seconds, goodput, identical, lingering, detail } = self;
        [who, line, seconds, goodput, identical, lingering, detail].map(String::as_str).join(" | ")
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.who, &self.line) == (&other.who, &other.line)
    }

    fn line(&self) -> &str {
        &self.line
    }
}
