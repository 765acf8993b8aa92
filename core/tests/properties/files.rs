//! Properties of the messages of files: written and read, any bytes, and cut into frames of any length.

use pocketmux_core::files::{self, Answer, Digest, FileMessage, Files, Heard, META, Name, Number, Ram, Reason, Space};
use pocketmux_core::{ChannelId, Frame, Kind, MessageId, Position};
use proptest::collection::vec;
use proptest::prelude::*;

const FILE: ChannelId = ChannelId::new(3);

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![any::<u32>().prop_map(Digest::Crc32), any::<[u8; 32]>().prop_map(Digest::Sha256)]
}

/// Text of a message, which borrows it.
fn text(bytes_max: usize) -> impl Strategy<Value = &'static str> {
    "\\PC{0,64}".prop_map(move |text| {
        let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap();
        // As many as there are cases, in a process that ends soon.
        &*Box::leak(text[..end].to_string().into_boxed_str())
    })
}

fn message() -> impl Strategy<Value = FileMessage<'static>> {
    let reason = (1..=12u8).prop_map(|number| match FileMessage::decode(&[5, 0, number]) {
        Some((_, FileMessage::Cancel(reason))) => reason,
        _ => unreachable!(),
    });
    // A digest of nothing is not sent.
    let accept = (any::<u32>(), proptest::option::of(digest()))
        .prop_map(|(offset, digest)| FileMessage::Accept { offset, digest: digest.filter(|_| offset != 0) });
    let content = vec(any::<u8>(), 0..300).prop_map(|bytes| &*Box::leak(bytes.into_boxed_slice()));
    let entry = (any::<[u32; 3]>(), proptest::option::of(digest()), text(32), text(64)).prop_map(
        |([index, size, stored], digest, kind, name)| FileMessage::Entry { index, size, stored, digest, kind, name },
    );
    prop_oneof![
        (any::<u32>(), digest(), text(32), text(64)).prop_map(|(size, digest, kind, name)| FileMessage::Offer {
            size,
            digest,
            kind,
            name
        }),
        accept,
        (any::<u32>(), content).prop_map(|(offset, content)| FileMessage::Data { offset, content }),
        Just(FileMessage::Done),
        reason.prop_map(FileMessage::Cancel),
        text(64).prop_map(FileMessage::Get),
        any::<u32>().prop_map(FileMessage::List),
        entry,
        any::<[u32; 2]>().prop_map(|[free, capacity]| FileMessage::Space(Space { free, capacity })),
        text(64).prop_map(FileMessage::Remove),
        (text(64), text(64)).prop_map(|(from, to)| FileMessage::Rename { from, to }),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    (any::<u32>(), any::<bool>()).prop_map(|(number, is_yours)| Number { number, is_yours })
}

/// A whole message; `encode` leaves out the content of DATA.
fn bytes(number: Number, message: &FileMessage<'_>) -> Vec<u8> {
    let mut out = [0; files::CONTROL_MAX];
    let mut bytes = message.encode(number, &mut out).expect("no message is longer").to_vec();
    if let FileMessage::Data { content, .. } = message {
        bytes.extend_from_slice(content);
    }
    bytes
}

/// What becomes of the frames, and what is the answer, where a side hears these bytes as a message, in frames that end at these places.
fn heard(bytes: &[u8], ends: &[usize]) -> (Vec<Heard>, Answer) {
    let mut files = Files::<_, 2>::new(Ram::<1000, 4>::new(), FILE, 1);
    let mut ends: Vec<usize> = ends.iter().map(|end| end % (bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    let mut start = 0;
    let total = Some(ends.len() as u32);
    let mut told = Vec::new();
    for (sequence, end) in (0..).zip(ends) {
        let position = Position::new(sequence, total).unwrap();
        let meta = if sequence == 0 { META } else { "" };
        let (data, message) = (&bytes[start..end], MessageId(7));
        let frame = Frame { channel: FILE, message, position, kind: Kind::Binary, meta, data };
        told.push(files.handle_frame(&frame, 0));
        start = end;
    }
    (told, files.answer())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_message_of_files_is_read_as_it_was_written(number in number(), message in message()) {
        let bytes = bytes(number, &message);
        prop_assert_eq!(FileMessage::decode(&bytes), Some((number, message)));
    }

    /// Most of them begin like a message of some type.
    #[test]
    fn any_bytes_that_are_read_as_a_message_of_files_are_written_as_one_that_reads_the_same(
        kind in prop_oneof![0..12u8, 0x80..0x8cu8, any::<u8>()],
        rest in vec(prop_oneof![0..4u8, any::<u8>()], 0..300),
    ) {
        let noise = [&[kind][..], &rest].concat();
        if let Some((number, message)) = FileMessage::decode(&noise) {
            let mut out = vec![0; noise.len() + 16];
            let head = message.encode(number, &mut out).expect("a message is no longer than what it was read from").to_vec();
            let again = match message {
                FileMessage::Data { content, .. } => [&head, content].concat(),
                _ => head,
            };
            prop_assert_eq!(FileMessage::decode(&again), Some((number, message)));
        }
    }

    /// What ends in an answer for the application shows that the whole of it was read.
    #[test]
    fn a_message_of_files_is_understood_however_it_is_cut_into_frames(
        sent in prop_oneof![
            (text(64), digest(), any::<[u32; 2]>()).prop_map(|(name, digest, [size, stored])| FileMessage::Entry {
                index: 0, size, stored, digest: Some(digest), kind: "text/plain", name,
            }),
            any::<[u32; 2]>().prop_map(|[free, capacity]| FileMessage::Space(Space { free, capacity })),
            Just(FileMessage::Done),
            Just(FileMessage::Cancel(Reason::Missing)),
        ],
        number in any::<u32>(),
        ends in vec(any::<usize>(), 0..6),
    ) {
        let bytes = bytes(Number { number, is_yours: true }, &sent);
        let (mut told, answer) = heard(&bytes, &ends);
        let last = told.pop().unwrap();
        prop_assert!(told.iter().all(|told| *told == Heard::Taken), "{:?}", told);
        prop_assert_eq!(last, Heard::Answer(number));
        match (sent, answer) {
            (FileMessage::Entry { size, stored, digest, kind, name, .. }, Answer::Entry(entry)) => {
                prop_assert_eq!((entry.size, entry.stored, entry.digest), (size, stored, digest));
                prop_assert_eq!((entry.kind.as_str(), entry.name.as_str()), (kind, name));
            }
            (FileMessage::Entry { name, .. }, Answer::Refused(Reason::Protocol)) => prop_assert!(Name::new(name).is_err()),
            (FileMessage::Space(space), Answer::Space(answer)) => prop_assert_eq!(space, answer),
            (FileMessage::Done, Answer::Done) => {}
            (FileMessage::Cancel(reason), Answer::Refused(answer)) => prop_assert_eq!(reason, answer),
            (sent, answer) => panic!("{sent:?} was read as {answer:?}"),
        }
    }

    /// Frames of any content, as one message after the other: nothing panics, and nothing is taken for plain that says it is of this protocol.
    #[test]
    fn files_survive_any_frames(noise in vec(vec(any::<u8>(), 0..200), 0..20), ends in vec(any::<usize>(), 0..4)) {
        for bytes in noise {
            prop_assert!(!heard(&bytes, &ends).0.contains(&Heard::Plain));
        }
    }
}
