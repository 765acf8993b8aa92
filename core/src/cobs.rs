//! Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM Transactions on Networking, 1999), in place.
//!
//! The encoded form holds no zero byte and is longer by one byte for each begun run of 254 bytes. No delimiter is written or expected here.

use crate::bytes::{find_zero, move_down};

/// Bytes of the longest run that a code byte can stand in front of.
const RUN_MAX: usize = 254;

/// Most bytes that a packet of `len` bytes can take once encoded, without its delimiter.
#[must_use]
pub const fn encoded_max(len: usize) -> usize {
    len + if len == 0 { 1 } else { len.div_ceil(254) }
}

/// Longest packet whose encoded form always fits into `room` bytes, delimiter not counted.
#[must_use]
pub const fn packet_max(room: usize) -> usize {
    if room == 0 { 0 } else { room - 1 - (room - 1) / 255 }
}

/// Encodes the last `len` bytes of `buf` to its front, and returns how many bytes that took.
///
/// `None` when the front overtakes what is still to be read, which it cannot where `buf` has [`encoded_max`] bytes.
pub fn encode(buf: &mut [u8], len: usize) -> Option<usize> {
    let mut read = buf.len().checked_sub(len)?;
    let mut write = 0;
    // A run of bytes that are not zero at a time, of 254 at most.
    loop {
        if write >= read {
            return None;
        }
        let rest = buf.get(read..)?;
        let window = rest.get(..RUN_MAX).unwrap_or(rest);
        let zero = find_zero(window);
        let run = zero.unwrap_or(window.len());
        *buf.get_mut(write)? = run as u8 + 1;
        move_down(buf, read, write + 1, run)?;
        write += run + 1;
        read += run;
        // A full run ends without a zero, and one is opened after it only if there is more to come.
        match (zero, read < buf.len()) {
            (Some(_), _) => read += 1,
            (None, true) => {}
            (None, false) => return Some(write),
        }
    }
}

/// Decodes `buf`, which holds no zero byte, in place; `None` when the chain of code bytes breaks off.
///
/// Only the chain is walked: each code byte but the first stands where a zero belongs and becomes one, so a packet without
/// a full run is decoded where it lies, in a step for each zero. What follows a full run moves down over the code byte
/// that the run took.
pub fn decode(buf: &mut [u8]) -> Option<&mut [u8]> {
    let end = buf.len();
    let mut at = 0;
    let mut shift = 0;
    let mut after_full_run = false;
    while at < end {
        let code = usize::from(*buf.get(at)?);
        let next = at + code;
        if code == 0 || next > end {
            return None;
        }
        if after_full_run {
            shift += 1;
        } else {
            *buf.get_mut(at - shift)? = 0;
        }
        move_down(buf, at + 1, at + 1 - shift, code - 1)?;
        after_full_run = code == 0xff;
        at = next;
    }
    buf.get_mut(1..end - shift)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, encoded_max, packet_max};

    fn encoded(packet: &[u8]) -> Vec<u8> {
        let mut buf = vec![0xaa; encoded_max(packet.len())];
        let start = buf.len() - packet.len();
        buf[start..].copy_from_slice(packet);
        let len = encode(&mut buf, packet.len()).unwrap();
        buf.truncate(len);
        buf
    }

    #[test]
    fn the_examples_of_the_paper_come_out() {
        let examples: [(&[u8], &[u8]); 6] = [
            (&[], &[1]),
            (&[0], &[1, 1]),
            (&[0, 0], &[1, 1, 1]),
            (&[0x11, 0x22, 0, 0x33], &[3, 0x11, 0x22, 2, 0x33]),
            (&[0x11, 0x22, 0x33, 0x44], &[5, 0x11, 0x22, 0x33, 0x44]),
            (&[0x11, 0, 0, 0], &[2, 0x11, 1, 1, 1]),
        ];
        for (packet, wire) in examples {
            assert_eq!(encoded(packet), wire);
            assert_eq!(decode(&mut wire.to_vec()).unwrap(), packet);
        }
    }

    #[test]
    fn packets_around_every_full_run_come_back() {
        // Under Miri, which is a thousand times slower, only some.
        let lengths: &[_] = if cfg!(miri) { &[0..2, 253..257] } else { &[0..1101, 2000..2001, 5000..5001] };
        for len in lengths.iter().cloned().flatten() {
            for zero_every in [usize::MAX, 1, 2, 253, 254, 255] {
                let packet: Vec<u8> =
                    (0..len).map(|i| if (i + 1) % zero_every == 0 { 0 } else { i as u8 | 1 }).collect();
                let mut wire = encoded(&packet);
                assert!(!wire.contains(&0));
                assert!(wire.len() <= encoded_max(len) && packet_max(encoded_max(len)) == len);
                assert_eq!(decode(&mut wire).unwrap(), packet, "{len} bytes, a zero every {zero_every}");
            }
        }
    }

    #[test]
    fn a_chain_that_breaks_off_is_refused() {
        assert_eq!(decode(&mut []), None);
        assert_eq!(decode(&mut [3, 1]), None);
        assert_eq!(decode(&mut [2, 1, 9]), None);
        assert_eq!(decode(&mut [0]), None);
    }

    #[test]
    fn a_buffer_without_headroom_is_refused() {
        assert_eq!(encode(&mut [1, 2, 3], 3), None);
    }
}
