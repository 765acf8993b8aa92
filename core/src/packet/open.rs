//! OPEN: a channel's name and its number ([section 4](crate::protocol#4-open)).

use super::channel_id;
use crate::bytes::{Reader, Writer};
use crate::channel::{Channel, ChannelId, Delivery, Priority};

/// A channel of the sender, and the number that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Open<'a> {
    /// Its number.
    pub id: ChannelId,
    /// Low byte of the place of its next frame.
    pub place: u8,
    /// What it is.
    pub channel: Channel<'a>,
}

pub(super) fn read<'a>(mut body: Reader<'a>) -> Option<Open<'a>> {
    let (id, place) = (channel_id(&mut body)?, body.u8()?);
    let priority = Priority::from_wire(body.u8()?)?;
    let delivery = Delivery::from_wire(body.u8()?)?;
    let channel = Channel { name: body.string()?, priority, delivery, content: body.string()?, meta: body.string()? };
    channel.check().is_ok().then_some(Open { id, place, channel })
}

pub(super) fn write(out: &mut Writer<'_>, Open { id, place, channel }: &Open<'_>) {
    out.u8(super::OPEN << 4);
    out.u8(id.0);
    out.u8(*place);
    out.u8(channel.priority as u8);
    out.u8(channel.delivery as u8);
    for field in [channel.name, channel.content, channel.meta] {
        out.bytes(field.as_bytes());
    }
}
