//! Telemetry to look at: ten numbers between 0 and 1 that go up and down, each at a pace of its own.

use core::fmt::Write as _;

use heapless::String;
use pocketmux_core::ChannelId;

use crate::channels::NUMBERS;

/// How often each number is told, one channel after the other: together they would fill the queue.
const EVERY_US: u64 = 500_000;
const TURN_US: u64 = EVERY_US / (NUMBERS.end - NUMBERS.start) as u64;
/// While a file is on its way each is told so many times more seldom: all of them take a fifteenth of a line of 115200 baud, and of the file's packets the
/// room that their frames would have filled.
const RARER: u64 = 10;

/// Whose turn is next, and when.
pub(crate) struct Numbers {
    next: u8,
    at_us: u64,
}

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self { next: NUMBERS.start, at_us: 0 }
    }

    /// What is due, and on which channel; the same again until it is [told](Numbers::told).
    pub(crate) fn due(&self, now_us: u64) -> Option<(ChannelId, String<24>)> {
        if now_us < self.at_us {
            return None;
        }
        let mut text = String::new();
        let thousandths = thousandths(self.next, now_us);
        // At most eighteen characters.
        let _ = write!(text, "{{\"myValue\":{}.{:03}}}", thousandths / 1000, thousandths % 1000);
        Some((ChannelId::new(self.next), text))
    }

    /// It was told; `is_busy` says that a file is on its way.
    pub(crate) fn told(&mut self, now_us: u64, is_busy: bool) {
        self.next = if self.next + 1 < NUMBERS.end { self.next + 1 } else { NUMBERS.start };
        self.at_us = now_us + if is_busy { RARER * TURN_US } else { TURN_US };
    }
}

/// Up from 0 to 1000 and down again; the higher the channel's number, the faster.
fn thousandths(channel: u8, now_us: u64) -> u32 {
    let steps = (now_us / 10_000) as u32;
    let at = steps.wrapping_mul(u32::from(channel)) % 2000;
    at.min(2000 - at)
}

#[cfg(test)]
mod tests {
    use super::{EVERY_US, NUMBERS, Numbers};

    #[test]
    fn each_channel_has_its_turn_every_half_second_and_a_number_from_0_to_1() {
        let mut numbers = Numbers::new();
        let (len, mut told) = (NUMBERS.len(), 0);
        for now_us in (0..10 * EVERY_US).step_by(1000) {
            let Some((channel, text)) = numbers.due(now_us) else { continue };
            let value = text.strip_prefix("{\"myValue\":").and_then(|rest| rest.strip_suffix('}')).unwrap();
            assert!((0.0..=1.0).contains(&value.parse::<f32>().unwrap()), "{text}");
            assert_eq!(channel.index(), usize::from(NUMBERS.start) + told % len);
            assert_eq!(now_us, told as u64 * (EVERY_US / len as u64));
            numbers.told(now_us, false);
            told += 1;
        }
        assert_eq!(told, 10 * len);
    }

    #[test]
    fn beside_a_transfer_each_is_told_a_tenth_as_often() {
        let mut numbers = Numbers::new();
        let mut told = 0;
        for now_us in (0..100 * EVERY_US).step_by(1000) {
            if numbers.due(now_us).is_some() {
                numbers.told(now_us, true);
                told += 1;
            }
        }
        assert_eq!(told, 10 * NUMBERS.len());
    }
}
