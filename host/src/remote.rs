//! Files through a host that runs: the same jobs as straight on the wire, by the host's own doors.
//!
//! A file that is sent goes to the host by tus and from there to the device; one that is fetched comes the other way. What the job has left
//! on the host is removed when it is done, and is what it goes on with when it was interrupted.

use std::cell::RefCell;

use pocketmux_core::files::Name;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Duration, Instant, timeout};

use crate::direct::{Exit, Interrupt, Job, Trouble, first_of, show};
use api::{Api, segment};

mod api;
mod follow;
mod get;
mod put;
mod source;
mod upload;

/// How long a device that the host knows may be away before it is said so.
const DEVICE_PATIENCE: Duration = Duration::from_secs(10);
/// How long the host may take to answer what it knows, or to take or give more of a file.
const HOST_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to answer what it has to ask the device, which has as long for a part of it.
const ASKING_PATIENCE: Duration = Duration::from_secs(30);
/// Less than this is not asked of it, however short the time that is given.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// How long it may take to hear that a transfer is to go on later.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// The host is asked this often whether it is back.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The host to go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Its address: `http://NAME:PORT`.
    pub host: String,
    /// The device, as the host calls it; without it, the only one that is online.
    pub device: Option<String>,
    /// How long to wait for a device, or for the host, that was there and is not; `None` for ever.
    pub timeout: Option<Duration>,
}

impl Through {
    /// So long, or as long as is to be waited, if that is shorter.
    fn within(&self, patience: Duration) -> Duration {
        self.timeout.map_or(patience, |timeout| timeout.clamp(PATIENCE_MIN, patience))
    }
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
    let session = tokio::select! {
        begun = Session::begin(through) => begun?,
        () = interrupt.wanted() => return Err(Trouble::interrupted()),
    };
    tokio::select! {
        done = session.run(job) => done,
        () = interrupt.wanted() => Err(session.leave().await),
    }
}

/// One device behind a host.
struct Session {
    api: Api,
    device: String,
    through: Through,
    /// The transfer whose end is waited for.
    followed: RefCell<Option<String>>,
}

impl Session {
    /// Finds the device.
    async fn begin(through: &Through) -> Result<Self, Trouble> {
        let api = Api::new(&through.host, through.within(HOST_PATIENCE));
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
        Ok(Self { api, device, through: through.clone(), followed: RefCell::default() })
    }

    async fn run(&self, job: Job) -> Result<(), Trouble> {
        let mut result = Ok(());
        match job {
            Job::Put(paths) => {
                for path in &paths {
                    result = first_of(result, self.put(path).await)?;
                }
            }
            Job::Get { names, output } => {
                for name in &names {
                    result = first_of(result, self.get(name, &output).await)?;
                }
            }
            Job::Remove(names) => {
                for name in &names {
                    result = first_of(result, self.remove(name).await)?;
                }
            }
            Job::List => result = self.list().await,
            Job::Rename { from, to } => result = self.rename(&from, &to).await,
        }
        result
    }

    /// Has the transfer go on later that is under way, when what waited for it is gone; gives what there is to say.
    async fn leave(&self) -> Trouble {
        let Some(id) = self.followed.take() else { return Trouble::interrupted() };
        let (path, paused) = (format!("/api/transfers/{id}"), json!({ "state": "paused" }));
        match timeout(PAUSE_MAX, self.api.patch(&path, &paused)).await {
            Ok(Ok(())) => Trouble::interrupted(),
            Ok(Err(_)) | Err(_) => Trouble::new(Exit::Interrupted, "Interrupted; the host goes on."),
        }
    }

    /// The host, which has to ask the device.
    fn asking(&self) -> Api {
        self.api.within(self.through.within(ASKING_PATIENCE))
    }

    fn files(&self) -> String {
        format!("/api/devices/{}/files", segment(&self.device))
    }

    async fn list(&self) -> Result<(), Trouble> {
        let Stored { free, files } = self.asking().get(&self.files()).await?;
        show(files.iter().map(|file| (file.name.as_str(), file.size, file.stored)), free);
        Ok(())
    }

    async fn remove(&self, name: &Name) -> Result<(), Trouble> {
        let path = format!("{}/{}", self.files(), segment(name.as_str()));
        self.asking().delete(&path).await.map_err(|trouble| trouble.about(name.as_str()))
    }

    async fn rename(&self, from: &Name, to: &Name) -> Result<(), Trouble> {
        let path = format!("{}/{}", self.files(), segment(from.as_str()));
        let body = json!({ "name": to.as_str() });
        self.asking().patch(&path, &body).await.map_err(|trouble| trouble.about(from.as_str()))
    }
}

/// Until when something is waited for that may come within so long.
fn deadline(patience: Option<Duration>) -> Option<Instant> {
    patience.map(|patience| Instant::now() + patience)
}
