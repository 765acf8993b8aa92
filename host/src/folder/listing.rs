//! What is there: files, and what is on its way to be one.

use std::io;

use pocketmux_core::files::{Entry, Kind, Name};

use super::dir::{Dir, Seen};
use super::note::Note;
use super::{ENTRIES_MAX, Folder};

impl Folder {
    /// The files and partials there are, by name.
    pub(super) fn list(&self) -> io::Result<Vec<Entry>> {
        let hidden = self.hidden()?;
        let mut entries = Vec::new();
        for text in self.dir.names()? {
            let Ok(name) = Name::new(&text) else { continue };
            let Ok(Some(seen)) = self.dir.look(&text) else { continue };
            entries.extend(file_entry(name, &seen, hidden.as_ref()));
            if entries.len() == ENTRIES_MAX {
                break;
            }
        }
        if let Some(hidden) = &hidden {
            let names = hidden.names()?;
            let partials = names.iter().filter_map(|text| Name::new(text.strip_suffix(".json")?).ok());
            let room = ENTRIES_MAX - entries.len();
            entries.extend(partials.filter_map(|name| partial_entry(name, hidden)).take(room));
        }
        // Those that are whole come before those of the same name that are not; the sort keeps them so.
        entries.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        Ok(entries)
    }
}

/// The entry of what is there under that name, if it is a file that can be sent.
pub(super) fn file_entry(name: Name, seen: &Seen, hidden: Option<&Dir>) -> Option<Entry> {
    let size = u32::try_from(seen.len).ok().filter(|_| seen.is_file)?;
    let known = hidden.and_then(|hidden| Note::read(hidden, &format!("{name}.sum")));
    let known = known.filter(|known| known.fits(seen));
    let digest = known.as_ref().map(|known| known.digest);
    let kind = known.map_or_else(Kind::new, |known| known.kind);
    Some(Entry { name, size, stored: size, digest, kind })
}

fn partial_entry(name: Name, hidden: &Dir) -> Option<Entry> {
    let Note { size, digest, kind, .. } = Note::read(hidden, &format!("{name}.json"))?;
    let part = hidden.look(&format!("{name}.part")).ok()?;
    let len = part.filter(|seen| seen.is_file).map_or(0, |seen| seen.len);
    // Longer than it can be: it begins anew.
    let stored = u32::try_from(len).ok().filter(|len| *len <= size).unwrap_or(0);
    Some(Entry { name, size, stored, digest: Some(digest), kind })
}
