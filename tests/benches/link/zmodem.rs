//! ZMODEM, as the package `lrzsz` has it.

use std::io;

use pocketmux_tests::{End, Wire};

use crate::course::Course;
use crate::program::{self, FILE, Folder, device};
use crate::transfer::Transfer;

pub const PACKAGE: &str = "lrzsz";

/// What is set beyond the default of blocks of 1 KiB, sent without waiting for answers.
pub const VARIANTS: [(&str, &[&str]); 3] =
    [("ZMODEM", &[]), ("ZMODEM -8", &["--try-8k"]), ("ZMODEM -w 4096", &["--windowsize", "4096"])];

pub fn is_installed() -> bool {
    ["sz", "rz"].into_iter().all(program::is_installed)
}

/// Moves the course's file.
pub fn transfer(course: &Course, settings: &[&str]) -> io::Result<Transfer> {
    let (wire, folder) = (Wire::new(&course.line)?, Folder::new(&course.file)?);
    let command = |program, end, home| {
        let (input, output) = device(&wire, end)?;
        let mut command = program::limited(program, course.time_limit(), home);
        command.args(["--quiet", "--binary"]).stdin(input).stdout(output);
        io::Result::Ok(command)
    };
    let mut receive = command("rz", End::B, folder.receiver())?;
    receive.arg("--overwrite");
    let mut send = command("sz", End::A, folder.sender())?;
    send.args(settings).arg(FILE);
    program::run(&wire, course, &folder, receive, send)
}
