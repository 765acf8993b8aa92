//! What a program needs that moves a file: the device at its end of a wire, and a folder.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use pocketmux_tests::{End, Wire};

use crate::course::Course;

/// How the file is called on both sides.
pub const FILE: &str = "file.bin";

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that gets the file, at [`End::B`].
    Receiver,
    /// The one that has it, at [`End::A`].
    Sender,
}

impl Role {
    pub fn end(self) -> End {
        match self {
            Self::Receiver => End::B,
            Self::Sender => End::A,
        }
    }
}

/// Two programs that move a file.
pub trait Mover {
    /// How one of them is started.
    fn command(&self, role: Role, stage: &Stage) -> io::Result<Command>;

    /// The sender writes to its standard output, and is given a pipe: a driver's queue of exactly the length that it should have.
    fn writes_to_pipe(&self) -> bool {
        false
    }
}

/// Where a file is moved: the wire, and the folders of both sides.
pub struct Stage {
    pub wire: Wire,
    /// What the sender writes to in place of its device, if it is a pipe.
    pub pipe: Option<PipeWriter>,
    pub baud: u32,
    folder: PathBuf,
}

impl Stage {
    /// A new wire, the file at the sender's side and nothing at the receiver's.
    pub fn new(course: &Course, mover: &dyn Mover) -> io::Result<Self> {
        let (wire, pipe) = if mover.writes_to_pipe() {
            let (wire, pipe) = Wire::with_pipe(&course.line)?;
            (wire, Some(pipe))
        } else {
            (Wire::new(&course.line)?, None)
        };
        let folder = std::env::temp_dir().join(format!("pocketmux-bench-{}", std::process::id()));
        let stage = Self { wire, pipe, baud: course.line.baud, folder };
        for role in [Role::Sender, Role::Receiver] {
            std::fs::create_dir_all(stage.home(role))?;
        }
        std::fs::write(stage.home(Role::Sender).join(FILE), &course.file)?;
        Ok(stage)
    }

    /// The folder of one of the programs.
    pub fn home(&self, role: Role) -> PathBuf {
        self.folder.join(if role == Role::Sender { "sender" } else { "receiver" })
    }

    /// What the receiver has.
    pub fn received(&self) -> Vec<u8> {
        std::fs::read(self.home(Role::Receiver).join(FILE)).unwrap_or_default()
    }

    /// The device at an end of the wire, as the standard input or output of a program.
    pub fn device(&self, end: End) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).custom_flags(nix::libc::O_NOCTTY).open(self.wire.path(end))
    }

    /// `program` at home in its folder, so that nobody's settings have a say.
    pub fn command(&self, program: impl AsRef<OsStr>, role: Role) -> Command {
        let (mut command, home) = (Command::new(program), self.home(role));
        command.current_dir(&home).env("HOME", &home);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
