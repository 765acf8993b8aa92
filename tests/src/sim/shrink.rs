//! Makes a scenario that fails smaller, as long as it fails.

use super::noise::NoisePlan;
use super::runs::run;
use super::scenario::Scenario;

/// Runs that making a scenario smaller may take.
const RUNS_MAX: usize = 300;

/// The smallest scenario found that fails in the same way, and how.
#[must_use]
pub fn shrink(scenario: &Scenario, what: &str) -> (Scenario, String) {
    let mut best = (scenario.clone(), what.to_owned());
    let mut runs = 0;
    loop {
        let smaller = candidates(&best.0).into_iter().find_map(|candidate| {
            runs += 1;
            let failure = if runs <= RUNS_MAX { run(&candidate).err() } else { None };
            failure.filter(|other| kind(other) == kind(what)).map(|what| (candidate, what))
        });
        match smaller {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}

/// The first words of what went wrong.
fn kind(what: &str) -> String {
    what.chars().filter(|c| c.is_alphabetic() || *c == ' ').take(24).collect()
}

/// Scenarios that are one step smaller, the biggest steps first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut try_with = |change: &dyn Fn(&mut Scenario)| {
        let mut changed = scenario.clone();
        change(&mut changed);
        if changed.to_string() != scenario.to_string() {
            list.push(changed);
        }
    };
    for at in 0..scenario.faults.len() {
        try_with(&|changed| changed.faults.retain(|fault| *fault != scenario.faults[at]));
    }
    try_with(&|changed| changed.active_ms /= 2);
    for side in 0..2 {
        try_with(&|changed| changed.sides[side].load = 0);
        try_with(&|changed| changed.sides[side].cut = None);
        try_with(&|changed| changed.sides[side].lazy = false);
        try_with(&|changed| changed.wires[side].noise = NoisePlan::default());
        try_with(&|changed| changed.wires[side].noise.flip = 0.0);
        try_with(&|changed| changed.wires[side].noise.lose = 0.0);
        try_with(&|changed| changed.wires[side].noise.garble = 0.0);
        try_with(&|changed| changed.wires[side].noise.repeat = 0.0);
        try_with(&|changed| changed.wires[side].queue = 0);
        try_with(&|changed| changed.wires[side].delay_us = 0);
        try_with(&|changed| changed.wires[side].chunk = 4096);
        try_with(&|changed| changed.sides[side].load /= 2);
    }
    for at in 0..scenario.faults.len() {
        try_with(&|changed| changed.faults[at].for_ms /= 2);
        try_with(&|changed| changed.faults[at].at_ms /= 2);
    }
    for pocket in scenario.shared() {
        try_with(&|changed| {
            if changed.shared().len() > 1 {
                changed.sides.iter_mut().for_each(|side| side.channels.retain(|other| *other != pocket));
            }
        });
    }
    list
}
