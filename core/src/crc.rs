//! CRC-32/ISO-HDLC, the check of Ethernet and zip, with a table of 64 bytes.
//!
//! Polynomial 0x04C11DB7 reflected, start and final value all ones; the check of `123456789` is 0xCBF43926. A nibble at a time
//! makes do with a sixteenth of the usual table's kilobyte.

const TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

/// The check value of `bytes`.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks();
    let crc = words.iter().fold(u32::MAX, |crc, word| word_step(crc ^ u32::from_le_bytes(*word)));
    !rest.iter().fold(crc, |crc, byte| byte_step(crc ^ u32::from(*byte)))
}

/// Four bytes at a time, written out: a loop of eight turns costs more than it does.
fn word_step(crc: u32) -> u32 {
    byte_step(byte_step(byte_step(byte_step(crc))))
}

fn byte_step(crc: u32) -> u32 {
    nibble_step(nibble_step(crc))
}

fn nibble_step(crc: u32) -> u32 {
    (crc >> 4) ^ TABLE[(crc & 15) as usize]
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_check_of_the_catalogue_comes_out() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        for len in 1..9 {
            let bit_by_bit = !(0..len).fold(u32::MAX, |crc, byte| {
                (0..8).fold(crc ^ byte, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
            });
            let bytes: Vec<u8> = (0..len as u8).collect();
            assert_eq!(crc32(&bytes), bit_by_bit);
        }
    }
}
