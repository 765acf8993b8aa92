//! The table of results.

use std::fmt::Write;

use crate::goals;

/// One line of the table.
pub struct Row {
    pub what: &'static str,
    pub who: String,
    pub line: String,
    pub figure: String,
    pub detail: String,
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

    /// The goals, and the table, in Markdown.
    pub fn table(&self) -> String {
        let mut table = goals::table(&self.rows) + "\n";
        table.push_str("| what | who | line | figure | detail |\n|---|---|---|---|---|\n");
        for Row { what, who, line, figure, detail } in &self.rows {
            // Nothing fails that is written into a string.
            let _ = writeln!(table, "| {what} | {who} | {line} | {figure} | {detail} |");
        }
        table
    }
}
