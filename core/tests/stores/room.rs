//! How much fits.

use pocketmux_core::files::{Nor, Ram, Store, StoreError};

use crate::content::Random;
use crate::flash::Flash;
use crate::promises::each_store;
use crate::world::{Call, World, about_of};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[test]
fn a_file_of_just_what_is_free_fits_and_one_byte_more_does_not() {
    each_store(|store| {
        let mut world = World::default();
        for (number, name) in (0..).zip(&NAMES[..4]) {
            let free = store.space().free as usize;
            assert_eq!(store.receive(&about_of(name, (number, free + 1))), Err(StoreError::NoRoom));
            // A part of it first, so that the rest is what is left beside others.
            for len in [free / 3, free] {
                world.call(store, &Call::Receive(name, (number, len))).unwrap();
                world.call(store, &Call::Append(name, len)).unwrap();
                if len < free {
                    world.call(store, &Call::Close(name)).unwrap();
                }
            }
            world.call(store, &Call::Finish(name)).unwrap();
            world.compare(store, false);
            assert_eq!(store.space().free, 0);
            world.call(store, &Call::Remove(name)).unwrap();
            world.call(store, &Call::Receive(name, (number, free / 5))).unwrap();
            world.call(store, &Call::Append(name, free / 5)).unwrap();
            world.call(store, &Call::Finish(name)).unwrap();
        }
        world.conclude(store);
    });
}

#[test]
fn what_a_partial_was_promised_nobody_else_gets() {
    each_store(|store| {
        let mut world = World::default();
        let capacity = store.space().capacity as usize;
        let (file, _) = store.receive(&about_of("a", (1, capacity / 2))).unwrap();
        let free = store.space().free as usize;
        assert!(free <= capacity - capacity / 2, "{free}");
        // What the first did not prepare is still its own.
        world.call(store, &Call::Receive("b", (2, free))).unwrap();
        world.call(store, &Call::Append("b", free)).unwrap();
        world.call(store, &Call::Finish("b")).unwrap();
        store.close(file);
        world.call(store, &Call::Receive("a", (1, capacity / 2))).unwrap();
        world.call(store, &Call::Append("a", capacity)).unwrap();
        world.call(store, &Call::Finish("a")).unwrap();
        world.compare(store, false);
        world.conclude(store);
    });
}

#[test]
fn a_hundred_fillings_leave_no_room_behind() {
    each_store(|store| {
        let (mut world, mut random) = (World::default(), Random::new(1));
        for number in 0..100 {
            for name in NAMES {
                let free = store.space().free as usize;
                let len = if random.below(3) == 0 { free } else { random.below(free + 1) };
                if free == 0 {
                    break;
                }
                world.call(store, &Call::Receive(name, (number, len))).unwrap();
                world.call(store, &Call::Append(name, len)).unwrap();
                world.call(store, &Call::Finish(name)).unwrap();
            }
            world.compare(store, false);
            world.conclude(store);
        }
    });
}

#[test]
fn a_store_takes_so_many_files_and_no_more() {
    let flash = Flash::<4, 512>::new(20);
    let stores: [&mut dyn Store; 2] =
        [&mut Ram::<4000, 3>::new(), &mut Nor::<_, 20, 3, 64>::mount(flash, 0..20 * 512).unwrap()];
    for store in stores {
        let mut world = World::default();
        for (number, name) in (0..).zip(&NAMES[..3]) {
            world.call(store, &Call::Receive(name, (number, 10))).unwrap();
            world.call(store, &Call::Append(name, 10)).unwrap();
            world.call(store, &Call::Finish(name)).unwrap();
        }
        assert_eq!(store.receive(&about_of("d", (4, 1))), Err(StoreError::TooMany));
        assert_eq!(store.space().free, 0);
        world.call(store, &Call::Remove("b")).unwrap();
        world.call(store, &Call::Receive("d", (4, 1))).unwrap();
        world.compare(store, false);
    }
}
