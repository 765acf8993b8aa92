//! Every order of a few events between two small links; see `pocketmux_tests::explore`.
//!
//! `POCKETMUX_EXPLORE=more cargo test --release -p pocketmux-tests --test explore` lets more happen, which takes minutes instead of seconds.

use pocketmux_core::{Channel, Delivery};
use pocketmux_tests::explore::{Limits, Model, Start};
use stateright::{Checker, Model as _};

const CHAT: Channel<'static> = Channel::new("chat");
const TYPING: Channel<'static> = Channel::new("typing").with_delivery(Delivery::Latest);

const NOTHING: Limits = Limits {
    sends: [0, 0],
    ticks: 0,
    losses: 0,
    repeats: 0,
    swaps: 0,
    reboots: 0,
    pauses: 0,
    closings: [0, 0],
    resets: [0, 0],
    frames: 1,
};

/// Explores all that the limits allow: the first, or the second where more is asked for.
fn explore(start: Start, channel: Channel<'static>, limits: [Limits; 2]) {
    let is_more = std::env::var_os("POCKETMUX_EXPLORE").is_some();
    run(Model { start, channels: vec![channel], limits: limits[usize::from(is_more)], is_exact: false });
}

/// Visits every state, and prints how many there are.
fn run(model: Model) {
    let (thread, which) = (std::thread::current(), if model.is_exact { ", told apart by everything," } else { "" });
    let checker = model.checker().spawn_bfs().join();
    let (all, different) = (checker.state_count(), checker.unique_state_count());
    let (test, steps) = (thread.name().unwrap_or_default(), checker.max_depth());
    println!("{test}: {different} different states{which} reached in {all} ways of at most {steps} steps");
    checker.assert_properties();
    assert!(checker.is_done(), "not all states were visited");
}

#[test]
fn a_greeting_comes_to_an_end_whatever_is_lost() {
    let few = Limits { sends: [1, 0], ticks: 1, losses: 1, ..NOTHING };
    explore(Start::Boot, CHAT, [few, Limits { sends: [1, 1], ticks: 2, ..few }]);
}

#[test]
fn a_reboot_in_the_middle_of_anything_leads_to_a_new_link() {
    let few = Limits { sends: [1, 0], ticks: 1, reboots: 2, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [1, 1], ..few }]);
}

#[test]
fn what_is_lost_comes_again_in_order_and_once() {
    let few = Limits { sends: [4, 0], ticks: 2, losses: 2, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [4, 1], ..few }]);
}

#[test]
fn what_comes_twice_or_in_another_order_counts_once() {
    let few = Limits { sends: [3, 0], ticks: 1, repeats: 1, swaps: 2, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [4, 0], ticks: 2, ..few }]);
}

#[test]
fn both_directions_repair_each_other() {
    let few = Limits { sends: [2, 1], ticks: 1, losses: 1, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [2, 2], ..few }]);
}

#[test]
fn a_reader_that_pauses_locks_nothing() {
    let few = Limits { sends: [4, 0], ticks: 1, losses: 1, pauses: 1, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [4, 1], ..few }]);
}

#[test]
fn the_newest_message_arrives_and_never_an_older_one_after_it() {
    let few = Limits { sends: [3, 0], ticks: 1, losses: 1, swaps: 1, frames: 2, ..NOTHING };
    explore(Start::Up, TYPING, [few, Limits { pauses: 1, ..few }]);
}

#[test]
fn a_channel_ends_after_all_that_was_sent_and_begins_anew() {
    let few = Limits { sends: [2, 0], ticks: 1, losses: 1, closings: [1, 0], ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { sends: [3, 0], repeats: 1, ..few }]);
}

#[test]
fn a_reset_drops_what_was_sent_and_nothing_of_what_follows() {
    let few = Limits { sends: [3, 0], ticks: 1, losses: 1, resets: [1, 0], ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { repeats: 1, ..few }]);
}

#[test]
fn a_reboot_among_packets_in_another_order_leads_to_a_new_link() {
    let few = Limits { sends: [1, 1], reboots: 1, swaps: 1, ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { ticks: 1, ..few }]);
}

#[test]
fn both_sides_may_end_a_channel_at_once() {
    let few = Limits { sends: [1, 1], swaps: 1, closings: [1, 1], ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { ticks: 1, ..few }]);
}

#[test]
fn one_side_may_reset_what_the_other_ends() {
    let few = Limits { sends: [1, 1], swaps: 1, closings: [1, 0], resets: [0, 1], ..NOTHING };
    explore(Start::Up, CHAT, [few, Limits { ticks: 1, ..few }]);
}

#[test]
fn states_that_count_as_one_hide_nothing() {
    let limits = Limits { sends: [2, 0], ticks: 1, losses: 1, ..NOTHING };
    for is_exact in [false, true] {
        run(Model { start: Start::Up, channels: vec![CHAT], limits, is_exact });
    }
}
