//! The golden bytes of PROTOCOL.md: what the code writes and accepts. Changing one is a protocol change.

use pocketmux_core::packet::{Hello, Packet, Terms};
use pocketmux_core::{
    Channel, ChannelId, Delivery, Frame, Identity, Kind, MessageId, Position, Priority, cobs, deframe,
};

const SPECIFICATION: &str = include_str!("../PROTOCOL.md");

const CHAT: ChannelId = ChannelId::new(0);

fn text<'a>(sequence: u32, total: Option<u32>, data: &'a [u8]) -> Frame<'a> {
    let position = Position::new(sequence, total).unwrap();
    Frame { channel: CHAT, message: MessageId(1), position, kind: Kind::Text, meta: "", data }
}

/// The packets of section 7, by their names there.
fn packets() -> Vec<(&'static str, Packet<'static>)> {
    let terms = Terms { version_min: 1, version_max: 1, epoch: 0x0102_0304, seen: 0, packet_max: 252 };
    let identity = Identity { name: "board", firmware: "fw 1", serial: "0001" };
    let presence = Channel::new("presence").with_priority(Priority::Urgent).with_delivery(Delivery::Latest);
    const LONG: [u8; 240] = [0x55; 240];
    vec![
        ("hello, nobody seen", Packet::Hello(Hello { terms, identity })),
        ("hello, epoch 5 seen", Packet::Hello(Hello { terms: Terms { seen: 5, ..terms }, identity })),
        ("open chat as 0", Packet::Open(CHAT, Channel::new("chat"))),
        ("open presence as 1", Packet::Open(ChannelId::new(1), presence)),
        ("chat:0/2 hell", Packet::Data(text(0, Some(2), b"hell"))),
        ("chat:1/2 o", Packet::Data(text(1, Some(2), b"o"))),
        ("chat:7/? total unknown", Packet::Data(text(7, None, b"x"))),
        ("half a surrogate pair", Packet::Data(text(0, Some(2), b"hi \xed\xa0\xbd"))),
        ("bytes with zeros", Packet::Data(Frame { kind: Kind::Binary, ..text(0, Some(1), &[0, 1, 0]) })),
        ("with meta", Packet::Data(Frame { meta: "m", ..text(0, Some(1), b"x") })),
        ("labels of two bytes", Packet::Data(Frame { message: MessageId(300), ..text(200, Some(201), b"x") })),
        ("240 bytes", Packet::Data(Frame { kind: Kind::Binary, ..text(0, Some(1), &LONG) })),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let run = "55".repeat(240);
    if let Some(at) = text.find(&run) {
        text.replace_range(at..at + run.len(), "55*240");
    }
    text
}

fn wire(packet: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; cobs::encoded_max(packet.len())];
    let start = buf.len() - packet.len();
    buf[start..].copy_from_slice(packet);
    let len = cobs::encode(&mut buf, packet.len()).unwrap();
    buf.truncate(len);
    buf.push(0);
    buf
}

#[test]
fn the_specification_shows_what_the_code_writes() {
    let shown: Vec<&str> = SPECIFICATION.lines().filter(|line| line.ends_with("` |")).collect();
    let written: Vec<String> = packets()
        .iter()
        .map(|(name, packet)| {
            let mut out = [0; 512];
            let bytes = packet.encode(&mut out).unwrap();
            format!("| {name} | `{}` | `{}` |", hex(bytes), hex(&wire(bytes)))
        })
        .collect();
    assert_eq!(shown, written, "section 7 should read:\n{}\n", written.join("\n"));
}

#[test]
fn what_was_written_is_read_back() {
    for (name, packet) in packets() {
        let mut out = [0; 512];
        let bytes = packet.encode(&mut out).unwrap().to_vec();
        let mut deframer = deframe::Deframer::<512>::new();
        match deframer.next_run(&mut wire(&bytes).as_slice()) {
            Some(deframe::Run::Packet(run)) => assert_eq!(Packet::decode(run), Ok(packet), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        // Nor is it read when any one bit of it differs, or its end is missing.
        for bit in 0..bytes.len() * 8 {
            let mut spoilt = bytes.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert!(Packet::decode(&spoilt).is_err(), "{name}, bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Packet::decode(&bytes[..len]).is_err(), "{name}, {len} bytes");
        }
    }
}

#[test]
fn fields_out_of_range_are_refused_although_the_check_fits() {
    use pocketmux_core::crc::crc32;
    use pocketmux_core::packet::DecodeError;
    let sealed = |body: &[u8]| [body, &crc32(body).to_le_bytes()[..]].concat();
    let hello = |epoch: u8, packet_max: u8, versions: [u8; 2]| {
        sealed(&[&[0x10][..], &versions, &[epoch, 0, 0, 0, 0, 0, 0, 0, packet_max, 0, 0, 0]].concat())
    };
    assert!(Packet::decode(&hello(1, 120, [1, 1])).is_ok());
    for (what, bytes, error) in [
        ("an epoch of 0", hello(0, 120, [1, 1]), DecodeError::Malformed),
        ("a packet_max of 119", hello(1, 119, [1, 1]), DecodeError::Malformed),
        ("versions the wrong way round", hello(1, 120, [2, 1]), DecodeError::Malformed),
        ("a channel without a name", sealed(&[0x20, 0, 1, 0, 0]), DecodeError::Malformed),
        ("a control character in a name", sealed(&[0x20, 0, 1, 0, 1, 9]), DecodeError::Malformed),
        ("priority 3", sealed(&[0x20, 0, 3, 0, 1, b'c']), DecodeError::Malformed),
        ("delivery 3", sealed(&[0x20, 0, 1, 3, 1, b'c']), DecodeError::Malformed),
        ("channel 256", sealed(&[0x20, 0x80, 2, 1, 0, 1, b'c']), DecodeError::Malformed),
        ("a sequence that is not below its total", sealed(&[0x31, 0, 1, 2, 2]), DecodeError::Malformed),
        ("a meta that is no UTF-8", sealed(&[0x32, 0, 1, 0, 1, 0xff]), DecodeError::Malformed),
        ("a meta that is not on the first frame", sealed(&[0x32, 0, 1, 1, 1, b'm']), DecodeError::Malformed),
        ("the reserved flag of DATA", sealed(&[0x38, 0, 1, 0]), DecodeError::Unknown),
        ("type 0", sealed(&[0x00]), DecodeError::Unknown),
        ("type 4", sealed(&[0x40]), DecodeError::Unknown),
        ("nothing but a check", sealed(&[]), DecodeError::Malformed),
    ] {
        assert_eq!(Packet::decode(&bytes), Err(error), "{what}");
    }
}

#[test]
fn bytes_that_a_later_version_appends_are_passed_over() {
    use pocketmux_core::crc::crc32;
    for (name, packet) in packets().into_iter().filter(|(_, packet)| !matches!(packet, Packet::Data(_))) {
        let mut out = [0; 512];
        let bytes = packet.encode(&mut out).unwrap();
        let mut body = [&bytes[..bytes.len() - 4], b"later"].concat();
        body.extend_from_slice(&crc32(&body).to_le_bytes());
        assert_eq!(Packet::decode(&body), Ok(packet), "{name}");
    }
}

#[test]
fn a_full_chunk_costs_eleven_bytes() {
    let (_, packet) = packets().pop().unwrap();
    let mut out = [0; 512];
    assert_eq!(wire(packet.encode(&mut out).unwrap()).len(), 240 + 11);
}
