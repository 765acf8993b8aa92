//! The program of this tree: `put` and `get` at one end of the wire, this machine as a device at the other.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{FILE, Mover, Role, Stage};

/// Where the program is: built, unless `POCKETMUX_BIN` names one.
pub fn program() -> io::Result<PathBuf> {
    if let Some(path) = env::var_os("POCKETMUX_BIN") {
        return Ok(path.into());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--package", "pocketmux", "--bin", "pocketmux"]);
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).status()?;
    // The benchmark lies in `deps`, beside it.
    let path = env::current_exe()?.ancestors().nth(2).map(|folder| folder.join("pocketmux"));
    path.filter(|path| status.success() && path.is_file())
        .ok_or_else(|| io::Error::other("the program pocketmux cannot be built: name one with POCKETMUX_BIN"))
}

/// `pocketmux put`, to a device.
pub struct Put(pub PathBuf);
/// `pocketmux get`, from a device.
pub struct Get(pub PathBuf);

impl Mover for Put {
    fn command(&self, role: Role, stage: &Stage) -> io::Result<Command> {
        Ok(match role {
            Role::Receiver => device(&self.0, role, stage),
            Role::Sender => command(&self.0, role, stage, &["put", FILE]),
        })
    }
}

impl Mover for Get {
    fn command(&self, role: Role, stage: &Stage) -> io::Result<Command> {
        Ok(match role {
            Role::Receiver => command(&self.0, role, stage, &["get", FILE, "--output", "."]),
            Role::Sender => device(&self.0, role, stage),
        })
    }
}

fn device(program: &Path, role: Role, stage: &Stage) -> Command {
    command(program, role, stage, &["device", "--once", "--dir", "."])
}

fn command(program: &Path, role: Role, stage: &Stage, args: &[&str]) -> Command {
    let mut command = stage.command(program, role);
    command.args(args).arg("--port").arg(stage.wire.path(role.end())).args(["--baud", &stage.baud.to_string()]);
    // What is said is read.
    command.env_remove("RUST_LOG");
    command
}
