//! OPEN: a channel's name and its number ([section 4](crate::protocol#4-open)).

use super::channel_id;
use crate::bytes::{Reader, Writer};
use crate::channel::{Channel, ChannelId, Delivery, Priority};

pub(super) fn read<'a>(mut body: Reader<'a>) -> Option<(ChannelId, Channel<'a>)> {
    let id = channel_id(&mut body)?;
    let priority = Priority::from_wire(body.u8()?)?;
    let delivery = Delivery::from_wire(body.u8()?)?;
    let channel = Channel { name: body.string()?, priority, delivery, content: body.string()?, meta: body.string()? };
    channel.check().is_ok().then_some((id, channel))
}

pub(super) fn write(out: &mut Writer<'_>, id: ChannelId, channel: &Channel<'_>) {
    out.u8(super::OPEN << 4);
    out.varint(u32::from(id.0));
    out.u8(channel.priority as u8);
    out.u8(channel.delivery as u8);
    for field in [channel.name, channel.content, channel.meta] {
        out.bytes(field.as_bytes());
    }
}
