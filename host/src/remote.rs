//! Files through a host that runs: the same jobs as straight on the wire, by the host's own doors.
//!
//! A file that is sent goes to the host by tus and from there to the device; one that is fetched comes the other way. What the job has left
//! on the host is removed when it is done, and is what it goes on with when it was interrupted.

use pocketmux_core::files::Name;
use serde::Deserialize;
use tokio::time::{Duration, Instant};

use crate::direct::{Exit, Interrupt, Job, Trouble, first_of, show};
use api::{Api, segment};

mod api;
mod follow;
mod get;
mod put;

/// How long a device that the host knows may be away before it is said so.
const DEVICE_PATIENCE: Duration = Duration::from_secs(10);
/// The host is asked this often whether it is back.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The host to go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Its address: `http://NAME:PORT`.
    pub host: String,
    /// The device, as the host calls it; without it, the only one that is online.
    pub device: Option<String>,
    /// How long to wait for a device that was there and is not; `None` for ever.
    pub timeout: Option<Duration>,
}

/// A device, as the host lists it.
#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    state: String,
}

/// A device's store, as the host lists it.
#[derive(Debug, Deserialize)]
struct Stored {
    free: u32,
    files: Vec<StoredFile>,
}

#[derive(Debug, Deserialize)]
struct StoredFile {
    name: String,
    size: u32,
    stored: u32,
}

/// Runs the job; what happens is said on standard error, and what was asked for on standard output.
///
/// When `interrupt` is ready, the host is told that a transfer will go on later.
pub async fn run(job: Job, through: Through, interrupt: impl Future<Output = ()>) -> Exit {
    let mut interrupt = Interrupt::new(interrupt);
    go(job, &through, &mut interrupt).await.map_or_else(Trouble::told, |()| Exit::Done)
}

async fn go(job: Job, through: &Through, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
    let session = Session::begin(through).await?;
    let mut result = Ok(());
    match job {
        Job::Put(paths) => {
            for path in &paths {
                result = first_of(result, session.put(path, interrupt).await)?;
            }
        }
        Job::Get { names, output } => {
            for name in &names {
                result = first_of(result, session.get(name, &output, interrupt).await)?;
            }
        }
        Job::Remove(names) => {
            for name in &names {
                result = first_of(result, session.remove(name).await)?;
            }
        }
        Job::List => result = session.list().await,
        Job::Rename { from, to } => result = session.rename(&from, &to).await,
    }
    result
}

/// One device behind a host.
struct Session {
    api: Api,
    device: String,
    timeout: Option<Duration>,
}

impl Session {
    /// Finds the device.
    async fn begin(through: &Through) -> Result<Self, Trouble> {
        let api = Api::new(&through.host);
        let devices: Vec<Device> = api.get("/api/devices").await?;
        let is_there = |device: &&Device| matches!(device.state.as_str(), "online" | "silent");
        let names =
            |devices: &[Device]| devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(", ");
        let device = match &through.device {
            Some(name) if devices.iter().any(|device| device.name == *name) => name.clone(),
            Some(name) => {
                let words = format!("The host knows no device {name}. It knows: {}.", names(&devices));
                return Err(Trouble::new(Exit::Absent, words));
            }
            None => match devices.iter().filter(is_there).collect::<Vec<_>>().as_slice() {
                [only] => only.name.clone(),
                [] => return Err(Trouble::new(Exit::Absent, "No device of this host is online.")),
                _ => {
                    let words = format!("Several devices are online. Choose one with --device: {}.", names(&devices));
                    return Err(Trouble::new(Exit::Usage, words));
                }
            },
        };
        Ok(Self { api, device, timeout: through.timeout })
    }

    fn files(&self) -> String {
        format!("/api/devices/{}/files", segment(&self.device))
    }

    async fn list(&self) -> Result<(), Trouble> {
        let Stored { free, files } = self.api.get(&self.files()).await?;
        show(files.iter().map(|file| (file.name.as_str(), file.size, file.stored)), free);
        Ok(())
    }

    async fn remove(&self, name: &Name) -> Result<(), Trouble> {
        let path = format!("{}/{}", self.files(), segment(name.as_str()));
        self.api.delete(&path).await.map_err(|trouble| trouble.about(name.as_str()))
    }

    async fn rename(&self, from: &Name, to: &Name) -> Result<(), Trouble> {
        let path = format!("{}/{}", self.files(), segment(from.as_str()));
        let body = serde_json::json!({ "name": to.as_str() });
        self.api.patch(&path, &body).await.map_err(|trouble| trouble.about(from.as_str()))
    }
}

/// Until when something is waited for that may come within so long.
fn deadline(patience: Option<Duration>) -> Option<Instant> {
    patience.map(|patience| Instant::now() + patience)
}
