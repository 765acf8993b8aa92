//! Cuts a message into the pieces that its frames carry.
//!
//! Text is cut between characters, or, as clients written in JavaScript do it, between UTF-16 code units.

use core::num::NonZeroU16;

use crate::frame::Kind;
use crate::wtf8::{self, Encoder, Units};

/// Into what pieces a message is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cut {
    /// As much as a frame holds, text between characters.
    #[default]
    Fill,
    /// This many UTF-16 code units of text, as clients written in JavaScript cut, or this many bytes; a surrogate pair may be
    /// cut in two. A frame that cannot hold so many gets what it holds.
    Units(NonZeroU16),
}

impl Cut {
    /// Pieces of `size` code units or bytes; `None` for 0 or more than 65535.
    #[must_use]
    pub fn units(size: usize) -> Option<Self> {
        u16::try_from(size).ok().and_then(NonZeroU16::new).map(Self::Units)
    }
}

/// A message to send, all of it at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Text or bytes.
    pub kind: Kind,
    /// What the message is, for the receiving application; empty for none. It travels on the first frame.
    pub meta: &'a str,
    /// The message.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message of text.
    #[must_use]
    pub const fn text(text: &'a str) -> Self {
        Self { kind: Kind::Text, meta: "", data: text.as_bytes() }
    }

    /// A message of text that may hold half a surrogate pair, as [WTF-8](crate::wtf8).
    #[must_use]
    pub const fn text_wtf8(text: &'a [u8]) -> Self {
        Self { kind: Kind::Text, meta: "", data: text }
    }

    /// A message of bytes.
    #[must_use]
    pub const fn bytes(data: &'a [u8]) -> Self {
        Self { kind: Kind::Binary, meta: "", data }
    }

    /// The same message with `meta` on its first frame.
    #[must_use]
    pub const fn with_meta(self, meta: &'a str) -> Self {
        Self { meta, ..self }
    }
}

/// The pieces of a message, one after the other.
#[derive(Clone)]
pub(crate) struct Pieces<'a> {
    rest: Units<'a>,
    bytes: &'a [u8],
    message: &'a Message<'a>,
    cut: Cut,
    data_max: usize,
    first: bool,
}

impl<'a> Pieces<'a> {
    /// Pieces that, with the meta on the first, take at most `data_max` bytes.
    pub(crate) fn new(message: &'a Message<'a>, cut: Cut, data_max: usize) -> Self {
        Self { rest: Units::new(message.data), bytes: message.data, message, cut, data_max, first: true }
    }

    /// The next piece, taken from the message or, where a cut goes through a character, written to `scratch`.
    pub(crate) fn next<'s>(&mut self, scratch: &'s mut [u8]) -> Option<&'s [u8]>
    where
        'a: 's,
    {
        let meta_len = if core::mem::take(&mut self.first) { self.message.meta.len() } else { 0 };
        let room = self.data_max - meta_len;
        if let (Cut::Units(units), Kind::Text) = (self.cut, self.message.kind) {
            return self.next_units(usize::from(units.get()), scratch.get_mut(..room)?);
        }
        let max = match self.cut {
            Cut::Units(units) => usize::from(units.get()).min(room),
            Cut::Fill => room,
        };
        let len = match self.message.kind {
            Kind::Text => wtf8::head(self.bytes, max),
            Kind::Binary => self.bytes.len().min(max),
        };
        let (piece, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        (!piece.is_empty()).then_some(piece)
    }

    fn next_units<'s>(&mut self, units: usize, room: &'s mut [u8]) -> Option<&'s [u8]> {
        let mut out = Encoder::new(room);
        for _ in 0..units {
            let mut rest = self.rest;
            let Some(unit) = rest.next().filter(|unit| out.has_room_for(*unit)) else { break };
            out.push(unit);
            self.rest = rest;
        }
        out.finish().filter(|piece| !piece.is_empty())
    }
}
