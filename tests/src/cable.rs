//! A serial cable: a pair of pseudo terminals, of which the host gets a stable path, and which can be pulled and plugged in again.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serialport::{SerialPort, TTYPort};

static CABLES: AtomicU32 = AtomicU32::new(0);

/// The path that the host opens; what it leads to changes with every replug, as `/dev/serial/by-id` does.
pub struct Cable {
    folder: PathBuf,
    path: PathBuf,
}

impl Cable {
    /// A cable that is not plugged in.
    ///
    /// # Panics
    ///
    /// When the folder for its path cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let number = CABLES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("pocketmux-cable-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder of temporary files is writable");
        let path = folder.join("ttyBOARD");
        Self { folder, path }
    }

    /// Where the host finds the device.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Plugs in, and returns the board's end. Dropping that end pulls the cable.
    ///
    /// # Errors
    ///
    /// Those of the pseudo terminals and of the file system.
    pub fn plug(&self) -> io::Result<TTYPort> {
        let (board, host) = TTYPort::pair()?;
        let device = host.name().ok_or(io::ErrorKind::NotFound)?;
        let _ = std::fs::remove_file(&self.path);
        symlink(device, &self.path)?;
        Ok(board)
    }

    /// Takes the path away, as the system does when a device goes.
    pub fn unlink(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Default for Cable {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
