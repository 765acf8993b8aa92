//! A state to be explored: two sides, and the packets on their way.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};

use pocketmux_core::{Channel, ChannelId, Delivery};

use super::digest::digest;
use super::model::Limits;
use super::side::{Accepted, Side, opening};

/// Packets that a wire holds.
const WIRE_MAX: usize = 2;
/// Steps of time after which everything must have arrived once nothing goes wrong any more.
const STEPS_MAX: usize = 200;

/// Two sides and what is between them.
#[derive(Clone)]
pub struct Duo {
    /// The sides.
    pub sides: [Side; 2],
    /// Packets from side 0 to side 1, and back.
    pub wires: [VecDeque<Vec<u8>>; 2],
    /// Virtual time.
    pub now_us: u64,
    /// All that was accepted.
    pub accepted: Accepted,
    /// What may still be sent and go wrong.
    pub left: Limits,
    /// States are told apart by all that a link is made of, not by its digest alone.
    pub is_exact: bool,
    /// What should never have happened.
    pub wrong: Option<String>,
}

impl Duo {
    /// Fills the wires with what the sides have to send; says whether that was anything.
    pub fn transmit(&mut self) -> bool {
        let mut is_any = false;
        for (side, wire) in self.sides.iter_mut().zip(&mut self.wires) {
            while wire.len() < WIRE_MAX {
                let packet = side.link.poll_transmit(self.now_us).to_vec();
                if packet.is_empty() {
                    break;
                }
                side.link.consume(packet.len());
                wire.push_back(packet);
                is_any = true;
            }
        }
        is_any
    }

    /// Gives all packets on their way to the sides at the ends.
    pub fn deliver_all(&mut self, channels: &[Channel<'_>]) {
        for wire in 0..2 {
            while let Some(packet) = self.wires[wire].pop_front() {
                self.deliver(wire, &packet, channels);
            }
        }
    }

    /// Gives a packet to the side at the end of a wire.
    pub fn deliver(&mut self, wire: usize, packet: &[u8], channels: &[Channel<'_>]) {
        let result = self.sides[1 - wire].take(packet, self.now_us, channels);
        self.note(result);
    }

    /// Goes to the next deadline of either side; says whether there is one.
    pub fn tick(&mut self, channels: &[Channel<'_>]) -> bool {
        let deadlines = self.sides.each_ref().map(|side| side.link.poll_timeout());
        let Some(next_us) = deadlines.into_iter().flatten().min() else { return false };
        self.now_us = self.now_us.max(next_us);
        for number in 0..2 {
            let side = &mut self.sides[number];
            if side.link.poll_timeout().is_some_and(|due_us| due_us <= self.now_us) {
                side.link.handle_timeout(self.now_us);
            }
            let result = side.take_events(channels);
            self.note(result);
        }
        true
    }

    /// The application of a side stops reading a channel, or reads again.
    pub fn set_paused(&mut self, side: usize, paused: Option<ChannelId>, channels: &[Channel<'_>]) {
        let side = &mut self.sides[side];
        if let Some(channel) = std::mem::replace(&mut side.paused, paused) {
            side.link.resume(channel);
        }
        if let Some(channel) = paused {
            side.link.pause(channel);
        }
        let result = side.take_events(channels);
        self.note(result);
    }

    /// Notes what should not have happened.
    pub fn note(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.wrong.get_or_insert(what);
        }
    }

    /// Whether everything arrives from here on if nothing goes wrong any more and everybody reads, which takes an open channel.
    pub fn settles(&self, channels: &[Channel<'static>]) -> bool {
        let mut duo = self.clone();
        (0..2).for_each(|side| duo.set_paused(side, None, channels));
        for _ in 0..STEPS_MAX {
            duo.sides.iter_mut().for_each(|side| side.open_kept(channels));
            duo.deliver_all(channels);
            while duo.transmit() {
                duo.deliver_all(channels);
            }
            if duo.wrong.is_some() || duo.has_settled(channels) || !duo.tick(channels) {
                break;
            }
        }
        duo.wrong.is_none() && duo.has_settled(channels)
    }

    /// Whether both sides are up with each other and everything has arrived.
    pub fn has_settled(&self, channels: &[Channel<'_>]) -> bool {
        let [a, b] = &self.sides;
        let is_up = a.peer == Some(b.epoch) && b.peer == Some(a.epoch);
        is_up
            && (0..channels.len()).all(|channel| {
                self.has_arrived(a, b, channel, channels[channel].delivery)
                    && self.has_arrived(b, a, channel, channels[channel].delivery)
            })
    }

    /// Whether what one side accepted on a channel has arrived at the other, the ends of its openings too.
    fn has_arrived(&self, from: &Side, to: &Side, channel: usize, delivery: Delivery) -> bool {
        let lane = (from.epoch, to.epoch, channel);
        let of_lane = |all: &Accepted| all.get(&lane).cloned().unwrap_or_default();
        let (mut heard, accepted) = (of_lane(&to.heard), of_lane(&self.accepted));
        heard.sort_by_key(|number| opening(*number));
        let frames = heard.iter().filter(|number| heard.last() == Some(number)).count();
        heard.dedup();
        // What was reset may have arrived or not.
        let need = |number: &u8| heard.contains(number) || !from.resets.contains(&(channel, opening(*number)));
        let owed: Vec<u8> = accepted.into_iter().filter(need).collect();
        let is_whole = heard.is_empty() || frames == self.left.frames;
        let is_all = match delivery {
            Delivery::Reliable => heard == owed && is_whole,
            Delivery::Latest => heard.last() == owed.last() && is_whole,
            Delivery::Lossy => true,
        };
        is_all && from.is_known_to(to, channel)
    }
}

impl Hash for Duo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for side in &self.sides {
            if self.is_exact {
                format!("{:?} {}", side.link, self.now_us).hash(state);
            } else {
                digest(&side.link, self.now_us).hash(state);
            }
            side.hash_application(state);
        }
        (&self.wires, &self.accepted, &self.left, &self.wrong).hash(state);
    }
}

impl PartialEq for Duo {
    /// As far as [`Hash`] tells states apart.
    fn eq(&self, other: &Self) -> bool {
        let hash = |duo: &Self| {
            let mut hasher = std::hash::DefaultHasher::new();
            duo.hash(&mut hasher);
            hasher.finish()
        };
        hash(self) == hash(other)
    }
}

impl fmt::Debug for Duo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} us, wires {:02x?}, wrong {:?}", self.now_us, self.wires, self.wrong)?;
        self.sides.iter().try_for_each(|side| write!(f, "\n  {}", digest(&side.link, self.now_us)))
    }
}
