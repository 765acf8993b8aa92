//! A paced line of two pseudo terminals, the program on both ends, and a directory for each.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pocketmux_tests::{End, Line, Random, Wire};

use crate::running::{PATIENCE, pocketmux};

/// As fast as a pseudo terminal is set to without further ado.
pub(super) const BAUD: u32 = 3_000_000;

/// A wire, a directory at its far end, and one at this.
pub(super) struct Bench {
    path: PathBuf,
    pub(super) wire: Option<Wire>,
    pub(super) random: Random,
}

impl Bench {
    pub(super) fn new(name: &str, line: &Line) -> Self {
        let path = std::env::temp_dir().join(format!("pocketmux-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        ["there", "here", "come"].iter().for_each(|folder| fs::create_dir_all(path.join(folder)).unwrap());
        let seed = std::env::var("POCKETMUX_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
        println!("POCKETMUX_SEED={seed}");
        let mut bench = Self { path, wire: None, random: Random::new(seed) };
        bench.plug(&Line { seed, ..*line });
        bench
    }

    /// Takes the wire away: first its names, or a program would open what the system calls the same afterwards, and is another end.
    pub(super) fn pull(&mut self) {
        for name in ["tty-there", "tty-here"] {
            let _ = fs::remove_file(self.path.join(name));
        }
        self.wire = None;
    }

    /// Joins the two paths by another wire.
    pub(super) fn plug(&mut self, line: &Line) {
        let wire = Wire::new(line).unwrap();
        for (name, end) in [("tty-there", End::A), ("tty-here", End::B)] {
            symlink(wire.path(end), self.path.join(name)).unwrap();
        }
        self.wire = Some(wire);
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// A file of random bytes on this side.
    pub(super) fn file(&mut self, name: &str, len: usize) -> Vec<u8> {
        let content = self.random.bytes(len);
        fs::write(self.at("here").join(name), &content).unwrap();
        content
    }

    /// Makes the program the device at the far end.
    pub(super) fn device(&self, more: &[&str]) -> Program {
        let mut command = pocketmux(&["device", "--port", &self.text("tty-there"), "--baud", &BAUD.to_string()]);
        command.args(["--dir", &self.text("there"), "--name", "far"]).args(more);
        self.start(command, "device.log")
    }

    /// A command on this side, which is not waited for.
    pub(super) fn command(&self, args: &[&str]) -> Program {
        let mut command = pocketmux(args);
        command.args(["--port", &self.text("tty-here"), "--baud", &BAUD.to_string()]).current_dir(self.at("here"));
        self.start(command, "command.log")
    }

    pub(super) fn start(&self, mut command: Command, log: &str) -> Program {
        let log = self.at(log);
        let said = File::options().create(true).append(true).open(&log).unwrap();
        Program { child: command.stdout(Stdio::piped()).stderr(said).spawn().unwrap(), log }
    }

    /// The same, to its end: the exit code, standard output, and what it has said.
    pub(super) fn done(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let _ = fs::remove_file(self.at("command.log"));
        let mut program = self.command(args);
        let code = program.end().code();
        let mut out = String::new();
        program.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (code, out, program.said())
    }

    pub(super) fn ok(&self, args: &[&str]) -> String {
        let (code, out, said) = self.done(args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        out
    }

    pub(super) fn there(&self, name: &str) -> Vec<u8> {
        fs::read(self.at("there").join(name)).unwrap()
    }

    /// Waits until so much of a file has arrived in that directory; returns how much it is.
    pub(super) fn wait_for_part(&self, folder: &str, name: &str, len: u64) -> u64 {
        let part = self.at(folder).join(".pocketmux").join(format!("{name}.part"));
        let start = Instant::now();
        loop {
            let stored = fs::metadata(&part).map_or(0, |data| data.len());
            if stored >= len {
                return stored;
            }
            assert!(start.elapsed() < PATIENCE, "{stored} of {len} bytes: {}", self.logs());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn logs(&self) -> String {
        ["device.log", "command.log"].map(|log| fs::read_to_string(self.at(log)).unwrap_or_default()).join("\n")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.logs());
        }
        self.wire = None;
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A program that runs, and is killed with the test.
pub(super) struct Program {
    pub(super) child: Child,
    log: PathBuf,
}

impl Program {
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < 3 * PATIENCE, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
