//! One encoded packet on its way out, and how long packets may be for that.

use crate::cobs;
use crate::packet::Packet;

/// The bytes of one packet, of which those before `start` were taken.
#[derive(Debug)]
pub(crate) struct Output<const FRAME: usize> {
    buf: [u8; FRAME],
    start: usize,
    end: usize,
}

/// Longest packet whose run, with a delimiter before and after it, fits into `FRAME` bytes.
pub(crate) const fn packet_max<const FRAME: usize>() -> usize {
    cobs::packet_max(FRAME - 2)
}

impl<const FRAME: usize> Output<FRAME> {
    pub(crate) const fn new() -> Self {
        Self { buf: [0; FRAME], start: 0, end: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.end);
    }

    /// Encodes a packet; one that does not fit is left out, which the limits on its fields rule out.
    pub(crate) fn put(&mut self, packet: &Packet<'_>) {
        self.start = 0;
        self.end = self.encode(packet).unwrap_or(0);
    }

    fn encode(&mut self, packet: &Packet<'_>) -> Option<usize> {
        // A HELLO is cut off from whatever noise came before it.
        let lead = usize::from(matches!(packet, Packet::Hello(_)));
        let (lead_bytes, room) = self.buf.split_at_mut_checked(lead)?;
        lead_bytes.fill(0);
        // The packet is written with room in front for the bytes that stuffing adds.
        let gap = cobs::encoded_max(packet_max::<FRAME>()) - packet_max::<FRAME>();
        let len = packet.encode(room.get_mut(gap..)?)?.len();
        let stuffed = cobs::encode(room.get_mut(..gap + len)?, len)?;
        *room.get_mut(stuffed)? = 0;
        Some(lead + stuffed + 1)
    }
}
