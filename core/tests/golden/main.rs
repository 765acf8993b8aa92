//! The golden bytes of PROTOCOL.md: what the code writes and accepts. Changing one is a protocol change.

mod files;

use pocketmux_core::packet::{Ack, Care, Close, Data, Hello, Open, Packet, Seal, Terms};
use pocketmux_core::{Channel, ChannelId, Delivery, Identity, Kind, MessageId, Priority, cobs, deframe};

const SPECIFICATION: &str = include_str!("../../PROTOCOL.md");

const CHAT: ChannelId = ChannelId::new(0);
/// From epoch 0x01020304 to epoch 5.
const SEAL: Seal = Seal::new(0x0102_0304, 5);

fn lossy<'a>(labels: (u32, u32), total: Option<u32>, data: &'a [u8]) -> Data<'a> {
    let labels = Some((MessageId(labels.0), labels.1));
    Data { care: Care::Lossy, channel: CHAT, labels, total, kind: Kind::Text, meta: "", size: None, data }
}

fn numbered<'a>(number: u8, place: u8, data: Data<'a>) -> Data<'a> {
    Data { care: Care::Numbered { number, place }, ..data }
}

fn next<'a>(number: u8, place: u8, data: &'a [u8]) -> Data<'a> {
    let data = numbered(number, place, lossy((0, 0), None, data));
    Data { labels: None, kind: Kind::Binary, ..data }
}

/// The packets of section 10, by their names there.
fn packets() -> Vec<(&'static str, Packet<'static>)> {
    let terms = Terms {
        version_min: 2,
        version_max: 2,
        epoch: 0x0102_0304,
        seen: 0,
        packet_max: 252,
        window: 8,
        ack_every: 4,
        silence_ms: 1000,
        channels: 8,
    };
    let identity = Identity { name: "board", firmware: "fw 1", serial: "0001" };
    let presence = Channel::new("presence").with_priority(Priority::Urgent).with_delivery(Delivery::Latest);
    let meter = Channel::new("meter").with_priority(Priority::Bulk).with_delivery(Delivery::Lossy);
    let log = Channel::new("log").with_content("text/plain").with_meta("boot 3");
    const LONG: [u8; 240] = [0x55; 240];
    let long = Packet::Data(next(9, 4, &LONG));
    vec![
        ("hello, nobody seen", Packet::Hello(Hello { asks: true, terms, identity })),
        ("hello, epoch 5 seen", Packet::Hello(Hello { asks: false, terms: Terms { seen: 5, ..terms }, identity })),
        ("hello, silence 0, 128 channels", {
            Packet::Hello(Hello { asks: true, terms: Terms { silence_ms: 0, channels: 128, ..terms }, identity })
        }),
        ("hello, versions 1 to 2", {
            Packet::Hello(Hello { asks: true, terms: Terms { version_min: 1, ..terms }, identity })
        }),
        ("open chat as 0", Packet::Open(Open { id: CHAT, place: 0, channel: Channel::new("chat") })),
        ("open presence as 1, next place 7", Packet::Open(Open { id: ChannelId::new(1), place: 7, channel: presence })),
        ("open log as 2, with content and meta", Packet::Open(Open { id: ChannelId::new(2), place: 0, channel: log })),
        ("open meter as 3, bulk and lossy", Packet::Open(Open { id: ChannelId::new(3), place: 0, channel: meter })),
        ("lossy: chat 0/2 hell", Packet::Data(lossy((1, 0), Some(2), b"hell"))),
        ("lossy: chat 7/? total unknown", Packet::Data(lossy((1, 7), None, b"x"))),
        ("lossy: chat 0/1 bytes, with meta", {
            Packet::Data(Data { kind: Kind::Binary, meta: "m", ..lossy((1, 0), Some(1), &[0, 0xff]) })
        }),
        ("frame 7, place 3: chat 0/2 hell", Packet::Data(numbered(7, 3, lossy((1, 0), Some(2), b"hell")))),
        (
            "frame 8, place 4: next, o, the end",
            Packet::Data(Data { kind: Kind::Text, total: Some(2), ..next(8, 4, b"o") }),
        ),
        ("frame 255, place 255: half a surrogate pair", {
            Packet::Data(numbered(255, 255, lossy((1, 0), Some(2), b"hi \xed\xa0\xbd")))
        }),
        ("frame 0, place 0: bytes with zeros", {
            Packet::Data(numbered(0, 0, Data { kind: Kind::Binary, ..lossy((1, 0), Some(1), &[0, 1, 0, 8]) }))
        }),
        ("frame 1, place 1: with meta", {
            Packet::Data(numbered(1, 1, Data { meta: "m", ..lossy((1, 0), Some(1), b"x") }))
        }),
        ("frame 2, place 2: labels of two bytes", { Packet::Data(numbered(2, 2, lossy((300, 200), Some(201), b"x"))) }),
        ("run 3, places 3 to 5: of message 2, 1/? ab cd e", {
            Packet::Data(Data { size: Some(2), ..numbered(3, 3, lossy((2, 1), None, b"abcde")) })
        }),
        ("run 4, places 6 and 7: next, ab cd", Packet::Data(Data { size: Some(2), ..next(4, 6, b"abcd") })),
        ("run 5, places 8 and 9: 0/2 ab c, with meta", {
            Packet::Data(Data { size: Some(2), meta: "m", ..numbered(5, 8, lossy((1, 0), Some(2), b"abc")) })
        }),
        ("ack, nothing heard", Packet::Ack(Ack::new(255, 0, &[]))),
        ("ack 9, 7 missing, chat may go to 20", Packet::Ack(Ack::new(9, 0b100, &[0, 20]))),
        ("ack 40, 9 to 39 missing, 0 may go to 20, 1 to 255, 127 to 0", {
            Packet::Ack(Ack::new(40, 0xffff_fffe, &[0, 20, 1, 255, 127, 0]))
        }),
        ("close chat, place 9", Packet::Close(Close { number: 10, channel: CHAT, place: 9, reset: None })),
        (
            "reset chat, place 9: gone",
            Packet::Close(Close { number: 10, channel: CHAT, place: 9, reset: Some("gone") }),
        ),
        ("frame 9, place 4: next, 240 bytes", long),
    ]
}

/// The rows of section 10 that end in so many columns of bytes.
fn shown(columns: usize) -> Vec<&'static str> {
    let has_bytes = |line: &&str| line.ends_with("` |") && line.matches('`').count() == 2 * columns;
    SPECIFICATION.lines().filter(has_bytes).collect()
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
    let shown = shown(2);
    let written: Vec<String> = packets()
        .iter()
        .map(|(name, packet)| {
            let mut out = [0; 512];
            let bytes = packet.encode(SEAL, &mut out).unwrap();
            format!("| {name} | `{}` | `{}` |", hex(bytes), hex(&wire(bytes)))
        })
        .collect();
    assert_eq!(shown, written, "section 10 should read:\n{}\n", written.join("\n"));
}

#[test]
fn what_was_written_is_read_back() {
    for (name, packet) in packets() {
        let mut out = [0; 512];
        let bytes = packet.encode(SEAL, &mut out).unwrap().to_vec();
        let mut deframer = deframe::Deframer::<[u8; 512]>::new();
        match deframer.next_run(&mut wire(&bytes).as_slice()) {
            Some(deframe::Run::Packet(run)) => assert_eq!(Packet::decode(run, SEAL), Ok(packet), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        // Nor is it read when any one bit of it differs, or its end is missing.
        for bit in 0..bytes.len() * 8 {
            let mut spoilt = bytes.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert!(Packet::decode(&spoilt, SEAL).is_err(), "{name}, bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Packet::decode(&bytes[..len], SEAL).is_err(), "{name}, {len} bytes");
        }
    }
}

#[test]
fn what_was_sealed_for_another_link_does_not_fit() {
    for (name, packet) in packets() {
        let mut out = [0; 512];
        let bytes = packet.encode(SEAL, &mut out).unwrap();
        let is_hello = matches!(packet, Packet::Hello(_));
        // A boot later of either side, and the other way round.
        for other in [Seal::new(0x0102_0305, 5), Seal::new(0x0102_0304, 6), Seal::new(5, 0x0102_0304)] {
            assert_eq!(Packet::decode(bytes, other).is_ok(), is_hello, "{name}");
        }
    }
}

fn checked(body: &[u8]) -> Vec<u8> {
    [body, &pocketmux_core::crc::crc32(body).to_le_bytes()[..]].concat()
}

#[test]
fn fields_out_of_range_are_refused_although_the_check_fits() {
    use pocketmux_core::packet::DecodeError;
    let hello = |epoch: u8, packet_max: u8, versions: [u8; 2], rest: &[u8]| {
        checked(&[&[0x10][..], &versions, &[epoch, 0, 0, 0, 0, 0, 0, 0, packet_max, 1, 0, 0, 0], rest].concat())
    };
    let decode = |bytes: &[u8]| Packet::decode(bytes, Seal::default()).map(|_| ());
    assert_eq!(decode(&hello(1, 0x82, [1, 2], &[1, 1, 0, 8])), Ok(()));
    assert_eq!(decode(&checked(&[0x10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 120, 0, 0, 0])), Ok(()), "one of version 1");
    let malformed = |what, bytes: Vec<u8>| assert_eq!(decode(&bytes), Err(DecodeError::Malformed), "{what}");
    malformed("an epoch of 0", hello(0, 0x82, [1, 2], &[1, 1, 0, 8]));
    malformed("a packet_max of 129", hello(1, 0x81, [1, 2], &[1, 1, 0, 8]));
    malformed("versions the wrong way round", hello(1, 0x82, [2, 1], &[1, 1, 0, 8]));
    malformed("a window of 0", hello(1, 0x82, [1, 2], &[0, 1, 0, 8]));
    malformed("a window of 65", hello(1, 0x82, [1, 2], &[65, 1, 0, 8]));
    malformed("an answer never wanted", hello(1, 0x82, [1, 2], &[1, 0, 0, 8]));
    malformed("no channel", hello(1, 0x82, [1, 2], &[1, 1, 0, 0]));
    malformed("129 channels", hello(1, 0x82, [1, 2], &[1, 1, 0, 129]));
    malformed("a hello that breaks off", hello(1, 0x82, [1, 2], &[1]));
    malformed("a channel without a name", checked(&[0x20, 0, 0, 1, 0, 0, 0, 0]));
    malformed("a control character in a name", checked(&[0x20, 0, 0, 1, 0, 1, 9, 0, 0]));
    malformed("priority 3", checked(&[0x20, 0, 0, 3, 0, 1, b'c', 0, 0]));
    malformed("delivery 3", checked(&[0x20, 0, 0, 1, 3, 1, b'c', 0, 0]));
    for kind in [&[0x20][..], &[0x30], &[0x40, 0], &[0x70, 0]] {
        let rest = [0, 1, 0, 1, b'c', 0, 0];
        let rest = if kind[0] == 0x70 { &rest[..1] } else { &rest };
        assert_eq!(decode(&checked(&[kind, &[127], rest].concat())), Ok(()));
        malformed("channel 128", checked(&[kind, &[128], rest].concat()));
    }
    malformed("a content of 33 bytes", checked(&[&[0x20, 0, 0, 1, 0, 1, b'c', 33][..], &[b'x'; 33], &[0]].concat()));
    malformed("a sequence that is not below its total", checked(&[0x31, 0, 1, 2, 2]));
    malformed("a meta that is no UTF-8", checked(&[0x32, 0, 1, 0, 1, 0xff]));
    malformed("a meta that is not on the first frame", checked(&[0x32, 0, 1, 1, 1, b'm']));
    malformed("a meta on a frame that continues", checked(&[0x4a, 0, 0, 0, 1, b'm']));
    malformed("a run of one", checked(&[0x50, 0, 0, 0, 1, 0, 2, b'a', b'b']));
    malformed("a run of seventeen", checked(&[&[0x50, 0, 0, 0, 1, 0, 1][..], &[b'a'; 17]].concat()));
    malformed("a run of nothing", checked(&[0x50, 0, 0, 0, 1, 0, 0, b'a', b'b']));
    malformed("a run beyond its total", checked(&[0x51, 0, 0, 0, 1, 0, 1, 1, b'a', b'b']));
    malformed("half a credit", checked(&[0x60, 0, 0, 0]));
    malformed("a close with a reason that is no reset", checked(&[0x70, 0, 0, 0, b'x']));
    malformed("a reason of 33 bytes", checked(&[&[0x71, 0, 0, 0][..], &[b'x'; 33]].concat()));
    malformed("nothing but a check", checked(&[]));
    for kind in [0x00, 0x12, 0x21, 0x38, 0x61, 0x72, 0x80, 0xf0] {
        assert_eq!(decode(&checked(&[kind])), Err(DecodeError::Unknown), "kind {kind:#x}");
    }
}

#[test]
fn bytes_that_a_later_version_appends_are_passed_over() {
    let takes_more = |packet: &Packet<'_>| matches!(packet, Packet::Hello(_) | Packet::Open(_));
    for (name, packet) in packets().into_iter().filter(|(_, packet)| takes_more(packet)) {
        let mut out = [0; 512];
        let bytes = packet.encode(Seal::default(), &mut out).unwrap();
        let longer = checked(&[&bytes[..bytes.len() - 4], b"later"].concat());
        assert_eq!(Packet::decode(&longer, Seal::default()), Ok(packet), "{name}");
    }
}

#[test]
fn a_repaired_chunk_costs_ten_bytes_and_an_acknowledgement_nine() {
    let wire_len = |wanted: &str| {
        let (_, packet) = packets().into_iter().find(|(name, _)| *name == wanted).unwrap();
        let mut out = [0; 512];
        wire(packet.encode(SEAL, &mut out).unwrap()).len()
    };
    assert_eq!(wire_len("frame 9, place 4: next, 240 bytes"), 240 + 10);
    assert_eq!(wire_len("ack, nothing heard"), 9);
}
