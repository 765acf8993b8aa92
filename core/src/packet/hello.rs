//! HELLO: who is there, since when, and what it takes ([section 3](crate::protocol#3-hello)).

use crate::bytes::{Reader, Writer};

/// The protocol version of this code.
pub const VERSION: u8 = 2;
/// Longest name, firmware and serial in a HELLO, in bytes.
pub const IDENTITY_MAX: usize = 32;
/// Least `packet_max` a HELLO may state: no HELLO and no OPEN is longer.
pub const PACKET_MIN: usize = 130;

const ASKS: u8 = 1;
pub(super) const FLAGS: u8 = ASKS;

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
    /// The sender wants an answer: it is not up, or wants the channel table.
    pub asks: bool,
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
    /// Frames of a channel that the sender takes before it has said any credit, 1 to 64.
    pub window: u8,
    /// Packets after which the sender wants an acknowledgement at the latest; at least 1.
    pub ack_every: u8,
    /// Milliseconds without a packet after which the sender takes the line for dead; 0 for never.
    pub silence_ms: u32,
    /// Channels of the receiver's that the sender keeps, 1 to 128: their numbers are below this.
    pub channels: u8,
}

/// Most that [`Terms::window`] may be: places of a channel that are on their way have a byte to be told apart.
pub(crate) const WINDOW_MAX: u8 = 64;
/// Most that [`Terms::channels`] may be: the numbers of channels are below it.
pub(crate) const CHANNELS_MAX: u8 = 128;

pub(super) fn read<'a>(flags: u8, mut body: Reader<'a>) -> Option<Hello<'a>> {
    let [version_min, version_max] = [body.u8()?, body.u8()?];
    let [epoch, seen] = [body.u32()?, body.u32()?];
    let packet_max = body.varint()?;
    let identity = Identity { name: body.string()?, firmware: body.string()?, serial: body.string()? };
    // Version 1 ends here, and no later one than ours need go on as ours does; whoever speaks only those is to be told so by name.
    let is_ours = (version_min..=version_max).contains(&VERSION);
    let (window, ack_every, silence_ms, channels) =
        if is_ours { (body.varint()?, body.u8()?, body.varint()?, body.u8()?) } else { (1, 1, 0, 1) };
    let terms = Terms {
        version_min,
        version_max,
        epoch,
        seen,
        packet_max,
        window: u8::try_from(window).ok().filter(|window| (1..=WINDOW_MAX).contains(window))?,
        ack_every,
        silence_ms,
        channels,
    };
    let valid = epoch != 0
        && ack_every > 0
        && (1..=CHANNELS_MAX).contains(&channels)
        && version_min <= version_max
        && (!is_ours || usize::try_from(packet_max).is_ok_and(|max| max >= PACKET_MIN))
        && [identity.name, identity.firmware, identity.serial].iter().all(|field| field.len() <= IDENTITY_MAX);
    valid.then_some(Hello { asks: flags & ASKS != 0, terms, identity })
}

pub(super) fn write(out: &mut Writer<'_>, Hello { asks, terms, identity }: &Hello<'_>) {
    out.u8(super::HELLO << 4 | if *asks { ASKS } else { 0 });
    out.u8(terms.version_min);
    out.u8(terms.version_max);
    out.u32(terms.epoch);
    out.u32(terms.seen);
    out.varint(terms.packet_max);
    for field in [identity.name, identity.firmware, identity.serial] {
        out.bytes(field.as_bytes());
    }
    out.varint(u32::from(terms.window));
    out.u8(terms.ack_every);
    out.varint(terms.silence_ms);
    out.u8(terms.channels);
}
