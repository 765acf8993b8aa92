//! What the link is to reach, beside what it did.

use std::fmt::Write;

use crate::report::Row;

const SMALL: &str = "ours, chunks of 240 B";
const LARGE: &str = "ours, chunks of 1 KiB";
const LITTLE: &str = "2 ms in flight";
const BULKS: &str = "four bulk streams";
const CLASSES: &str = "bulk under normal and urgent";

/// The labels of a row, and the figure that it is to have.
const GOALS: [(&str, &str, &str, &str); 14] = [
    ("goodput", SMALL, "115200 clean", ">= 96 %"),
    ("goodput", LARGE, "115200 clean", ">= 98.5 %"),
    ("goodput", LARGE, "921600 clean", ">= 98 %"),
    ("goodput", LARGE, "115200 at 1e-6", ">= 97 %"),
    ("goodput", LARGE, "115200 at 1e-5", ">= 92.5 %"),
    ("goodput", LARGE, "115200 at 1e-4", ">= 78 %"),
    ("goodput", LARGE, "115200 at 1e-3", ">= 45 %"),
    ("goodput", LARGE, "921600 clean, 16 ms each way", ">= 97.5 %"),
    ("reverse traffic", SMALL, "115200 clean", "<= 1 %"),
    ("reverse traffic", LARGE, "115200 clean", "<= 1 %"),
    ("urgent message under bulk", LITTLE, "115200 clean", "p99 <= a chunk and the message itself, 28.9 ms"),
    ("urgent message under bulk", LITTLE, "921600 clean", "p99 <= a chunk and the message itself, 3.6 ms"),
    ("fairness", BULKS, "in memory", "Jain >= 0.99"),
    ("fairness", CLASSES, "in memory", "lowest >= 5 %"),
];

/// What keeps the link from more.
const LIMITS: &str = "What limits it: on a shared machine threads wake late, so that the line is busy for less than 100 % of the time. Ten bytes around \
240 are 4 % by themselves: 96 % is the bound of the format. What a driver has in flight is added to an urgent message's wait.\n";

/// The goals in Markdown, with the figures of these rows.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from("| goal for | who | line | goal | figure |\n|---|---|---|---|---|\n");
    for (what, who, line, goal) in GOALS {
        let row = rows.iter().find(|row| (&*row.what, &*row.who, &*row.line) == (what, who, line));
        let figure = row.map_or("not measured", |row| &row.figure);
        // Nothing fails that is written into a string.
        let _ = writeln!(table, "| {what} | {who} | {line} | {goal} | {figure} |");
    }
    table + "\n" + LIMITS
}
