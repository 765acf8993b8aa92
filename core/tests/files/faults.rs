//! Transfers that are interrupted: by reboots, by a pulled cable, by noise, by content that is not what it was.

use pocketmux_core::files::Reason;

use crate::pair::{Pair, Random};
use crate::shelf::{Shelf, name};
use crate::transfers::content;

/// The data of a frame.
const CHUNK: usize = 240;

#[test]
fn a_reboot_of_the_receiver_costs_a_chunk_at_most() {
    let content = content(20_000);
    for lost in [0, 1, 127, CHUNK - 1] {
        let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
        pair.a.files.offer(&name("one")).unwrap();
        for _ in 0..3 {
            pair.run_ms(500);
            pair.reboot_b(lost);
        }
        pair.run_until_ended(1);
        assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
        // Nothing was stored twice but what the reboots had lost.
        assert_eq!(pair.b.shelf().appended, 20_000 + 3 * lost);
        assert_eq!(pair.b.shelf().resumed.len(), 4);
    }
}

#[test]
fn a_reboot_of_the_sender_goes_on_where_the_receiver_stands() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::default(), Shelf::with(&[("one", &content)]));
    pair.a.files.get(&name("one")).unwrap();
    for _ in 0..3 {
        pair.run_ms(600);
        pair.reboot_b(0);
    }
    pair.run_until_ended(1);
    assert_eq!((pair.results(), pair.a.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
    assert_eq!(pair.a.shelf().appended, 20_000);
    assert!(pair.a.shelf().resumed.is_sorted_by(|before, after| before < after), "{:?}", pair.a.shelf().resumed);
}

#[test]
fn a_pulled_cable_is_waited_for_however_long() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(700);
    pair.is_unplugged = true;
    pair.run_ms(120_000);
    pair.is_unplugged = false;
    pair.run_until_ended(1);
    assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
    assert_eq!((pair.b.shelf().appended, pair.b.shelf().resumed.len()), (20_000, 1));
}

#[test]
fn what_is_cancelled_while_the_receiver_is_away_is_dropped_when_it_is_back() {
    let content = content(20_000);
    for has_rebooted in [false, true] {
        let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
        let id = pair.a.files.offer(&name("one")).unwrap();
        pair.run_ms(700);
        pair.is_unplugged = true;
        pair.run_ms(1500);
        pair.a.files.cancel(id, Reason::Cancelled);
        pair.run_ms(1500);
        if has_rebooted {
            pair.reboot_b(0);
        }
        assert!(pair.b.shelf().partial("one").is_some());
        pair.is_unplugged = false;
        pair.run_until_ended(1);
        assert_eq!(pair.results(), [Err(Reason::Cancelled)]);
        assert_eq!(pair.b.shelf().partial("one"), None);
    }
}

#[test]
fn a_part_that_is_not_the_same_is_not_built_upon() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(700);
    pair.b.shelf().spoil("one");
    let stored = pair.b.shelf().partial("one").unwrap();
    pair.reboot_b(0);
    pair.run_until_ended(1);
    assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
    assert_eq!(pair.b.shelf().appended, 20_000 + stored);
}

#[test]
fn a_store_that_is_long_at_preparing_is_emptied_in_one_call_and_holds_nothing_up() {
    let content = content(20_000);
    let mut pair = Pair::up(Shelf::with(&[("one", &content)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(700);
    pair.b.shelf().spoil("one");
    pair.reboot_b(0);
    pair.run_while(|pair| pair.b.files.transfers().all(|transfer| !transfer.is_moving));
    // From here on it would take for ever to prepare all that was there.
    (pair.b.shelf().steps, pair.b.shelf().calls) = (usize::MAX, 0);
    let mut most = 0;
    pair.run_while(|pair| {
        most = most.max(core::mem::take(&mut pair.b.shelf().calls));
        pair.a.ended.is_empty()
    });
    assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&content[..])));
    // The frames of two packets came in one turn at most.
    assert!(most <= 10, "{most} calls of the store in one turn");
}

#[test]
fn another_file_of_the_same_name_does_not_go_on_where_the_first_stood() {
    let (first, second) = (content(20_000), Random(8).bytes(20_000));
    let mut pair = Pair::up(Shelf::with(&[("one", &first)]), Shelf::default());
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_ms(700);
    let far = pair.b.shelf().clone();
    let mut pair = Pair::up(Shelf::with(&[("one", &second)]), {
        let mut far = far;
        far.lose_power(0);
        far
    });
    pair.a.files.offer(&name("one")).unwrap();
    pair.run_until_ended(1);
    assert_eq!((pair.results(), pair.b.shelf().content("one")), (vec![Ok(())], Some(&second[..])));
    assert_eq!(pair.b.shelf().resumed.last(), Some(&0));
}

#[test]
fn content_that_rots_on_its_way_through_the_store_is_noticed_at_the_end() {
    let content = content(5000);
    let mut pair = Pair::up(Shelf::with(&[("two", &content)]), Shelf::with(&[("two", b"good")]));
    pair.a.files.offer(&name("two")).unwrap();
    pair.run_ms(200);
    pair.a.shelf().rot("two", 4500);
    pair.run_until_ended(1);
    assert_eq!(pair.results(), [Err(Reason::Mismatch)]);
    assert!(pair.a.ended[0].result.unwrap_err().is_theirs);
    assert_eq!(pair.b.shelf().content("two"), Some(&b"good"[..]));
    assert_eq!(pair.b.shelf().partial("two"), None);
}

#[test]
fn whatever_happens_in_between_every_file_arrives_and_none_starts_over() {
    for seed in 1..=30 {
        let mut random = Random(seed * 0x9e37_79b9);
        let content = random.bytes(6000 + random.0 as usize % 9000);
        let is_out = random.chance(0.5);
        let (near, far) = (Shelf::with(&[("one", &content)]), Shelf::default());
        let mut pair = if is_out { Pair::up(near, far) } else { Pair::up(far, near) };
        pair.error_rate = [0.0, 1e-5, 1e-4][random.below(3) as usize];
        let file = name("one");
        if is_out {
            pair.a.files.offer(&file).unwrap()
        } else {
            pair.a.files.get(&file).unwrap()
        };
        let mut faults = 0;
        while pair.a.ended.is_empty() {
            pair.run_ms(100 + random.below(600) as usize);
            if faults < 6 && pair.a.ended.is_empty() {
                faults += 1;
                match random.below(3) {
                    0 => pair.reboot_b(random.below(200) as usize),
                    1 => {
                        pair.is_unplugged = true;
                        pair.run_ms(random.below(3000) as usize);
                        pair.is_unplugged = false;
                    }
                    _ => pair.chat("still there?"),
                }
            }
            assert!(pair.now_us < 300_000_000, "seed {seed}: it goes on for ever");
        }
        pair.run_ms(500);
        assert_eq!(pair.results(), [Ok(())], "seed {seed}");
        let shelf = if is_out { pair.b.shelf() } else { pair.a.shelf() };
        assert_eq!(shelf.content("one"), Some(&content[..]), "seed {seed}");
        assert!(shelf.appended <= content.len() + 6 * CHUNK, "seed {seed}: {} for {}", shelf.appended, content.len());
    }
}
