//! CRC-32/ISO-HDLC, the check of Ethernet and zip.
//!
//! Polynomial 0x04C11DB7 reflected, start and final value all ones; the check of `123456789` is 0xCBF43926. A table of 64 bytes for a
//! nibble at a time makes do with a sixteenth of the usual kilobyte; with the feature `fast` there are vector instructions instead.

#[cfg(any(test, not(feature = "fast")))]
mod nibbles;

#[cfg(not(feature = "fast"))]
use nibbles::extend;

/// The check value of `bytes`.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    extend(0, bytes)
}

/// The check value of bytes that come piece by piece: of what came before, whose own is `before`, and of `bytes`. It begins with 0.
#[must_use]
pub fn crc32_after(before: u32, bytes: &[u8]) -> u32 {
    extend(before, bytes)
}

#[cfg(feature = "fast")]
fn extend(before: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::{crc32, crc32_after, nibbles};

    #[test]
    fn the_check_of_the_catalogue_comes_out() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        for len in (1..9).chain([63, 64, 65, 127, 128, 129, 1000]) {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let bit_by_bit = !bytes.iter().fold(u32::MAX, |crc, byte| {
                (0..8).fold(
                    crc ^ u32::from(*byte),
                    |crc, _| {
                        if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
                    },
                )
            });
            assert_eq!((crc32(&bytes), nibbles::extend(0, &bytes)), (bit_by_bit, bit_by_bit), "{len} bytes");
            let (head, tail) = bytes.split_at(len / 3);
            assert_eq!(crc32_after(crc32(head), tail), bit_by_bit, "{len} bytes in two pieces");
            assert_eq!(nibbles::extend(nibbles::extend(0, head), tail), bit_by_bit, "{len} bytes in two pieces");
        }
    }
}
