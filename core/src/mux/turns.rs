//! Whose turn it is: the class first, then the message that was served longest ago.

use super::{CLASSES, Mux, Route};
use crate::pool::{Block, Slot};

/// A class that waits has one of so many frames at least: 1/16 = 6.25 % of them.
const FLOOR: u8 = 16;

/// Which of a class goes first, the greatest: of the message whose turn it is, the time since its last turn, the time since it came.
type Rank = (bool, u32, u32);

impl<const FRAME: usize, const BLOCKS: usize> Mux<FRAME, BLOCKS> {
    /// Whose frame goes next, if any waits.
    pub fn next_slot(&mut self) -> Option<Slot> {
        self.next_slot_where(|_| true)
    }

    /// Whose frame goes next among those that wait and `may` go now.
    pub(crate) fn next_slot_where(&mut self, may: impl Fn(&Block<FRAME>) -> bool) -> Option<Slot> {
        // Of each class, the frame that goes first: one of the message whose turn it is, else of the one that was served longest ago.
        let mut firsts: [Option<(Slot, Rank, Route)>; CLASSES] = [None; CLASSES];
        for (slot, block) in self.pool.iter().filter(|(_, block)| block.role.waits() && may(block)) {
            let of_turn = self.turn.is_some_and(|(route, left)| left > 0 && route == block.route);
            // Ages instead of numbers, so that a wrap-around changes nothing.
            let age = self.turns.wrapping_sub(block.served);
            let wait = self.arrivals.wrapping_sub(block.arrival);
            let rank = (of_turn, age, wait);
            if let Some(first) = firsts.get_mut(block.route.priority as usize)
                && first.is_none_or(|(_, other, _)| rank > other)
            {
                *first = Some((slot, rank, block.route));
            }
        }
        let waits = firsts.each_ref().map(Option::is_some);
        let class = self.class_of_turn(waits)?;
        let (slot, _, route) = (*firsts.get(class)?)?;
        self.note_class(class, waits);
        self.note_turn(route);
        Some(slot)
    }

    /// The highest class that has a frame to go, unless one has waited for its share; then the one that has longest.
    fn class_of_turn(&self, waits: [bool; CLASSES]) -> Option<usize> {
        let (mut class, mut longest) = (None, FLOOR - 1);
        for (at, (bypassed, _)) in self.bypassed.iter().zip(&waits).enumerate().filter(|(_, (_, waits))| **waits) {
            if class.is_none() || *bypassed >= longest {
                class = Some(at);
            }
            longest = longest.max(*bypassed);
        }
        class
    }

    fn note_class(&mut self, served: usize, waits: [bool; CLASSES]) {
        for (at, (bypassed, waits)) in self.bypassed.iter_mut().zip(waits).enumerate() {
            *bypassed = if waits && at != served { bypassed.saturating_add(1) } else { 0 };
        }
    }

    fn note_turn(&mut self, route: Route) {
        let left = match self.turn {
            Some((current, left)) if current == route && left > 0 => left,
            _ => self.quantum.get(),
        };
        self.turn = Some((route, left - 1));
        self.turns = self.turns.wrapping_add(1);
        for block in self.pool.iter_mut().filter(|block| block.is_of(route)) {
            block.served = self.turns;
        }
    }
}
