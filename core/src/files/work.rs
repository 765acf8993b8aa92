//! What a transfer has to do here, step by step: the store makes room, and what is there is hashed.

use super::digest::{Algorithm, Digest, Hasher};
use super::reason::Reason;
use super::store::{FileId, Store};
use super::transfer::{State, Transfer};

/// Bytes that are hashed at a step.
const STEP: usize = 128;

impl Transfer {
    /// Begins to hash what is there, up to there.
    #[inline(never)]
    pub(super) fn hash(&mut self, algorithm: Algorithm, to: u32, claim: Option<Digest>) -> Result<(), Reason> {
        self.hasher = Hasher::new(algorithm).ok_or(Reason::Digest)?;
        (self.hashed, self.to_hash, self.claim) = (0, to, claim);
        self.state = State::Hashing;
        Ok(())
    }

    /// Takes one step of what the store or the hash has to do.
    #[inline(never)]
    pub(super) fn work(&mut self, store: &mut impl Store) {
        let Some(file) = self.file else { return };
        let worked = match self.state {
            State::Preparing => self.prepare(store, file),
            State::Hashing => self.hash_more(store, file),
            _ => return,
        };
        if worked.is_err() {
            self.end(worked);
        }
    }

    fn prepare(&mut self, store: &mut impl Store, file: FileId) -> Result<(), Reason> {
        match self.digest {
            Some(digest) if store.prepare(file)? => self.hash(digest.algorithm(), self.at, None),
            _ => Ok(()),
        }
    }

    fn hash_more(&mut self, store: &mut impl Store, file: FileId) -> Result<(), Reason> {
        let rest = self.to_hash.saturating_sub(self.hashed);
        if rest == 0 {
            self.hashed_all(store, file);
            return Ok(());
        }
        let mut buf = [0; STEP];
        let part = buf.get_mut(..STEP.min(rest as usize)).unwrap_or_default();
        let len = store.read(file, self.hashed, part)?;
        if len == 0 {
            // The file has become shorter.
            return Err(Reason::Failed);
        }
        self.hasher.update(part.get(..len).unwrap_or_default());
        self.hashed = self.hashed.saturating_add(len as u32);
        Ok(())
    }

    fn hashed_all(&mut self, store: &mut impl Store, file: FileId) {
        let digest = self.hasher.digest();
        if !self.is_sending {
            self.state = State::Accepting;
        } else if self.digest.is_none() {
            self.digest = Some(digest);
            store.note(file, digest);
            self.state = State::Beginning;
        } else {
            self.move_from(if self.claim == Some(digest) { self.hashed } else { 0 });
        }
    }
}
