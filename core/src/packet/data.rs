//! LOSSY, FRAME and RUN: the frames of messages ([section 5](crate::protocol#5-lossy-frame-and-run)).

use super::{CHECK, channel_id};
use crate::bytes::{Reader, Writer};
use crate::channel::ChannelId;
use crate::frame::{Kind, MessageId, Position};

/// Most frames of one run.
pub const RUN_MAX: usize = 16;

const TOTAL: u8 = 1;
const META: u8 = 2;
const BINARY: u8 = 4;
const NEXT: u8 = 8;
pub(super) const LOSSY_FLAGS: u8 = TOTAL | META | BINARY;

/// How a frame is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Care {
    /// Lost when it is lost.
    Lossy,
    /// Sent again until it is acknowledged.
    Numbered {
        /// Low byte of the number of this transmission on the link.
        number: u8,
        /// Low byte of its place on its channel.
        place: u8,
    },
}

/// A frame, or a run of neighbouring ones, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Data<'a> {
    /// How it is repaired.
    pub care: Care,
    /// A channel of the sender.
    pub channel: ChannelId,
    /// Message and sequence of the first frame; absent when it continues the frame of the place before it.
    pub labels: Option<(MessageId, u32)>,
    /// Frames in the message, where the packet says so.
    pub total: Option<u32>,
    /// Text or bytes.
    pub kind: Kind,
    /// What the message is; empty for none.
    pub meta: &'a str,
    /// In a run, data bytes of every frame but the last.
    pub size: Option<usize>,
    /// The data of all its frames.
    pub data: &'a [u8],
}

impl<'a> Data<'a> {
    /// How many frames there are; one more than [`RUN_MAX`] for any number beyond it.
    #[must_use]
    pub fn frames(&self) -> usize {
        let Some(size) = self.size else { return 1 };
        // Added up, as the smallest chips have no division.
        let (mut frames, mut end) = (0, 0usize);
        while end < self.data.len() && frames <= RUN_MAX {
            end = end.saturating_add(size);
            frames += 1;
        }
        frames
    }

    /// The data of the `index`-th frame.
    #[must_use]
    pub fn frame(&self, index: usize) -> Option<&'a [u8]> {
        let Some(size) = self.size else { return (index == 0).then_some(self.data) };
        let rest = self.data.get(index.checked_mul(size)?..).filter(|rest| !rest.is_empty())?;
        Some(rest.get(..size).unwrap_or(rest))
    }

    /// What is said of the labels of the `index`-th frame: only the first may have any.
    pub(crate) fn labels_of(&self, index: usize) -> Option<(MessageId, u32)> {
        self.labels.filter(|_| index == 0)
    }

    fn is_valid(&self) -> bool {
        let meta_in_place = self.meta.is_empty() || self.labels.is_some_and(|(_, sequence)| sequence == 0);
        let last = u32::try_from(self.frames()).ok().and_then(|frames| frames.checked_sub(1));
        let in_total = match (self.labels, last) {
            (Some((_, first)), Some(last)) => {
                first.checked_add(last).is_some_and(|last| Position::new(last, self.total).is_some())
            }
            (None, Some(_)) => self.total != Some(0),
            (_, None) => false,
        };
        meta_in_place && in_total && (self.size.is_none() || (2..=RUN_MAX).contains(&self.frames()))
    }
}

/// Bytes around the data of a frame, before COBS, when no number is longer than these.
pub(crate) fn overhead(message: MessageId, sequence_max: u32, meta: &str) -> usize {
    let labels = [message.0, sequence_max, sequence_max.saturating_add(1)];
    let meta_len = if meta.is_empty() { 0 } else { varint_len(meta.len() as u32) + meta.len() };
    let number_channel_place = 3;
    1 + number_channel_place + labels.iter().map(|label| varint_len(*label)).sum::<usize>() + meta_len + CHECK
}

fn varint_len(value: u32) -> usize {
    // Compared, not computed: the smallest chips have no instruction for the bits of a number, nor for division.
    1 + [0x80, 0x4000, 0x20_0000, 0x1000_0000].iter().filter(|longer| value >= **longer).count()
}

pub(super) fn read_lossy<'a>(flags: u8, mut body: Reader<'a>) -> Option<Data<'a>> {
    let channel = channel_id(&mut body)?;
    read_rest(Care::Lossy, channel, flags, body, false)
}

pub(super) fn read_numbered<'a>(flags: u8, mut body: Reader<'a>, is_run: bool) -> Option<Data<'a>> {
    let number = body.u8()?;
    let channel = channel_id(&mut body)?;
    let place = body.u8()?;
    read_rest(Care::Numbered { number, place }, channel, flags, body, is_run)
}

fn read_rest<'a>(care: Care, channel: ChannelId, flags: u8, mut body: Reader<'a>, is_run: bool) -> Option<Data<'a>> {
    let labels = if flags & NEXT == 0 { Some((MessageId(body.varint()?), body.varint()?)) } else { None };
    let total = if flags & TOTAL == 0 { None } else { Some(body.varint()?) };
    let meta = if flags & META == 0 { "" } else { body.string()? };
    let size = if is_run { Some(usize::try_from(body.varint()?).ok().filter(|size| *size > 0)?) } else { None };
    let kind = if flags & BINARY == 0 { Kind::Text } else { Kind::Binary };
    let data = Data { care, channel, labels, total, kind, meta, size, data: body.rest() };
    data.is_valid().then_some(data)
}

pub(super) fn write(out: &mut Writer<'_>, data: &Data<'_>) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let flags =
        flag(data.total.is_some(), TOTAL) | flag(!data.meta.is_empty(), META) | flag(data.kind == Kind::Binary, BINARY);
    match data.care {
        Care::Lossy => {
            out.u8(super::LOSSY << 4 | flags);
            out.u8(data.channel.0);
        }
        Care::Numbered { number, place } => {
            let kind = if data.size.is_some() { super::RUN } else { super::FRAME };
            out.u8(kind << 4 | flags | flag(data.labels.is_none(), NEXT));
            out.u8(number);
            out.u8(data.channel.0);
            out.u8(place);
        }
    }
    if let Some((message, sequence)) = data.labels {
        out.varint(message.0);
        out.varint(sequence);
    }
    if let Some(total) = data.total {
        out.varint(total);
    }
    if !data.meta.is_empty() {
        out.bytes(data.meta.as_bytes());
    }
    if let Some(size) = data.size {
        out.varint(size as u32);
    }
    out.put(data.data);
}
