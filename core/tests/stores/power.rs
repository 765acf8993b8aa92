//! Every place where the power can go.

use pocketmux_core::files::{Nor, Store, StoreError};

use crate::flash::Flash;
use crate::world::{Call, World, about_of};

const PAGES: usize = 8;

/// Runs the calls on a flash whose power goes in that step; the number of steps that there were.
fn run<const WRITE: usize, const ERASE: usize, const BLOCK: usize>(calls: &[Call], cut: Option<(usize, u64)>) -> usize {
    let flash = Flash::<WRITE, ERASE>::with(vec![0xff; PAGES * ERASE], cut.map_or(0, |(_, seed)| seed));
    let range = 0..(PAGES * ERASE) as u32;
    cut.into_iter().for_each(|(step, _)| flash.cut_at(step));
    let mut world = World { slack: BLOCK - 5, ..World::default() };
    let mut store = Nor::<_, PAGES, 6, BLOCK>::mount(flash.clone(), range.clone()).unwrap();
    for call in calls {
        // A discard says nothing of it when it fails.
        if world.call(&mut store, call).is_err() || flash.is_off() {
            assert!(flash.is_off(), "{call:?} fails with the power on");
            break;
        }
    }
    let (steps, was_cut) = (flash.steps(), flash.is_off());
    flash.power_up();
    // It goes once more while the store is found again, and that must change nothing.
    for again in 0.. {
        flash.cut_at(flash.steps() + again);
        let mut store = Nor::<_, PAGES, 6, BLOCK>::mount(flash.clone(), range.clone()).unwrap();
        let is_done = !flash.is_off();
        flash.power_up();
        if is_done {
            world.compare(&mut store, was_cut);
            world.conclude(&mut store);
            // Nothing comes back that was removed.
            let mut store = Nor::<_, PAGES, 6, BLOCK>::mount(flash, range).unwrap();
            assert_eq!((store.entry(0), store.space().free), (None, store.space().capacity));
            return steps;
        }
    }
    unreachable!()
}

/// Cuts everywhere, and at each place in so many ways.
fn cut_everywhere<const WRITE: usize, const ERASE: usize, const BLOCK: usize>(ways: u64, calls: &[Call]) {
    let steps = run::<WRITE, ERASE, BLOCK>(calls, None);
    for (step, seed) in (0..steps).flat_map(|step| (0..ways).map(move |seed| (step, seed))) {
        let told = format!("write {WRITE}, erase {ERASE}, block {BLOCK}, step {step} of {steps}, seed {seed}");
        println!("{told}");
        run::<WRITE, ERASE, BLOCK>(calls, Some((step, seed)));
    }
}

/// Everything that can be done with files, over several pages and on pages that were in use.
fn scenario() -> Vec<Call> {
    let mut calls = vec![Call::Receive("a", (1, 900))];
    calls.extend([1, 3, 50, 100, 300, 446].map(|len| Call::Append("a", len)));
    calls.extend([Call::Finish("a"), Call::Receive("b", (2, 40)), Call::Append("b", 40), Call::Finish("b")]);
    // Another in place of the first, stopped in between, and begun again.
    calls.extend([
        Call::Receive("a", (3, 700)),
        Call::Append("a", 450),
        Call::Close("a"),
        Call::Receive("a", (3, 700)),
    ]);
    calls.extend([Call::Append("a", 100), Call::Restart("a"), Call::Append("a", 700), Call::Finish("a")]);
    calls.extend([Call::Rename("a", "c"), Call::Rename("b", "a"), Call::Rename("c", "b")]);
    // Two at once; one is given up, the other is replaced by another of its name.
    calls.extend([
        Call::Receive("d", (4, 100)),
        Call::Receive("e", (5, 500)),
        Call::Append("e", 400),
        Call::Append("d", 90),
    ]);
    calls.extend([
        Call::Discard("d"),
        Call::Close("e"),
        Call::Receive("e", (6, 600)),
        Call::Append("e", 600),
        Call::Close("e"),
    ]);
    calls.extend([
        Call::Receive("b", (7, 0)),
        Call::Close("b"),
        Call::Remove("b"),
        Call::Remove("b"),
        Call::Receive("e", (6, 600)),
        Call::Finish("e"),
    ]);
    calls.extend([Call::Remove("a"), Call::Receive("f", (8, 900)), Call::Append("f", 900), Call::Finish("f")]);
    calls
}

#[test]
fn nothing_good_is_lost_wherever_the_power_goes() {
    cut_everywhere::<4, 512, 64>(8, &scenario());
}

#[test]
fn nothing_good_is_lost_on_flashes_that_write_single_bytes_or_many_at_once() {
    cut_everywhere::<1, 512, 32>(1, &scenario());
    cut_everywhere::<16, 1024, 128>(4, &scenario());
    cut_everywhere::<32, 1024, 128>(4, &scenario());
}

#[test]
fn nothing_good_is_lost_when_every_place_for_a_file_is_taken() {
    let mut calls = Vec::new();
    for (number, name) in (0..).zip(["f", "e", "d", "c", "b"]) {
        calls.extend([Call::Receive(name, (number, 30)), Call::Append(name, 30), Call::Finish(name)]);
    }
    // The sixth is a partial, which another takes the place of, and which is emptied.
    calls.extend([Call::Receive("a", (6, 400)), Call::Append("a", 300), Call::Close("a"), Call::Receive("a", (7, 20))]);
    calls.extend([Call::Append("a", 10), Call::Restart("a"), Call::Append("a", 20), Call::Finish("a")]);
    cut_everywhere::<4, 512, 64>(8, &calls);
}

/// Files, partials and names that take the place of one another.
fn replacements() -> Vec<Call> {
    let put = |name, of: (u64, usize)| [Call::Receive(name, of), Call::Append(name, of.1), Call::Finish(name)];
    let begin = |name, of, len| [Call::Receive(name, of), Call::Append(name, len), Call::Close(name)];
    let mut calls = Vec::from(put("a", (1, 400)));
    // Beside the file another content is on its way, then a third, which is emptied, then a fourth, which is finished.
    calls.extend(begin("a", (2, 500), 300));
    calls.extend(begin("a", (3, 450), 200));
    calls.extend([Call::Receive("a", (3, 450)), Call::Restart("a"), Call::Append("a", 70), Call::Close("a")]);
    calls.extend(put("a", (4, 600)));
    // A file takes a name of which a partial is there that was begun before it, and another that was begun after it.
    calls.extend(begin("b", (5, 300), 100));
    calls.extend(put("c", (6, 90)));
    calls.extend([Call::Rename("c", "b"), Call::Remove("a")]);
    calls.extend(begin("a", (7, 200), 150));
    calls.extend([Call::Rename("b", "a")]);
    // The one gives way to another content, the other is finished; what has got the name is replaced.
    calls.extend(begin("b", (8, 310), 310));
    calls.extend(put("a", (7, 200)));
    calls.extend(put("b", (8, 310)));
    // Once more, and the file goes before the partial is finished.
    calls.extend(begin("a", (9, 100), 90));
    calls.extend([Call::Remove("a"), Call::Rename("b", "a")]);
    calls.extend(put("a", (9, 100)));
    calls
}

#[test]
fn nothing_good_is_lost_where_files_partials_and_names_take_each_others_places() {
    cut_everywhere::<4, 512, 64>(8, &replacements());
    cut_everywhere::<1, 512, 32>(1, &replacements());
    cut_everywhere::<32, 1024, 128>(2, &replacements());
}

#[test]
fn a_call_that_is_refused_writes_nothing() {
    let flash = Flash::<4, 512>::new(PAGES);
    let mut store = Nor::<_, PAGES, 6, 64>::mount(flash.clone(), 0..(PAGES * 512) as u32).unwrap();
    let mut world = World { slack: 59, ..World::default() };
    for (number, name) in (0..).zip(["a", "b", "c"]) {
        world.call(&mut store, &Call::Receive(name, (number, 100))).unwrap();
        world.call(&mut store, &Call::Append(name, 100)).unwrap();
        world.call(&mut store, &Call::Finish(name)).unwrap();
    }
    world.call(&mut store, &Call::Receive("a", (7, 300))).unwrap();
    world.call(&mut store, &Call::Receive("d", (8, 300))).unwrap();
    let name = crate::content::name;
    let (open, _) = store.open(&name("c")).unwrap();
    let steps = flash.steps();
    assert_eq!(store.rename(&name("b"), &name("a")), Err(StoreError::Exists));
    assert_eq!(store.rename(&name("b"), &name("b")), Err(StoreError::Exists));
    assert_eq!(store.rename(&name("d"), &name("e")), Err(StoreError::Missing));
    assert_eq!(store.rename(&name("c"), &name("e")), Err(StoreError::InUse));
    assert_eq!(store.remove(&name("c")), Err(StoreError::InUse));
    assert_eq!(store.remove(&name("d")), Err(StoreError::InUse));
    assert_eq!(store.remove(&name("e")), Err(StoreError::Missing));
    for (called, of, why) in
        [("a", (9, 10), StoreError::InUse), ("d", (8, 300), StoreError::InUse), ("e", (9, 10), StoreError::TooMany)]
    {
        assert_eq!(store.receive(&about_of(called, of)), Err(why), "{called}");
    }
    let partial = world.open["d"];
    store.close(partial);
    assert_eq!(store.receive(&about_of("d", (9, 100_000))), Err(StoreError::NoRoom));
    assert_eq!((store.finish(partial), store.finish(open)), (Err(StoreError::Failed), Err(StoreError::Failed)));
    assert_eq!(flash.steps(), steps);
    store.close(open);
    world.compare(&mut store, false);
}

#[test]
fn a_partial_goes_on_through_a_row_of_losses_each_in_the_middle_of_a_write() {
    for seed in 0..200 {
        println!("seed {seed}");
        let flash = Flash::<4, 512>::with(vec![0xff; PAGES * 512], seed);
        let range = 0..(PAGES * 512) as u32;
        let mut world = World { slack: 59, ..World::default() };
        let file = (seed, 1500);
        for _ in 0..40 {
            let mut store = Nor::<_, PAGES, 6, 64>::mount(flash.clone(), range.clone()).unwrap();
            world.compare(&mut store, true);
            flash.cut_at(flash.steps() + 30 + (seed as usize * 7) % 90);
            let calls =
                [Call::Receive("a", file), Call::Append("a", 200), Call::Append("a", 100), Call::Append("a", 300)];
            let is_off = calls.iter().any(|call| world.call(&mut store, call).is_err());
            assert_eq!(is_off, flash.is_off());
            flash.power_up();
        }
        let mut store = Nor::<_, PAGES, 6, 64>::mount(flash.clone(), range.clone()).unwrap();
        world.compare(&mut store, true);
        world.conclude(&mut store);
    }
}

#[test]
fn a_call_erases_one_page_at_most_and_data_never_waits_for_it_and_all_pages_wear_alike() {
    let flash = Flash::<4, 512>::new(12);
    for number in 0..30 {
        let mut store = Nor::<_, 12, 6, 64>::mount(flash.clone(), 0..(12 * 512) as u32).unwrap();
        let content = crate::content::content(number, 1500);
        let about = crate::content::about("a", &content);
        let mut at_most = |most, step: &mut dyn FnMut(&mut dyn Store) -> bool| loop {
            let before = flash.erasings();
            let is_done = step(&mut store);
            assert!(flash.erasings() - before <= most);
            if is_done {
                break;
            }
        };
        let mut file = None;
        at_most(1, &mut |store| file.replace(store.receive(&about).unwrap().0).is_none());
        let file = file.unwrap();
        at_most(1, &mut |store| store.prepare(file).unwrap());
        let mut pieces = content.chunks(230);
        at_most(0, &mut |store| pieces.next().map(|piece| store.append(file, piece).unwrap()).is_none());
        at_most(0, &mut |store| store.finish(file) == Ok(()));
        let mut names = [("a", "b"), ("b", "a")].into_iter();
        let name = crate::content::name;
        at_most(1, &mut |store| names.next().map(|(from, to)| store.rename(&name(from), &name(to)).unwrap()).is_none());
        at_most(0, &mut |store| number % 2 == 0 || store.remove(&name("a")) == Ok(()));
    }
    let wear = flash.0.borrow().wear.clone();
    let (least, most) = (wear.iter().min().unwrap(), wear.iter().max().unwrap());
    assert!(most - least <= 3, "{wear:?}");
}

#[test]
fn what_is_emptied_is_prepared_as_data_comes_one_page_in_a_call() {
    let flash = Flash::<4, 512>::with(vec![0; 12 * 512], 1);
    let mut store = Nor::<_, 12, 6, 64>::mount(flash.clone(), 0..(12 * 512) as u32).unwrap();
    let content = crate::content::content(1, store.space().free as usize);
    let (file, _) = store.receive(&crate::content::about("a", &content)).unwrap();
    for _ in 0..3 {
        let mut at_most_one = |step: &mut dyn FnMut(&mut dyn Store)| {
            let before = flash.erasings();
            step(&mut store);
            assert!(flash.erasings() - before <= 1);
        };
        for piece in content.chunks(230) {
            at_most_one(&mut |store| store.append(file, piece).unwrap());
        }
        at_most_one(&mut |store| store.restart(file).unwrap());
    }
    assert!(flash.erasings() > 30);
}
