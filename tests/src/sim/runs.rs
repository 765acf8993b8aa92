//! Runs many seeds, and says everything about the first that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::scenario::{Family, Scenario};
use super::shrink::shrink;
use super::world::{Report, World};

/// Runs that `cargo test` makes of a family.
const RUNS: u64 = 100;

/// Runs the seeds of a family that the environment names: `POCKETMUX_SEED`, or as many as `POCKETMUX_RUNS` says.
///
/// # Panics
///
/// When a run fails; the message has its seed, its scenario, and the smallest scenario that fails too.
pub fn run_all(family: Family) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("POCKETMUX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("POCKETMUX_RUNS").unwrap_or(RUNS) + 1,
    };
    let mut total = Report::default();
    for seed in seeds.clone() {
        let scenario = Scenario::new(seed, family);
        match run(&scenario) {
            Ok(report) => {
                total.frames += report.frames;
                total.bytes += report.bytes;
                total.elapsed_ns += report.elapsed_ns;
                total.greeting_ns = total.greeting_ns.max(report.greeting_ns);
            }
            Err(what) => panic!("{}", explain(&scenario, &what)),
        }
    }
    println!("seeds {seeds:?}: {total:?}");
}

/// Plays a scenario once; a panic of the link is an error like any other.
///
/// # Errors
///
/// What went wrong.
pub fn run(scenario: &Scenario) -> Result<Report, String> {
    let mut world = World::new(scenario);
    catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| Err(panic_message(panic.as_ref())))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    format!("panic: {}", text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
}

fn explain(scenario: &Scenario, what: &str) -> String {
    let (small, small_what) = shrink(scenario, what);
    let mut world = World::new(&small);
    world.trace.is_on = true;
    let _ = catch_unwind(AssertUnwindSafe(|| world.run()));
    let trace = &world.trace;
    let links = world.describe();
    let seed = scenario.seed;
    format!(
        "{what}\n  in {scenario}\n  again with POCKETMUX_SEED={seed}\nmade smaller: {small_what}\n  in {small}\n  which ends with\n{trace}{links}"
    )
}
