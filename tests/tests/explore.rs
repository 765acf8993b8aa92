//! Every order of a few events between two small links; see `pocketmux_tests::explore`.

use pocketmux_core::{Channel, Delivery};
use pocketmux_tests::explore::{Limits, Model, Start};
use stateright::{Checker, Model as _};

const CHAT: Channel<'static> = Channel::new("chat");
const TYPING: Channel<'static> = Channel::new("typing").with_delivery(Delivery::Latest);

const NOTHING: Limits =
    Limits { sends: [0, 0], ticks: 0, losses: 0, repeats: 0, swaps: 0, reboots: 0, pauses: 0, frames: 1 };

/// Explores all of it.
fn explore(start: Start, channels: &[Channel<'static>], limits: Limits) {
    let model = Model { start, channels: channels.to_vec(), limits };
    let limit = std::env::var("STATES").ok().and_then(|v| v.parse().ok()).unwrap_or(100_000_000);
    let at = std::time::Instant::now();
    let checker = model.checker().target_state_count(limit).spawn_bfs().join();
    println!(
        "{} states, {} of them different, depth {}, {:?} done {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        at.elapsed(),
        checker.is_done()
    );
    checker.assert_properties();
}

#[test]
fn a_greeting_comes_to_an_end_whatever_is_lost() {
    explore(Start::Boot, &[CHAT], Limits { sends: [1, 1], ticks: 2, losses: 1, ..NOTHING });
}

#[test]
fn a_reboot_in_the_middle_of_anything_leads_to_a_new_link() {
    explore(Start::Up, &[CHAT], Limits { sends: [1, 1], ticks: 1, reboots: 2, ..NOTHING });
}

#[test]
fn what_is_lost_comes_again_in_order_and_once() {
    explore(Start::Up, &[CHAT], Limits { sends: [4, 0], ticks: 2, losses: 2, ..NOTHING });
}

#[test]
fn what_comes_twice_or_in_another_order_counts_once() {
    explore(Start::Up, &[CHAT], Limits { sends: [3, 0], ticks: 1, repeats: 1, swaps: 2, ..NOTHING });
}

#[test]
fn both_directions_repair_each_other() {
    explore(Start::Up, &[CHAT], Limits { sends: [2, 2], ticks: 1, losses: 1, ..NOTHING });
}

#[test]
fn a_reader_that_pauses_locks_nothing() {
    explore(Start::Up, &[CHAT], Limits { sends: [4, 1], ticks: 1, losses: 1, pauses: 1, ..NOTHING });
}

#[test]
fn the_newest_message_arrives_and_never_an_older_one_after_it() {
    explore(
        Start::Up,
        &[TYPING],
        Limits { sends: [3, 0], ticks: 1, losses: 1, swaps: 1, pauses: 1, frames: 2, ..NOTHING },
    );
}
