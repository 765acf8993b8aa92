//! Reads and writes the fixed fields, varints and strings of a packet body.
//!
//! Neither side panics or reads past its slice: a [`Reader`] says `None` at the end, a [`Writer`] remembers that it was full.
//! What every field of every packet passes through is not inlined on a board: that is a kilobyte of its flash.

/// Takes fields off the front of a slice.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// So many bytes.
    pub(crate) fn take<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// LEB128; `None` for one that is cut short or above `u32::MAX`.
    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn varint(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A varint length and that many bytes.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Puts fields one after the other into a slice.
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0, full: false }
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        if self.full || room.len() < bytes.len() {
            self.full = true;
            return;
        }
        copy(room, bytes);
        self.len = self.len.saturating_add(bytes.len());
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        match u32::try_from(bytes.len()) {
            Ok(len) => self.varint(len),
            Err(_) => self.full = true,
        }
        self.put(bytes);
    }

    /// What was written; `None` when it did not all fit.
    pub(crate) fn finish(self) -> Option<&'a mut [u8]> {
        if self.full { None } else { self.out.get_mut(..self.len) }
    }
}

/// Copies as much of `from` as fits, and returns how many bytes that was.
///
/// `copy_from_slice` keeps a panic in the binary even where the lengths are equal by construction; this does not.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let len = to.len().min(from.len());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    len
}

/// Moves `len` bytes of `buf` from one place to another nearer its front; `None` when they are not all in it.
pub(crate) fn move_down(buf: &mut [u8], from: usize, to: usize, len: usize) -> Option<()> {
    // Of a short packet nothing moves: stuffing adds one byte, in front.
    if from == to {
        return Some(());
    }
    #[cfg(feature = "fast")]
    {
        let end = from.checked_add(len).filter(|end| *end <= buf.len() && to < from)?;
        buf.copy_within(from..end, to);
    }
    // As above, and without the half kilobyte of a `memmove`; cells, because the two places overlap.
    #[cfg(not(feature = "fast"))]
    {
        let cells = core::cell::Cell::from_mut(buf).as_slice_of_cells();
        for (to, from) in cells.get(to..)?.iter().zip(cells.get(from..)?.get(..len)?) {
            to.set(from.get());
        }
    }
    Some(())
}

/// Where the first zero is.
pub(crate) fn find_zero(bytes: &[u8]) -> Option<usize> {
    #[cfg(feature = "fast")]
    return memchr::memchr(0, bytes);
    #[cfg(not(feature = "fast"))]
    bytes.iter().position(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};

    #[test]
    fn every_varint_comes_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX - 1, u32::MAX] {
            let mut out = [0; 5];
            let mut writer = Writer::new(&mut out);
            writer.varint(value);
            let written = writer.finish().unwrap();
            assert_eq!(Reader::new(written).varint(), Some(value));
        }
    }

    #[test]
    fn a_varint_above_32_bits_or_cut_short_is_refused() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), None);
        assert_eq!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).varint(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
    }

    #[test]
    fn a_writer_without_room_says_so_and_keeps_saying_so() {
        let mut out = [0; 3];
        let mut writer = Writer::new(&mut out);
        writer.put(b"four");
        writer.u8(1);
        assert!(writer.finish().is_none());
    }
}
