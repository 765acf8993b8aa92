//! Files straight on the wire: sent to a device, fetched from it, listed, removed and renamed, without a host between.
//!
//! The program is the other side of the device's link for as long as that takes. Only the files that were named are to be had from it.

use std::path::{Path, PathBuf};

use pocketmux_core::files::Name;
use tokio::task::spawn_blocking;
use tokio::time::Duration;

use crate::folder::Folder;
use crate::port::PortSpec;

use line::Line;
use named::Named;

pub(crate) use interrupt::Interrupt;
pub(crate) use meter::Meter;
pub(crate) use requests::show;
pub use trouble::Exit;
pub(crate) use trouble::Trouble;

mod events;
mod interrupt;
mod leave;
mod line;
mod meter;
mod named;
mod requests;
mod transfer;
mod trouble;

/// What is to be done with files of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Send these.
    Put(Vec<PathBuf>),
    /// Fetch these.
    Get {
        /// What they are called there.
        names: Vec<Name>,
        /// The directory to put them into.
        output: PathBuf,
    },
    /// Show what there is.
    List,
    /// Remove these.
    Remove(Vec<Name>),
    /// Give a file another name.
    Rename {
        /// The name that it has.
        from: Name,
        /// The name that it is to have.
        to: Name,
    },
}

/// The wire that the device is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Which port.
    pub port: PortSpec,
    /// Bits a second on a serial port.
    pub baud: u32,
    /// How long to wait for a device that was there and is not; `None` for ever.
    pub timeout: Option<Duration>,
}

/// Runs the job; what happens is said on standard error, and what was asked for on standard output.
///
/// When `interrupt` is ready, the device is told that a transfer will go on later.
pub async fn run(job: Job, wire: Wire, interrupt: impl Future<Output = ()>) -> Exit {
    let mut interrupt = Interrupt::new(interrupt);
    let done = match job {
        Job::Put(paths) => put(&paths, wire, &mut interrupt).await,
        Job::Get { names, output } => get(&names, &output, wire, &mut interrupt).await,
        Job::List => match Line::to_device(wire, Named::default(), &mut interrupt).await {
            Ok(mut line) => line.list(&mut interrupt).await,
            Err(trouble) => Err(trouble),
        },
        Job::Remove(names) => match Line::to_device(wire, Named::default(), &mut interrupt).await {
            Ok(mut line) => line.remove(&names, &mut interrupt).await,
            Err(trouble) => Err(trouble),
        },
        Job::Rename { from, to } => match Line::to_device(wire, Named::default(), &mut interrupt).await {
            Ok(mut line) => line.rename(&from, &to, &mut interrupt).await,
            Err(trouble) => Err(trouble),
        },
    };
    done.map_or_else(Trouble::told, |()| Exit::Done)
}

async fn put(paths: &[PathBuf], wire: Wire, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
    let store = Named::new(paths)?;
    let names = store.names();
    let mut line = Line::to_device(wire, store, interrupt).await?;
    let mut result = Ok(());
    for name in &names {
        result = first_of(result, line.send(name, interrupt).await)?;
    }
    line.settle().await;
    result
}

async fn get(names: &[Name], output: &Path, wire: Wire, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
    let unusable = |error| Trouble::failed(format!("{} cannot be used: {error}.", output.display()));
    let mut folder = Folder::new(output).map_err(unusable)?;
    let wanted = names.to_vec();
    // To read what is here takes long where it is large.
    let learning = spawn_blocking(move || {
        for name in &wanted {
            // What is here already, and the same there, need not come again.
            let _ = folder.learn(name);
        }
        folder
    });
    let folder = tokio::select! {
        learnt = learning => learnt.map_err(|error| Trouble::failed(format!("The directory was not read: {error}.")))?,
        () = interrupt.wanted() => return Err(Trouble::interrupted()),
    };
    let mut line = Line::to_device(wire, folder, interrupt).await?;
    let mut result = Ok(());
    let mut come = Vec::new();
    for name in names {
        let fetched = line.fetch(name, interrupt).await;
        if fetched.is_ok() {
            come.push(name.clone());
        }
        result = first_of(result, fetched)?;
    }
    line.settle().await;
    line.store().leave(&come);
    result
}

/// Of several files one that is refused leaves the others to be tried: how that ends is how it all does. Anything else ends it at once.
pub(crate) fn first_of(before: Result<(), Trouble>, now: Result<(), Trouble>) -> Result<Result<(), Trouble>, Trouble> {
    match (before, now) {
        (_, Err(trouble)) if trouble.ends_all() => Err(trouble),
        (Ok(()), now) => Ok(now),
        (before, Ok(())) => Ok(before),
        (before, Err(trouble)) => {
            trouble.told();
            Ok(before)
        }
    }
}

#[cfg(test)]
mod tests;
