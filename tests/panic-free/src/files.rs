//! Every operation of files and of both stores.

use core::convert::Infallible;
use core::fmt::Write as _;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use pocketmux_core::files::{
    About, Algorithm, Answer, Digest, FileId, FileMessage, Files, Hasher, Heard, Kind, Name, Nor, Number, Ram, Reason,
    Space, Store, StoreError, algorithm_of,
};
use pocketmux_core::{ChannelId, Event};

use crate::board::{Out, WholeLink, input, inputs, output, show, some, text};

const FILE: ChannelId = ChannelId::new(3);

/// A flash that reads as anything, and does anything it is told.
struct Flash;

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        output(offset as u8);
        bytes.iter_mut().for_each(|byte| *byte = input());
        Ok(())
    }

    fn capacity(&self) -> usize {
        usize::from(input()) << 10
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        output((to - from) as u8);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        output(offset as u8);
        show(bytes);
        Ok(())
    }
}

fn number() -> u32 {
    u32::from_le_bytes(inputs())
}

/// A name, allowed or not.
fn name(bytes: &[u8]) -> Option<Name> {
    match Name::new(text(bytes)) {
        Ok(name) => Some(name),
        Err(error) => {
            let _ = write!(Out, "{error}");
            None
        }
    }
}

fn digest() -> Digest {
    let algorithm = if input() == 1 { Algorithm::Crc32 } else { Algorithm::Sha256 };
    let Some(mut hasher) = Hasher::new(algorithm) else { return Digest::Crc32(0) };
    hasher.update(some(&inputs::<100>()));
    hasher.digest()
}

pub(crate) fn operations(link: &mut WholeLink<'_>) {
    messages();
    let mut ram = Ram::<3000, 4>::new();
    store(&mut ram);
    transfers(link, ram);
    match Nor::<_, 128, 16, 128>::mount(Flash, number()..number()) {
        Ok(mut nor) => {
            store(&mut nor);
            transfers(link, &mut nor);
        }
        Err(error) => failed(error),
    }
}

fn failed(error: StoreError) {
    let _ = write!(Out, "{error}");
    let _ = write!(Out, "{}", Reason::from(error));
}

fn messages() {
    let bytes = inputs::<200>();
    let mut out = [0; 200];
    if let Some((number, message)) = FileMessage::decode(some(&bytes)) {
        show(message.encode(number, &mut out).unwrap_or_default());
    }
    let (name, kind) = (text(&bytes), text(&bytes));
    let known = if input() == 1 { Some(digest()) } else { None };
    let (size, offset, content) = (number(), number(), some(&bytes));
    for message in [
        FileMessage::Offer { size, digest: digest(), kind, name },
        FileMessage::Accept { offset, digest: known },
        FileMessage::Data { offset, content },
        FileMessage::Done,
        FileMessage::Cancel(Reason::Stalled),
        FileMessage::Get(name),
        FileMessage::List(offset),
        FileMessage::Entry { index: number(), size, stored: number(), digest: known, kind, name },
        FileMessage::Space(Space { free: number(), capacity: size }),
        FileMessage::Remove(name),
        FileMessage::Rename { from: name, to: text(&bytes) },
    ] {
        let number = Number { number: number(), is_yours: input() == 1 };
        let room = out.get_mut(..usize::from(input())).unwrap_or_default();
        show(message.encode(number, room).unwrap_or_default());
    }
    output(u8::from(algorithm_of(text(&bytes)) == Some(Algorithm::BEST)));
}

/// The operations of a store, in any order and with any file.
fn store(store: &mut impl Store) {
    let bytes = inputs::<100>();
    loop {
        let file = FileId(u16::from_le_bytes(inputs()));
        let (Some(name), Some(other)) = (name(&bytes), name(&inputs::<64>())) else { continue };
        let about =
            About { name, size: number(), digest: digest(), kind: Kind::try_from(text(&bytes)).unwrap_or_default() };
        let done = match input() {
            0 => store.open(&about.name).map(|(file, entry)| output(file.0 as u8 ^ entry.size as u8)),
            1 => store.receive(&about).map(|(file, stored)| output(file.0 as u8 ^ stored as u8)),
            2 => store.prepare(file).map(|is_ready| output(u8::from(is_ready))),
            3 => store.append(file, some(&bytes)),
            4 => store.restart(file),
            5 => store.finish(file),
            6 => store.remove(&about.name),
            7 => store.rename(&about.name, &other),
            8 => {
                let mut out = [0; 100];
                let room = out.get_mut(..usize::from(input())).unwrap_or_default();
                store.read(file, number(), room).map(|len| output(len as u8))
            }
            9 => {
                store.discard(file);
                Ok(())
            }
            10 => {
                store.close(file);
                store.note(file, about.digest);
                Ok(())
            }
            11 => {
                output(store.entry(number() as usize).map_or(0, |entry| entry.stored as u8));
                output(store.space().free as u8);
                Ok(())
            }
            _ => return,
        };
        done.unwrap_or_else(failed);
    }
}

/// What an application does with files.
fn transfers<S: Store>(link: &mut WholeLink<'_>, store: S) {
    let mut files = Files::<_, 2>::new(store, FILE, u16::from(input()));
    let bytes = inputs::<100>();
    while input() != 0 {
        let now_us = u64::from_le_bytes(inputs());
        link.handle_input(some(&bytes), now_us);
        while let Some(event) = link.poll_event() {
            match event {
                Event::Down => files.handle_down(),
                Event::Frame(frame) => match files.handle_frame(&frame, now_us) {
                    Heard::Plain | Heard::Taken => {}
                    Heard::Answer(number) => match files.answer() {
                        Answer::Entry(entry) => output(number as u8 ^ entry.stored as u8),
                        Answer::Space(space) => output(space.free as u8),
                        Answer::Done => output(1),
                        Answer::Refused(reason) => drop(write!(Out, "{reason}")),
                    },
                },
                _ => {}
            }
        }
        let Some(name) = name(&bytes) else { continue };
        let begun = if input() == 1 { files.offer(&name) } else { files.get(&name) };
        match begun {
            Ok(id) => files.cancel(id, if input() == 1 { Reason::Cancelled } else { Reason::Paused }),
            Err(error) => failed(error),
        }
        let asked = match input() {
            0 => files.list(link, number()),
            1 => files.remove(link, text(&bytes)),
            _ => files.rename(link, text(&bytes), text(&bytes)),
        };
        output(asked.unwrap_or_default() as u8);
        files.set_channel(ChannelId::new(input()));
        files.set_algorithm(if input() == 1 { Algorithm::Crc32 } else { Algorithm::Sha256 });
        if input() == 1 {
            files.hold();
        }
        files.transmit(link, now_us);
        output(u8::from(files.is_saying(link)));
        output(files.poll_timeout().unwrap_or_default() as u8);
        for transfer in files.transfers() {
            output(transfer.at as u8 ^ transfer.size as u8);
        }
        while let Some(ended) = files.poll_event() {
            let _ = write!(Out, "{}", ended.name);
            ended.result.unwrap_or_else(|failure| output(failure.reason as u8));
        }
        output(files.store().space().capacity as u8);
    }
}
