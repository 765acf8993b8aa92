//! ACK: what has arrived, and how far channels may go ([section 6](crate::protocol#6-ack)).

use crate::bytes::{Reader, Writer};
use crate::channel::ChannelId;

/// An acknowledgement, with the credit of some channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ack<'a> {
    /// Low byte of the newest number.
    pub newest: u8,
    /// Bit `i` is set when number `newest - i` is missing.
    pub missing: u32,
    credits: &'a [u8],
}

impl<'a> Ack<'a> {
    /// An acknowledgement with credits as [`Ack::credit`] has written them, one behind the other.
    #[must_use]
    pub fn new(newest: u8, missing: u32, credits: &'a [u8]) -> Self {
        Self { newest, missing, credits }
    }

    /// Channels of the receiver of this packet, and the low byte of the place that each may send below.
    pub fn credits(&self) -> impl Iterator<Item = (ChannelId, u8)> + 'a {
        self.credits.as_chunks().0.iter().map(|&[channel, limit]| (ChannelId(channel), limit))
    }

    /// One credit as it is written.
    #[must_use]
    pub fn credit(channel: ChannelId, limit: u8) -> [u8; 2] {
        [channel.0, limit]
    }
}

pub(super) fn read<'a>(mut body: Reader<'a>) -> Option<Ack<'a>> {
    let (newest, missing) = (body.u8()?, body.varint()?);
    Some(Ack { newest, missing, credits: body.rest() }).filter(|ack| ack.credits.len().is_multiple_of(2))
}

pub(super) fn write(out: &mut Writer<'_>, ack: &Ack<'_>) {
    out.u8(super::ACK << 4);
    out.u8(ack.newest);
    out.varint(ack.missing);
    out.put(ack.credits);
}
