//! One encoded packet on its way out, and how long packets may be for that.

use crate::buffer::Buffer;
use crate::cobs;
use crate::packet::{Packet, Seal};

/// The bytes of one packet, of which those before `start` were taken.
#[derive(Clone, Debug)]
pub(crate) struct Output<P> {
    buf: P,
    start: usize,
    end: usize,
}

/// Longest packet whose run, with a delimiter before and after it, fits into so many bytes.
pub(crate) const fn packet_max(buffer: usize) -> usize {
    cobs::packet_max(buffer.saturating_sub(2))
}

impl<P: Buffer> Output<P> {
    pub(crate) const fn new() -> Self {
        Self { buf: P::ZERO, start: 0, end: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buf.as_ref().get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.end);
    }

    /// Encodes a packet, the data of further frames of its run behind it; one that does not fit is left out, which the limits on its
    /// fields rule out.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, further: &mut dyn Iterator<Item = &[u8]>, seal: Seal) {
        self.start = 0;
        self.end = self.encode(packet, further, seal).unwrap_or(0);
    }

    fn encode(&mut self, packet: &Packet<'_>, further: &mut dyn Iterator<Item = &[u8]>, seal: Seal) -> Option<usize> {
        // A HELLO is cut off from whatever noise came before it.
        let lead = usize::from(matches!(packet, Packet::Hello(_)));
        let (lead_bytes, room) = self.buf.as_mut().split_at_mut_checked(lead)?;
        lead_bytes.fill(0);
        // The packet is written with room in front for the bytes that stuffing adds.
        let gap = cobs::encoded_max(packet_max(P::LEN)).saturating_sub(packet_max(P::LEN));
        let len = packet.encode_run(further, seal, room.get_mut(gap..)?)?.len();
        let stuffed = cobs::encode(room.get_mut(..gap + len)?, len)?;
        *room.get_mut(stuffed)? = 0;
        Some(lead + stuffed + 1)
    }
}
