//! Signs of life on a line on which there is nothing else to say.

use crate::pair::Pair;

#[test]
fn a_side_says_something_three_times_within_the_silence_of_its_peer() {
    for (silence_ms, least, most) in [(3000, 10, 12), (300, 95, 105), (150, 190, 205)] {
        let mut pair = Pair::up_with_silences([silence_ms, 0]);
        pair.run_ms(100);
        let before = pair.b.link.counters().sent;
        pair.run_ms(10_000);
        let sent = pair.b.link.counters().sent - before;
        assert!((least..=most).contains(&sent), "{sent} packets in ten seconds for a silence of {silence_ms} ms");
    }
}

#[test]
fn a_hasty_peer_does_not_fill_the_line_with_signs_of_life() {
    for silence_ms in [1, 20, 149] {
        let mut pair = Pair::up_with_silences([silence_ms, 0]);
        pair.run_ms(100);
        let before = pair.b.link.counters().sent;
        pair.run_ms(1000);
        let sent = pair.b.link.counters().sent - before;
        assert!((19..=21).contains(&sent), "{sent} packets in a second for a silence of {silence_ms} ms");
    }
}
