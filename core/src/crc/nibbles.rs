//! CRC-32 with a table of 64 bytes, for boards.

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

/// The check value of what came before, whose own is `before`, and of `bytes`.
pub(super) fn extend(before: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks();
    let crc = words.iter().fold(!before, |crc, word| word_step(crc ^ u32::from_le_bytes(*word)));
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
