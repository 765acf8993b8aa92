//! Finds what there is at a start, whatever was the last step before a crash.
//!
//! An entry that names a content which is there is a file. One whose content is not there, but whose upload is, was about to become a file and is
//! an upload again; an upload that has all its bytes becomes a file, unless only the device it comes from can say whether they are
//! right. What no entry names is rubbish of a crash and removed, but never while there are entries that cannot be read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use tracing::warn;

use super::digest::Digest;
use super::disk::Disk;
use super::entry::Entry;
use super::id::FileId;
use super::upload;

/// What an entry that cannot be read is called from then on, after its name.
const DAMAGED: &str = ".damaged";

/// All entries, and of uploads the bytes that they have.
pub(super) fn recover(disk: &Disk) -> io::Result<Vec<(Entry, u64)>> {
    let Entries { entries, mut is_doubtful } = read(disk)?;
    let mut found = Vec::new();
    for entry in entries.into_values() {
        let path = disk.entry(entry.id);
        let name = entry.name.clone();
        match settle(disk, entry) {
            Ok(settled) => found.push(settled),
            Err(error) => {
                is_doubtful = true;
                warn!("The file {name} ({}) is left out: {error}.", path.display());
            }
        }
    }
    if !is_doubtful {
        let ids: HashSet<FileId> = found.iter().map(|(entry, _)| entry.id).collect();
        let digests: HashSet<Digest> = found.iter().filter_map(|(entry, _)| entry.sha256).collect();
        clear(disk, &disk.uploads(), |name| name.parse::<FileId>().is_ok_and(|id| !ids.contains(&id)))?;
        clear(disk, &disk.uploads(), |name| {
            name.strip_suffix(".until").is_some_and(|id| id.parse::<FileId>().is_ok_and(|id| !ids.contains(&id)))
        })?;
        clear(disk, &disk.blobs(), |name| name.parse::<Digest>().is_ok_and(|digest| !digests.contains(&digest)))?;
    }
    Ok(found)
}

/// Names the content in the entry, then gives the bytes its name.
pub(super) fn seal(disk: &Disk, entry: &Entry, digest: Digest) -> io::Result<()> {
    let (upload, blob) = (disk.upload(entry.id), disk.blob(digest));
    disk.replace(&disk.entry(entry.id), &entry.written()?)?;
    if has_blob(disk, entry, digest) {
        // The same content, once. It is a file now, whether the second copy goes or not.
        let _ = disk.remove(&upload);
    } else {
        disk.rename(&upload, &blob)?;
    }
    let _ = disk.remove(&disk.until(entry.id));
    Ok(())
}

fn has_blob(disk: &Disk, entry: &Entry, digest: Digest) -> bool {
    fs::metadata(disk.blob(digest)).is_ok_and(|about| about.is_file() && about.len() == entry.size)
}

/// What the folder `entries` has.
struct Entries {
    entries: HashMap<FileId, Entry>,
    /// Whether some could not be read, and so name nobody knows what.
    is_doubtful: bool,
}

fn read(disk: &Disk) -> io::Result<Entries> {
    clear(disk, &disk.entries(), |name| name.ends_with(".json.new"))?;
    clear(disk, &disk.uploads(), |name| name.ends_with(".until.new"))?;
    let mut all = Entries { entries: HashMap::new(), is_doubtful: false };
    for name in names(&disk.entries())? {
        all.is_doubtful |= name.ends_with(DAMAGED);
        let Some(Ok(id)) = name.strip_suffix(".json").map(str::parse::<FileId>) else { continue };
        let path = disk.entry(id);
        let read = Entry::read(&path)
            .and_then(|entry| if entry.id == id { Ok(entry) } else { Err(io::ErrorKind::InvalidData.into()) });
        match read {
            Ok(entry) => {
                all.entries.insert(id, entry);
            }
            Err(error) => {
                all.is_doubtful = true;
                set_aside(&path, &error);
            }
        }
    }
    Ok(all)
}

fn set_aside(path: &Path, error: &io::Error) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(DAMAGED);
    let aside = Path::new(&aside);
    let moved = if aside.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(path, aside) };
    match moved {
        Ok(()) => warn!("{} is damaged ({error}); it was set aside as {}.", path.display(), aside.display()),
        Err(reason) => warn!("{} is damaged ({error}) and could not be set aside ({reason}).", path.display()),
    }
}

fn settle(disk: &Disk, mut entry: Entry) -> io::Result<(Entry, u64)> {
    if let Some(digest) = entry.sha256 {
        if has_blob(disk, &entry, digest) {
            for rest in [disk.upload(entry.id), disk.until(entry.id)].iter().filter(|rest| rest.exists()) {
                disk.remove(rest)?;
            }
            let size = entry.size;
            return Ok((entry, size));
        }
        if !disk.upload(entry.id).exists() {
            let error = io::Error::new(io::ErrorKind::NotFound, "its content is not there");
            set_aside(&disk.entry(entry.id), &error);
            return Err(error);
        }
        entry.sha256 = None;
    }
    let (file, offset) = upload::open(disk, &entry)?;
    if offset < entry.size || entry.from.is_some() {
        return Ok((entry, offset));
    }
    disk.sync(&file)?;
    let digest = Digest::of(&file)?;
    let whole = Entry { sha256: Some(digest), ..entry.clone() };
    match seal(disk, &whole, digest) {
        Ok(()) => Ok((whole, offset)),
        Err(error) => {
            warn!("{} has all its bytes but could not be made a file yet: {error}.", entry.name);
            Ok((entry, offset))
        }
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string()));
    // What is not even text is none of ours.
    names.filter_map(|name| name.map(Result::ok).transpose()).collect()
}

/// Removes what has such a name.
fn clear(disk: &Disk, folder: &Path, is_rubbish: impl Fn(&str) -> bool) -> io::Result<()> {
    for name in names(folder)?.iter().filter(|name| is_rubbish(name)) {
        disk.remove(&folder.join(name))?;
    }
    Ok(())
}
