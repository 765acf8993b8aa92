//! The files of a board: taken, listed, given back, and refused.

use pocketmux_core::files::{About, Algorithm, Answer, Entry, Hasher, Kind, Name, Reason, Store};

use crate::bench::{Bench, board};

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// Puts a file into a store, and says what it is.
fn put(store: &mut impl Store, file: &str, content: &[u8]) -> About {
    let mut hasher = Hasher::new(Algorithm::BEST).unwrap();
    hasher.update(content);
    let (size, digest) = (content.len() as u32, hasher.digest());
    let about = About { name: name(file), size, digest, kind: Kind::try_from("text/plain").unwrap() };
    let (partial, _) = store.receive(&about).unwrap();
    while !store.prepare(partial).unwrap() {}
    store.append(partial, content).unwrap();
    store.finish(partial).unwrap();
    about
}

fn content(store: &mut impl Store, file: &str) -> Vec<u8> {
    let (id, entry) = store.open(&name(file)).unwrap();
    let mut out = vec![0; entry.size as usize];
    assert_eq!(store.read(id, 0, &mut out), Ok(out.len()));
    store.close(id);
    out
}

#[test]
fn a_file_put_on_the_board_is_listed_there_and_comes_back_as_it_was() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(1_000);
    let poem: Vec<u8> = (0..4_321u32).map(|n| ((n * n) >> 3) as u8).collect();
    let about = put(bench.files.store(), "poem.txt", &poem);
    bench.files.offer(&about.name).unwrap();
    bench.run_ms(2_000);
    assert!(matches!(&bench.ended[..], [ended] if ended.is_sending && ended.result.is_ok()), "{:?}", bench.ended);

    let first = bench.files.list(&mut bench.peer, 0).unwrap();
    bench.run_ms(100);
    let second = bench.files.list(&mut bench.peer, 1).unwrap();
    bench.run_ms(100);
    let About { name, size, digest, kind } = about;
    let entry = Entry { name: name.clone(), size, stored: size, digest: Some(digest), kind };
    assert_eq!(bench.answers[0], (first, Answer::Entry(entry)));
    let Answer::Space(space) = bench.answers[1].1 else { panic!("{:?}", bench.answers) };
    assert_eq!((bench.answers[1].0, space.free, space.capacity), (second, 5000 - 4321, 5000));

    bench.files.store().remove(&name).unwrap();
    bench.files.get(&name).unwrap();
    bench.run_ms(2_000);
    assert!(matches!(&bench.ended[1..], [ended] if !ended.is_sending && ended.result.is_ok()), "{:?}", bench.ended);
    assert_eq!(content(bench.files.store(), "poem.txt"), poem);
    assert_eq!(
        bench.heard_on("log"),
        [&b"link up"[..], b"file sent", b"received a file", b"sent a file"],
        "the board tells of it"
    );
}

#[test]
fn a_file_larger_than_the_board_has_room_for_is_refused_when_it_is_offered() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(1_000);
    let about = put(bench.files.store(), "novel.txt", &[b'x'; 5001]);
    bench.files.offer(&about.name).unwrap();
    bench.run_ms(500);
    let failure = bench.ended[0].result.unwrap_err();
    assert_eq!((failure.reason, failure.is_theirs), (Reason::NoRoom, true));
    let just_fits = put(bench.files.store(), "story.txt", &[b'y'; 4999]);
    bench.files.offer(&just_fits.name).unwrap();
    bench.run_ms(2_000);
    assert_eq!(bench.ended[1].result, Ok(()));
}

#[test]
fn presence_and_chat_go_on_beside_a_file() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(1_000);
    let about = put(bench.files.store(), "long.bin", &[b'z'; 5000]);
    bench.files.offer(&about.name).unwrap();
    bench.say("ahoy");
    bench.run_ms(2_000);
    assert_eq!(bench.ended[0].result, Ok(()));
    assert_eq!(bench.heard_on("chat"), [b"bench heard: ahoy"]);
    assert!(bench.heard_on("presence").len() >= 3);
}
