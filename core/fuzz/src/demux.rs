//! Any sequence of frames: what comes out whole is what the frames of one message say in order.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use pocketmux_core::{ChannelId, Demux, Frame, Kind, MessageId, Position};

fuzz_target!(|data: &[u8]| {
    let mut demux = Demux::<u8, [u8; 64], 3>::new(|| [0; 64]);
    // The first data that each message gave for each sequence.
    let mut said: BTreeMap<(u8, u32), Vec<u8>> = BTreeMap::new();
    for (at, step) in data.chunks_exact(3).enumerate() {
        let &[key, labels, len] = step else { unreachable!() };
        let key = key % 8;
        let total = (labels >> 4 != 15).then_some(u32::from(labels >> 4));
        let Some(position) = Position::new(u32::from(labels & 15), total) else { continue };
        let piece =
            said.entry((key, position.sequence())).or_insert_with(|| vec![at as u8; usize::from(len % 24)]).clone();
        let frame = Frame {
            channel: ChannelId::new(0),
            message: MessageId(0),
            position,
            kind: Kind::Binary,
            meta: "",
            data: &piece,
        };
        if let Ok(Some(message)) = demux.insert(key, &frame) {
            let parts: Vec<u8> = (0..).map_while(|sequence| said.get(&(key, sequence))).flatten().copied().collect();
            assert!(parts.starts_with(message.data), "{parts:?} {:?}", message.data);
        }
        assert!(demux.pending() <= 3);
    }
});
