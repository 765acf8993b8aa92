//! Keeps transfers on the disk, a file each, written by one thread in the order of the changes.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;
use tracing::warn;

use super::transfer::{State, Transfer};
use crate::depot::FileId;

const FOLDER: &str = "files/transfers";
/// Longest file that is read: more than a transfer has with the longest texts.
const FILE_MAX: u64 = 64 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Nothing is kept without it.
    work: Option<mpsc::Sender<Work>>,
}

enum Work {
    Keep(Box<Transfer>),
    Remove(FileId),
    /// Say whether the last of that transfer went well.
    Tell(FileId, Box<Teller>),
}

type Teller = dyn FnOnce(Result<(), String>) + Send;

/// Writes what it is given to do, in that order.
struct Writer {
    folder: PathBuf,
    /// The transfers that are not on the disk as they are, and why. No more than there are transfers.
    failed: HashMap<FileId, String>,
}

impl Writer {
    fn run(mut self, works: &mpsc::Receiver<Work>) {
        for work in works {
            let (id, done) = match work {
                Work::Keep(transfer) => (transfer.id, write(&self.folder, &transfer)),
                Work::Remove(id) => (id, remove(&self.folder, id)),
                Work::Tell(id, tell) => {
                    tell(self.failed.get(&id).cloned().map_or(Ok(()), Err));
                    continue;
                }
            };
            self.note(id, done);
        }
    }

    fn note(&mut self, id: FileId, done: io::Result<()>) {
        let Err(error) = done else {
            self.failed.remove(&id);
            return;
        };
        let sentence = format!("The disk did not take it ({error}): it would not outlive the host.");
        warn!("{}: {sentence}", path(&self.folder, id).display());
        self.failed.insert(id, sentence);
    }
}

impl Keeper {
    /// Starts to keep, and gives what was kept; what cannot be read is left where it is, with a warning.
    pub(crate) fn open(data: Option<&Path>) -> (Self, Vec<Transfer>) {
        let Some(folder) = data.map(|data| data.join(FOLDER)) else { return (Self { work: None }, Vec::new()) };
        let kept = match fs::create_dir_all(&folder).and_then(|()| read_all(&folder)) {
            Ok(kept) => kept,
            Err(error) => {
                warn!("{} cannot be used ({error}): transfers do not outlive this run.", folder.display());
                return (Self { work: None }, Vec::new());
            }
        };
        let (work, works) = mpsc::channel();
        thread::spawn(move || Writer { folder, failed: HashMap::new() }.run(&works));
        (Self { work: Some(work) }, kept)
    }

    fn give(&self, work: Work) {
        // The thread ends when this is dropped, not before.
        let _ = self.work.as_ref().map(|works| works.send(work));
    }

    pub(super) fn keep(&self, transfer: &Transfer) {
        self.give(Work::Keep(Box::new(transfer.clone())));
    }

    pub(super) fn remove(&self, id: FileId) {
        self.give(Work::Remove(id));
    }

    /// Says whether what was last given of a transfer is on the disk, when everything given before is done.
    pub(super) fn tell(&self, id: FileId, tell: impl FnOnce(Result<(), String>) + Send + 'static) {
        match self.work {
            Some(_) => self.give(Work::Tell(id, Box::new(tell))),
            // It was never to outlive this run.
            None => tell(Ok(())),
        }
    }

    /// Waits until what was last given of a transfer is on the disk.
    pub(super) async fn written(&self, id: FileId) -> Result<(), String> {
        let (asker, answer) = oneshot::channel();
        // Whoever asks may have gone.
        self.tell(id, |written| drop(asker.send(written)));
        answer.await.unwrap_or(Ok(()))
    }

    /// Waits until everything given before is done.
    pub(super) async fn finish(&self) {
        // Of no transfer, and so nothing of it has failed.
        let _ = self.written(FileId::new()).await;
    }
}

fn path(folder: &Path, id: FileId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

/// Replaces the file by renaming a whole new one over it.
fn write(folder: &Path, transfer: &Transfer) -> io::Result<()> {
    let path = path(folder, transfer.id);
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(&serde_json::to_vec(transfer)?)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    fs::File::open(folder)?.sync_all()
}

fn remove(folder: &Path, id: FileId) -> io::Result<()> {
    match fs::remove_file(path(folder, id)) {
        // It was never written.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// In the order in which they were begun or last changed.
fn read_all(folder: &Path) -> io::Result<Vec<Transfer>> {
    let mut kept = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match read(&path) {
            Ok(transfer) => kept.push(transfer),
            Err(error) => warn!("{} is damaged ({error}): this transfer is forgotten.", path.display()),
        }
    }
    kept.sort_by_key(|transfer| transfer.revision);
    for (number, transfer) in (1..).zip(&mut kept) {
        // Nothing runs yet.
        if transfer.state == State::Running {
            transfer.state = State::Waiting;
        }
        (transfer.rate, transfer.revision) = (0, number);
    }
    Ok(kept)
}

fn read(path: &Path) -> io::Result<Transfer> {
    if fs::metadata(path)?.len() > FILE_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let transfer: Transfer = serde_json::from_slice(&fs::read(path)?)?;
    let is_named = path.file_stem().is_some_and(|stem| *stem == *transfer.id.to_string());
    if !is_named || pocketmux_core::files::Name::new(&transfer.name).is_err() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(transfer)
}
