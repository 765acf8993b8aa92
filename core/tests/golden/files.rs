//! The golden bytes of the messages of files.

use pocketmux_core::files::{Digest, FileMessage, Number, Reason, Space};

use crate::{hex, shown};

const CRC: Digest = Digest::Crc32(0xcbf4_3926);
/// Of `abc`.
const SHA: Digest = Digest::Sha256(
    *b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
);
const OURS: Number = Number { number: 1, is_yours: false };
const YOURS: Number = Number { number: 1, is_yours: true };

/// The messages of section 10, by their names there.
fn messages() -> Vec<(&'static str, Number, FileMessage<'static>)> {
    use FileMessage::{Accept, Cancel, Data, Done, Entry, Get, List, Offer, Remove, Rename};
    let plain = "text/plain";
    let entry = |stored, digest| Entry { index: 2, size: 300, stored, digest, kind: plain, name: "a.txt" };
    let space = |free, capacity| FileMessage::Space(Space { free, capacity });
    vec![
        ("offer of a.txt, 3 bytes, by SHA-256", OURS, Offer { size: 3, digest: SHA, kind: plain, name: "a.txt" }),
        (
            "offer of b, 9 bytes, by CRC-32, without a kind, as asked for",
            YOURS,
            Offer { size: 9, digest: CRC, kind: "", name: "b" },
        ),
        ("accept from 0", YOURS, Accept { offset: 0, digest: None }),
        ("accept from 9, by CRC-32", YOURS, Accept { offset: 9, digest: Some(CRC) }),
        ("accept from 300, by SHA-256, as asked for", OURS, Accept { offset: 300, digest: Some(SHA) }),
        ("data from 0: abc", OURS, Data { offset: 0, content: b"abc" }),
        ("data from 300: abc, as asked for", YOURS, Data { offset: 300, content: b"abc" }),
        ("data from 4294967295: nothing", OURS, Data { offset: u32::MAX, content: b"" }),
        ("done", YOURS, Done),
        ("done, number 300, as asked for", Number { number: 300, is_yours: false }, Done),
        ("cancel, somebody does not want it", OURS, Cancel(Reason::Cancelled)),
        ("cancel, that is not what the section says", YOURS, Cancel(Reason::Protocol)),
        ("get a.txt", OURS, Get("a.txt")),
        ("list 0", OURS, List(0)),
        ("list 200", OURS, List(200)),
        ("entry 2: a.txt, 300 of 300 bytes, by SHA-256", YOURS, entry(300, Some(SHA))),
        ("entry 2: a.txt, 255 of 300 bytes, by CRC-32", YOURS, entry(255, Some(CRC))),
        ("entry 2: a.txt, 300 of 300 bytes, digest not known", YOURS, entry(300, None)),
        ("space, 1000 of 65536 free", YOURS, space(1000, 65536)),
        ("remove a.txt", OURS, Remove("a.txt")),
        ("rename a.txt to é", OURS, Rename { from: "a.txt", to: "é" }),
    ]
}

/// A whole message; `encode` leaves out the content of DATA.
fn bytes(number: Number, message: &FileMessage<'_>) -> Vec<u8> {
    let mut out = [0; 160];
    let mut bytes = message.encode(number, &mut out).unwrap().to_vec();
    if let FileMessage::Data { content, .. } = message {
        bytes.extend_from_slice(content);
    }
    bytes
}

#[test]
fn the_specification_shows_what_the_code_writes_of_files() {
    let written: Vec<String> = messages()
        .iter()
        .map(|(name, number, message)| format!("| {name} | `{}` |", hex(&bytes(*number, message))))
        .collect();
    assert_eq!(shown(1), written, "section 10 should read:\n{}\n", written.join("\n"));
}

#[test]
fn what_was_written_of_files_is_read_back_and_nothing_that_is_cut_short() {
    for (name, number, message) in messages() {
        let bytes = bytes(number, &message);
        assert_eq!(FileMessage::decode(&bytes), Some((number, message)), "{name}");
        let is_data = matches!(message, FileMessage::Data { .. });
        let body_ends = if let FileMessage::Data { content, .. } = message { content.len() } else { 0 };
        for len in 0..bytes.len() - body_ends {
            assert_eq!(FileMessage::decode(&bytes[..len]), None, "{name}, {len} bytes");
        }
        // What a later version appends is passed over, but in DATA it would be content.
        let longer = [&bytes[..], b"later"].concat();
        assert_eq!(FileMessage::decode(&longer) == Some((number, message)), !is_data, "{name}");
        // A buffer that is too short gets nothing, rather than the beginning.
        let mut out = vec![0; bytes.len() - body_ends - 1];
        assert_eq!(message.encode(number, &mut out), None, "{name}");
    }
}

#[test]
fn a_message_that_the_section_does_not_have_is_none() {
    for kind in [0, 12, 0x7f, 0x80, 0x8c, 0xff] {
        assert_eq!(FileMessage::decode(&[kind, 1, 0, 0, 0, 0]), None, "type {kind}");
    }
    let offer = |digest: &[u8]| [&[1, 1, 3][..], digest, &[0, 1, b'b']].concat();
    assert!(FileMessage::decode(&offer(&[1, 1, 2, 3, 4])).is_some());
    assert_eq!(FileMessage::decode(&offer(&[0])), None, "an offer without a digest");
    assert_eq!(FileMessage::decode(&offer(&[3, 1, 2, 3, 4])), None, "an algorithm of a later version");
    assert_eq!(FileMessage::decode(&[6, 1, 2, b'a']), None, "a name longer than the message");
    assert_eq!(FileMessage::decode(&[6, 1, 1, 0xff]), None, "a name that is no UTF-8");
    assert_eq!(FileMessage::decode(&[7, 1, 0xff, 0xff, 0xff, 0xff, 0x10]), None, "an index beyond 32 bits");
    for number in [0, 13, 255] {
        let read = FileMessage::decode(&[5, 1, number]) == Some((OURS, FileMessage::Cancel(Reason::Protocol)));
        assert!(read, "reason {number}");
    }
}
