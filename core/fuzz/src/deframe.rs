//! Any stream, cut in two ways: the same runs come out, none longer than the buffer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketmux_core::deframe::{Deframer, Run};

/// Long enough for runs that are longer than COBS writes at once.
const RUN_MAX: usize = 600;

#[derive(Debug, PartialEq)]
enum Found {
    Packet(Vec<u8>),
    Broken,
    TooLong,
}

fn runs<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Vec<Found> {
    let mut deframer = Deframer::<[u8; RUN_MAX]>::new();
    let mut found = Vec::new();
    for mut slice in slices {
        while let Some(run) = deframer.next_run(&mut slice) {
            found.push(match run {
                Run::Packet(packet) => Found::Packet(packet.to_vec()),
                Run::Broken => Found::Broken,
                Run::TooLong => Found::TooLong,
            });
        }
        assert!(slice.is_empty());
    }
    found
}

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = runs(std::iter::once(stream));
    let cut = runs(stream.chunks(usize::from(size).max(1)));
    assert_eq!(whole, cut);
    // One run a stretch between delimiters, and the oversized ones are known by their length.
    let mut stretches: Vec<&[u8]> = stream.split(|&byte| byte == 0).collect();
    stretches.pop();
    stretches.retain(|stretch| !stretch.is_empty());
    assert_eq!(whole.len(), stretches.len());
    for (found, stretch) in whole.iter().zip(stretches) {
        assert_eq!(*found == Found::TooLong, stretch.len() > RUN_MAX);
        if let Found::Packet(packet) = found {
            let mut buf = vec![0; pocketmux_core::cobs::encoded_max(packet.len())];
            let start = buf.len() - packet.len();
            buf[start..].copy_from_slice(packet);
            let len = pocketmux_core::cobs::encode(&mut buf, packet.len()).unwrap();
            let back = pocketmux_core::cobs::decode(&mut buf[..len]).unwrap();
            assert_eq!(back, packet);
        }
    }
});
