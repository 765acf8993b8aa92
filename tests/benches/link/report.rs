//! The tables of results, and what of an earlier report stays.

use std::fmt::Write;

use crate::crossing::Crossing;
use crate::goals;

/// What is said above the second table.
const PROGRAMS: &str = "## The same file, by programs

One file over the wire of the tables above, by the programs that people use, both of them started at once. Time and goodput are from there to the exit
of both, so that of every program what it takes to begin and to end counts as well; `on the wire` is the share of the line from the
sender's first byte to its last. The verified end is when a program first says so on its standard error. `killed at 60 %`: when
so much has crossed the receiver is ended by SIGKILL and started again at once with the same command; so is a program that fails
after that, and so are both when they end and the file is not whole, up to five times. `carried again` is what the sender put on the wire
beyond what it needed without that, to nobody or to the receiver. A device has urgent channels, so that its frames go one by one: beside its
presence and its counters, that is why a `get` has less of the line than a `put`.
";

/// A line of a table.
pub trait Entry: Sized {
    const HEAD: &'static str;

    /// One that was written before.
    fn read(line: &str) -> Option<Self>;

    /// What stands between its first bar and its last.
    fn text(&self) -> String;

    /// True for one of the same measurement.
    fn is_of(&self, other: &Self) -> bool;

    /// The line that it was measured over.
    fn line(&self) -> &str;
}

/// One line of the first table.
pub struct Row {
    pub what: String,
    pub who: String,
    pub line: String,
    pub figure: String,
    pub detail: String,
}

impl Entry for Row {
    const HEAD: &'static str = "| what | who | line | figure | detail |\n|---|---|---|---|---|\n";

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(5, " | ").map(String::from);
        let mut next = || fields.next();
        Some(Self { what: next()?, who: next()?, line: next()?, figure: next()?, detail: next()? })
    }

    fn text(&self) -> String {
        let Self { what, who, line, figure, detail } = self;
        [what, who, line, figure, detail].map(String::as_str).join(" | ")
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.what, &self.who, &self.line) == (&other.what, &other.who, &other.line)
    }

    fn line(&self) -> &str {
        &self.line
    }
}

/// The tables as they grow, and whether something in them must not be.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    crossings: Vec<Crossing>,
    failures: Vec<String>,
}

impl Report {
    /// Adds a line, and shows it as progress.
    pub fn add(&mut self, row: Row) {
        eprintln!("{}", row.text());
        self.rows.push(row);
    }

    /// The same, to the second table.
    pub fn add_crossing(&mut self, crossing: Crossing) {
        eprintln!("{}", crossing.text());
        self.crossings.push(crossing);
    }

    /// Notes something that must not be.
    pub fn fail(&mut self, why: String) {
        eprintln!("FAILED: {why}");
        self.failures.push(why);
    }

    pub fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Puts the lines in their places among those of an earlier report, which stay where they were not measured anew.
    pub fn renew(&mut self, earlier: &str) {
        renew(&mut self.rows, earlier);
        renew(&mut self.crossings, earlier);
    }

    /// The goals, and the tables, in Markdown.
    pub fn table(&self) -> String {
        let mut text = goals::table(&self.rows) + "\n" + &table(&self.rows);
        if !self.crossings.is_empty() {
            text += &format!("\n{PROGRAMS}\n{}", table(&self.crossings));
        }
        text
    }
}

fn renew<E: Entry>(entries: &mut Vec<E>, earlier: &str) {
    let (_, table) = earlier.split_once(E::HEAD).unwrap_or_default();
    let mut all: Vec<E> = table.lines().map_while(E::read).collect();
    for entry in entries.drain(..) {
        if let Some(known) = all.iter_mut().find(|known| known.is_of(&entry)) {
            *known = entry;
        } else {
            let last = all.iter().rposition(|known| known.line() == entry.line());
            all.insert(last.map_or(all.len(), |last| last + 1), entry);
        }
    }
    *entries = all;
}

fn table<E: Entry>(entries: &[E]) -> String {
    let mut table = E::HEAD.to_owned();
    for entry in entries {
        // Nothing fails that is written into a string.
        let _ = writeln!(table, "| {} |", entry.text());
    }
    table
}
