//! Transfers on a wire that does what it should.

use pocketmux_core::files::{ANSWER_US, Algorithm, Reason, STALL_US, Store as _, StoreError};
use pocketmux_core::{Kind, Message};

use crate::pair::{FILE, Pair, Random};
use crate::shelf::{Shelf, name};

pub fn content(len: usize) -> Vec<u8> {
    Random(7).bytes(len)
}

#[test]
fn a_file_of_any_length_arrives_as_it_was() {
    for len in [0, 1, 100, 239, 240, 241, 5000, 20_000] {
        let content = content(len);
        let mut pair = Pair::up(Shelf::with(&[("a.bin", &content)]), Shelf::default());
        pair.a.files.offer(&name("a.bin")).unwrap();
        pair.run_until_ended(1);
        assert_eq!(pair.results(), [Ok(())], "{len}");
        assert_eq!(pair.b.shelf().content("a.bin"), Some(&content[..]), "{len}");
        assert_eq!(pair.b.ended.len(), 1);
        let ended = &pair.b.ended[0];
        assert!(!ended.is_sending && ended.result.is_ok() && ended.size == len as u32, "{ended:?}");
        assert_eq!((pair.a.shelf().open_files(), pair.b.shelf().open_files()), (0, 0));
    }
}

#[test]
fn a_file_is_fetched_by_its_name() {
    for is_digest_known in [true, false] {
        let content = content(3000);
        let mut far = Shelf::with(&[("log.txt", &content)]);
        if !is_digest_known {
            far.forget_digests();
        }
        let mut pair = Pair::up(Shelf::default(), far);
        pair.a.files.get(&name("log.txt")).unwrap();
        pair.run_until_ended(1);
        assert_eq!(pair.results(), [Ok(())]);
        assert_eq!(pair.a.shelf().content("log.txt"), Some(&content[..]));
        assert_eq!(pair.a.ended[0].size, 3000);
        pair.a.files.get(&name("other.txt")).unwrap();
        pair.run_until_ended(2);
        assert_eq!(pair.results()[1], Err(Reason::Missing));
        assert!(pair.a.ended[1].result.unwrap_err().is_theirs);
    }
}

#[test]
fn transfers_in_both_directions_and_chat_share_the_wire() {
    let (one, two) = (content(20_000), content(15_000));
    let mut pair = Pair::up(Shelf::with(&[("one", &one)]), Shelf::with(&[("two", &two)]));
    pair.a.files.offer(&name("one")).unwrap();
    pair.a.files.get(&name("two")).unwrap();
    pair.run_ms(1000);
    assert!(pair.a.files.transfers().all(|transfer| transfer.is_moving && transfer.at > 0));
    pair.chat("in between");
    pair.run_ms(150);
    assert_eq!(pair.b.plain, [("chat".to_owned(), b"in between".to_vec())]);
    pair.run_until_ended(2);
    assert_eq!(pair.results(), [Ok(()), Ok(())]);
    assert_eq!(pair.b.shelf().content("one"), Some(&one[..]));
    assert_eq!(pair.a.shelf().content("two"), Some(&two[..]));
}

#[test]
fn two_files_the_same_way_take_turns() {
    let content = content(10_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content), ("two", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.a.files.offer(&name("two")).unwrap();
    assert_eq!(pair.a.files.offer(&name("one")), Err(StoreError::TooMany));
    pair.run_ms(1000);
    let at: Vec<u32> = pair.b.files.transfers().map(|transfer| transfer.at).collect();
    assert!(at.len() == 2 && at.iter().all(|at| (3000..6500).contains(at)), "{at:?}");
    pair.run_until_ended(2);
    assert_eq!(pair.results(), [Ok(()), Ok(())]);
}

#[test]
fn a_plain_message_of_the_channel_is_what_it_is() {
    let content = content(5000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(200);
    let long = vec![b'x'; 1000];
    let messages = [Message::text("ABCDEFGH"), Message { kind: Kind::Binary, meta: "a.txt", data: &long }];
    for message in messages {
        // Content does not keep it out of the queue.
        pair.run_while(|pair| {
            pair.a.files.hold();
            pair.a.link.send(FILE, &message).is_err()
        });
    }
    pair.run_until_ended(1);
    let plain: Vec<_> = pair.b.plain.iter().map(|(channel, data)| (channel.as_str(), &data[..])).collect();
    assert_eq!(plain, [("file", &b"ABCDEFGH"[..]), ("file", &long[..])]);
    assert_eq!(pair.b.shelf().content("one"), Some(&content[..]));
}

#[test]
fn a_file_that_is_there_already_is_not_sent_again() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::with(&[("one", &content)]));
    let before = pair.carried;
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Ok(())]);
    assert!(pair.carried - before < 1000);
    pair.a.files.get(&name("one")).unwrap();
    pair.run_until_ended(2);
    assert_eq!(pair.results(), [Ok(()), Ok(())]);
    assert_eq!(pair.a.shelf().appended + pair.b.shelf().appended, 0);
    assert!(pair.a.ended.iter().all(|ended| ended.from == 20_000));
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_when_it_is_whole() {
    let (old, new) = (content(1000), content(9000));
    let mut pair = Pair::up(Shelf::with(&[("one", &new)]), Shelf::with(&[("one", &old)]));
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(400);
    assert!(pair.b.shelf().partial("one").is_some_and(|stored| stored > 1000));
    assert_eq!(pair.b.shelf().content("one"), Some(&old[..]));
    pair.run_until_ended(1);
    assert_eq!(pair.b.shelf().content("one"), Some(&new[..]));
    assert_eq!(pair.b.shelf().partial("one"), None);
}

#[test]
fn a_board_that_makes_only_crc_32_is_served() {
    let content = content(3000);
    for known in [Algorithm::Crc32, Algorithm::Sha256] {
        let mut near = Shelf::default();
        near.put("one", &content, known);
        let mut pair = Pair::up(near, Shelf::default());
        pair.a.files.set_algorithm(Algorithm::Crc32);
        pair.a.files.offer(&name("one")).unwrap();
        pair.run_until_ended(1);
        assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
        assert_eq!(pair.b.ended[0].digest.map(|digest| digest.algorithm()), Some(Algorithm::Crc32));
    }
}

#[test]
fn a_cancelled_transfer_stops_and_leaves_nothing_a_paused_one_goes_on() {
    let content = content(20_000);
    for (reason, left) in [(Reason::Cancelled, false), (Reason::Paused, true)] {
        for by_receiver in [false, true] {
            let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
            let id = pair.a.files.offer(&name("one")).unwrap();
            pair.run_ms(700);
            if by_receiver {
                let id = pair.b.files.transfers().next().unwrap().id;
                pair.b.files.cancel(id, reason);
            } else {
                pair.a.files.cancel(id, reason);
            }
            pair.run_until_ended(1);
            let failure = pair.a.ended[0].result.unwrap_err();
            assert_eq!((failure.reason, failure.is_theirs), (reason, by_receiver));
            assert_eq!(pair.b.ended[0].result.unwrap_err().is_theirs, !by_receiver);
            assert_eq!(pair.b.shelf().partial("one").is_some(), left, "{reason:?}");
            assert_eq!(pair.b.shelf().content("one"), None);
            assert_eq!(pair.b.plain, []);
            let stored = pair.b.shelf().partial("one").unwrap_or(0);
            assert!(!left || stored > 3000);
            pair.a.files.offer(&name("one")).unwrap();
            pair.run_until_ended(2);
            assert_eq!(pair.b.shelf().content("one"), Some(&content[..]));
            assert_eq!(pair.b.shelf().resumed.last(), Some(&(stored as u32)));
            let again = if left { 0 } else { 20_000 };
            assert!(pair.b.shelf().appended <= 20_000 + again, "no byte was stored twice");
        }
    }
}

#[test]
fn a_store_without_room_refuses_at_the_offer() {
    let content = content(5000);
    let full = Shelf { capacity: Some(4999), ..Shelf::default() };
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), full);
    let before = pair.carried;
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Err(Reason::NoRoom)]);
    assert!(pair.carried - before < 600);
}

#[test]
fn a_store_that_fails_ends_the_transfer_and_keeps_what_it_has() {
    let content = content(5000);
    let failing = Shelf { fails_at: Some(2000), ..Shelf::default() };
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), failing);
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Err(Reason::Failed)]);
    pair.b.shelf().fails_at = None;
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(2);
    assert_eq!(pair.b.shelf().content("one"), Some(&content[..]));
    assert_eq!(pair.b.shelf().appended, 5000);
}

#[test]
fn a_store_takes_its_time_to_make_room_and_nothing_else_waits_for_it() {
    let content = content(3000);
    let slow = Shelf { steps: 2000, ..Shelf::default() };
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), slow);
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(200);
    assert!(pair.b.files.transfers().all(|transfer| !transfer.is_moving));
    pair.chat("meanwhile");
    pair.run_ms(100);
    assert_eq!(pair.b.plain.len(), 1);
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Ok(())]);
}

#[test]
fn a_store_that_is_never_ready_for_a_file_stalls_that_transfer_alone() {
    let content = content(3000);
    let far = Shelf { never_ready: Some("one"), ..Shelf::with(&[("three", &content)]) };
    let mut pair = Pair::up(Shelf::with(&[("one", &content), ("two", &content)]), far);
    let stuck = pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(100);
    // What is hashed first, too, has its turn.
    pair.b.shelf().forget_digests();
    pair.a.files.get(&name("three")).unwrap();
    pair.run_until_ended(1);
    pair.a.files.offer(&name("two")).unwrap();
    pair.run_until_ended(2);
    assert_eq!(pair.results(), [Ok(()), Ok(())]);
    let before = pair.now_us;
    assert!(before < STALL_US);
    pair.run_until_ended(3);
    assert_eq!((pair.a.ended[2].id, pair.results()[2]), (stuck, Err(Reason::Stalled)));
    assert!((ANSWER_US..=ANSWER_US + 2_000_000).contains(&pair.now_us), "it might have had a long file to hash");
    assert_eq!((pair.b.files.transfers().count(), pair.b.shelf().open_files()), (0, 0));
}

#[test]
fn a_transfer_that_stands_still_is_given_up_and_goes_on_from_there() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(700);
    pair.b.is_stuck = true;
    pair.run_ms(STALL_US as usize / 1000 + 2000);
    pair.b.is_stuck = false;
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Err(Reason::Stalled)]);
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(2);
    assert_eq!(pair.results()[1], Ok(()));
    assert_eq!(pair.b.shelf().content("one"), Some(&content[..]));
    assert!(pair.b.shelf().resumed[1] > 2000);
}

#[test]
fn what_is_in_use_is_neither_removed_nor_renamed() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::default(), Shelf::with(&[("one", &content)]));
    pair.a.files.get(&name("one")).unwrap();
    pair.run_ms(300);
    let (files, link) = (&mut pair.a.files, &mut pair.a.link);
    files.remove(link, "one").unwrap();
    pair.run_until_ended(1);
    assert_eq!(pair.a.answers.len(), 1);
    assert_eq!(pair.a.answers[0].1, pocketmux_core::files::Answer::Refused(Reason::Busy));
    assert_eq!(pair.a.shelf().content("one"), Some(&content[..]));
    assert_eq!(pair.b.shelf().entry(0).unwrap().name, name("one"));
}
