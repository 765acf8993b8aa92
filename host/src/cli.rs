//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pocketmux::{Options, Origin, PortSpec};

const EXAMPLES: &str = "Examples:
  pocketmux                                  the one USB serial device, or the virtual device if there is none
  pocketmux --port /dev/ttyACM0              this device
  pocketmux --port demo                      the virtual device
  pocketmux --port unix:/tmp/uart            an emulator's UART on a unix socket
  pocketmux --port /dev/ttyUSB0 --baud 921600
  pocketmux --listen 0.0.0.0:8765            for phones and other computers in the network too
  pocketmux --allow-origin https://pages.example
  pocketmux ports                            what is attached

What happens is logged to standard error; RUST_LOG=pocketmux=debug says more.";

/// Joins a microcontroller's serial port to web browsers: many channels over one wire.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve devices to browsers; what happens when no command is given.
    Serve(Serve),
    /// List the serial devices that are attached, with VID:PID, serial number and product.
    Ports,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// A device's port: a path, unix:PATH for a socket, or demo for the virtual device. May be given several times.
    #[arg(long, value_name = "PORT", value_parser = port)]
    port: Vec<PortSpec>,
    /// Bits a second on serial ports; the board must use the same.
    #[arg(long, default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(50..=12_000_000))]
    baud: u32,
    /// The address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8765", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Where to remember devices [default: $XDG_DATA_HOME/pocketmux, or ~/.local/share/pocketmux].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A web page from this origin may use the host too. May be given several times.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
}

impl Serve {
    pub(crate) fn options(self) -> Options {
        Options {
            ports: self.port,
            baud: self.baud,
            listen: self.listen,
            data: self.data.or_else(data_directory),
            allow_origins: self.allow_origin,
        }
    }
}

fn port(text: &str) -> Result<PortSpec, String> {
    match text {
        "" | "unix:" => Err("a path is missing: /dev/ttyACM0, unix:/tmp/uart, or demo".into()),
        text => text.parse().map_err(|never| match never {}),
    }
}

/// The XDG base directory for data, which must be absolute to count.
fn data_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(base.join("pocketmux"))
}
