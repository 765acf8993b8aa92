//! A store in memory that outlives its owner's reboots, and can lose, refuse and lie where a test wants it to.

use pocketmux_core::files::{About, Algorithm, Digest, Entry, FileId, Hasher, Kind, Name, Space, Store, StoreError};

#[derive(Clone, Debug)]
pub struct Item {
    about: About,
    content: Vec<u8>,
    is_whole: bool,
    is_digest_known: bool,
    /// How often it is open.
    users: usize,
    /// Calls of `prepare` since it was opened or emptied.
    prepared: usize,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// A place of its own for each, so that an id stays the same.
    pub items: Vec<Option<Item>>,
    pub capacity: Option<usize>,
    /// Bytes that were appended in all.
    pub appended: usize,
    /// Calls of `prepare` before a partial is ready.
    pub steps: usize,
    /// Never ready is the partial of that name.
    pub never_ready: Option<&'static str>,
    /// Calls of all sorts.
    pub calls: usize,
    /// Appending fails from this length on.
    pub fails_at: Option<usize>,
    /// What `receive` said was stored, each time.
    pub resumed: Vec<u32>,
}

pub fn digest(algorithm: Algorithm, content: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm).unwrap();
    hasher.update(content);
    hasher.digest()
}

pub fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

impl Shelf {
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let mut shelf = Self::default();
        files.iter().for_each(|(name, content)| shelf.put(name, content, Algorithm::Sha256));
        shelf
    }

    pub fn put(&mut self, file: &str, content: &[u8], algorithm: Algorithm) {
        let about = About {
            name: name(file),
            size: content.len() as u32,
            digest: digest(algorithm, content),
            kind: Kind::try_from("text/plain").unwrap(),
        };
        let item =
            Item { about, content: content.to_vec(), is_whole: true, is_digest_known: true, users: 0, prepared: 0 };
        self.items.push(Some(item));
    }

    /// As a folder has it whose files come from elsewhere.
    pub fn forget_digests(&mut self) {
        self.items.iter_mut().flatten().for_each(|item| item.is_digest_known = false);
    }

    /// The content of a file.
    pub fn content(&self, file: &str) -> Option<&[u8]> {
        let is_it = |item: &&Item| item.is_whole && item.about.name.as_str() == file;
        self.items.iter().flatten().find(is_it).map(|item| &item.content[..])
    }

    /// How much of a partial is there.
    pub fn partial(&self, file: &str) -> Option<usize> {
        let is_it = |item: &&Item| !item.is_whole && item.about.name.as_str() == file;
        self.items.iter().flatten().find(is_it).map(|item| item.content.len())
    }

    /// Of the partials so many bytes are lost, and all files are closed.
    pub fn lose_power(&mut self, bytes: usize) {
        for item in self.items.iter_mut().flatten() {
            item.users = 0;
            if !item.is_whole {
                item.content.truncate(item.content.len().saturating_sub(bytes));
            }
        }
    }

    /// The content of a partial is not what it was.
    pub fn spoil(&mut self, file: &str) {
        let is_it = |item: &&mut Item| !item.is_whole && item.about.name.as_str() == file;
        self.items.iter_mut().flatten().find(is_it).unwrap().content[0] ^= 1;
    }

    /// A byte of a file is not what it was when its digest was made.
    pub fn rot(&mut self, file: &str, at: usize) {
        let is_it = |item: &&mut Item| item.is_whole && item.about.name.as_str() == file;
        self.items.iter_mut().flatten().find(is_it).unwrap().content[at] ^= 1;
    }

    pub fn open_files(&self) -> usize {
        self.items.iter().flatten().filter(|item| item.users > 0).count()
    }

    fn item(&mut self, id: FileId) -> &mut Item {
        self.calls += 1;
        self.items[usize::from(id.0)].as_mut().filter(|item| item.users > 0).expect("it is open")
    }

    fn find(&self, name: &Name, is_whole: bool) -> Option<usize> {
        let is_it = |item: &Item| item.is_whole == is_whole && item.about.name == *name;
        self.items.iter().position(|item| item.as_ref().is_some_and(is_it))
    }
}

fn entry(item: &Item) -> Entry {
    let About { name, size, digest, kind } = item.about.clone();
    let stored = item.content.len() as u32;
    Entry { name, size, stored, digest: item.is_digest_known.then_some(digest), kind }
}

impl Store for Shelf {
    fn space(&mut self) -> Space {
        let used: u32 = self.items.iter().flatten().map(|item| item.about.size).sum();
        let capacity = self.capacity.unwrap_or(1 << 30) as u32;
        Space { free: capacity.saturating_sub(used), capacity }
    }

    fn entry(&mut self, index: usize) -> Option<Entry> {
        self.items.iter().flatten().nth(index).map(entry)
    }

    fn open(&mut self, name: &Name) -> Result<(FileId, Entry), StoreError> {
        let at = self.find(name, true).ok_or(StoreError::Missing)?;
        let item = self.items[at].as_mut().unwrap();
        item.users += 1;
        Ok((FileId(at as u16), entry(item)))
    }

    fn receive(&mut self, about: &About) -> Result<(FileId, u32), StoreError> {
        if let Some(at) = self.find(&about.name, false) {
            let item = self.items[at].as_mut().unwrap();
            if item.users > 0 {
                return Err(StoreError::InUse);
            }
            if item.about == *about {
                item.users = 1;
                let stored = item.content.len() as u32;
                item.prepared = 0;
                self.resumed.push(stored);
                return Ok((FileId(at as u16), stored));
            }
            self.items[at] = None;
        }
        if about.size > self.space().free {
            return Err(StoreError::NoRoom);
        }
        let item = Item {
            about: about.clone(),
            content: vec![],
            is_whole: false,
            is_digest_known: true,
            users: 1,
            prepared: 0,
        };
        self.items.push(Some(item));
        self.resumed.push(0);
        Ok((FileId(self.items.len() as u16 - 1), 0))
    }

    fn prepare(&mut self, partial: FileId) -> Result<bool, StoreError> {
        let (steps, never_ready) = (self.steps, self.never_ready);
        let item = self.item(partial);
        item.prepared += 1;
        Ok(item.prepared > steps && never_ready != Some(item.about.name.as_str()))
    }

    fn read(&mut self, file: FileId, offset: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let rest = self.item(file).content.get(offset as usize..).ok_or(StoreError::Failed)?;
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn append(&mut self, partial: FileId, data: &[u8]) -> Result<(), StoreError> {
        let fails_at = self.fails_at.unwrap_or(usize::MAX);
        let item = self.item(partial);
        if item.content.len() >= fails_at {
            return Err(StoreError::Failed);
        }
        item.content.extend_from_slice(data);
        assert!(item.content.len() <= item.about.size as usize, "no more than was offered");
        self.appended += data.len();
        Ok(())
    }

    fn restart(&mut self, partial: FileId) -> Result<(), StoreError> {
        let item = self.item(partial);
        item.content.clear();
        item.prepared = 0;
        Ok(())
    }

    fn finish(&mut self, partial: FileId) -> Result<(), StoreError> {
        let item = self.item(partial).clone();
        assert_eq!(item.content.len(), item.about.size as usize);
        if let Some(old) = self.find(&item.about.name, true) {
            self.items[old] = None;
        }
        let item = self.item(partial);
        (item.is_whole, item.users) = (true, 0);
        Ok(())
    }

    fn discard(&mut self, partial: FileId) {
        assert!(!self.item(partial).is_whole);
        self.items[usize::from(partial.0)] = None;
    }

    fn close(&mut self, file: FileId) {
        self.item(file).users -= 1;
    }

    fn note(&mut self, file: FileId, noted: Digest) {
        let item = self.item(file);
        if noted.algorithm() == item.about.digest.algorithm() {
            assert_eq!(item.about.digest, noted);
            item.is_digest_known = true;
        }
    }

    fn remove(&mut self, name: &Name) -> Result<(), StoreError> {
        let at = self.find(name, true).or(self.find(name, false)).ok_or(StoreError::Missing)?;
        self.items[at] = None;
        Ok(())
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Result<(), StoreError> {
        if self.find(to, true).is_some() {
            return Err(StoreError::Exists);
        }
        let at = self.find(from, true).ok_or(StoreError::Missing)?;
        self.items[at].as_mut().unwrap().about.name = to.clone();
        Ok(())
    }
}
