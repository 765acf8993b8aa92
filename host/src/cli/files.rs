//! The commands that have to do with files: to and from a device, and of this machine as one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pocketmux::direct::{Job, Wire};
use pocketmux::remote::Through;
use pocketmux::{DeviceOptions, FileName, PortSpec};

use super::Action;

const EXITS: &str = "Exit codes: 0 done; 1 failed, for the reason that it says; 2 a wrong command line; 3 the device refused: no room, no such file; \
4 the device or the host is not there, or does not answer within 10 seconds; 130 interrupted.

What has crossed stays when the command is interrupted, the cable is pulled or either side starts anew: the same command goes on from there.";

/// How the device is reached.
#[derive(Debug, Args)]
struct Way {
    /// The device's port, straight on the wire and without a host: a path, rfc2217://HOST:PORT, tcp://HOST:PORT, unix:PATH, or demo.
    /// Without it the way leads through a host that runs.
    #[arg(long, conflicts_with_all = ["host", "device"])]
    port: Option<PortSpec>,
    /// Bits a second on serial ports; the device must use the same.
    #[arg(long, default_value_t = 115_200, requires = "port", value_parser = clap::value_parser!(u32).range(50..=12_000_000))]
    baud: u32,
    /// The device, as the host calls it [default: the only one that is online].
    #[arg(long)]
    device: Option<String>,
    /// The host that has the device.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8765", value_parser = host)]
    host: String,
    /// How long to wait for a device, or for the host, that was there and is not, as when a cable is pulled [default: for ever].
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
}

impl Way {
    fn to(self, job: Job) -> Action {
        let Self { port, baud, device, host, timeout } = self;
        let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
        match port {
            Some(port) => Action::Files(job, Wire { port, baud, timeout }),
            None => Action::Remote(job, Through { host, device, timeout }),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(super) struct Put {
    /// The files; on the device they have their last names.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    way: Way,
}

impl Put {
    pub(super) fn action(self) -> Action {
        self.way.to(Job::Put(self.files))
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(super) struct Get {
    /// What the files are called on the device.
    #[arg(required = true, value_name = "NAME", value_parser = name)]
    names: Vec<FileName>,
    /// The directory to put them into.
    #[arg(long, default_value = ".", value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    way: Way,
}

impl Get {
    pub(super) fn action(self) -> Action {
        self.way.to(Job::Get { names: self.names, output: self.output })
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(super) struct List {
    #[command(flatten)]
    way: Way,
}

impl List {
    pub(super) fn action(self) -> Action {
        self.way.to(Job::List)
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(super) struct Remove {
    /// What the files are called; where there is none of a name, what has arrived of one goes.
    #[arg(required = true, value_name = "NAME", value_parser = name)]
    names: Vec<FileName>,
    #[command(flatten)]
    way: Way,
}

impl Remove {
    pub(super) fn action(self) -> Action {
        self.way.to(Job::Remove(self.names))
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(super) struct Rename {
    /// The name that the file has.
    #[arg(value_parser = name)]
    from: FileName,
    /// The name that it is to have, which no file may have already.
    #[arg(value_parser = name)]
    to: FileName,
    #[command(flatten)]
    way: Way,
}

impl Rename {
    pub(super) fn action(self) -> Action {
        self.way.to(Job::Rename { from: self.from, to: self.to })
    }
}

const DEVICE: &str = "Exit codes: 0 stopped, or with --once a file has crossed; 1 it cannot be a device there, or with --once the transfer has \
failed for good; 2 a wrong command line; 130 with --once, stopped before.";

#[derive(Debug, Args)]
#[command(after_help = DEVICE)]
pub(super) struct Device {
    /// The port on which the other side is: a path, rfc2217://HOST:PORT, tcp://HOST:PORT or unix:PATH.
    #[arg(long)]
    pub(super) port: PortSpec,
    /// The directory of the device's files. What is arriving is in .pocketmux in it.
    #[arg(long)]
    dir: PathBuf,
    /// Bits a second on serial ports; the other side must use the same.
    #[arg(long, default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(50..=12_000_000))]
    baud: u32,
    /// What the device is called [default: the name of this machine].
    #[arg(long, value_parser = called)]
    name: Option<String>,
    /// Exit when the first file has crossed and is verified.
    #[arg(long)]
    once: bool,
}

impl Device {
    pub(super) fn options(self) -> DeviceOptions {
        let Self { port, dir, baud, name, once } = self;
        DeviceOptions { port, baud, dir, name, once }
    }
}

/// The address of a host, which speaks plain HTTP.
fn host(text: &str) -> Result<String, String> {
    let form = "http://NAME:PORT is expected";
    let rest = match text.split_once("://") {
        None => text,
        Some(("http", rest)) => rest,
        Some(("https", rest)) => {
            return Err(format!(
                "a host speaks plain HTTP: write http://{rest}, and let a tunnel such as SSH's lead there over other networks"
            ));
        }
        Some(_) => return Err(form.into()),
    };
    let uri: Result<axum::http::Uri, _> = format!("http://{rest}").parse();
    match uri {
        Ok(uri) if uri.host().is_some_and(|name| !name.is_empty()) && uri.query().is_none() => Ok(text.into()),
        _ => Err(form.into()),
    }
}

/// The name of a file.
fn name(text: &str) -> Result<FileName, String> {
    FileName::new(text).map_err(|error| error.to_string())
}

/// The name of a device: as much as fits into a greeting.
fn called(text: &str) -> Result<String, String> {
    let fits = (1..=32).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text.into()) } else { Err("1 to 32 bytes without control characters are expected".into()) }
}
