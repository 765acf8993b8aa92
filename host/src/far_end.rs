//! This machine as a device: the firmware's own application on a real port, with a directory for its files.
//!
//! A computer on a UART is what a board is to the host at the other end of the wire, and as patient: while its port is gone it waits, and when the
//! port is there again the link goes on where it was.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use pocketmux_core::files::{Algorithm, Digest, Ended, Hasher, Reason};
use pocketmux_firmware_example::{App, Board};
use tokio::time::{Duration, Instant, sleep_until};
use tracing::{info, warn};

use crate::backlog::Room;
use crate::folder::Folder;
use crate::port::{Exchange, Port, PortSpec};
use crate::port_error::PortError;
use crate::uart::Uart;

use record::Record;

mod record;

/// The application with a link like the host's.
type Application<'b> = App<'b, Folder, 256, 64, [u8; 1100]>;

/// The application wants a turn this often, and more often while a file is on its way.
const TURN: Duration = Duration::from_millis(5);
const BUSY_TURN: Duration = Duration::from_millis(1);
/// Steps of hashing in a turn: about a tenth of a millisecond.
const HASH_STEPS: u16 = 256;
/// Bytes read at once.
const INPUT: usize = 4096;
/// A port that is not there is looked for this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// So long it is repeated, to a peer that may have left, that a file is whole here.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// What this machine is as a device.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// Where the other side is.
    pub port: PortSpec,
    /// Bits a second on a serial port.
    pub baud: u32,
    /// Where its files are.
    pub dir: PathBuf,
    /// What it is called; else as the machine is.
    pub name: Option<String>,
    /// It is one until the first file has crossed.
    pub once: bool,
}

/// How being a device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEnd {
    /// The one file has crossed.
    Crossed,
    /// It has not, and will not.
    Failed,
    /// It was stopped from outside.
    Stopped,
}

/// Why this machine cannot be a device.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used for files: {error}.", dir.display())]
pub struct NoDirectory {
    dir: PathBuf,
    error: io::Error,
}

/// Makes this machine a device until `stop` is ready, or the one file has crossed.
///
/// # Errors
///
/// [`NoDirectory`] names the directory and says what is wrong with it.
pub async fn be_device(options: DeviceOptions, stop: impl Future<Output = ()>) -> Result<DeviceEnd, NoDirectory> {
    let dir = &options.dir;
    let folder = Folder::new(dir).map_err(|error| NoDirectory { dir: dir.clone(), error })?;
    // One name for the life of the program.
    let name: &'static str = options.name.clone().unwrap_or_else(machine_name).leak();
    let epoch = RandomState::new().hash_one(std::process::id()) as u32;
    let board = Board::new(name, serial(dir), epoch);
    let far_end = FarEnd {
        app: Box::new(App::new(&board, folder, HASH_STEPS)),
        uart: Uart::default(),
        started: Instant::now(),
        record: Record::default(),
        once: options.once,
        leaving: None,
    };
    info!("This machine is the device {name}, with the files of {}.", dir.display());
    tokio::select! {
        end = far_end.run(&options.port, options.baud) => Ok(end),
        () = stop => Ok(DeviceEnd::Stopped),
    }
}

struct FarEnd<'b> {
    app: Box<Application<'b>>,
    uart: Uart,
    started: Instant,
    record: Record,
    once: bool,
    /// How it ends, and when at the latest.
    leaving: Option<(DeviceEnd, Instant)>,
}

impl FarEnd<'_> {
    async fn run(mut self, spec: &PortSpec, baud: u32) -> DeviceEnd {
        loop {
            let mut port = wait_for(spec, baud).await;
            info!("{} is open.", port.at);
            self.uart = Uart::default();
            self.app.interrupted();
            match self.serve(&mut port).await {
                Ok(end) => return end,
                Err(error) => warn!("{} is gone ({error}). It is awaited.", port.at),
            }
            drop(port);
            if let Some((end, _)) = self.leaving {
                return end;
            }
        }
    }

    /// Serves until it ends or the port goes.
    async fn serve(&mut self, port: &mut Port) -> io::Result<DeviceEnd> {
        let mut input = vec![0; INPUT];
        loop {
            let now = Instant::now();
            let mut turn = now + if self.app.transfers().next().is_some() { BUSY_TURN } else { TURN };
            match port.room(now) {
                Room::For(bytes) => self.uart.room = bytes,
                Room::From(at) => {
                    self.uart.room = 0;
                    turn = turn.min(at);
                }
            }
            let may_write = self.uart.room > 0;
            self.step();
            if let Some((end, latest)) = self.leaving
                && ((self.app.take_leave() && self.uart.to_send.is_empty()) || now >= latest)
            {
                return Ok(end);
            }
            let is_busy = self.app.is_busy();
            let output: &[u8] = if may_write { &self.uart.to_send } else { &[] };
            let pause = async { if is_busy { tokio::task::yield_now().await } else { sleep_until(turn).await } };
            tokio::select! {
                biased;
                done = port.exchange(&mut input, output) => {
                    let Exchange { read, written } = done?;
                    self.uart.to_send.drain(..written);
                    self.uart.received.extend(input.get(..read).unwrap_or_default());
                }
                () = pause => {}
            }
        }
    }

    fn step(&mut self) {
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (record, mut last) = (&mut self.record, None);
        let Ok(()) = self.app.step_telling(&mut self.uart, now_us, |ended| {
            record.ended(ended);
            last = last.or(end_of(ended));
        });
        self.record.note(self.app.transfers());
        if self.once && self.leaving.is_none() {
            self.leaving = last.map(|end| (end, Instant::now() + LEAVE_MAX));
        }
    }
}

/// What the end of a transfer is to whoever waits for one; `None` if it will go on.
fn end_of(ended: &Ended) -> Option<DeviceEnd> {
    match ended.result {
        Ok(()) => Some(DeviceEnd::Crossed),
        Err(failure) => match failure.reason {
            Reason::Paused | Reason::Stalled | Reason::Busy => None,
            _ => Some(DeviceEnd::Failed),
        },
    }
}

/// Opens the port as soon as that is possible.
async fn wait_for(spec: &PortSpec, baud: u32) -> Port {
    let mut said: Option<PortError> = None;
    loop {
        match spec.open(baud).await {
            Ok(port) => return port,
            Err(error) if said.as_ref() == Some(&error) => {}
            Err(error) => {
                warn!("{error} It is awaited.");
                said = Some(error);
            }
        }
        sleep_until(Instant::now() + LOOK_INTERVAL).await;
    }
}

fn machine_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "computer".into())
}

/// A number that this directory on this machine has for good, and that does not tell the machine's own.
fn serial(dir: &Path) -> [u8; 8] {
    let mut hasher = Hasher::new(Algorithm::BEST).unwrap_or(Hasher::Crc32(0));
    hasher.update(b"pocketmux device\n");
    hasher.update(std::fs::read_to_string("/etc/machine-id").unwrap_or_default().trim().as_bytes());
    let path = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.into());
    hasher.update(path.as_os_str().as_encoded_bytes());
    let mut serial = [0; 8];
    match hasher.digest() {
        Digest::Sha256(hash) => serial.iter_mut().zip(hash).for_each(|(to, from)| *to = from),
        Digest::Crc32(crc) => serial.iter_mut().zip(crc.to_be_bytes()).for_each(|(to, from)| *to = from),
    }
    serial
}

#[cfg(test)]
mod tests {
    use super::serial;
    use std::path::Path;

    #[test]
    fn a_directory_has_its_own_number_for_good() {
        assert_eq!(serial(Path::new("/usr")), serial(Path::new("/usr/../usr")));
        assert_ne!(serial(Path::new("/usr")), serial(Path::new("/")));
    }
}
