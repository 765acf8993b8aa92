//! Programs of others at the ends of a wire, each with a time limit.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pocketmux_tests::{End, Wire};

use crate::course::Course;
use crate::transfer::{Outcome, Transfer};

/// How the file is called on both sides.
pub const FILE: &str = "file.bin";
/// What `timeout` answers for a program that it had to stop, politely or not.
const TIMED_OUT: [i32; 2] = [124, 137];

/// A folder for the files of one transfer, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder with the file to send in `sender` and an empty `receiver`.
    pub fn new(file: &[u8]) -> io::Result<Self> {
        let folder = Self(std::env::temp_dir().join(format!("pocketmux-bench-{}", std::process::id())));
        for side in ["sender", "receiver"] {
            std::fs::create_dir_all(folder.0.join(side))?;
        }
        std::fs::write(folder.sender().join(FILE), file)?;
        Ok(folder)
    }

    pub fn sender(&self) -> PathBuf {
        self.0.join("sender")
    }

    pub fn receiver(&self) -> PathBuf {
        self.0.join("receiver")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// `program` under a time limit, at home in a folder of ours so that nobody's settings have a say.
pub fn limited(program: &str, limit: Duration, home: PathBuf) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "-k", "2", &limit.as_secs().to_string(), program]);
    command.current_dir(&home).env("HOME", &home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The device at an end of a wire, as the standard input or output of a program.
pub fn device(wire: &Wire, end: End) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(nix::libc::O_NOCTTY).open(wire.path(end))
}

/// Runs the two programs to their ends, and compares what the receiver has.
pub fn run(wire: &Wire, course: &Course, folder: &Folder, receive: Command, send: Command) -> io::Result<Transfer> {
    let [receiver, sender] = [receive, send].map(|mut command| command.spawn());
    let (in_time, well) = [receiver, sender].into_iter().try_fold((true, true), |(in_time, well), child| {
        let code = child.and_then(|mut child: Child| child.wait())?.code();
        let timed_out = code.is_none_or(|code| TIMED_OUT.contains(&code));
        io::Result::Ok((in_time && !timed_out, well && code == Some(0)))
    })?;
    let received = std::fs::read(folder.receiver().join(FILE)).unwrap_or_default();
    let outcome = match received {
        received if received == course.file => Outcome::Whole,
        _ if !in_time => Outcome::TimeLimit,
        _ if !well => Outcome::GaveUp,
        _ => Outcome::Changed,
    };
    let forward = wire.traffic(End::A);
    // A program that waits before it ends, after the last byte, does not make the transfer slower.
    let end = if outcome == Outcome::Whole { forward.last } else { wire.elapsed() };
    Ok(Transfer::over(wire, outcome, end))
}
