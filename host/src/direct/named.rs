//! The files that a person named, to be sent from wherever they are: a store in which there is nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use pocketmux_core::files::{About, Digest, Entry, FileId, Kind, Name, Space, Store, StoreError};

use super::trouble::{Exit, Trouble};

/// Files by their last names.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<One>);

#[derive(Debug)]
struct One {
    name: Name,
    path: PathBuf,
    open: Option<File>,
    /// What was reckoned, and of what.
    digest: Option<(State, Digest)>,
}

/// What changes when the content does: length, and time of change in seconds and nanoseconds.
type State = (u64, i64, i64);

fn state(file: &File) -> Option<State> {
    let data = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((data.len(), data.mtime(), data.mtime_nsec()))
}

impl Named {
    /// These files, each of which must be there, be no longer than a transfer can be, and have a name of its own that a device can have.
    pub(super) fn new(paths: &[PathBuf]) -> Result<Self, Trouble> {
        let mut names = BTreeSet::new();
        let mut all = Vec::new();
        for path in paths {
            let shown = path.display();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = Name::new(&name).map_err(|error| Trouble::new(Exit::Usage, format!("{shown}: {error}.")))?;
            if !names.insert(name.as_str().to_owned()) {
                return Err(Trouble::new(Exit::Usage, format!("Two of the files are called {name}.")));
            }
            check(path).map_err(|words| Trouble::failed(format!("{shown} {words}.")))?;
            all.push(One { name, path: path.clone(), open: None, digest: None });
        }
        Ok(Self(all))
    }

    pub(super) fn names(&self) -> Vec<Name> {
        self.0.iter().map(|one| one.name.clone()).collect()
    }

    fn one(&mut self, file: FileId) -> Result<&mut One, StoreError> {
        self.0.get_mut(usize::from(file.0)).ok_or(StoreError::Failed)
    }
}

fn check(path: &Path) -> Result<(), String> {
    let data = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !data.is_file() {
        return Err("is no file".into());
    }
    if u32::try_from(data.len()).is_err() {
        return Err("is longer than 4 GiB".into());
    }
    File::open(path).map(drop).map_err(|error| format!("cannot be read: {error}"))
}

impl Store for Named {
    fn space(&mut self) -> Space {
        Space::default()
    }

    fn entry(&mut self, _index: usize) -> Option<Entry> {
        // They are offered; nobody need look for them.
        None
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        let at = self.0.iter().position(|one| one.name == *name).ok_or(StoreError::Missing)?;
        let file = FileId(u16::try_from(at).map_err(|_| StoreError::TooMany)?);
        let one = self.one(file)?;
        let opened = File::open(&one.path).map_err(|_| StoreError::Failed)?;
        let state = state(&opened).ok_or(StoreError::Missing)?;
        let size = u32::try_from(state.0).map_err(|_| StoreError::Failed)?;
        let digest = one.digest.filter(|(known, _)| *known == state).map(|(_, digest)| digest);
        one.open = Some(opened);
        Ok((file, Entry { name: name.clone(), size, stored: size, digest, kind: Kind::new() }))
    }

    fn receive(&mut self, _about: &About) -> Result<(FileId, u32), StoreError> {
        Err(StoreError::NoRoom)
    }

    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let open = self.one(file)?.open.as_ref().ok_or(StoreError::Failed)?;
        let mut len = 0;
        while let Some(rest) = out.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match open.read_at(rest, u64::from(offset) + len as u64).map_err(|_| StoreError::Failed)? {
                0 => break,
                read => len += read,
            }
        }
        Ok(len)
    }

    fn append(&mut self, _partial: FileId, _data: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Failed)
    }

    fn restart(&mut self, _partial: FileId) -> Result<(), StoreError> {
        Err(StoreError::Failed)
    }

    fn finish(&mut self, _partial: FileId) -> Result<(), StoreError> {
        Err(StoreError::Failed)
    }

    fn discard(&mut self, file: FileId) {
        self.close(file);
    }

    fn close(&mut self, file: FileId) {
        if let Ok(one) = self.one(file) {
            one.open = None;
        }
    }

    fn note(&mut self, file: FileId, digest: Digest) {
        if let Ok(one) = self.one(file) {
            one.digest = one.open.as_ref().and_then(state).map(|state| (state, digest));
        }
    }

    fn remove(&mut self, _name: &Name) -> Result<(), StoreError> {
        Err(StoreError::Missing)
    }

    fn rename(&mut self, _from: &Name, _to: &Name) -> Result<(), StoreError> {
        Err(StoreError::Missing)
    }
}
