//! ZMODEM, as the package `lrzsz` has it.

use std::io;
use std::process::Command;

use pocketmux_tests::End;

use crate::program::{self, FILE, Mover, Role, Stage};

pub const PACKAGE: &str = "lrzsz";

/// What is set beyond the default of blocks of 1 KiB, sent without waiting for answers.
pub const VARIANTS: [(&str, Zmodem); 3] = [
    ("ZMODEM", Zmodem { settings: &[], resumes: false }),
    ("ZMODEM -8", Zmodem { settings: &["--try-8k"], resumes: false }),
    ("ZMODEM -w 4096", Zmodem { settings: &["--windowsize", "4096"], resumes: false }),
];

pub fn is_installed() -> bool {
    ["sz", "rz"].into_iter().all(program::is_installed)
}

/// `sz` and `rz`.
pub struct Zmodem {
    pub settings: &'static [&'static str],
    /// Both are told to go on with what the receiver has already.
    pub resumes: bool,
}

impl Mover for Zmodem {
    fn command(&self, role: Role, stage: &Stage) -> io::Result<Command> {
        let mut command = stage.command(if role == Role::Sender { "sz" } else { "rz" }, role);
        command.args(["--quiet", "--binary"]).stdin(stage.device(role.end())?);
        if self.resumes {
            command.arg("--resume");
        }
        match (role, &stage.pipe) {
            (Role::Sender, Some(pipe)) => command.args(self.settings).arg(FILE).stdout(pipe.try_clone()?),
            (Role::Sender, None) => command.args(self.settings).arg(FILE).stdout(stage.device(End::A)?),
            (Role::Receiver, _) if self.resumes => command.stdout(stage.device(End::B)?),
            (Role::Receiver, _) => command.arg("--overwrite").stdout(stage.device(End::B)?),
        };
        Ok(command)
    }

    fn writes_to_pipe(&self) -> bool {
        true
    }
}
