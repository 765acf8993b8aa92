//! Flashes with anything in them.

use pocketmux_core::files::{Nor, Store, StoreError};

use crate::content::{Random, about, content, name};
use crate::flash::Flash;
use crate::world::{Call, World, prepare, read};

const PAGES: usize = 6;
const LEN: usize = PAGES * 512;

type Small = Nor<Flash<4, 512>, PAGES, 4, 64>;

fn mount(flash: &Flash<4, 512>) -> Small {
    Nor::mount(flash.clone(), 0..LEN as u32).unwrap()
}

/// A flash with two files and a partial in it.
fn filled() -> (Flash<4, 512>, World) {
    let flash = Flash::new(PAGES);
    let (mut store, mut world) = (mount(&flash), World { slack: 59, ..World::default() });
    let calls = [
        Call::Receive("a", (1, 500)),
        Call::Append("a", 500),
        Call::Finish("a"),
        Call::Receive("b", (2, 10)),
        Call::Append("b", 10),
        Call::Finish("b"),
        Call::Receive("c", (3, 400)),
        Call::Append("c", 390),
    ];
    calls.iter().for_each(|call| world.call(&mut store, call).unwrap());
    (flash, world)
}

/// Whatever the store took for files can be listed and removed, and then the whole flash is to be had.
fn works(flash: &Flash<4, 512>) {
    let mut store = mount(flash);
    while let Some(entry) = store.entry(0) {
        store.remove(&entry.name).unwrap();
    }
    let mut world = World { slack: 59, ..World::default() };
    let capacity = store.space().capacity as usize;
    assert_eq!(store.space().free as usize, capacity);
    world.call(&mut store, &Call::Receive("all", (9, capacity))).unwrap();
    world.call(&mut store, &Call::Append("all", capacity)).unwrap();
    world.call(&mut store, &Call::Finish("all")).unwrap();
    world.compare(&mut store, false);
}

#[test]
fn a_flash_with_anything_in_it_is_an_empty_store() {
    for seed in 0..300 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let fill = [0x00, 0xff, 0x5a][seed as usize % 3];
        let mut bytes = random.bytes(LEN);
        bytes.iter_mut().for_each(|byte| {
            if random.below(2) == 0 {
                *byte = fill;
            }
        });
        let flash = Flash::with(bytes, seed);
        assert_eq!(mount(&flash).entry(0), None);
        works(&flash);
    }
}

#[test]
fn a_store_of_which_parts_are_spoilt_or_swapped_goes_on() {
    for seed in 0..3000 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut bytes = filled().0.0.borrow().bytes.clone();
        for _ in 0..=random.below(4) {
            let (a, b) = (random.below(PAGES) * 512, random.below(PAGES) * 512);
            let (at, len) = (random.below(512), random.below(40));
            let end = (at + len).min(512);
            match random.below(5) {
                0 => bytes.copy_within(a..a + 512, b),
                1 => bytes[a + at..a + end].fill(0xff),
                2 => bytes[a..a + 512].fill(0xff),
                3 => bytes[a + at..a + end].copy_from_slice(&random.bytes(end - at)),
                _ => bytes[a + at] ^= 1 << random.below(8),
            }
        }
        works(&Flash::with(bytes, seed));
    }
}

#[test]
fn a_bit_that_flips_in_a_file_is_noticed_when_it_is_read() {
    let (flash, _) = filled();
    let before = flash.0.borrow().bytes.clone();
    let content = content(1, 500);
    let mut noticed = 0;
    for at in 0..LEN {
        let mut bytes = before.clone();
        bytes[at] ^= 0x10;
        let mut store = mount(&Flash::with(bytes, 0));
        let Ok((file, _)) = store.open(&name("a")) else { continue };
        let mut out = [0; 500];
        match store.read(file, 0, &mut out) {
            Ok(len) => assert!(len == 500 && out[..] == content, "the byte at {at} is wrong and nobody knows"),
            Err(error) => {
                assert_eq!(error, StoreError::Failed);
                noticed += 1;
            }
        }
    }
    assert!(noticed >= 500, "{noticed}");
}

#[test]
fn a_file_of_which_a_page_is_missing_is_none() {
    let (flash, _) = filled();
    let before = flash.0.borrow().bytes.clone();
    let (whole, none) = (content(1, 500), [0; 512].map(|_: u8| 0xff));
    for page in 0..PAGES {
        let mut bytes = before.clone();
        bytes[page * 512..(page + 1) * 512].copy_from_slice(&none);
        let flash = Flash::with(bytes, 0);
        let mut store = mount(&flash);
        if let Ok((file, _)) = store.open(&name("a")) {
            assert!(read(&mut store, file, 500, 64) == whole, "without page {page}");
            store.close(file);
        }
        works(&flash);
    }
}

#[test]
fn a_store_of_other_dimensions_is_not_misread() {
    let (flash, _) = filled();
    let mut other = Nor::<_, PAGES, 4, 128>::mount(flash, 0..LEN as u32).unwrap();
    assert_eq!(other.entry(0), None);
    assert_eq!(other.space().free, other.space().capacity);
}

#[test]
fn a_range_that_is_no_place_for_the_store_is_refused() {
    let flash = Flash::<4, 512>::new(PAGES + 1);
    for (range, is_good) in [
        (0..LEN as u32, true),
        (512..512 + LEN as u32, true),
        (0..512 + LEN as u32, true),
        (0..LEN as u32 - 1, false),
        (256..256 + LEN as u32, false),
        (1024..1024 + LEN as u32, false),
        (u32::MAX - 511..u32::MAX, false),
        (512..512, false),
    ] {
        let store = Nor::<_, PAGES, 4, 64>::mount(flash.clone(), range.clone());
        assert_eq!(store.is_ok(), is_good, "{range:?}");
    }
}

#[test]
fn nothing_outside_of_the_range_is_touched() {
    let flash = Flash::<4, 512>::with(vec![0x5a; 3 * LEN], 0);
    let mut store = Nor::<_, PAGES, 4, 64>::mount(flash.clone(), LEN as u32..2 * LEN as u32).unwrap();
    let content = content(1, store.space().capacity as usize);
    for round in 0..5 {
        let (file, _) = store.receive(&about("all", &content)).unwrap();
        prepare(&mut store, file).unwrap();
        store.append(file, &content).unwrap();
        store.finish(file).unwrap();
        let (file, _) = store.open(&name("all")).unwrap();
        assert!(read(&mut store, file, content.len(), 99) == content, "round {round}");
        store.close(file);
        store.remove(&name("all")).unwrap();
    }
    let bytes = &flash.0.borrow().bytes;
    assert!(bytes[..LEN].iter().chain(&bytes[2 * LEN..]).all(|byte| *byte == 0x5a));
}
