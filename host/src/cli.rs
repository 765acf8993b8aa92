//! The command line.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use pocketmux::direct::{Job, Wire};
use pocketmux::remote::Through;
use pocketmux::{DeviceOptions, Example, Options, Origin, PortSpec};

use files::{Device, Get, List, Put, Remove, Rename};

mod files;

const EXAMPLES: &str = "Examples:
  pocketmux                                  the one USB serial device, or the virtual device if there is none
  pocketmux --port /dev/ttyACM0              this device
  pocketmux --port demo                      the virtual device
  pocketmux --port unix:/tmp/uart            an emulator's UART on a unix socket
  pocketmux --port rfc2217://pi.local:2217   a serial port that another machine shares, as ser2net does, set to --baud there
  pocketmux --port tcp://pi.local:2000       one that is shared raw; its speed is set over there, and --baud has to say it
  pocketmux --port /dev/ttyUSB0 --baud 921600
  pocketmux --listen 0.0.0.0:8765            for phones and other computers in the network too
  pocketmux --allow-origin https://pages.example
  pocketmux ports                            what is attached
  pocketmux put photo.jpg --port /dev/ttyUSB0          a file to a device, without a host; get, ls, rm and mv likewise
  pocketmux device --port /dev/serial0 --dir files     this machine as a device

What happens is logged to standard error; RUST_LOG=pocketmux=debug says more.";

/// Joins a microcontroller's serial port to web browsers: many channels over one wire.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    Serve(Options),
    Ports,
    Files(Job, Wire),
    Remote(Job, Through),
    Device(DeviceOptions),
}

impl Cli {
    /// Reads the command line; ends the program where it cannot be acted on.
    pub(crate) fn action() -> Action {
        Self::parse().judge().unwrap_or_else(|error| error.exit())
    }

    fn judge(self) -> Result<Action, clap::Error> {
        let command = match self.command {
            None => return Ok(Action::Serve(self.serve.options())),
            Some(Command::Serve(after)) => return Ok(Action::Serve(self.serve.and(after).options())),
            Some(command) => command,
        };
        let conflict = |words| Err(Self::command().error(ErrorKind::ArgumentConflict, words));
        match command {
            Command::Ports if self.serve != Serve::default() => {
                conflict("`pocketmux ports` takes no options: it lists what is attached and serves nothing")
            }
            _ if self.serve != Serve::default() => conflict("the options of this command are written behind it"),
            Command::Device(device) if device.port == PortSpec::Demo => {
                conflict("the port demo leads to a device: put, get, ls, rm and mv can be tried with it")
            }
            Command::Ports => Ok(Action::Ports),
            Command::Device(device) => Ok(Action::Device(device.options())),
            Command::Put(put) => Ok(put.action()),
            Command::Get(get) => Ok(get.action()),
            Command::Ls(list) => Ok(list.action()),
            Command::Rm(remove) => Ok(remove.action()),
            Command::Mv(rename) => Ok(rename.action()),
            Command::Serve(_) => unreachable!("it was looked at first"),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve devices to browsers; what happens when no command is given.
    Serve(Serve),
    /// List the serial devices that are attached, with VID:PID, serial number and product.
    Ports,
    /// Send files to a device.
    Put(Put),
    /// Fetch files from a device.
    Get(Get),
    /// List the files of a device.
    Ls(List),
    /// Remove files from a device.
    Rm(Remove),
    /// Give a file on a device another name.
    Mv(Rename),
    /// Make this machine a device, with the files of a directory.
    Device(Device),
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
struct Serve {
    /// A device's port: a path, rfc2217://HOST:PORT or tcp://HOST:PORT for one that another machine shares, unix:PATH for a socket, or
    /// demo for the virtual device. May be given several times.
    #[arg(long, value_name = "PORT")]
    port: Vec<PortSpec>,
    /// Bits a second on serial ports; the board must use the same. A port that does not say how much it has sent, as TCP and pseudo
    /// terminals do not, is written to at this pace [default: 115200].
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..=12_000_000))]
    baud: Option<u32>,
    /// Milliseconds without a sign of life after which a device counts as silent, as when its cable is pulled between the adapter and
    /// the board; 0 for never, else 150 to 3600000 [default: 1000].
    #[arg(long, value_name = "MS", value_parser = silence)]
    silence: Option<u32>,
    /// The address or name, and the port, to listen on; :8765 alone is 127.0.0.1:8765, this machine only
    /// [default: 127.0.0.1:8765].
    #[arg(long, value_parser = listen, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where to listen as well, as --listen has it, for chat clients that look there: for them every path is the live feed of
    /// the chat. Those that are written today find it at /ws [usual for them: 127.0.0.1:3001].
    #[arg(long, value_parser = listen, value_name = "ADDRESS:PORT")]
    chat_listen: Option<SocketAddr>,
    /// Where to keep devices, the chat and files [default: $XDG_DATA_HOME/pocketmux, or ~/.local/share/pocketmux].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Bytes of a file, at most [default: 1073741824].
    #[arg(long, value_name = "BYTES")]
    file_size_max: Option<u64>,
    /// Files there may be, uploads that are not whole among them [default: 1000].
    #[arg(long, value_name = "N")]
    files_max: Option<usize>,
    /// A web page from this origin may use the host too. May be given several times.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    /// Services in place of the channels of their names, to try topic clients with.
    #[arg(long, value_name = "NAME")]
    example: Option<Trial>,
    /// Also serve what the public suite of the SockJS protocol tests.
    #[arg(long, hide = true)]
    sockjs_test_services: bool,
}

impl Serve {
    /// These options, given before the command, with those after it, which win where there can only be one.
    fn and(mut self, after: Self) -> Self {
        self.port.extend(after.port);
        self.allow_origin.extend(after.allow_origin);
        Self {
            port: self.port,
            baud: after.baud.or(self.baud),
            silence: after.silence.or(self.silence),
            listen: after.listen.or(self.listen),
            chat_listen: after.chat_listen.or(self.chat_listen),
            data: after.data.or(self.data),
            file_size_max: after.file_size_max.or(self.file_size_max),
            files_max: after.files_max.or(self.files_max),
            allow_origin: self.allow_origin,
            example: after.example.or(self.example),
            sockjs_test_services: self.sockjs_test_services || after.sockjs_test_services,
        }
    }

    fn options(self) -> Options {
        let usual = Options::default();
        Options {
            ports: self.port,
            baud: self.baud.unwrap_or(usual.baud),
            silence_ms: self.silence.unwrap_or(usual.silence_ms),
            listen: self.listen.unwrap_or(usual.listen),
            chat_listen: self.chat_listen,
            data: self.data.or_else(data_directory),
            file_size_max: self.file_size_max.unwrap_or(usual.file_size_max),
            files_max: self.files_max.unwrap_or(usual.files_max),
            allow_origins: self.allow_origin,
            example: self.example.map(|Trial::AnnBobCarl| Example::AnnBobCarl),
            sockjs_test_services: self.sockjs_test_services,
        }
    }
}

/// What `--example` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Trial {
    /// The topics ann, bob and carl answer as in the example of websocket-multiplex
    AnnBobCarl,
}

/// Devices say something every 50 ms at most, three times in 150.
fn silence(text: &str) -> Result<u32, String> {
    let ms = text.parse().ok().filter(|ms| *ms == 0 || (150..=3_600_000).contains(ms));
    ms.ok_or_else(|| "milliseconds are expected, 150 to 3600000, or 0 for never".into())
}

/// Reads `ADDRESS:PORT`, `NAME:PORT` or `:PORT`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let form =
        "write an address and a port: 127.0.0.1:8765, localhost:8765, [::1]:8765, or :8765 for this machine only";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (name, port) = text.rsplit_once(':').ok_or(form)?;
    let port: u16 = port.parse().map_err(|_| form)?;
    if name.is_empty() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let found: Vec<SocketAddr> = match (name, port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => return Err(format!("{name} is no address of this machine ({error}); {form}")),
    };
    // What is printed and what other programs try first is IPv4, so a name that has both means that.
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| form.to_owned())
}

/// The XDG base directory for data, which must be absolute to count.
fn data_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(base.join("pocketmux"))
}

#[cfg(test)]
mod tests {
    use super::{Action, Cli, Options, listen, silence};
    use clap::Parser as _;
    use pocketmux::PortSpec;

    fn options(args: &[&str]) -> Options {
        let cli = Cli::try_parse_from([&["pocketmux"], args].concat()).unwrap();
        match cli.judge().unwrap() {
            Action::Serve(options) => options,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    #[test]
    fn an_address_to_listen_on_may_be_a_name_or_only_a_port() {
        for (text, address) in [
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8765", "[::1]:8765"),
            ("localhost:8765", "127.0.0.1:8765"),
            (":8765", "127.0.0.1:8765"),
        ] {
            assert_eq!(listen(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["8765", "localhost", "localhost:", "localhost:http", ""] {
            assert!(listen(text).unwrap_err().contains("127.0.0.1:8765, localhost:8765"), "{text}");
        }
    }

    #[test]
    fn options_before_and_after_the_command_count_alike() {
        for args in [
            ["--port", "demo", "--baud", "9600", "serve"],
            ["--port", "demo", "serve", "--baud", "9600"],
            ["serve", "--port", "demo", "--baud", "9600"],
        ] {
            let Options { ports, baud, .. } = options(&args);
            assert_eq!((ports, baud), (vec![PortSpec::Demo], 9600), "{args:?}");
        }
        let both = options(&["--port", "demo", "--baud", "9600", "serve", "--port", "/dev/tty1", "--baud", "300"]);
        assert_eq!((both.ports.len(), both.baud), (2, 300));
        assert_eq!((options(&[]).baud, options(&[]).silence_ms), (115_200, 1000));
        assert_eq!(options(&["--silence", "0", "serve"]).silence_ms, 0);
        let files = options(&["--file-size-max", "7", "--files-max", "5", "serve", "--files-max", "6"]);
        assert_eq!((files.file_size_max, files.files_max), (7, 6));
    }

    #[test]
    fn a_silence_is_one_that_devices_can_keep_or_none() {
        for (text, ms) in [("0", 0), ("150", 150), ("3600000", 3_600_000)] {
            assert_eq!(silence(text), Ok(ms));
        }
        for text in ["1", "149", "3600001", "-1", "4294967296", "a second", ""] {
            assert!(silence(text).unwrap_err().contains("150 to 3600000"), "{text}");
        }
    }
}
