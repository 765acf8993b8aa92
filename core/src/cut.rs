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

/// How messages are cut. The function for text stands here only once units were asked for: a program that never does comes without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutter {
    units_max: usize,
    cut_text: Option<CutText>,
}

/// Writes so many code units to the front of a slice, as far as they fit; how many bytes that was.
type CutText = fn(&mut Units<'_>, usize, &mut [u8]) -> usize;

impl Cutter {
    /// [`Cut::Fill`].
    pub(crate) const FILL: Self = Self { units_max: usize::MAX, cut_text: None };

    pub(crate) fn new(cut: Cut) -> Self {
        match cut {
            Cut::Fill => Self::FILL,
            Cut::Units(units) => Self { units_max: usize::from(units.get()), cut_text: Some(cut_units) },
        }
    }
}

/// The pieces of a message, one after the other.
#[derive(Clone)]
pub(crate) struct Pieces<'a> {
    rest: Units<'a>,
    bytes: &'a [u8],
    message: &'a Message<'a>,
    cutter: Cutter,
    data_max: usize,
    first: bool,
}

impl<'a> Pieces<'a> {
    /// Pieces that, with the meta on the first, take at most `data_max` bytes.
    pub(crate) fn new(message: &'a Message<'a>, cutter: Cutter, data_max: usize) -> Self {
        Self { rest: Units::new(message.data), bytes: message.data, message, cutter, data_max, first: true }
    }

    /// The next piece, taken from the message or, where a cut goes through a character, written to `scratch`.
    pub(crate) fn next<'s>(&mut self, scratch: &'s mut [u8]) -> Option<&'s [u8]>
    where
        'a: 's,
    {
        let meta_len = if core::mem::take(&mut self.first) { self.message.meta.len() } else { 0 };
        let room = self.data_max - meta_len;
        if let (Some(cut_text), Kind::Text) = (self.cutter.cut_text, self.message.kind) {
            let room = scratch.get_mut(..room)?;
            let len = cut_text(&mut self.rest, self.cutter.units_max, room);
            return room.get(..len).filter(|piece| !piece.is_empty());
        }
        let max = room.min(self.cutter.units_max);
        let len = match self.message.kind {
            Kind::Text => wtf8::head(self.bytes, max),
            Kind::Binary => self.bytes.len().min(max),
        };
        let (piece, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        (!piece.is_empty()).then_some(piece)
    }
}

fn cut_units(rest: &mut Units<'_>, units_max: usize, room: &mut [u8]) -> usize {
    let mut out = Encoder::new(room);
    for _ in 0..units_max {
        let mut after = *rest;
        let Some(unit) = after.next().filter(|unit| out.has_room_for(*unit)) else { break };
        out.push(unit);
        *rest = after;
    }
    out.finish().map_or(0, <[u8]>::len)
}
