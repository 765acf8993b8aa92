//! What a store must have after a row of calls, and may have when the last of them was cut short.

use std::collections::{BTreeMap, BTreeSet};

use pocketmux_core::files::{About, FileId, Store, StoreError};

use crate::content::{about, content, name};

/// A content by its number and length.
pub type Content = (u64, usize);

#[derive(Clone, Debug)]
pub enum Call {
    Receive(&'static str, Content),
    Append(&'static str, usize),
    Restart(&'static str),
    Finish(&'static str),
    Discard(&'static str),
    Close(&'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
}

/// What is in a store: of a partial also how much was appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub files: BTreeMap<&'static str, Content>,
    pub partials: BTreeMap<&'static str, (Content, usize)>,
}

/// A store that calls are made to, with what they should have made of it.
#[derive(Default)]
pub struct World {
    /// Before the last call.
    pub before: Model,
    /// After it.
    pub after: Model,
    pub open: BTreeMap<&'static str, FileId>,
    /// How much may be missing of a partial that was closed or lost its power.
    pub slack: usize,
    /// Names that a file was given while there was a partial of it.
    pub given: BTreeSet<&'static str>,
    /// The partial that the last call put an empty one in place of.
    pub replaced: Option<&'static str>,
}

pub fn about_of(called: &str, (number, len): Content) -> About {
    about(called, &content(number, len))
}

/// Prepares a partial to the end.
pub fn prepare(store: &mut dyn Store, partial: FileId) -> Result<(), StoreError> {
    for _ in 0..2000 {
        if store.prepare(partial)? {
            return Ok(());
        }
    }
    panic!("a partial is never prepared");
}

/// Reads `len` bytes in pieces of `piece`.
pub fn read(store: &mut dyn Store, file: FileId, len: usize, piece: usize) -> Vec<u8> {
    let (mut all, mut out) = (Vec::new(), vec![0; piece]);
    loop {
        let got = store.read(file, all.len() as u32, &mut out).unwrap();
        all.extend_from_slice(&out[..got]);
        assert!(got == piece || all.len() == len, "{got} of {piece} bytes at {} of {len}", all.len());
        if got < piece {
            return all;
        }
    }
}

impl World {
    /// Makes a call that the store must take, unless its power goes. `after` is what it should lead to then too.
    pub fn call(&mut self, store: &mut dyn Store, call: &Call) -> Result<(), StoreError> {
        self.before = self.after.clone();
        self.replaced = None;
        let after = &mut self.after;
        match *call {
            Call::Receive(called, of) => {
                let old = after.partials.insert(called, (of, 0));
                let resumed = old.filter(|(old, _)| *old == of).map_or(0, |(_, len)| len);
                after.partials.insert(called, (of, resumed));
                self.replaced = old.filter(|(old, _)| *old != of).map(|_| called);
                let (file, stored) = store.receive(&about_of(called, of))?;
                let stored = stored as usize;
                assert!(stored <= resumed && stored + self.slack >= resumed, "{stored} of {resumed} bytes of {called}");
                self.after.partials.insert(called, (of, stored));
                self.open.insert(called, file);
                prepare(store, file)
            }
            Call::Append(called, len) => {
                let (of, at) = self.after.partials[called];
                let end = (at + len).min(of.1);
                self.after.partials.insert(called, (of, end));
                store.append(self.open[called], &content(of.0, of.1)[at..end])
            }
            Call::Restart(called) => {
                let (of, _) = after.partials[called];
                after.partials.insert(called, (of, 0));
                self.replaced = Some(called);
                store.restart(self.open[called])
            }
            Call::Finish(called) => {
                let (of, _) = after.partials.remove(called).unwrap();
                after.files.insert(called, of);
                store.finish(self.open.remove(called).unwrap())
            }
            Call::Discard(called) => {
                after.partials.remove(called);
                store.discard(self.open.remove(called).unwrap());
                Ok(())
            }
            Call::Close(called) => {
                store.close(self.open.remove(called).unwrap());
                Ok(())
            }
            Call::Remove(called) => {
                if after.files.remove(called).is_none() {
                    after.partials.remove(called);
                }
                store.remove(&name(called))
            }
            Call::Rename(from, to) => {
                let of = after.files.remove(from).unwrap();
                after.files.insert(to, of);
                if after.partials.contains_key(to) {
                    self.given.insert(to);
                }
                store.rename(&name(from), &name(to))
            }
        }
    }

    /// What the store has, each file read to the end and each partial as far as it goes.
    fn found(store: &mut dyn Store, known: [&Model; 2]) -> Model {
        let mut found = Model::default();
        let entries: Vec<_> = (0..).map_while(|index| store.entry(index)).collect();
        for entry in entries {
            let called = entry.name.as_str();
            let partials = known.into_iter().flat_map(|model| &model.partials).map(|(name, (of, _))| (*name, *of));
            let files = known.into_iter().flat_map(|model| &model.files).map(|(name, of)| (*name, *of));
            let is_it =
                |(name, of): &(&str, Content)| *name == called && entry.digest == Some(about_of(name, *of).digest);
            let is_file = store.open(&entry.name).is_ok_and(|(file, of_file)| {
                store.close(file);
                of_file == entry
            });
            if is_file {
                let (called, of) = files.into_iter().find(is_it).expect("a file that should be there");
                let (file, _) = store.open(&entry.name).unwrap();
                assert!(read(store, file, of.1, 100) == content(of.0, of.1), "{called} is not what it was");
                store.close(file);
                assert_eq!(found.files.insert(called, of), None, "{called} is there twice");
            } else {
                let (called, of) = partials.into_iter().find(is_it).expect("a partial that should be there");
                let already = found.partials.insert(called, (of, entry.stored as usize));
                assert_eq!(already, None, "the partial of {called} is there twice");
            }
        }
        found
    }

    /// Sees that the store has what it must have, and takes what it has for what is true now. When the last call was cut short, it may not
    /// have been made.
    pub fn compare(&mut self, store: &mut dyn Store, was_cut: bool) {
        let found = Self::found(store, [&self.before, &self.after]);
        let mut without_partial = self.before.clone();
        without_partial.partials = self.after.partials.clone();
        let mut neither = self.after.clone();
        if let Some(name) = self.replaced {
            neither.partials.remove(name);
        }
        let is_finish =
            self.before.files != self.after.files && self.before.partials.len() != self.after.partials.len();
        let mut allowed = vec![&self.after];
        if was_cut {
            allowed.extend([&self.before, &neither]);
            // The file that got the name later may stay, and the partial be gone.
            if is_finish && self.given.iter().any(|name| self.before.partials.contains_key(name)) {
                allowed.push(&without_partial);
            }
        }
        let fits = |model: &&Model| {
            let as_they_are = |(name, (of, _)): (&&'static str, &(Content, usize))| (*name, *of);
            model.files == found.files
                && model.partials.iter().map(as_they_are).eq(found.partials.iter().map(as_they_are))
                && model.partials.iter().all(|(name, (_, len))| {
                    let (_, stored) = found.partials[name];
                    let least = match self.before.partials.get(name).filter(|_| was_cut) {
                        Some((_, before)) => (*before).min(*len),
                        None => *len,
                    };
                    stored <= *len && stored + self.slack >= least
                })
        };
        assert!(allowed.iter().any(fits), "the store has {found:?}; before {:?}, after {:?}", self.before, self.after);
        self.after = found.clone();
        self.before = found;
    }

    /// Receives the rest of every partial, and sees that all files are right; then removes all, and sees that all room is free.
    pub fn conclude(&mut self, store: &mut dyn Store) {
        for (called, (of, _)) in self.after.partials.clone() {
            self.call(store, &Call::Receive(called, of)).unwrap();
            let len = of.1;
            self.call(store, &Call::Append(called, len)).unwrap();
            self.call(store, &Call::Finish(called)).unwrap();
        }
        self.compare(store, false);
        for called in self.after.files.clone().into_keys() {
            self.call(store, &Call::Remove(called)).unwrap();
        }
        let space = store.space();
        assert_eq!(space.free, space.capacity, "room is lost");
        assert_eq!(store.entry(0), None);
    }
}
