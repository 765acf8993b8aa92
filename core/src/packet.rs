//! The binary encoding: packets as [section 2](crate::protocol#2-packet) and following lay them out.
//!
//! A packet is parsed once into a type that cannot be wrong. Decoding borrows from the input and copies nothing.

mod ack;
mod close;
mod data;
mod hello;
mod open;

use core::fmt;

pub use ack::Ack;
pub use close::{Close, REASON_MAX};
pub(crate) use data::overhead as data_overhead;
pub use data::{Care, Data, RUN_MAX};
pub(crate) use hello::CHANNELS_MAX;
pub use hello::{Hello, IDENTITY_MAX, Identity, PACKET_MIN, Terms, VERSION};
pub use open::Open;

use crate::bytes::{Reader, Writer};
use crate::channel::ChannelId;
use crate::crc::crc32;

const CHECK: usize = 4;
const HELLO: u8 = 1;
const OPEN: u8 = 2;
const LOSSY: u8 = 3;
const FRAME: u8 = 4;
const RUN: u8 = 5;
const ACK: u8 = 6;
const CLOSE: u8 = 7;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Packet<'a> {
    /// Who is there, and since when.
    Hello(Hello<'a>),
    /// A channel of the sender and the number that stands for it.
    Open(Open<'a>),
    /// A frame or a run of them; the channel is a number of the sender.
    Data(Data<'a>),
    /// What has arrived, and how far channels may go.
    Ack(Ack<'a>),
    /// The end of a channel of the sender.
    Close(Close<'a>),
}

/// What the check of every packet but HELLO is mixed with, so that those of an older link, or of the other direction, do not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Seal(u32);

impl Seal {
    /// For packets from one epoch to another.
    #[must_use]
    pub const fn new(sender: u32, receiver: u32) -> Self {
        Self(sender ^ receiver.rotate_left(16))
    }

    fn of_kind(self, kind: u8) -> u32 {
        if kind >> 4 == HELLO { 0 } else { self.0 }
    }
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// The check does not fit: noise, another link, or not our protocol.
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
    /// Reads a packet whose byte stuffing is removed, on the link that `seal` stands for.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says why it is none; whatever the bytes, nothing panics.
    pub fn decode(bytes: &'a [u8], seal: Seal) -> Result<Self, DecodeError> {
        Self::decode_checked(check(bytes, seal)?)
    }

    /// Reads kind and body, the check having been looked at.
    pub(crate) fn decode_checked(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (&kind, body) = bytes.split_first().ok_or(DecodeError::Malformed)?;
        let flags = kind & 0x0f;
        let reader = Reader::new(body);
        let packet = match kind >> 4 {
            HELLO if flags & !hello::FLAGS == 0 => hello::read(flags, reader).map(Self::Hello),
            OPEN if flags == 0 => open::read(reader).map(Self::Open),
            LOSSY if flags & !data::LOSSY_FLAGS == 0 => data::read_lossy(flags, reader).map(Self::Data),
            FRAME => data::read_numbered(flags, reader, false).map(Self::Data),
            RUN => data::read_numbered(flags, reader, true).map(Self::Data),
            ACK if flags == 0 => ack::read(reader).map(Self::Ack),
            CLOSE if flags & !close::FLAGS == 0 => close::read(flags, reader).map(Self::Close),
            _ => return Err(DecodeError::Unknown),
        };
        packet.ok_or(DecodeError::Malformed)
    }

    /// Writes the packet with its check to the front of `out`; `None` when it does not fit.
    pub fn encode<'o>(&self, seal: Seal, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        self.encode_run(&mut core::iter::empty(), seal, out)
    }

    /// The same, with the data of further frames of a run behind that of the first.
    pub(crate) fn encode_run<'o>(
        &self,
        further: &mut dyn Iterator<Item = &[u8]>,
        seal: Seal,
        out: &'o mut [u8],
    ) -> Option<&'o mut [u8]> {
        let body = out.len().checked_sub(CHECK)?;
        let mut writer = Writer::new(out.get_mut(..body)?);
        match self {
            Self::Hello(hello) => hello::write(&mut writer, hello),
            Self::Open(open) => open::write(&mut writer, open),
            Self::Data(data) => data::write(&mut writer, data),
            Self::Ack(ack) => ack::write(&mut writer, ack),
            Self::Close(close) => close::write(&mut writer, close),
        }
        further.for_each(|data| writer.put(data));
        let checked = writer.finish()?;
        let len = checked.len();
        let crc = crc32(checked) ^ seal.of_kind(*checked.first()?);
        let packet = out.get_mut(..len.checked_add(CHECK)?)?;
        *packet.last_chunk_mut()? = crc.to_le_bytes();
        Some(packet)
    }
}

/// Kind and body of a packet whose check fits.
pub(crate) fn check(bytes: &[u8], seal: Seal) -> Result<&[u8], DecodeError> {
    let (checked, crc) = bytes.split_last_chunk::<CHECK>().ok_or(DecodeError::Crc)?;
    let seal = checked.first().map_or(0, |kind| seal.of_kind(*kind));
    if crc32(checked) ^ seal == u32::from_le_bytes(*crc) { Ok(checked) } else { Err(DecodeError::Crc) }
}

fn channel_id(body: &mut Reader<'_>) -> Option<ChannelId> {
    body.u8().filter(|number| *number < CHANNELS_MAX).map(ChannelId)
}
