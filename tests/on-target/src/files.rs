//! What a board does with files: it takes and gives what the other side wants, and may offer one itself.

use core::convert::Infallible;
use core::hint::black_box;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use pocketmux_core::files::{About, Entry, FileId, Files, Heard, Name, Reason, Space, Store, StoreError};
use pocketmux_core::{ChannelId, Frame};

use crate::{EightChannels, Work, unknown};

/// Files in that store, two transfers at a time.
pub struct WithFiles<S>(Files<S, 2>);

impl<S: Store> WithFiles<S> {
    /// Those of that store.
    pub fn new(store: S) -> Self {
        Self(Files::new(store, unknown(ChannelId::new(3)), 1))
    }
}

impl<S: Store> Work for WithFiles<S> {
    fn hear(&mut self, frame: &Frame<'_>, now_us: u64) {
        if self.0.handle_frame(frame, now_us) == Heard::Plain {
            let _ = black_box(frame.data);
        }
    }

    fn down(&mut self) {
        self.0.handle_down();
    }

    fn turn(&mut self, link: &mut EightChannels, now_us: u64) {
        if let Ok(name) = Name::new(unknown("a name"))
            && let Ok(id) = self.0.offer(&name)
            && unknown(false)
        {
            self.0.cancel(id, unknown(Reason::Paused));
        }
        self.0.transmit(link, now_us);
        while let Some(ended) = self.0.poll_event() {
            black_box(ended.result.is_ok());
        }
        black_box(self.0.poll_timeout());
    }
}

/// A store that keeps nothing, and costs nothing.
pub struct NoStore;

impl Store for NoStore {
    fn space(&mut self) -> Space {
        unknown(Space { free: 0, capacity: 0 })
    }

    fn entry(&mut self, _index: usize) -> Option<Entry> {
        black_box(None)
    }

    fn open(&mut self, _name: &Name) -> Result<(FileId, Entry), StoreError> {
        black_box(Err(StoreError::Missing))
    }

    fn receive(&mut self, _about: &About) -> Result<(FileId, u32), StoreError> {
        unknown(Err(StoreError::NoRoom))
    }

    fn prepare(&mut self, _partial: FileId) -> Result<bool, StoreError> {
        unknown(Ok(true))
    }

    fn read(&mut self, _file: FileId, _offset: u32, _out: &mut [u8]) -> Result<usize, StoreError> {
        unknown(Ok(0))
    }

    fn append(&mut self, _partial: FileId, _data: &[u8]) -> Result<(), StoreError> {
        unknown(Ok(()))
    }

    fn restart(&mut self, _partial: FileId) -> Result<(), StoreError> {
        unknown(Ok(()))
    }

    fn finish(&mut self, _partial: FileId) -> Result<(), StoreError> {
        unknown(Ok(()))
    }

    fn discard(&mut self, partial: FileId) {
        black_box(partial);
    }

    fn close(&mut self, file: FileId) {
        black_box(file);
    }

    fn remove(&mut self, _name: &Name) -> Result<(), StoreError> {
        unknown(Ok(()))
    }

    fn rename(&mut self, _from: &Name, _to: &Name) -> Result<(), StoreError> {
        unknown(Ok(()))
    }
}

/// A flash with nothing behind it.
pub struct Flash;

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        black_box((offset, bytes));
        Ok(())
    }

    fn capacity(&self) -> usize {
        unknown(128 << 10)
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        black_box((from, to));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        black_box((offset, bytes));
        Ok(())
    }
}
