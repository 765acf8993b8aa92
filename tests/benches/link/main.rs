//! The link measured against its peers, over one paced wire: see `--help`, and `tests/src/wire.rs` for the wire.
//!
//! The figures of one run compare with each other; with those of another machine, less so.

mod course;
mod crossing;
mod driver;
mod fairness;
mod goals;
mod kermit;
mod machine;
mod memory;
mod options;
mod ours;
mod overhead;
mod pair;
mod peer;
mod pocketmux;
mod program;
mod report;
mod same_file;
mod sides;
mod transfer;
mod urgent;
mod zmodem;

use std::io;
use std::process::ExitCode;

use course::Course;
use options::Options;
use report::{Report, Row};
use sides::{Large, Small};
use transfer::Transfer;

const ABOUT: &str = "# The link, measured

Written by `cargo bench -p pocketmux-tests --bench link -- --write`; do not edit.

Goodput is the file's bits in percent of what the line could have carried, ten bits a byte, from the sender's first byte on the wire
until the receiver had the file's last (for the other programs: until the last byte of the sender). `never`: not within five times
the time of the line, and half a minute. The rate of bit errors holds for both directions. Each figure is one run; one during which others
took more than a twentieth of the machine's time was repeated once, and the less disturbed of the two counts. Rows may be of several runs.
`line busy` is what the machine and the programs made of the line: where it is below 100 % on a clean line, somebody was late.
";

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/link/REPORT.md");

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(help) => {
            eprintln!("{help}");
            return ExitCode::FAILURE;
        }
    };
    eprintln!("seed {}", options.seed);
    let mut report = Report::default();
    if let Err(error) = measure(&options, &mut report) {
        report.fail(error.to_string());
    }
    if options.write
        && !options.wants_all()
        && let Ok(earlier) = std::fs::read_to_string(PATH)
    {
        report.renew(&earlier);
    }
    let text =
        format!("{}\nSeed {}{}.\n", report.table(), options.seed, if options.quick { ", short form" } else { "" });
    print!("{text}");
    if options.write
        && let Err(error) = std::fs::write(PATH, format!("{ABOUT}\n{text}"))
    {
        report.fail(format!("the report cannot be written: {error}"));
    }
    if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure(options: &Options, report: &mut Report) -> io::Result<()> {
    let peers =
        [("zmodem", zmodem::PACKAGE, zmodem::is_installed()), ("kermit", kermit::PACKAGE, kermit::is_installed())];
    for (part, package, is_installed) in peers {
        if options.wants(part) && !is_installed {
            report.fail(format!("{part}: please install the Debian package {package}"));
            let (what, who, line) = ("goodput".to_owned(), part.to_owned(), String::new());
            let (figure, detail) = ("n/a".to_owned(), format!("the Debian package {package} is not installed"));
            report.add(Row { what, who, line, figure, detail });
        }
    }
    for course in Course::all(options) {
        move_file(&course, options, report)?;
    }
    if options.wants("urgent") {
        urgent::run(options, report)?;
    }
    if options.wants("fairness") {
        fairness::run(report);
    }
    if options.wants("overhead") {
        overhead::run(report);
    }
    if options.wants("programs") {
        same_file::run(options, report)?;
    }
    Ok(())
}

/// Has the course's file moved by everyone who is asked for.
fn move_file(course: &Course, options: &Options, report: &mut Report) -> io::Result<()> {
    let mut add = |who, is_ours, transfer: &dyn Fn() -> io::Result<Transfer>| {
        let (transfer, stolen) = machine::undisturbed(!options.quick, transfer)?;
        transfer.report(report, who, course, is_ours, stolen);
        io::Result::Ok(())
    };
    if options.wants("zmodem") && course.for_peers && zmodem::is_installed() {
        for (who, zmodem) in zmodem::VARIANTS {
            add(who, false, &|| peer::transfer(course, &zmodem))?;
        }
    }
    if options.wants("kermit") && course.for_peers && kermit::is_installed() {
        for (who, kermit) in kermit::VARIANTS {
            add(who, false, &|| peer::transfer(course, &kermit))?;
        }
    }
    if options.wants("ours") {
        add("ours, chunks of 240 B", true, &|| ours::transfer::<Small>(course))?;
        add("ours, chunks of 1 KiB", true, &|| ours::transfer::<Large>(course))?;
    }
    Ok(())
}
