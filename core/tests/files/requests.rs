//! Requests: lists, removal, other names.

use pocketmux_core::files::{Answer, Reason, Space};

use crate::pair::Pair;
use crate::shelf::Shelf;

type Request = fn(&mut Pair) -> u32;

fn answer(pair: &mut Pair, request: impl Fn(&mut Pair) -> u32) -> Answer {
    let number = request(pair);
    pair.run_while(|pair| pair.a.answers.is_empty());
    let (answered, answer) = pair.a.answers.remove(0);
    assert_eq!(answered, number);
    // What was said has arrived.
    pair.run_ms(100);
    answer
}

fn list(pair: &mut Pair, index: u32) -> Answer {
    answer(pair, |pair| pair.a.files.list(&mut pair.a.link, index).unwrap())
}

#[test]
fn a_list_has_every_entry_and_ends_with_the_room_that_there_is() {
    let mut far = Shelf::with(&[("one", b"1"), (&"é".repeat(32), b"22")]);
    far.capacity = Some(1000);
    let mut pair = Pair::up(Shelf::default(), far);
    let mut entries = Vec::new();
    let space = loop {
        match list(&mut pair, entries.len() as u32) {
            Answer::Entry(entry) => entries.push(entry),
            Answer::Space(space) => break space,
            other => panic!("{other:?}"),
        }
    };
    let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.size, entry.stored)).collect();
    assert_eq!(names, [("one", 1, 1), (&"é".repeat(32)[..], 2, 2)]);
    assert!(entries.iter().all(|entry| entry.digest.is_some() && entry.kind == "text/plain"));
    assert_eq!(space, Space { free: 997, capacity: 1000 });
    assert_eq!(list(&mut pair, u32::MAX), Answer::Space(space));
}

#[test]
fn files_are_removed_and_renamed() {
    let mut pair = Pair::up(Shelf::default(), Shelf::with(&[("one", b"1"), ("two", b"2")]));
    let steps: [(Request, Answer); 7] = [
        (|pair| pair.a.files.rename(&mut pair.a.link, "one", "two").unwrap(), Answer::Refused(Reason::Exists)),
        (|pair| pair.a.files.rename(&mut pair.a.link, "none", "three").unwrap(), Answer::Refused(Reason::Missing)),
        (|pair| pair.a.files.rename(&mut pair.a.link, "one", "../three").unwrap(), Answer::Refused(Reason::Name)),
        (|pair| pair.a.files.rename(&mut pair.a.link, "one", "three").unwrap(), Answer::Done),
        (|pair| pair.a.files.remove(&mut pair.a.link, "one").unwrap(), Answer::Refused(Reason::Missing)),
        (|pair| pair.a.files.remove(&mut pair.a.link, "a/b").unwrap(), Answer::Refused(Reason::Name)),
        (|pair| pair.a.files.remove(&mut pair.a.link, "two").unwrap(), Answer::Done),
    ];
    for (at, (request, expected)) in steps.into_iter().enumerate() {
        assert_eq!(answer(&mut pair, request), expected, "step {at}");
    }
    assert_eq!(pair.b.shelf().content("three"), Some(&b"1"[..]));
    assert_eq!(pair.b.shelf().content("one"), None);
    assert_eq!(pair.b.shelf().content("two"), None);
}

#[test]
fn a_request_waits_until_the_one_before_has_arrived() {
    let mut pair = Pair::up(Shelf::default(), Shelf::default());
    pair.a.files.list(&mut pair.a.link, 0).unwrap();
    assert!(pair.a.files.list(&mut pair.a.link, 0).is_err());
}
