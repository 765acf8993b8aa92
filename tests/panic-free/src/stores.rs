//! Everything that a store can be asked, of one in RAM and one in flash.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use pocketmux_core::files::{About, Digest, Entry, FileId, Kind, Name, Nor, Ram, Store};

use crate::board::{input, inputs, output, some, text};

/// Reads anything, and fails when it likes.
struct Flash;

fn taken() -> Result<(), NorFlashErrorKind> {
    if input() == 1 { Ok(()) } else { Err(NorFlashErrorKind::Other) }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.iter_mut().for_each(|byte| *byte = input());
        taken()
    }

    fn capacity(&self) -> usize {
        u32::from_le_bytes(inputs()) as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, _: u32, _: u32) -> Result<(), NorFlashErrorKind> {
        taken()
    }

    fn write(&mut self, _: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        bytes.iter().for_each(|byte| output(*byte));
        taken()
    }
}

/// Calls everything.
pub fn operations() {
    ask(&mut Ram::<3000, 5>::new());
    let (from, to) = (u32::from_le_bytes(inputs()), u32::from_le_bytes(inputs()));
    if let Ok(mut nor) = Nor::<_, 100, 9, 128>::mount(Flash, from..to) {
        ask(&mut nor);
    }
}

fn about() -> About {
    let names = inputs::<64>();
    let digest = if input() == 1 { Digest::Sha256(inputs()) } else { Digest::Crc32(u32::from_le_bytes(inputs())) };
    let name = Name::new(text(&names)).unwrap_or_default();
    let kind = Kind::try_from(text(&names)).unwrap_or_default();
    About { name, size: u32::from_le_bytes(inputs()), digest, kind }
}

fn show(entry: &Entry) {
    entry.name.as_str().bytes().chain(entry.kind.bytes()).for_each(output);
    output(entry.stored.wrapping_add(entry.size) as u8);
}

/// Not for each store of its own: what is proved is in the store.
fn ask(store: &mut dyn Store) {
    while input() != 2 {
        let about = about();
        let file = FileId(u16::from_le_bytes(inputs()));
        let mut data = inputs::<200>();
        let is_good = match input() {
            0 => store.entry(usize::from(input())).is_some_and(|entry| entry.stored == 0),
            1 => store.open(&about.name).is_ok_and(|(_, entry)| entry.stored == 0),
            2 => store.receive(&about).is_ok_and(|(_, stored)| stored == 0),
            3 => store.prepare(file) == Ok(true),
            4 => store.read(file, u32::from_le_bytes(inputs()), &mut data).is_ok(),
            5 => store.append(file, some(&data)).is_ok(),
            6 => store.restart(file).is_ok(),
            7 => store.finish(file).is_ok(),
            8 => store.remove(&about.name).is_ok(),
            9 => store.rename(&about.name, &Name::new(text(&data)).unwrap_or_default()).is_ok(),
            10 => store.space().free == store.space().capacity,
            11 => {
                store.discard(file);
                store.note(file, about.digest);
                store.close(file);
                true
            }
            _ => false,
        };
        output(u8::from(is_good));
        data.into_iter().for_each(output);
        if let Some(entry) = store.entry(usize::from(input())) {
            show(&entry);
        }
    }
}
