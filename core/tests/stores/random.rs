//! Rows of calls as chance has them, beside a model; the power goes now and then.

use std::env;

use pocketmux_core::files::{FileId, Nor, Ram, Store};

use crate::content::Random;
use crate::flash::Flash;
use crate::world::{Call, Model, World};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const PAGES: usize = 10;

type Small = Nor<Flash<4, 512>, PAGES, 5, 64>;

/// A call that the store must take as things are; `None` when chance had one that it must not.
fn some_call(random: &mut Random, world: &World, store: &mut dyn Store) -> Option<Call> {
    let called = NAMES[random.below(4)];
    let Model { files, partials } = &world.after;
    let is_open = world.open.contains_key(called);
    let is_whole = partials.get(called).is_some_and(|((_, len), at)| len == at);
    match random.below(12) {
        0..=2 if !is_open && world.open.len() < 2 => {
            let known = partials.get(called).filter(|_| random.below(3) > 0).map(|(of, _)| *of);
            let has_slot = partials.contains_key(called) || files.len() + partials.len() < 5;
            let free = store.space().free as usize;
            let len = if random.below(5) == 0 { free } else { 1 + random.below(free.clamp(1, 1200)) };
            let fresh = (random.number(), len);
            (known.is_some() || has_slot && free > 0).then(|| Call::Receive(called, known.unwrap_or(fresh)))
        }
        3..=5 if is_open => Some(Call::Append(called, random.below(300))),
        6 if is_open && !is_whole => Some(Call::Append(called, usize::MAX / 2)),
        7..=8 if is_open && is_whole => Some(Call::Finish(called)),
        7 if is_open => Some(Call::Close(called)),
        8 if is_open && random.below(3) == 0 => Some(Call::Restart(called)),
        9 if is_open && random.below(3) == 0 => Some(Call::Discard(called)),
        10 if !is_open && (files.contains_key(called) || partials.contains_key(called)) => Some(Call::Remove(called)),
        11 if files.contains_key(called) => {
            let to = NAMES[random.below(4)];
            (!files.contains_key(to)).then_some(Call::Rename(called, to))
        }
        _ => None,
    }
}

fn seeds() -> impl Iterator<Item = u64> {
    let number = |name| env::var(name).ok().map(|value| value.parse().expect(name));
    let first = number("POCKETMUX_SEED");
    let runs = if first.is_some() { 1 } else { number("POCKETMUX_RUNS").unwrap_or(150) };
    let first = first.unwrap_or(0);
    first..first + runs
}

#[test]
fn a_store_in_flash_does_what_the_model_does_through_losses_of_power() {
    for seed in seeds() {
        println!("POCKETMUX_SEED={seed}");
        let mut random = Random::new(seed);
        let flash = Flash::<4, 512>::with(vec![0xff; PAGES * 512], seed);
        let mount = || Small::mount(flash.clone(), 0..(PAGES * 512) as u32).unwrap();
        let (mut store, mut world) = (mount(), World { slack: 59, ..World::default() });
        for _ in 0..400 {
            if random.below(30) == 0 {
                flash.cut_at(flash.steps() + random.below(200));
            }
            let Some(call) = some_call(&mut random, &world, &mut store) else { continue };
            let taken = world.call(&mut store, &call);
            let was_cut = flash.is_off();
            assert!(taken.is_ok() || was_cut, "{call:?}: {taken:?}");
            if !was_cut && random.below(20) > 0 {
                continue;
            }
            flash.power_up();
            world.open.clear();
            // The power goes again, a few times in a row.
            while random.below(3) == 0 {
                flash.cut_at(flash.steps() + random.below(4));
                mount();
                flash.power_up();
            }
            store = mount();
            // What was appended before the call may be missing too, within one block.
            world.compare(&mut store, true);
        }
        flash.power_up();
        let mut store = mount();
        world.open.clear();
        world.compare(&mut store, true);
        world.conclude(&mut store);
    }
}

#[test]
fn a_store_goes_on_after_a_write_that_failed() {
    for seed in seeds() {
        println!("POCKETMUX_SEED={seed}");
        let mut random = Random::new(seed);
        let flash = Flash::<4, 512>::with(vec![0xff; PAGES * 512], seed);
        let mut store = Small::mount(flash.clone(), 0..(PAGES * 512) as u32).unwrap();
        let mut world = World { slack: 59, ..World::default() };
        for _ in 0..400 {
            if random.below(30) == 0 {
                flash.cut_at(flash.steps() + random.below(200));
            }
            let Some(call) = some_call(&mut random, &world, &mut store) else { continue };
            let taken = world.call(&mut store, &call);
            assert!(taken.is_ok() || flash.is_off(), "{call:?}: {taken:?}");
            if flash.is_off() {
                flash.power_up();
                (0..5).for_each(|file| store.close(FileId(file)));
                world.open.clear();
                world.compare(&mut store, true);
            }
        }
        flash.power_up();
        world.open.values().for_each(|file| store.close(*file));
        world.open.clear();
        world.before = world.after.clone();
        world.conclude(&mut store);
    }
}

#[test]
fn a_store_in_ram_does_what_the_model_does() {
    for seed in seeds() {
        println!("POCKETMUX_SEED={seed}");
        let (mut random, mut store, mut world) = (Random::new(seed), Ram::<4000, 5>::new(), World::default());
        for _ in 0..400 {
            if let Some(call) = some_call(&mut random, &world, &mut store) {
                world.call(&mut store, &call).unwrap();
                world.compare(&mut store, false);
            }
        }
        world.open.values().for_each(|file| store.close(*file));
        world.open.clear();
        world.conclude(&mut store);
    }
}
