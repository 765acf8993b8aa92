//! The store behind the transfers of one device: the files of the host that it is to have, and those that come from it.
//!
//! The device sees no others: what was not named here is not there.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use pocketmux_core::files::{About, Digest, Entry, FileId as Id, Kind, Name, Space, Store, StoreError};
use tracing::{info, warn};

use crate::depot::{self, AppendError, Depot, DiskError, File, FileId, FinishError, New, TakeError, Upload};
use crate::hub::Hub;

/// Bytes of a download after which it is brought to the disk: what a loss of power can cost.
const SYNC_EVERY: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// Without one nothing is taken.
    depot: Option<Depot>,
    hub: Arc<Hub>,
    /// What the device is called here.
    device: String,
    /// Files for the device, by the names under which it gets them.
    given: HashMap<Name, File>,
    open: HashMap<u16, Open>,
    next: u16,
}

#[derive(Debug)]
enum Open {
    File(fs::File),
    Upload { upload: Upload, digest: Digest, unsynced: u64 },
}

impl Shelf {
    /// For a device whose name is not known yet.
    pub(crate) fn new(depot: Option<Depot>, hub: Arc<Hub>) -> Self {
        let (given, open) = (HashMap::new(), HashMap::new());
        Self { depot, hub, device: String::new(), given, open, next: 0 }
    }

    /// It is for the device of that name.
    pub(crate) fn is_for(&mut self, device: &str) {
        self.device = device.to_owned();
    }

    /// Removes what has come of a file that is not wanted any more.
    pub(crate) fn drop_part(&self, id: FileId) {
        self.depot.iter().for_each(|depot| self.hub.drop_part(depot, id));
    }

    /// A file of the host.
    pub(crate) fn file(&self, id: FileId) -> Option<File> {
        self.depot.as_ref()?.file(id)
    }

    /// The device may have this file under that name.
    pub(crate) fn give(&mut self, name: Name, file: File) {
        self.given.insert(name, file);
    }

    /// The device has it, or does not need it any more.
    pub(crate) fn take_back(&mut self, name: &Name) {
        self.given.remove(name);
    }

    fn put(&mut self, open: Open) -> Id {
        // Few are open at a time.
        while self.open.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        self.open.insert(self.next, open);
        Id(self.next)
    }

    fn upload(&mut self, id: Id) -> Result<(&mut Upload, &mut u64), StoreError> {
        match self.open.get_mut(&id.0) {
            Some(Open::Upload { upload, unsynced, .. }) => Ok((upload, unsynced)),
            _ => Err(StoreError::Failed),
        }
    }

    /// The upload for what the device offers: the one that was begun for exactly that, or else a new one.
    fn upload_for(&mut self, about: &About) -> Result<Upload, StoreError> {
        let name = about.name.as_str();
        let depot = self.depot.clone().ok_or(StoreError::NoRoom)?;
        let transfer =
            self.hub.begin_transfer(|transfers| transfers.offered(&self.device, name)).map_err(|refused| {
                info!("{} offers {name}. {refused}", self.device);
                StoreError::TooMany
            })?;
        let described = describe(&about.digest);
        match depot.upload(transfer.id) {
            Ok(upload) => {
                let entry = depot.entry(transfer.id);
                let is_same = entry.is_some_and(|entry| {
                    entry.size == u64::from(about.size) && entry.metadata.as_deref() == Some(&described)
                });
                if is_same {
                    return Ok(upload);
                }
                upload.discard().map_err(|error| failed(&self.device, name, &error))?;
            }
            Err(TakeError::Missing) => {}
            Err(TakeError::Taken) => return Err(StoreError::InUse),
            Err(error) => return Err(failed(&self.device, name, &error)),
        }
        self.create(&depot, transfer.id, about, described)
    }

    fn create(&self, depot: &Depot, id: FileId, about: &About, described: String) -> Result<Upload, StoreError> {
        let name = depot::Name::new(about.name.as_str()).map_err(|error| failed(&self.device, &about.name, &error))?;
        let new = New {
            id: Some(id),
            name,
            kind: about.kind.as_str().to_owned(),
            size: about.size.into(),
            from: Some(self.device.clone()),
            device: None,
            metadata: Some(described),
        };
        depot.create(new).map_err(|error| {
            warn!("{} could not be taken from {}: {error}", about.name, self.device);
            match error {
                depot::CreateError::TooLarge(_) | depot::CreateError::Disk(DiskError::Full) => StoreError::NoRoom,
                depot::CreateError::TooMany(_) => StoreError::TooMany,
                _ => StoreError::Failed,
            }
        })
    }
}

/// As people and entries have it: `sha-256:` or `crc-32:` and hexadecimal digits.
pub(crate) fn describe(digest: &Digest) -> String {
    match digest {
        Digest::Crc32(crc) => format!("crc-32:{crc:08x}"),
        Digest::Sha256(hash) => format!("sha-256:{}", depot::Digest(*hash)),
    }
}

fn failed(device: &str, name: &(impl std::fmt::Display + ?Sized), error: &impl std::fmt::Display) -> StoreError {
    warn!("The transfer of {name} between {device} and this host failed here: {error}");
    StoreError::Failed
}

impl Store for Shelf {
    /// The device does not look around here.
    fn space(&mut self) -> Space {
        Space::default()
    }

    fn entry(&mut self, _index: usize) -> Option<Entry> {
        None
    }

    fn open(&mut self, name: &Name) -> Result<(Id, Entry), StoreError> {
        let file = self.given.get(name).ok_or(StoreError::Missing)?;
        let content = file.open().map_err(|error| failed(&self.device, name, &error))?;
        let size = u32::try_from(file.size).map_err(|_| StoreError::Failed)?;
        let digest = Digest::Sha256(file.sha256.0);
        // A media type that is too long for a device tells it nothing that it could use.
        let kind = Kind::try_from(file.kind.as_str()).unwrap_or_default();
        let entry = Entry { name: name.clone(), size, stored: size, digest: Some(digest), kind };
        Ok((self.put(Open::File(content)), entry))
    }

    fn receive(&mut self, about: &About) -> Result<(Id, u32), StoreError> {
        let upload = self.upload_for(about)?;
        let stored = u32::try_from(upload.offset()).map_err(|_| StoreError::Failed)?;
        if stored > 0 {
            info!("{} of {} resumes at {stored} of {} bytes.", about.name, self.device, about.size);
        }
        Ok((self.put(Open::Upload { upload, digest: about.digest, unsynced: 0 }), stored))
    }

    fn read(&mut self, file: Id, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let read = match self.open.get(&file.0) {
            Some(Open::File(file)) => read_at(|out, at| file.read_at(out, at), out, offset),
            Some(Open::Upload { upload, .. }) => read_at(|out, at| upload.read_at(out, at), out, offset),
            None => return Err(StoreError::Failed),
        };
        read.map_err(|error| failed(&self.device, "a file", &error))
    }

    fn append(&mut self, partial: Id, data: &[u8]) -> Result<(), StoreError> {
        let (upload, unsynced) = self.upload(partial)?;
        let appended = upload.append(data).and_then(|()| {
            *unsynced += data.len() as u64;
            if *unsynced >= SYNC_EVERY {
                *unsynced = 0;
                upload.sync()?;
            }
            Ok(())
        });
        appended.map_err(|error| match error {
            AppendError::Disk(DiskError::Full) => StoreError::NoRoom,
            error => failed(&self.device, "a file", &error),
        })
    }

    fn restart(&mut self, partial: Id) -> Result<(), StoreError> {
        self.upload(partial)?.0.go_back(0).map_err(|error| failed(&self.device, "a file", &error))
    }

    fn finish(&mut self, partial: Id) -> Result<(), StoreError> {
        let Some(Open::Upload { upload, digest, .. }) = self.open.remove(&partial.0) else {
            return Err(StoreError::Failed);
        };
        // All of it was read and proved before this.
        let finished = match digest {
            Digest::Sha256(hash) => upload.finish_as(depot::Digest(hash)),
            Digest::Crc32(_) => upload.finish(),
        };
        match finished {
            Ok(_file) => Ok(()),
            Err(FinishError::Disk(DiskError::Full)) => Err(StoreError::NoRoom),
            Err(error) => Err(failed(&self.device, "a file", &error)),
        }
    }

    fn discard(&mut self, partial: Id) {
        if let Some(Open::Upload { upload, .. }) = self.open.remove(&partial.0)
            && let Err(error) = upload.discard()
        {
            warn!("What had come of a file of {} could not be removed: {error}", self.device);
        }
    }

    fn close(&mut self, file: Id) {
        self.open.remove(&file.0);
    }

    fn remove(&mut self, _name: &Name) -> Result<(), StoreError> {
        Err(StoreError::Missing)
    }

    fn rename(&mut self, _from: &Name, _to: &Name) -> Result<(), StoreError> {
        Err(StoreError::Missing)
    }
}

/// Fills `out`, or as much of it as there is.
fn read_at(read: impl Fn(&mut [u8], u64) -> io::Result<usize>, out: &mut [u8], offset: u32) -> io::Result<usize> {
    let mut len = 0;
    while len < out.len() {
        match read(&mut out[len..], u64::from(offset) + len as u64) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
