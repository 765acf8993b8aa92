//! Any bytes under a fitting check: what is read as a packet is written as one that reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketmux_core::crc::crc32;
use pocketmux_core::packet::{Packet, Seal};

fuzz_target!(|data: &[u8]| {
    let _ = Packet::decode(data, Seal::new(1, 2));
    let mut sealed = data.to_vec();
    sealed.extend_from_slice(&crc32(data).to_le_bytes());
    if let Ok(packet) = Packet::decode(&sealed, Seal::default()) {
        let mut out = vec![0; sealed.len() + 32];
        let again = packet.encode(Seal::default(), &mut out).expect("a packet is no longer than what it was read from");
        assert_eq!(Packet::decode(again, Seal::default()), Ok(packet));
    }
});
