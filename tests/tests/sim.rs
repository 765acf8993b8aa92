//! Two links over simulated wires, seed by seed; see `pocketmux_tests::sim`.

use pocketmux_tests::sim::{Family, run_all};

const CLEAN: Family = Family { noise: false, breaks: false, reboots: false, swaps: false };

#[test]
fn everything_arrives_over_a_clean_wire() {
    run_all(CLEAN);
}

#[test]
fn everything_arrives_through_noise() {
    run_all(Family { noise: true, ..CLEAN });
}

#[test]
fn everything_arrives_after_stalls_sleeps_pauses_and_pulled_cables() {
    run_all(Family { breaks: true, ..CLEAN });
}

#[test]
fn reboots_are_noticed_at_once_and_everything_arrives_on_the_link_that_stays() {
    run_all(Family { reboots: true, ..CLEAN });
}

#[test]
fn a_board_that_was_away_while_another_had_its_place_gets_a_new_link() {
    run_all(Family { swaps: true, ..CLEAN });
}

#[test]
fn everything_arrives_whatever_goes_wrong_together() {
    run_all(Family { noise: true, breaks: true, reboots: true, swaps: true });
}
