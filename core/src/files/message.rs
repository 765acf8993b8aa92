//! The messages of [section 8](crate::protocol#8-files), as bytes and back.

use crate::bytes::{Reader, Writer};

use super::digest::Digest;
use super::reason::Reason;
use super::store::Space;

/// Longest message but DATA, in bytes.
pub const CONTROL_MAX: usize = 160;
/// Longest beginning of DATA, before the content.
pub(super) const DATA_HEAD_MAX: usize = 11;

const OFFER: u8 = 1;
const ACCEPT: u8 = 2;
const DATA: u8 = 3;
const DONE: u8 = 4;
const CANCEL: u8 = 5;
const GET: u8 = 6;
const LIST: u8 = 7;
const ENTRY: u8 = 8;
const SPACE: u8 = 9;
const REMOVE: u8 = 10;
const RENAME: u8 = 11;
const YOURS: u8 = 0x80;

/// Which transfer or request, as the side says that sends the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Number {
    /// Counted up by the side that began it.
    pub number: u32,
    /// The receiver of the message began it.
    pub is_yours: bool,
}

/// A message of the files protocol. Names are as they came: unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FileMessage<'a> {
    /// A file is there to be had.
    Offer {
        /// Its length in bytes.
        size: u32,
        /// Of the whole.
        digest: Digest,
        /// Media type.
        kind: &'a str,
        /// What it is called.
        name: &'a str,
    },
    /// The file is wanted from there on.
    Accept {
        /// So much is there already.
        offset: u32,
        /// The digest of what is there, unless that is nothing.
        digest: Option<Digest>,
    },
    /// The file from there to its end follows.
    Data {
        /// Where it begins.
        offset: u32,
        /// The content in the first frame.
        content: &'a [u8],
    },
    /// It is done.
    Done,
    /// It will not be.
    Cancel(Reason),
    /// A file is wanted.
    Get(&'a str),
    /// The entry of that index is wanted.
    List(u32),
    /// An entry of the store.
    Entry {
        /// Which one.
        index: u32,
        /// Its length when whole, in bytes.
        size: u32,
        /// How much of it is there.
        stored: u32,
        /// Of the whole, where it is known.
        digest: Option<Digest>,
        /// Media type.
        kind: &'a str,
        /// What it is called.
        name: &'a str,
    },
    /// There is no entry of that index, and so much room.
    Space(Space),
    /// A file is to go.
    Remove(&'a str),
    /// A file is to have another name.
    Rename {
        /// The name that it has.
        from: &'a str,
        /// The name that it is to have.
        to: &'a str,
    },
}

/// True for DATA, which is the only message that is not looked at as a whole.
pub(super) fn is_data(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|kind| kind & !YOURS == DATA)
}

impl<'a> FileMessage<'a> {
    /// Reads a message; `None` for one that is cut short, or of a type that this version does not know.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<(Number, Self)> {
        let mut body = Reader::new(bytes);
        let kind = body.u8()?;
        let number = Number { number: body.varint()?, is_yours: kind & YOURS != 0 };
        let message = match kind & !YOURS {
            OFFER => Self::Offer {
                size: body.varint()?,
                digest: Digest::read(&mut body)??,
                kind: body.string()?,
                name: body.string()?,
            },
            ACCEPT => {
                let offset = body.varint()?;
                Self::Accept { offset, digest: if offset == 0 { None } else { Digest::read(&mut body)? } }
            }
            DATA => Self::Data { offset: body.varint()?, content: body.rest() },
            DONE => Self::Done,
            CANCEL => Self::Cancel(Reason::from_wire(body.u8()?)),
            GET => Self::Get(body.string()?),
            LIST => Self::List(body.varint()?),
            ENTRY => Self::Entry {
                index: body.varint()?,
                size: body.varint()?,
                stored: body.varint()?,
                digest: Digest::read(&mut body)?,
                kind: body.string()?,
                name: body.string()?,
            },
            SPACE => Self::Space(Space { free: body.varint()?, capacity: body.varint()? }),
            REMOVE => Self::Remove(body.string()?),
            RENAME => Self::Rename { from: body.string()?, to: body.string()? },
            _ => return None,
        };
        Some((number, message))
    }

    /// Writes the message to the front of `out`, of DATA all but the content; `None` when it does not fit.
    pub fn encode<'o>(&self, number: Number, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        let mut body = Writer::new(out);
        body.u8(self.kind() | if number.is_yours { YOURS } else { 0 });
        body.varint(number.number);
        match *self {
            Self::Offer { size, digest, kind, name } => {
                body.varint(size);
                Digest::write(Some(digest), &mut body);
                body.bytes(kind.as_bytes());
                body.bytes(name.as_bytes());
            }
            Self::Accept { offset, digest } => {
                body.varint(offset);
                if offset != 0 {
                    Digest::write(digest, &mut body);
                }
            }
            Self::Data { offset: value, .. } | Self::List(value) => body.varint(value),
            Self::Done => {}
            Self::Cancel(reason) => body.u8(reason as u8),
            Self::Get(name) | Self::Remove(name) => body.bytes(name.as_bytes()),
            Self::Entry { index, size, stored, digest, kind, name } => {
                [index, size, stored].into_iter().for_each(|value| body.varint(value));
                Digest::write(digest, &mut body);
                body.bytes(kind.as_bytes());
                body.bytes(name.as_bytes());
            }
            Self::Space(Space { free, capacity }) => {
                body.varint(free);
                body.varint(capacity);
            }
            Self::Rename { from, to } => {
                body.bytes(from.as_bytes());
                body.bytes(to.as_bytes());
            }
        }
        body.finish()
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Offer { .. } => OFFER,
            Self::Accept { .. } => ACCEPT,
            Self::Data { .. } => DATA,
            Self::Done => DONE,
            Self::Cancel(_) => CANCEL,
            Self::Get(_) => GET,
            Self::List(_) => LIST,
            Self::Entry { .. } => ENTRY,
            Self::Space(_) => SPACE,
            Self::Remove(_) => REMOVE,
            Self::Rename { .. } => RENAME,
        }
    }
}
