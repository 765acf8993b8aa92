//! The paced wire: what it carries, spoils and holds back.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use pocketmux_tests::{End, Line, Noise, Port, Random, Wire};

/// Longer than any read here waits unless something is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes `bytes` at one end while reading as many at the other.
fn carry(from: &mut Port, to: &mut Port, bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut arrived, mut buf) = (bytes, Vec::new(), [0; 512]);
    while arrived.len() < bytes.len() {
        let room = 64usize.saturating_sub(from.queued()).min(rest.len());
        rest = &rest[from.write(&rest[..room]).unwrap()..];
        let wait = if rest.is_empty() { PATIENCE } else { Duration::from_millis(1) };
        let len = to.read(&mut buf, wait).unwrap();
        assert!(len > 0 || !rest.is_empty(), "{} of {} bytes arrived", arrived.len(), bytes.len());
        arrived.extend_from_slice(&buf[..len]);
    }
    arrived
}

#[test]
fn every_byte_value_crosses_a_clean_wire_unchanged_both_ways() {
    let wire = Wire::new(&Line { latency: Duration::from_millis(2), ..Line::new(921_600) }).unwrap();
    let (mut a, mut b) = (wire.open(End::A).unwrap(), wire.open(End::B).unwrap());
    let bytes: Vec<u8> = (0..4096).map(|n| (n ^ (n >> 8)) as u8).collect();
    assert!(carry(&mut a, &mut b, &bytes) == bytes);
    assert!(carry(&mut b, &mut a, &bytes) == bytes);
    assert_eq!(wire.traffic(End::A).carried, 4096);
    assert_eq!(wire.traffic(End::B).carried, 4096);
    assert_eq!(wire.traffic(End::A).flipped, 0);
}

#[test]
fn noise_flips_as_many_bits_as_it_counts() {
    let wire = Wire::new(&Line { bit_error_rate: 1e-2, seed: 5, ..Line::new(921_600) }).unwrap();
    let (mut a, mut b) = (wire.open(End::A).unwrap(), wire.open(End::B).unwrap());
    let bytes = Random::new(5).bytes(8192);
    let arrived = carry(&mut a, &mut b, &bytes);
    let differ: u32 = bytes.iter().zip(&arrived).map(|(sent, got)| (sent ^ got).count_ones()).sum();
    assert!(differ > 0);
    assert_eq!(wire.traffic(End::A).flipped, u64::from(differ));
}

#[test]
fn noise_flips_each_bit_about_as_often_as_it_should() {
    let mut noise = Noise::new(1e-3, 9);
    let mut of_bit = [0u32; 8];
    for _ in 0..1_000_000 {
        let mut byte = 0;
        let flipped = noise.spoil(&mut byte);
        assert_eq!(flipped, byte.count_ones());
        (0..8).for_each(|bit| of_bit[bit] += u32::from(byte >> bit & 1));
    }
    // A thousand expected for each, five standard deviations either way.
    assert!(of_bit.iter().all(|count| (840..1160).contains(count)), "{of_bit:?}");
}

#[test]
fn a_full_queue_refuses_a_writer_that_does_not_look() {
    // So slow that nothing to speak of leaves.
    let wire = Wire::new(&Line { queue: 256, ..Line::new(300) }).unwrap();
    let open = std::fs::OpenOptions::new().write(true).custom_flags(nix::libc::O_NONBLOCK).open(wire.path(End::A));
    let mut device = open.unwrap();
    let mut taken = 0;
    let refusal = loop {
        match device.write(&[0; 16]) {
            Ok(len) => taken += len as u64,
            Err(error) => break error,
        }
        // The wire has seen these bytes, and so has stopped the device if they filled the queue.
        while wire.traffic(End::A).queued_max + wire.traffic(End::A).carried < taken {
            std::thread::yield_now();
        }
    };
    assert_eq!(refusal.kind(), std::io::ErrorKind::WouldBlock);
    assert!(taken <= 256 + 16, "{taken} bytes");
}
