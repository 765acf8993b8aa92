//! Two links over simulated wires, seed by seed; see `pocketmux_tests::sim`.

use pocketmux_tests::sim::{Family, run_all};

#[test]
fn everything_arrives_over_a_clean_wire() {
    run_all(Family { noise: false, breaks: false, reboots: false }, |_, _| {});
}
