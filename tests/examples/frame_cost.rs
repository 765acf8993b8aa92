//! Encodes and decodes a frame so many times, for a counter of instructions: `frame_cost LENGTH ENCODES DECODES`.

use std::hint::black_box;

use pocketmux_core::packet::{Care, Data, Packet, Seal};
use pocketmux_core::{ChannelId, Kind, MessageId, cobs, deframe};

const SEAL: Seal = Seal::new(1, 2);

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let &[len, encodes, decodes] = &arguments[..] else { panic!("LENGTH ENCODES DECODES") };
    let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
    let packet = Packet::Data(Data {
        care: Care::Numbered { number: 1, place: 2 },
        channel: ChannelId::new(3),
        labels: Some((MessageId(4), 5)),
        total: None,
        kind: Kind::Binary,
        meta: "",
        size: None,
        data: &payload,
    });
    let mut wire = vec![0; len + 64];
    let end = encode(&packet, &mut wire);
    for _ in 0..encodes {
        encode(black_box(&packet), black_box(&mut wire));
    }
    let mut deframer = deframe::Deframer::<[u8; 2048]>::new();
    for _ in 0..decodes {
        let mut rest = black_box(&wire[..end]);
        let Some(deframe::Run::Packet(run)) = deframer.next_run(&mut rest) else { panic!("it was just encoded") };
        assert!(black_box(Packet::decode(run, SEAL)).is_ok());
    }
}

/// Writes the run and its delimiter; returns how many bytes that took.
fn encode(packet: &Packet<'_>, wire: &mut [u8]) -> usize {
    let gap = cobs::encoded_max(wire.len()) - wire.len();
    let len = packet.encode(SEAL, &mut wire[gap..]).expect("it fits").len();
    let end = cobs::encode(&mut wire[..gap + len], len).expect("there is room in front");
    wire[end] = 0;
    end + 1
}
