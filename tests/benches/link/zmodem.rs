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

/// Moves the course's file. The sender writes to a pipe, which is a driver's queue of exactly the length that it should have.
pub fn transfer(course: &Course, settings: &[&str]) -> io::Result<Transfer> {
    let ((wire, pipe), folder) = (Wire::with_pipe(&course.line)?, Folder::new(&course.file)?);
    let mut receive = program::limited("rz", course.time_limit(), folder.receiver());
    receive.args(["--quiet", "--binary", "--overwrite"]);
    receive.stdin(device(&wire, End::B)?).stdout(device(&wire, End::B)?);
    let mut send = program::limited("sz", course.time_limit(), folder.sender());
    send.args(["--quiet", "--binary"]).args(settings).arg(FILE);
    send.stdin(device(&wire, End::A)?).stdout(pipe);
    program::run(&wire, course, &folder, receive, send)
}
