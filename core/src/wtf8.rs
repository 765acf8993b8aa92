//! Text as JavaScript has it, in bytes: UTF-8 that may also hold half a surrogate pair (WTF-8, Simon Sapin).
//!
//! A JavaScript string is cut between UTF-16 code units, so a piece may end in the first half of a pair and the next begin with
//! the second. Each half alone is three bytes here; [`join`] makes the pair one character again once the pieces are together.

/// Splits the first code point off `text`; what is no generalised UTF-8 counts as U+FFFD, byte by byte.
fn split_point(text: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = text.split_first()?;
    let (len, bits, range) = match first {
        0x00..0x80 => return Some((u32::from(first), rest)),
        0xc2..0xe0 => (1, first & 0x1f, 0x80..0x800),
        0xe0..0xf0 => (2, first & 0x0f, 0x800..0x1_0000),
        0xf0..0xf5 => (3, first & 0x07, 0x1_0000..0x11_0000),
        _ => return Some((0xfffd, rest)),
    };
    let Some((tail, after)) = rest.split_at_checked(len) else { return Some((0xfffd, rest)) };
    if tail.iter().any(|byte| byte & 0xc0 != 0x80) {
        return Some((0xfffd, rest));
    }
    let point = tail.iter().fold(u32::from(bits), |point, byte| point << 6 | u32::from(byte & 0x3f));
    if range.contains(&point) { Some((point, after)) } else { Some((0xfffd, rest)) }
}

/// The UTF-16 code units of `text`.
pub fn units(text: &[u8]) -> impl Iterator<Item = u16> + '_ {
    Units { rest: text, low: None }
}

/// The code units that are left, and the second half of a pair of which the first was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units<'a> {
    rest: &'a [u8],
    low: Option<u16>,
}

impl<'a> Units<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, low: None }
    }
}

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(low) = self.low.take() {
            return Some(low);
        }
        let (point, rest) = split_point(self.rest)?;
        self.rest = rest;
        let above = match point.checked_sub(0x1_0000) {
            None => return Some(point as u16),
            Some(above) => above,
        };
        self.low = Some(0xdc00 | (above & 0x3ff) as u16);
        Some(0xd800 | (above >> 10) as u16)
    }
}

/// Writes code units as WTF-8, a pair as one character.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Encoder<'a> {
    /// Writes to the front of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0, full: false }
    }

    /// Adds one code unit; the second half of a pair joins the first before it.
    pub fn push(&mut self, unit: u16) {
        if let Some(high) = self.ends_in_high()
            && (0xdc00..0xe000).contains(&unit)
        {
            self.len -= 3;
            let point = 0x1_0000 + (u32::from(high - 0xd800) << 10 | u32::from(unit - 0xdc00));
            self.put(&[0xf0 | (point >> 18) as u8, tail(point >> 12), tail(point >> 6), tail(point)]);
            return;
        }
        let point = u32::from(unit);
        match point {
            0..0x80 => self.put(&[point as u8]),
            0x80..0x800 => self.put(&[0xc0 | (point >> 6) as u8, tail(point)]),
            _ => self.put(&[0xe0 | (point >> 12) as u8, tail(point >> 6), tail(point)]),
        }
    }

    /// True when another code unit fits.
    pub(crate) fn has_room_for(&self, unit: u16) -> bool {
        let need = match unit {
            0..0x80 => 1,
            0x80..0x800 => 2,
            // The second half makes four bytes of the three of the first.
            0xdc00..0xe000 if self.ends_in_high().is_some() => 1,
            _ => 3,
        };
        self.out.len() - self.len >= need
    }

    /// Adds text that is whole characters.
    pub fn push_str(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// The text, or `None` when it did not all fit.
    #[must_use]
    pub fn finish(self) -> Option<&'a [u8]> {
        if self.full { None } else { self.out.get(..self.len) }
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        if room.len() < bytes.len() {
            self.full = true;
        } else {
            self.len += crate::bytes::copy(room, bytes);
        }
    }

    fn ends_in_high(&self) -> Option<u16> {
        high_half(self.out.get(self.len.checked_sub(3)?..self.len)?)
    }
}

fn tail(bits: u32) -> u8 {
    0x80 | (bits & 0x3f) as u8
}

fn high_half(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [0xed, b @ 0xa0..0xb0, c] => Some(0xd000 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f)),
        _ => None,
    }
}

/// Joins neighbouring halves of surrogate pairs in place, and returns the new length, which is never greater.
pub fn join(text: &mut [u8]) -> usize {
    let mut read = 0;
    let mut write = 0;
    while let Some(&byte) = text.get(read) {
        if let Some(&[0xed, a @ 0xa0..0xb0, b, 0xed, c @ 0xb0..0xc0, d]) = text.get(read..read + 6) {
            let high = u32::from(a & 0x0f) << 6 | u32::from(b & 0x3f);
            let low = u32::from(c & 0x0f) << 6 | u32::from(d & 0x3f);
            let point = 0x1_0000 + (high << 10 | low);
            let joined = [0xf0 | (point >> 18) as u8, tail(point >> 12), tail(point >> 6), tail(point)];
            write += crate::bytes::copy(text.get_mut(write..).unwrap_or_default(), &joined);
            read += 6;
        } else {
            if let Some(place) = text.get_mut(write) {
                *place = byte;
            }
            write += 1;
            read += 1;
        }
    }
    write
}

/// Length of the longest head of `text`, of at most `max` bytes, that ends between characters.
///
/// A character longer than `max` bytes is cut, so that the head is never empty while there is text and room.
#[must_use]
pub fn head(text: &[u8], max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    let boundary = (max.saturating_sub(3)..=max).rev().find(|&at| text.get(at).is_some_and(|byte| byte & 0xc0 != 0x80));
    match boundary {
        Some(at) if at > 0 => at,
        _ => max,
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoder, head, join, units};

    fn encode(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
        let mut out = [0; 256];
        let mut encoder = Encoder::new(&mut out);
        units.into_iter().for_each(|unit| encoder.push(unit));
        encoder.finish().unwrap().to_vec()
    }

    #[test]
    fn units_are_those_of_utf16() {
        let text = "aé€😀z\u{10ffff}\0";
        assert!(units(text.as_bytes()).eq(text.encode_utf16()));
        assert_eq!(encode(text.encode_utf16()), text.as_bytes());
    }

    #[test]
    fn halves_survive_apart_and_join_when_together() {
        let [high, low] = [0xd83d, 0xde00];
        assert_eq!(encode([high]), [0xed, 0xa0, 0xbd]);
        let mut text = [encode([0x61, high]), encode([low, 0x62])].concat();
        assert!(units(&text).eq([0x61, high, low, 0x62]));
        let len = join(&mut text);
        assert_eq!(&text[..len], "a😀b".as_bytes());
        // A pair the wrong way round is two lone halves.
        let mut text = [encode([low]), encode([high])].concat();
        assert_eq!(join(&mut text), 6);
    }

    #[test]
    fn a_head_ends_between_characters() {
        assert_eq!(head("aé€😀".as_bytes(), 99), 10);
        assert_eq!(head("aé€😀".as_bytes(), 9), 6);
        assert_eq!(head("aé€😀".as_bytes(), 2), 1);
        assert_eq!(head("😀".as_bytes(), 2), 2);
    }

    #[test]
    fn broken_bytes_become_replacement_characters() {
        assert!(units(&[0xff, b'a', 0xe2, 0x82]).eq([0xfffd, 0x61, 0xfffd, 0xfffd]));
        // Longer than need be, and beyond the last character.
        assert!(units(&[0xe0, 0x80, 0xaf]).eq([0xfffd; 3]));
        assert!(units(&[0xf4, 0x90, 0x80, 0x80]).eq([0xfffd; 4]));
    }

    #[test]
    fn a_full_encoder_says_so() {
        let mut out = [0; 2];
        let mut encoder = Encoder::new(&mut out);
        encoder.push(0x20ac);
        assert_eq!(encoder.finish(), None);
    }
}
