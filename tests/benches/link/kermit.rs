//! Kermit, as the package `ckermit` has it.

use std::io;
use std::process::Command;

use crate::program::{self, FILE, Mover, Role, Stage};

pub const PACKAGE: &str = "ckermit";

/// Settings of both sides. Streaming sends without waiting for answers, and cannot repair; a window repairs packet by packet.
pub const VARIANTS: [(&str, Kermit); 3] = [
    ("Kermit, streaming, 4000 B", of("set streaming on\nset window 31\nset receive packet-length 4000")),
    ("Kermit, window 31, 1000 B", of(WINDOW)),
    ("Kermit, window 31, 250 B", of("set streaming off\nset window 31\nset receive packet-length 250")),
];

/// What moves most over a line with some noise.
pub const WINDOW: &str = "set streaming off\nset window 31\nset receive packet-length 1000";

const fn of(settings: &'static str) -> Kermit {
    Kermit { settings, resumes: false }
}

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

/// C-Kermit on both sides.
pub struct Kermit {
    pub settings: &'static str,
    /// The sender is told to go on with what the receiver has already.
    pub resumes: bool,
}

impl Mover for Kermit {
    fn command(&self, role: Role, stage: &Stage) -> io::Result<Command> {
        let (line, baud, settings) = (stage.wire.path(role.end()).display(), stage.baud, self.settings);
        let verb = match (role, self.resumes) {
            (Role::Receiver, _) => "receive".to_owned(),
            (Role::Sender, false) => format!("send {FILE}"),
            (Role::Sender, true) => format!("resend {FILE}"),
        };
        let script = format!("set line {line}\nset speed {baud}\n{COMMON}\n{settings}\n{verb}\nexit\n");
        std::fs::write(stage.home(role).join("script"), script)?;
        let mut command = stage.command("kermit", role);
        command.arg("script");
        Ok(command)
    }
}
