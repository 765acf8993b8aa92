//! Remembers the devices that were seen, in `devices.json`, so that a restart of the host still knows them.
//!
//! The file is replaced by renaming a whole new one over it: a crash leaves the old or the new, never a half. One that cannot be
//! read is set aside under another name, with a warning; it stops nothing. Where that is not possible, nothing is written: what
//! could not be read is never overwritten. One task writes, so a slow disk holds up nobody and no state overtakes a later one.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use crate::hello::plain;

const FILE: &str = "devices.json";
/// Devices remembered; the one not seen for longest makes room.
const DEVICES_MAX: usize = 256;
/// Longest text that is remembered of a device, in bytes: a HELLO has far less, and a path seldom as much.
const TEXT_MAX: usize = 256;
/// Longest file that is read: more than the most devices with the longest texts.
const FILE_MAX: u64 = 2 << 20;
/// Files set aside; with as many there, the next one stays where it is.
const ASIDE_MAX: usize = 9;

/// A device that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The name it is shown under.
    pub(crate) name: String,
    /// Its own serial number.
    pub(crate) serial: String,
    /// Its program and version.
    #[serde(default)]
    pub(crate) firmware: String,
    /// Where it was last.
    #[serde(default)]
    pub(crate) port: String,
    /// `VID:PID:serial number` of its USB port, where it has one.
    #[serde(default)]
    pub(crate) usb: Option<String>,
}

impl Known {
    /// The same, fit to be shown and bounded: the file may have been edited.
    fn bounded(self) -> Self {
        let text = |text: String| {
            let mut text = plain(&text);
            let end = (0..=TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text
        };
        let Self { name, serial, firmware, port, usb } = self;
        Self { name: text(name), serial: text(serial), firmware: text(firmware), port: text(port), usb: usb.map(text) }
    }
}

#[derive(Deserialize)]
struct File {
    devices: Vec<Known>,
}

/// The devices that were seen, the latest last, and the file that keeps them.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Nothing is kept without one.
    path: Option<PathBuf>,
    /// What the writer is to write.
    devices: watch::Sender<Vec<Known>>,
}

/// The task that writes the file.
#[derive(Debug)]
pub(crate) struct Writer {
    task: JoinHandle<()>,
    close: oneshot::Sender<()>,
}

impl Registry {
    /// Reads what `directory` has; without a directory, nothing is kept.
    pub(crate) fn load(directory: Option<&Path>) -> Self {
        let path = directory.map(|directory| directory.join(FILE));
        let (path, known) = match path.as_deref().map(read) {
            None => (None, Vec::new()),
            Some(Ok(known)) => (path, known),
            Some(Err(Unwritable)) => (None, Vec::new()),
        };
        let mut devices = Vec::new();
        known.into_iter().for_each(|known| insert(&mut devices, known.bounded()));
        Self { path, devices: watch::Sender::new(devices) }
    }

    /// Starts to write down what is noted from now on; `None` when there is no file to write to.
    pub(crate) fn keep(&self) -> Option<Writer> {
        let (close, closing) = oneshot::channel();
        let task = tokio::spawn(keep(self.path.clone()?, self.devices.subscribe(), closing));
        Some(Writer { task, close })
    }

    /// The devices that were seen.
    pub(crate) fn devices(&self) -> Vec<Known> {
        self.devices.borrow().clone()
    }

    /// Notes a device, in place of what was known of it. Written only when that is new.
    pub(crate) fn note(&mut self, seen: Known) {
        let seen = seen.bounded();
        self.devices.send_if_modified(|devices| {
            let is_new = !devices.contains(&seen);
            if is_new {
                insert(devices, seen);
            }
            is_new
        });
    }
}

impl Writer {
    /// Waits until what was noted last is written.
    pub(crate) async fn finish(self) {
        let _ = self.close.send(());
        // A task that panicked has said so.
        let _ = self.task.await;
    }
}

fn insert(devices: &mut Vec<Known>, seen: Known) {
    devices.retain(|known| known.name != seen.name);
    devices.push(seen);
    let surplus = devices.len().saturating_sub(DEVICES_MAX);
    devices.drain(..surplus);
}

/// Writes the latest state whenever there is another, one after the other.
async fn keep(path: PathBuf, mut latest: watch::Receiver<Vec<Known>>, mut closing: oneshot::Receiver<()>) {
    loop {
        let changed = tokio::select! {
            // First, so that the last state is written before the end.
            biased;
            changed = latest.changed() => changed.is_ok(),
            _ = &mut closing => false,
        };
        if !changed {
            return;
        }
        let (path, devices) = (path.clone(), latest.borrow_and_update().clone());
        let written = spawn_blocking(move || {
            if let Err(error) = write(&path, &devices) {
                warn!("{} could not be written ({error}): this device will not be remembered.", path.display());
            }
        });
        let _ = written.await;
    }
}

/// That the file could neither be read nor set aside.
struct Unwritable;

fn read(path: &Path) -> Result<Vec<Known>, Unwritable> {
    let error = match read_text(path).and_then(|text| Ok(serde_json::from_str::<File>(&text)?)) {
        Ok(file) => return Ok(file.devices),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => error,
    };
    match set_aside(path) {
        Ok(aside) => {
            warn!(
                "{} is damaged ({error}); it was set aside as {}. No device is remembered.",
                path.display(),
                aside.display()
            );
            Ok(Vec::new())
        }
        Err(reason) => {
            warn!(
                "{} could not be read ({error}) nor set aside ({reason}): no device is remembered, and this run writes none.",
                path.display()
            );
            Err(Unwritable)
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Renames the file to a name that is free, and gives that name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let numbered = (2..=ASIDE_MAX).map(|n| format!("json.damaged-{n}"));
    let names =
        std::iter::once("json.damaged".to_owned()).chain(numbered).map(|extension| path.with_extension(extension));
    for aside in names {
        // Also a link that leads nowhere is something to keep.
        if fs::symlink_metadata(&aside).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            fs::rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn write(path: &Path, devices: &[Known]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let text = serde_json::to_string_pretty(&serde_json::json!({ "devices": devices }))?;
    let new = path.with_extension("json.new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
