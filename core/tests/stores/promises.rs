//! What every store promises, asked of each.

use pocketmux_core::files::{FileId, Nor, RECEIVED_AT_ONCE, Ram, Store, StoreError};

use crate::content::{about, content, name};
use crate::flash::Flash;
use crate::world::{prepare, read};

/// Runs a test on an empty store of each sort.
pub fn each_store(test: fn(&mut dyn Store)) {
    println!("in RAM");
    test(&mut Ram::<10_000, 8>::new());
    println!("in flash");
    test(&mut Nor::<_, 12, 8, 128>::mount(Flash::<4, 1024>::new(12), 0..12 * 1024).unwrap());
    println!("in flash that writes single bytes, with other things in it");
    let dirty = Flash::<1, 512>::with(vec![0x33; 20 * 512], 1);
    test(&mut Nor::<_, 20, 8, 32>::mount(dirty, 0..20 * 512).unwrap());
}

/// Begins a partial, and puts the first `len` bytes into it.
fn begin(store: &mut dyn Store, called: &str, content: &[u8], len: usize) -> FileId {
    let (file, at) = store.receive(&about(called, content)).unwrap();
    prepare(store, file).unwrap();
    store.append(file, &content[at as usize..len]).unwrap();
    file
}

fn put(store: &mut dyn Store, called: &str, content: &[u8]) {
    let file = begin(store, called, content, content.len());
    store.finish(file).unwrap();
}

fn get(store: &mut dyn Store, called: &str) -> Vec<u8> {
    let (file, entry) = store.open(&name(called)).unwrap();
    let content = read(store, file, entry.size as usize, 77);
    store.close(file);
    content
}

#[test]
fn what_is_received_is_read_back_from_any_offset() {
    each_store(|store| {
        for (number, len) in [0, 1, 27, 28, 100, 123, 124, 125, 700, 832, 833, 1000, 3000].into_iter().enumerate() {
            let content = content(number as u64, len);
            put(store, "a", &content);
            let (file, entry) = store.open(&name("a")).unwrap();
            let known = about("a", &content);
            assert_eq!((entry.name, entry.size, entry.stored), (known.name, known.size, known.size));
            assert_eq!((entry.digest, entry.kind), (Some(known.digest), known.kind));
            for at in 0..len + 3 {
                let mut out = [0; 150];
                let got = store.read(file, at as u32, &mut out).unwrap();
                let rest = content.get(at..).unwrap_or_default();
                assert_eq!(&out[..got], &rest[..rest.len().min(150)], "from {at} of {len}");
            }
            store.close(file);
        }
        assert_eq!(store.entry(1), None);
    });
}

#[test]
fn a_partial_is_no_file_and_is_read_as_far_as_it_goes() {
    each_store(|store| {
        let content = content(1, 1000);
        let (file, at) = store.receive(&about("a", &content)).unwrap();
        assert_eq!(at, 0);
        prepare(store, file).unwrap();
        for (at, byte) in content.iter().enumerate().take(900) {
            store.append(file, &[*byte]).unwrap();
            assert_eq!(store.entry(0).unwrap().stored as usize, at + 1);
        }
        assert_eq!(store.open(&name("a")), Err(StoreError::Missing));
        assert_eq!(read(store, file, 900, 64), content[..900]);
        assert_eq!(store.finish(file), Err(StoreError::Failed));
        assert_eq!(store.append(file, &content[..101]), Err(StoreError::NoRoom));
        store.append(file, &content[900..]).unwrap();
        store.finish(file).unwrap();
        assert!(get(store, "a") == content);
    });
}

#[test]
fn a_partial_that_is_closed_goes_on_where_it_stopped() {
    each_store(|store| {
        let content = content(1, 2000);
        let mut at = 0;
        for len in [1, 100, 128, 500, 1000, 27, 244] {
            let (file, stored) = store.receive(&about("a", &content)).unwrap();
            assert_eq!(stored, at);
            prepare(store, file).unwrap();
            assert_eq!(read(store, file, at as usize, 99), content[..at as usize]);
            store.append(file, &content[at as usize..][..len]).unwrap();
            at += len as u32;
            store.close(file);
        }
        let (file, _) = store.receive(&about("a", &content)).unwrap();
        store.finish(file).unwrap();
        assert!(get(store, "a") == content);
    });
}

#[test]
fn a_partial_of_another_content_takes_the_place_of_the_one_before_it_and_not_of_the_file() {
    each_store(|store| {
        let (first, second, third) = (content(1, 600), content(2, 600), content(3, 300));
        put(store, "a", &first);
        let file = begin(store, "a", &second, 500);
        store.close(file);
        let file = begin(store, "a", &third, 200);
        assert!(get(store, "a") == first);
        let stored: Vec<_> =
            (0..).map_while(|index| store.entry(index)).map(|entry| (entry.size, entry.stored)).collect();
        assert_eq!(stored, [(600, 600), (300, 200)]);
        store.append(file, &third[200..]).unwrap();
        store.finish(file).unwrap();
        assert!(get(store, "a") == third);
        assert_eq!(store.entry(1), None);
    });
}

#[test]
fn a_partial_that_restarts_is_empty_and_has_its_room() {
    each_store(|store| {
        let content = content(1, store.space().free as usize);
        let file = begin(store, "a", &content, content.len() - 1);
        for is_prepared in [true, false, true] {
            store.restart(file).unwrap();
            assert_eq!(store.entry(0).unwrap().stored, 0);
            if is_prepared {
                prepare(store, file).unwrap();
            }
            store.append(file, &content).unwrap();
        }
        store.finish(file).unwrap();
        assert!(get(store, "a") == content);
    });
}

#[test]
fn what_is_discarded_or_removed_is_gone_and_a_partial_only_where_there_is_no_file() {
    each_store(|store| {
        let space = store.space();
        put(store, "a", &content(1, 600));
        let other = content(2, 500);
        let file = begin(store, "a", &other, 100);
        store.close(file);
        let file = begin(store, "b", &content(3, 500), 100);
        assert_eq!(store.remove(&name("b")), Err(StoreError::InUse));
        store.discard(file);
        assert_eq!(store.remove(&name("b")), Err(StoreError::Missing));
        store.remove(&name("a")).unwrap();
        assert_eq!(store.open(&name("a")), Err(StoreError::Missing));
        // The partial is as it was, and goes on.
        let (file, stored) = store.receive(&about("a", &other)).unwrap();
        assert_eq!((stored, store.remove(&name("a"))), (100, Err(StoreError::InUse)));
        store.close(file);
        store.remove(&name("a")).unwrap();
        assert_eq!(store.remove(&name("a")), Err(StoreError::Missing));
        assert_eq!((store.entry(0), store.space()), (None, space));
    });
}

#[test]
fn what_is_in_use_stays() {
    each_store(|store| {
        let old = content(1, 900);
        put(store, "a", &old);
        let (first, _) = store.open(&name("a")).unwrap();
        let (second, _) = store.open(&name("a")).unwrap();
        assert_eq!(store.remove(&name("a")), Err(StoreError::InUse));
        assert_eq!(store.rename(&name("a"), &name("b")), Err(StoreError::InUse));
        let receiving = begin(store, "b", &old, 300);
        assert_eq!(store.receive(&about("b", &old)), Err(StoreError::InUse));
        assert_eq!(store.receive(&about("b", b"other")), Err(StoreError::InUse));
        store.discard(receiving);
        // Whoever reads it when it is replaced reads it to the end.
        put(store, "a", b"new");
        assert_eq!(get(store, "a"), b"new");
        assert_eq!(store.entry(1), None);
        store.close(first);
        assert!(read(store, second, 900, 50) == old);
        store.close(second);
        store.remove(&name("a")).unwrap();
        assert_eq!(store.space().free, store.space().capacity);
    });
}

#[test]
fn a_number_that_stands_for_nothing_does_no_harm() {
    each_store(|store| {
        let content = content(1, 600);
        put(store, "a", &content);
        let (open, _) = store.open(&name("a")).unwrap();
        // A file that is whole is not written, and what is closed or never was is nothing.
        for file in [open, FileId(5), FileId(63), FileId(1024), FileId(u16::MAX)] {
            assert_eq!(store.append(file, b"x"), Err(StoreError::Failed));
            assert_eq!(store.restart(file), Err(StoreError::Failed));
            assert_eq!(store.finish(file), Err(StoreError::Failed));
            store.discard(file);
        }
        store.close(open);
        store.close(open);
        assert_eq!(store.read(open, 0, &mut [0; 9]), Err(StoreError::Failed));
        assert!(get(store, "a") == content);
    });
}

#[test]
fn a_file_keeps_its_content_under_another_name_which_nobody_else_has() {
    each_store(|store| {
        let (one, two) = (content(1, 1500), content(2, 7));
        put(store, "one", &one);
        put(store, "two", &two);
        assert_eq!(store.rename(&name("one"), &name("two")), Err(StoreError::Exists));
        assert_eq!(store.rename(&name("three"), &name("four")), Err(StoreError::Missing));
        for (from, to) in [("one", "three"), ("two", "one"), ("three", "two")] {
            store.rename(&name(from), &name(to)).unwrap();
        }
        assert!(get(store, "two") == one && get(store, "one") == two);
        assert_eq!(store.entry(2), None);
        // What is still arriving keeps its name, and is in nobody's way.
        let third = content(3, 300);
        for (called, from, to) in [("one", "one", "four"), ("five", "two", "five")] {
            let file = begin(store, called, &third, 90);
            store.close(file);
            store.rename(&name(from), &name(to)).unwrap();
            let (file, stored) = store.receive(&about(called, &third)).unwrap();
            assert_eq!(stored, 90);
            store.discard(file);
        }
        assert_eq!(store.rename(&name("three"), &name("three")), Err(StoreError::Missing));
        assert!(get(store, "five") == one && get(store, "four") == two);
    });
}

#[test]
fn several_are_received_at_once() {
    each_store(|store| {
        let contents = [content(1, 1500), content(2, 1400)];
        let files: Vec<_> =
            ["a", "b"].iter().zip(&contents).map(|(name, content)| begin(store, name, content, 0)).collect();
        for at in (0..1400).step_by(100) {
            for (file, content) in files.iter().zip(&contents) {
                store.append(*file, &content[at..at + 100]).unwrap();
            }
        }
        store.append(files[0], &contents[0][1400..]).unwrap();
        files.into_iter().for_each(|file| store.finish(file).unwrap());
        assert!(get(store, "a") == contents[0] && get(store, "b") == contents[1]);
    });
}

#[test]
fn a_store_in_flash_receives_so_many_at_once_and_says_when_it_is_too_many() {
    let mut store = Nor::<_, 20, 8, 64>::mount(Flash::<4, 512>::new(20), 0..20 * 512).unwrap();
    let names = ["a", "b", "c"];
    let content = content(1, 500);
    let files: Vec<_> = names[..RECEIVED_AT_ONCE].iter().map(|name| begin(&mut store, name, &content, 100)).collect();
    assert_eq!(store.receive(&about("c", &content)), Err(StoreError::TooMany));
    // Of one that is closed the last block makes place.
    store.close(files[0]);
    let file = begin(&mut store, "c", &content, 500);
    store.finish(file).unwrap();
    let (_, stored) = store.receive(&about("a", &content)).unwrap();
    assert!((41..=100).contains(&stored), "{stored}");
}
