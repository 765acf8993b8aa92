use super::{BINARY, BODY_MAX, Heard, Listener, Side, Verb, Welcome, escape, negotiate, subnegotiate};

/// The data in `bytes`, and everything else in words.
fn heard(bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let (mut listener, mut data, mut others) = (Listener::new(), Vec::new(), Vec::new());
    for byte in bytes {
        match listener.hear(*byte) {
            Some(Heard::Data(byte)) => data.push(byte),
            Some(other) => others.push(format!("{other:?}")),
            None => {}
        }
    }
    (data, others)
}

#[test]
fn every_byte_comes_through_as_it_was() {
    let all: Vec<u8> = (0..=255).chain([255, 255, 240, 255, 250, 13, 10, 13, 0]).collect();
    let mut sent = Vec::new();
    escape(&all, &mut sent);
    assert_eq!(sent.len(), all.len() + 4);
    assert_eq!(heard(&sent), (all, vec![]));
}

#[test]
fn commands_are_taken_out_of_the_data() {
    // Data, a request, a command of one byte, a subnegotiation with an escaped byte.
    let bytes = [b'a', 255, 251, 3, b'b', 255, 241, b'c', 255, 250, 44, 101, 255, 255, 255, 240, b'd'];
    let others = vec!["Request(Will, 3)".to_owned(), "Subnegotiation([44, 101, 255])".to_owned()];
    assert_eq!(heard(&bytes), (b"abcd".to_vec(), others));
}

#[test]
fn what_is_subnegotiated_is_heard() {
    let mut sent = Vec::new();
    subnegotiate(&[44, 255, 240, 255], &mut sent);
    assert_eq!(sent, [255, 250, 44, 255, 255, 240, 255, 255, 255, 240]);
    assert_eq!(heard(&sent).1, ["Subnegotiation([44, 255, 240, 255])"]);
}

#[test]
fn a_subnegotiation_that_is_too_long_or_has_no_end_is_skipped_whole() {
    for (len, is_heard) in [(BODY_MAX, true), (BODY_MAX + 1, false), (100_000, false)] {
        let mut sent = Vec::new();
        subnegotiate(&vec![7; len], &mut sent);
        sent.push(b'x');
        let (data, others) = heard(&sent);
        assert_eq!((data.as_slice(), others.len()), (&b"x"[..], usize::from(is_heard)), "{len}");
    }
    let without_end = [255, 250, 44, 1, 2, 255, 253, 0, b'x'];
    assert_eq!(heard(&without_end), (b"x".to_vec(), vec!["Request(Do, 0)".to_owned()]));
}

#[test]
fn an_option_that_nobody_knows_is_refused_and_its_refusal_is_not_answered() {
    let mut welcomes = [Welcome::new(Side::Ours, BINARY)];
    for (verb, answer) in
        [(Verb::Will, Some(Verb::Dont)), (Verb::Do, Some(Verb::Wont)), (Verb::Wont, None), (Verb::Dont, None)]
    {
        assert_eq!(negotiate(&mut welcomes, verb, 24), answer.map(|answer| answer.request(24)));
    }
    // Known for us is not known for them.
    assert_eq!(negotiate(&mut welcomes, Verb::Will, BINARY), Some(Verb::Dont.request(BINARY)));
}

#[test]
fn an_answer_is_not_answered_and_a_change_of_mind_is() {
    let mut welcomes = [Welcome::new(Side::Theirs, BINARY)];
    assert_eq!(welcomes[0].ask(), [255, 253, 0]);
    assert_eq!(negotiate(&mut welcomes, Verb::Will, BINARY), None);
    assert!(welcomes[0].is_on());
    assert_eq!(negotiate(&mut welcomes, Verb::Will, BINARY), None);
    assert_eq!(negotiate(&mut welcomes, Verb::Wont, BINARY), Some(Verb::Dont.request(BINARY)));
    assert!(!welcomes[0].is_on() && welcomes[0].is_refused());
    assert_eq!(negotiate(&mut welcomes, Verb::Wont, BINARY), None);
    assert_eq!(negotiate(&mut welcomes, Verb::Will, BINARY), Some(Verb::Do.request(BINARY)));
    welcomes[0].ask();
    assert_eq!(negotiate(&mut welcomes, Verb::Wont, BINARY), None);
    assert!(welcomes[0].is_refused());
}
