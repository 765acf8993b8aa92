//! A peer that says what it should not: nothing panics, grows, or disturbs what else is going on.

use pocketmux_core::files::{CONTROL_MAX, Digest, FileMessage, Files, META, Number, Reason};
use pocketmux_core::{Frame, Kind, Message, MessageId, Position};

use crate::pair::{FILE, Pair, Random};
use crate::shelf::{Shelf, name};
use crate::transfers::content;

/// A pair of which the test plays `a`.
fn played(far: Shelf) -> Pair {
    let mut pair = Pair::up(Shelf::default(), far);
    pair.a.is_played = true;
    pair
}

fn say(pair: &mut Pair, number: u32, is_yours: bool, message: &FileMessage<'_>) {
    let mut out = [0; CONTROL_MAX];
    let data = message.encode(Number { number, is_yours }, &mut out).unwrap();
    pair.a.link.send(FILE, &Message { kind: Kind::Binary, meta: META, data }).unwrap();
    pair.run_ms(100);
}

const OFFER: FileMessage<'static> = FileMessage::Offer { size: 100, digest: Digest::Crc32(1), kind: "", name: "one" };

#[test]
fn names_that_could_lead_elsewhere_are_refused_by_the_receiver_too() {
    for bad in ["../passwd", "/etc/passwd", ".", "a\0b", "", "a\\b", ".ssh"] {
        let mut pair = Pair::up(Shelf::default(), Shelf::with(&[("one", b"1")]));
        say(&mut pair, 1, false, &FileMessage::Offer { size: 1, digest: Digest::Crc32(1), kind: "", name: bad });
        say(&mut pair, 2, false, &FileMessage::Get(bad));
        say(&mut pair, 3, false, &FileMessage::Remove(bad));
        say(&mut pair, 4, false, &FileMessage::Rename { from: "one", to: bad });
        let refused: Vec<_> = pair.a.answers.iter().map(|(_, answer)| answer.clone()).collect();
        assert_eq!(refused, vec![pocketmux_core::files::Answer::Refused(Reason::Name); 4], "{bad:?}");
        assert_eq!(pair.b.files.transfers().count(), 0);
    }
}

#[test]
fn content_of_another_length_than_offered_ends_the_transfer() {
    for (len, is_last) in [(101, false), (101, true), (99, true), (0, true)] {
        let mut pair = played(Shelf::default());
        say(&mut pair, 1, false, &OFFER);
        let mut data = vec![0; 200];
        let head =
            FileMessage::Data { offset: 0, content: &[] }.encode(Number { number: 1, is_yours: false }, &mut data);
        let head = head.unwrap().len();
        data.truncate(head + len);
        let mut stream = pair.a.link.begin(FILE).unwrap();
        pair.a.link.write(&mut stream, META, &data, is_last).unwrap();
        pair.run_ms(100);
        assert_eq!(pair.b.ended[0].result.unwrap_err().reason, Reason::Protocol, "{len} {is_last}");
        assert_eq!(pair.b.shelf().content("one"), None);
        assert_eq!(pair.b.shelf().open_files(), 0);
    }
}

#[test]
fn the_tail_of_a_message_that_is_too_long_is_not_taken_for_one() {
    let mut pair = played(Shelf::with(&[("one", b"1")]));
    let mut data = vec![0; 240];
    let mut out = [0; CONTROL_MAX];
    data.extend_from_slice(FileMessage::Remove("one").encode(Number { number: 9, is_yours: false }, &mut out).unwrap());
    let mut stream = pair.a.link.begin(FILE).unwrap();
    let mut sent = 0;
    while sent < data.len() {
        // The last frame has the message that is hidden in it, and nothing else.
        let end = if sent < 240 { 240 } else { data.len() };
        match pair.a.link.write(&mut stream, META, &data[sent..end], end == data.len()) {
            Ok(len) => sent += len,
            Err(_) => pair.run_ms(10),
        }
    }
    pair.run_ms(200);
    assert_eq!(pair.b.shelf().content("one"), Some(&b"1"[..]));
    assert_eq!(pair.a.told, Vec::<String>::new());
}

#[test]
fn a_sender_that_begins_elsewhere_than_agreed_is_refused() {
    let mut pair = played(Shelf::default());
    say(&mut pair, 1, false, &OFFER);
    say(&mut pair, 1, false, &FileMessage::Data { offset: 50, content: &[] });
    assert_eq!(pair.b.ended[0].result.unwrap_err().reason, Reason::Protocol);
}

#[test]
fn more_transfers_than_there_is_room_for_are_refused_and_may_be_tried_again() {
    let mut pair = played(Shelf::default());
    for number in 1..=5 {
        let file = format!("file {number}");
        say(&mut pair, number, false, &FileMessage::Offer { size: 9, digest: Digest::Crc32(1), kind: "", name: &file });
    }
    let told: Vec<_> = pair.a.told.iter().map(|told| &told[..8]).collect();
    assert_eq!(told, ["1 Accept", "2 Accept", "3 Cancel", "4 Cancel", "5 Cancel"]);
    assert!(pair.a.told[2..].iter().all(|told| told.contains("Busy")), "{:?}", pair.a.told);
    assert_eq!(pair.b.files.transfers().count(), 2);
}

#[test]
fn an_accept_beyond_the_end_is_refused() {
    let mut pair = played(Shelf::with(&[("one", b"0123456789")]));
    say(&mut pair, 1, false, &FileMessage::Get("one"));
    say(&mut pair, 1, false, &FileMessage::Accept { offset: 11, digest: Some(Digest::Crc32(0)) });
    assert_eq!(pair.b.ended[0].result.unwrap_err().reason, Reason::Protocol);
}

#[test]
fn any_bytes_in_any_order_disturb_no_transfer_of_others() {
    for seed in 1..=40 {
        let mut random = Random(seed * 0x1234_5678_9abc);
        let content = content(8000);
        let mut pair = Pair::up(Shelf::with(&[("good", &content)]), Shelf::with(&[("other", b"kept")]));
        pair.a.files.offer(&name("good")).unwrap();
        for _ in 0..30 {
            let mut out = [0; CONTROL_MAX];
            let number = Number { number: 100 + random.below(3) as u32, is_yours: random.chance(0.3) };
            let noise = random.bytes(20);
            let names = ["bad", "worse", "../good", "none"];
            let file = names[random.below(4) as usize];
            let value = random.below(300) as u32;
            let message = match random.below(9) {
                0 => FileMessage::Offer { size: value, digest: Digest::Crc32(value), kind: "x", name: file },
                1 => FileMessage::Accept { offset: value, digest: Some(Digest::Crc32(value)) },
                2 => FileMessage::Data { offset: value % 2, content: &[] },
                3 => FileMessage::Done,
                4 => FileMessage::Cancel(Reason::Paused),
                5 => FileMessage::Get(file),
                6 => FileMessage::List(value),
                7 => FileMessage::Rename { from: file, to: "bad" },
                _ => FileMessage::Remove(file),
            };
            let mut data = message.encode(number, &mut out).unwrap().to_vec();
            if random.chance(0.3) {
                data = noise;
                data[0] |= 0x10;
            }
            let _ = pair.a.link.send(FILE, &Message { kind: Kind::Binary, meta: META, data: &data });
            pair.run_ms(random.below(60) as usize);
        }
        pair.run_until_ended(1);
        assert_eq!(pair.results(), [Ok(())], "seed {seed}");
        assert_eq!(pair.b.shelf().content("good"), Some(&content[..]), "seed {seed}");
        assert_eq!(pair.b.shelf().content("other"), Some(&b"kept"[..]), "seed {seed}");
    }
}

#[test]
fn frames_of_any_bytes_are_taken_or_not_and_nothing_else() {
    let mut random = Random(77);
    let mut files = Files::<_, 2>::new(Shelf::with(&[("one", b"1")]), FILE, 1);
    for _ in 0..200_000 {
        let len = random.below(60) as usize;
        let mut data = random.bytes(len);
        if let Some(first) = data.first_mut() {
            *first %= 13;
        }
        let sequence = random.below(3) as u32;
        let total = random.chance(0.5).then_some(sequence + 1 + random.below(2) as u32);
        let frame = Frame {
            channel: FILE,
            message: MessageId(random.below(6) as u32),
            position: Position::new(sequence, total).unwrap(),
            kind: Kind::Binary,
            meta: if sequence == 0 { META } else { "" },
            data: &data,
        };
        files.handle_frame(&frame, 0);
        while files.poll_event().is_some() {}
        assert!(files.transfers().count() <= 2);
    }
}
