//! Kermit, as the package `ckermit` has it.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use pocketmux_tests::{End, Wire};

use crate::course::Course;
use crate::program::{self, FILE, Folder};
use crate::transfer::Transfer;

pub const PACKAGE: &str = "ckermit";

/// Settings of both sides. Streaming sends without waiting for answers, and cannot repair; a window repairs packet by packet.
pub const VARIANTS: [(&str, &str); 3] = [
    ("Kermit, streaming, 4000 B", "set streaming on\nset window 31\nset receive packet-length 4000"),
    ("Kermit, window 31, 1000 B", "set streaming off\nset window 31\nset receive packet-length 1000"),
    ("Kermit, window 31, 250 B", "set streaming off\nset window 31\nset receive packet-length 250"),
];

/// For a raw line between two machines: hardly a prefix, no flow control, a CRC of 16 bits, short waits, and no early giving up.
///
/// Zero, and the bytes that begin and end a packet, keep their prefixes, with and without the top bit: without them C-Kermit 10 takes
/// a file with pieces missing for whole when a line is noisy and the window longer than one packet.
const COMMON: &str = "set carrier-watch off
set flow none
set parity none
set file type binary
set file collision overwrite
set transfer display none
set quiet on
set delay 0
set block-check 3
set control unprefix all
set control prefix 0 1 13 128 129 141
set send packet-length 9000
set send timeout 2
set receive timeout 2
set retry-limit 200";

pub fn is_installed() -> bool {
    program::is_installed("kermit")
}

/// Moves the course's file.
pub fn transfer(course: &Course, settings: &str) -> io::Result<Transfer> {
    let (wire, folder) = (Wire::new(&course.line)?, Folder::new(&course.file)?);
    let command = |end, home: PathBuf, verb: &str| -> io::Result<Command> {
        let (line, baud) = (wire.path(end).display(), course.line.baud);
        let script = format!("set line {line}\nset speed {baud}\n{COMMON}\n{settings}\n{verb}\nexit\n");
        std::fs::write(home.join("script"), script)?;
        let mut command = program::limited("kermit", course.time_limit(), home);
        command.arg("script");
        Ok(command)
    };
    let receive = command(End::B, folder.receiver(), "receive")?;
    let send = command(End::A, folder.sender(), &format!("send {FILE}"))?;
    program::run(&wire, course, &folder, receive, send)
}
