//! How long a lost packet is missed: bulk at 115200 baud, in virtual time, with one packet spoiled. Nothing here depends on the machine.
//!
//! What follows a lost packet shows the gap, which is answered at once; the sender ends the packet that is leaving, and repairs. That is one
//! round trip and two chunks from when the lost packet would have been there. Behind the last packet of all nothing follows: it has the timer.

mod missed;
mod transfer;

use missed::Repair;
use pocketmux_tests::sim::node::SHAPES;
use transfer::{Plan, run};

/// Bytes of a transfer in which every packet is spoiled in its turn.
const LEN: usize = 20_000;
/// How long a line is quiet before a packet that nothing hurries is answered.
const QUIET_NS: u64 = 20_000_000;

const HOST: &str = "300,64,128,2048";
const SMALL: &str = "256,8,8";
const BOARD: &str = "256,16,8";
/// One with packets of a kilobyte.
const BIG: &str = "256,24,8,1100";

fn plan(names: [&str; 2], delay_ms: u64, len: usize) -> Plan {
    let shapes = names.map(|name| *SHAPES.iter().find(|shape| shape.name == name).expect("there is such a shape"));
    Plan { shapes, delay_us: delay_ms * 1000, len, spoiled: None }
}

/// Spoils each packet with data but the last in a transfer of its own.
fn spoil_each(plan: Plan) -> Vec<Repair> {
    let repair = |spoiled| {
        let report = run(Plan { spoiled: Some(spoiled), ..plan });
        assert_eq!(report.counters.timeouts, 0, "a timer for packet {spoiled} of {plan:?}");
        Repair::of(&report, plan.delay_us)
    };
    (0..run(plan).data_packets() - 1).map(repair).collect()
}

#[test]
fn a_lost_packet_is_repaired_within_a_round_trip_and_two_chunks() {
    let close = [[SMALL, HOST], [BOARD, HOST], [BIG, HOST], [HOST, SMALL], [HOST, BOARD]];
    let far = [[BOARD, HOST], [BIG, HOST]];
    let wires = [0, 5].iter().flat_map(|delay| close.map(|names| (names, *delay))).chain(far.map(|names| (names, 50)));
    for (names, delay_ms) in wires {
        for (at, repair) in spoil_each(plan(names, delay_ms, LEN)).iter().enumerate() {
            assert!(repair.took_ns <= repair.bound_ns(), "packet {at}, {names:?}, {delay_ms} ms: {repair:?}");
        }
    }
}

/// Half a pool is too little for 50 ms each way, so that the line is idle until an answer comes.
#[test]
fn where_the_window_is_shorter_than_the_round_trip_the_wait_for_the_next_packet_comes_on_top() {
    for names in [[SMALL, HOST], [HOST, SMALL], [HOST, BOARD]] {
        let repairs = spoil_each(plan(names, 50, LEN));
        for (at, repair) in repairs.iter().enumerate() {
            assert!(repair.took_ns <= repair.bound_ns() + repair.idle_ns, "packet {at}, {names:?}: {repair:?}");
            assert!(repair.idle_ns <= repair.round_trip_ns, "packet {at}, {names:?}: {repair:?}");
        }
        assert!(repairs.iter().any(|repair| repair.took_ns > repair.bound_ns()), "{names:?} never wait: move them up");
    }
}

/// The wait begins anew with the answer to what came before, and ends after the smoothed round trip, four times its variation (RFC 6298)
/// and the quiet before an answer. Where round trips are even, that is three of the first; where packets are growing, five of the longest.
#[test]
fn the_last_packet_of_all_is_repaired_after_one_wait() {
    for (len, round_trips) in [(1_000, 5), (10_000, 5), (200_000, 3)] {
        for names in [[SMALL, HOST], [BOARD, HOST], [BIG, HOST], [HOST, SMALL], [HOST, BOARD]] {
            for delay_ms in [0, 5, 50] {
                let plan = plan(names, delay_ms, len);
                let last = run(plan).data_packets() - 1;
                let report = run(Plan { spoiled: Some(last), ..plan });
                let repair = Repair::of(&report, plan.delay_us);
                let chunk_ns = report.packets.iter().map(|packet| packet.wire_ns).max().unwrap_or(0);
                // It may be a short one; those that were measured were not.
                let round_trip_ns = repair.round_trip_ns - repair.chunk_ns + chunk_ns;
                let wait_ns = round_trips * (round_trip_ns + QUIET_NS) + QUIET_NS;
                let bound_ns = QUIET_NS + round_trip_ns + wait_ns;
                assert!(repair.took_ns <= bound_ns, "{bound_ns}, {len} bytes, {names:?}, {delay_ms} ms: {repair:?}");
                assert_eq!(report.counters.timeouts, 1, "{len} bytes, {names:?}, {delay_ms} ms");
            }
        }
    }
}
