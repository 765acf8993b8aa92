//! Remembers the devices that were seen, in `devices.json`, so that a restart of the host still knows them.
//!
//! The file is replaced by renaming a whole new one over it: a crash leaves the old or the new, never a half. One that cannot be
//! read is set aside under another name, with a warning; it stops nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

const FILE: &str = "devices.json";
/// Devices remembered; the one not seen for longest makes room.
const DEVICES_MAX: usize = 256;

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

#[derive(Deserialize)]
struct File {
    devices: Vec<Known>,
}

/// The devices that were seen, the latest last, and the file that keeps them.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Nothing is kept without one.
    path: Option<PathBuf>,
    devices: Vec<Known>,
}

impl Registry {
    /// Reads what `directory` has; without a directory, nothing is kept.
    pub(crate) fn load(directory: Option<&Path>) -> Self {
        let path = directory.map(|directory| directory.join(FILE));
        let devices = path.as_deref().map(read).unwrap_or_default();
        Self { path, devices }
    }

    /// The devices that were seen.
    pub(crate) fn devices(&self) -> &[Known] {
        &self.devices
    }

    /// Notes a device, in place of what was known of it. Written only when that is new.
    pub(crate) fn note(&mut self, seen: Known) {
        if self.devices.contains(&seen) {
            return;
        }
        self.devices.retain(|known| known.name != seen.name);
        self.devices.push(seen);
        let surplus = self.devices.len().saturating_sub(DEVICES_MAX);
        self.devices.drain(..surplus);
        if let Some(path) = &self.path
            && let Err(error) = write(path, &self.devices)
        {
            warn!("{} could not be written ({error}): this device will not be remembered.", path.display());
        }
    }
}

fn read(path: &Path) -> Vec<Known> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            warn!("{} could not be read ({error}): no device is remembered.", path.display());
            return Vec::new();
        }
    };
    match serde_json::from_str::<File>(&text) {
        Ok(file) => file.devices,
        Err(error) => {
            let aside = path.with_extension("json.damaged");
            let moved =
                fs::rename(path, &aside).map_or_else(|error| error.to_string(), |()| aside.display().to_string());
            warn!("{} is damaged ({error}); it was set aside: {moved}. No device is remembered.", path.display());
            Vec::new()
        }
    }
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
mod tests {
    use super::{DEVICES_MAX, FILE, Known, Registry};
    use std::fs;
    use std::path::PathBuf;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("pocketmux-registry-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    fn known(name: &str, firmware: &str) -> Known {
        Known { name: name.into(), serial: "1".into(), firmware: firmware.into(), ..Known::default() }
    }

    #[test]
    fn what_was_noted_is_known_after_a_restart() {
        let directory = directory("restart");
        let mut registry = Registry::load(Some(&directory));
        registry.note(known("pico", "a 1"));
        registry.note(known("microbit", "a 1"));
        registry.note(known("pico", "a 2"));
        let again = Registry::load(Some(&directory));
        assert_eq!(again.devices(), [known("microbit", "a 1"), known("pico", "a 2")]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_the_next_one_is_good() {
        let directory = directory("damaged");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(FILE), "{\"devices\":[{\"na").unwrap();
        let mut registry = Registry::load(Some(&directory));
        assert!(registry.devices().is_empty());
        assert!(directory.join("devices.json.damaged").exists());
        registry.note(known("pico", ""));
        assert_eq!(Registry::load(Some(&directory)).devices().len(), 1);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_number_of_devices_is_bounded() {
        let mut registry = Registry::load(None);
        (0..DEVICES_MAX + 3).for_each(|n| registry.note(known(&n.to_string(), "")));
        assert_eq!(registry.devices().len(), DEVICES_MAX);
        assert_eq!(registry.devices()[0].name, "3");
    }
}
