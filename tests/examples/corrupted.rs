//! Corrupts packets of every kind by the hundred million and counts those that are accepted although they are not what was sent.
//!
//! `cargo run --release -p pocketmux-tests --example corrupted -- 1e8` takes a minute or two on two cores. Exit code 1 when one was accepted.
//!
//! What noise does to a run on the wire: single bits, bursts of up to 32 bits, bytes lost, doubled or made up, delimiters lost or made up so that two
//! packets become one or one becomes two. CRC-32 notices every burst of up to 32 bits in a packet for certain; of all else it lets one in 2^32 pass, so
//! a run of 1e9 would on average let 0.2 pass if every packet were damaged beyond all order, and none of those that real noise makes.

use std::process::ExitCode;

use pocketmux_tests::{Corruption, Tally};

fn main() -> ExitCode {
    let packets = std::env::args().nth(1).map_or(Ok(1e6), |count| count.parse::<f64>());
    let Ok(packets) = packets.map(|packets| packets as u64) else {
        eprintln!("how many packets? a number such as 1e8");
        return ExitCode::from(2);
    };
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let started = std::time::Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|seed| std::thread::spawn(move || Corruption::seeded(seed + 1).run(packets.div_ceil(threads))))
        .collect();
    let tally = workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum::<Tally>();
    println!("{tally}\nin {:.0} s on {threads} threads, seeds 1 to {threads}", started.elapsed().as_secs_f64());
    if tally.all().wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
