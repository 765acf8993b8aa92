//! The binary encoding: packets as [section 2](crate::protocol#2-packet) and following lay them out.
//!
//! A packet is parsed once into a type that cannot be wrong. Decoding borrows from the input and copies nothing.

use core::fmt;

use crate::bytes::{Reader, Writer};
use crate::channel::{Channel, ChannelId, Delivery, Priority};
use crate::crc::crc32;
use crate::frame::{Frame, Kind, MessageId, Position};

/// The protocol version of this code.
pub const VERSION: u8 = 1;
/// Longest name, firmware and serial in a HELLO, in bytes.
pub const IDENTITY_MAX: usize = 32;
/// Least `packet_max` a HELLO may state: the length of the longest HELLO.
pub const PACKET_MIN: usize = 120;

const CRC: usize = 4;
const HELLO: u8 = 1;
const OPEN: u8 = 2;
const DATA: u8 = 3;
const TOTAL: u8 = 1;
const META: u8 = 2;
const BINARY: u8 = 4;

/// Who a peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity<'a> {
    /// What the device is; at most [`IDENTITY_MAX`] bytes, as each of these.
    pub name: &'a str,
    /// Program and version.
    pub firmware: &'a str,
    /// Tells this device from all others of its kind.
    pub serial: &'a str,
}

impl<'a> Identity<'a> {
    /// The same with each field cut, between characters, to [`IDENTITY_MAX`] bytes.
    pub(crate) fn shortened(self) -> Self {
        let shorten = |text: &'a str| text.get(..crate::wtf8::head(text.as_bytes(), IDENTITY_MAX)).unwrap_or_default();
        Self { name: shorten(self.name), firmware: shorten(self.firmware), serial: shorten(self.serial) }
    }
}

/// The greeting that begins a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello<'a> {
    /// What decides the link.
    pub terms: Terms,
    /// Who the sender is.
    pub identity: Identity<'a>,
}

/// The numbers of a HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Terms {
    /// Oldest version spoken.
    pub version_min: u8,
    /// Newest version spoken.
    pub version_max: u8,
    /// Changes at every boot of the sender; never 0.
    pub epoch: u32,
    /// The receiver's epoch as the sender knows it, 0 for none.
    pub seen: u32,
    /// Longest packet that the sender takes, in bytes before COBS.
    pub packet_max: u32,
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Packet<'a> {
    /// Who is there, and since when.
    Hello(Hello<'a>),
    /// A channel of the sender and the number that stands for it.
    Open(ChannelId, Channel<'a>),
    /// A frame; its channel is a number of the sender.
    Data(Frame<'a>),
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// The check does not fit: noise, or not our protocol.
    Crc,
    /// A type or flag of a later version.
    Unknown,
    /// The check fits but a field is cut short or out of its range: the sender's mistake.
    Malformed,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crc => "the CRC-32 does not fit",
            Self::Unknown => "unknown packet type or flag",
            Self::Malformed => "a field is cut short or out of range",
        })
    }
}

impl core::error::Error for DecodeError {}

impl<'a> Packet<'a> {
    /// Reads a packet whose byte stuffing is removed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says why it is none; whatever the bytes, nothing panics.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode_checked(check(bytes)?)
    }

    /// Reads kind and body, the check having been looked at.
    pub(crate) fn decode_checked(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (&kind, body) = bytes.split_first().ok_or(DecodeError::Malformed)?;
        let flags = kind & 0x0f;
        let reader = Reader::new(body);
        let packet = match kind >> 4 {
            HELLO if flags == 0 => hello(reader).map(Self::Hello),
            OPEN if flags == 0 => open(reader).map(|(id, channel)| Self::Open(id, channel)),
            DATA if flags & !(TOTAL | META | BINARY) == 0 => data(flags, reader).map(Self::Data),
            _ => return Err(DecodeError::Unknown),
        };
        packet.ok_or(DecodeError::Malformed)
    }

    /// Writes the packet with its check to the front of `out`; `None` when it does not fit.
    pub fn encode<'o>(&self, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        let body = out.len().checked_sub(CRC)?;
        let mut writer = Writer::new(out.get_mut(..body)?);
        match self {
            Self::Hello(hello) => put_hello(&mut writer, hello),
            Self::Open(id, channel) => put_open(&mut writer, *id, channel),
            Self::Data(frame) => put_data(&mut writer, frame),
        }
        let checked = writer.finish()?;
        let len = checked.len();
        let crc = crc32(checked);
        let packet = out.get_mut(..len.checked_add(CRC)?)?;
        *packet.last_chunk_mut()? = crc.to_le_bytes();
        Some(packet)
    }
}

/// Kind and body of a packet whose check fits.
pub(crate) fn check(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let (checked, crc) = bytes.split_last_chunk::<CRC>().ok_or(DecodeError::Crc)?;
    if crc32(checked) == u32::from_le_bytes(*crc) { Ok(checked) } else { Err(DecodeError::Crc) }
}

/// Bytes around the data of a frame, before COBS, when no varint is longer than these values need.
pub(crate) fn data_overhead(channel: ChannelId, message: MessageId, sequence_max: u32, meta: &str) -> usize {
    let labels = [u32::from(channel.0), message.0, sequence_max, sequence_max.saturating_add(1)];
    let meta_len = if meta.is_empty() { 0 } else { varint_len(meta.len() as u32) + meta.len() };
    1 + labels.into_iter().map(varint_len).sum::<usize>() + meta_len + CRC
}

fn varint_len(value: u32) -> usize {
    (32 - (value | 1).leading_zeros()).div_ceil(7) as usize
}

fn hello<'a>(mut body: Reader<'a>) -> Option<Hello<'a>> {
    let terms = Terms {
        version_min: body.u8()?,
        version_max: body.u8()?,
        epoch: body.u32()?,
        seen: body.u32()?,
        packet_max: body.varint()?,
    };
    let identity = Identity { name: body.string()?, firmware: body.string()?, serial: body.string()? };
    let valid = terms.epoch != 0
        && terms.version_min <= terms.version_max
        && usize::try_from(terms.packet_max).is_ok_and(|max| max >= PACKET_MIN)
        && [identity.name, identity.firmware, identity.serial].iter().all(|field| field.len() <= IDENTITY_MAX);
    valid.then_some(Hello { terms, identity })
}

fn put_hello(out: &mut Writer<'_>, Hello { terms, identity }: &Hello<'_>) {
    out.u8(HELLO << 4);
    out.u8(terms.version_min);
    out.u8(terms.version_max);
    out.u32(terms.epoch);
    out.u32(terms.seen);
    out.varint(terms.packet_max);
    for field in [identity.name, identity.firmware, identity.serial] {
        out.bytes(field.as_bytes());
    }
}

fn channel_id(body: &mut Reader<'_>) -> Option<ChannelId> {
    u8::try_from(body.varint()?).ok().map(ChannelId)
}

fn open<'a>(mut body: Reader<'a>) -> Option<(ChannelId, Channel<'a>)> {
    let id = channel_id(&mut body)?;
    let priority = Priority::from_wire(body.u8()?)?;
    let delivery = Delivery::from_wire(body.u8()?)?;
    let channel = Channel { name: body.string()?, priority, delivery };
    channel.has_valid_name().then_some((id, channel))
}

fn put_open(out: &mut Writer<'_>, id: ChannelId, channel: &Channel<'_>) {
    out.u8(OPEN << 4);
    out.varint(u32::from(id.0));
    out.u8(channel.priority as u8);
    out.u8(channel.delivery as u8);
    out.bytes(channel.name.as_bytes());
}

fn data<'a>(flags: u8, mut body: Reader<'a>) -> Option<Frame<'a>> {
    let channel = channel_id(&mut body)?;
    let message = MessageId(body.varint()?);
    let sequence = body.varint()?;
    let total = if flags & TOTAL == 0 { None } else { Some(body.varint()?) };
    let position = Position::new(sequence, total)?;
    let meta = match flags & META {
        0 => "",
        _ if sequence == 0 => body.string()?,
        _ => return None,
    };
    let kind = if flags & BINARY == 0 { Kind::Text } else { Kind::Binary };
    Some(Frame { channel, message, position, kind, meta, data: body.rest() })
}

fn put_data(out: &mut Writer<'_>, frame: &Frame<'_>) {
    let total = frame.position.total();
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.u8(DATA << 4
        | flag(total.is_some(), TOTAL)
        | flag(!frame.meta.is_empty(), META)
        | flag(frame.kind == Kind::Binary, BINARY));
    out.varint(u32::from(frame.channel.0));
    out.varint(frame.message.0);
    out.varint(frame.position.sequence());
    if let Some(total) = total {
        out.varint(total);
    }
    if !frame.meta.is_empty() {
        out.bytes(frame.meta.as_bytes());
    }
    out.put(frame.data);
}
