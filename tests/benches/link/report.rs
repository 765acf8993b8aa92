//! The table of results, and what of an earlier one stays.

use std::fmt::Write;

use crate::goals;

const HEAD: &str = "| what | who | line | figure | detail |\n|---|---|---|---|---|\n";

/// One line of the table.
pub struct Row {
    pub what: String,
    pub who: String,
    pub line: String,
    pub figure: String,
    pub detail: String,
}

impl Row {
    /// A line of a table that was written before.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(5, " | ").map(String::from);
        let mut next = || fields.next();
        Some(Self { what: next()?, who: next()?, line: next()?, figure: next()?, detail: next()? })
    }

    /// True for a row of the same measurement.
    fn is_of(&self, other: &Self) -> bool {
        (&self.what, &self.who, &self.line) == (&other.what, &other.who, &other.line)
    }
}

/// The table as it grows, and whether something in it must not be.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    failures: Vec<String>,
}

impl Report {
    /// Adds a line, and shows it as progress.
    pub fn add(&mut self, row: Row) {
        eprintln!("{} | {} | {} | {} | {}", row.what, row.who, row.line, row.figure, row.detail);
        self.rows.push(row);
    }

    /// Notes something that must not be.
    pub fn fail(&mut self, why: String) {
        eprintln!("FAILED: {why}");
        self.failures.push(why);
    }

    pub fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Puts the rows in their places among those of an earlier report, which stay where they were not measured anew.
    pub fn renew(&mut self, earlier: &str) {
        let (_, table) = earlier.split_once(HEAD).unwrap_or_default();
        let mut rows: Vec<Row> = table.lines().map_while(Row::read).collect();
        for row in self.rows.drain(..) {
            if let Some(known) = rows.iter_mut().find(|known| known.is_of(&row)) {
                *known = row;
            } else {
                let last = rows.iter().rposition(|known| known.line == row.line);
                rows.insert(last.map_or(rows.len(), |last| last + 1), row);
            }
        }
        self.rows = rows;
    }

    /// The goals, and the table, in Markdown.
    pub fn table(&self) -> String {
        let mut table = goals::table(&self.rows) + "\n";
        table.push_str(HEAD);
        for Row { what, who, line, figure, detail } in &self.rows {
            // Nothing fails that is written into a string.
            let _ = writeln!(table, "| {what} | {who} | {line} | {figure} | {detail} |");
        }
        table
    }
}
