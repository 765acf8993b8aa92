//! CLOSE: the end of one direction of a channel ([section 7](crate::protocol#7-close)).

use super::channel_id;
use crate::bytes::{Reader, Writer};
use crate::channel::ChannelId;

/// Longest reason of a reset, in bytes.
pub const REASON_MAX: usize = 32;

const RESET: u8 = 1;
pub(super) const FLAGS: u8 = RESET;

/// The end of a channel of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Close<'a> {
    /// Low byte of the number of this transmission.
    pub number: u8,
    /// A channel of the sender.
    pub channel: ChannelId,
    /// Low byte of the place after the last frame.
    pub place: u8,
    /// Why it ends at once, what did not arrive being dropped; `None` for an end in good order.
    pub reset: Option<&'a str>,
}

pub(super) fn read<'a>(flags: u8, mut body: Reader<'a>) -> Option<Close<'a>> {
    let (number, channel, place) = (body.u8()?, channel_id(&mut body)?, body.u8()?);
    let reason = core::str::from_utf8(body.rest()).ok()?;
    let is_reset = flags & RESET != 0;
    let fits = if is_reset { reason.len() <= REASON_MAX } else { reason.is_empty() };
    fits.then_some(Close { number, channel, place, reset: is_reset.then_some(reason) })
}

pub(super) fn write(out: &mut Writer<'_>, close: &Close<'_>) {
    out.u8(super::CLOSE << 4 | if close.reset.is_some() { RESET } else { 0 });
    out.u8(close.number);
    out.u8(close.channel.0);
    out.u8(close.place);
    out.put(close.reset.unwrap_or_default().as_bytes());
}
