//! What goes wrong in a run: its beginning and its end.

use super::{LOOK_NS, TRACED_NS, World};
use crate::sim::away::Away;
use crate::sim::chance::Chance;
use crate::sim::fault::Event;
use crate::sim::side::Side;
use crate::sim::wire::Wire;

impl World {
    pub(super) fn apply_faults(&mut self, due: &mut [bool; 2]) {
        while let Some(fault) = self.next_fault.filter(|fault| fault.at_ms * 1_000_000 <= self.now_ns) {
            self.next_fault = self.faults.next();
            self.trace.note(self.now_ns, 0, || fault.to_string());
            self.begin(fault.event, self.now_ns + fault.for_ms * 1_000_000);
            *due = [true; 2];
        }
        let ended: Vec<_> = self.going_on.extract_if(.., |(until_ns, _)| *until_ns <= self.now_ns).collect();
        for (_, event) in ended {
            self.end(event);
            *due = [true; 2];
        }
        if !self.is_calm && self.scenario.calm_ms() * 1_000_000 <= self.now_ns {
            self.is_calm = true;
            self.trace.until_ns = self.now_ns + TRACED_NS;
            self.look_ns = self.now_ns + LOOK_NS;
            self.wires.iter_mut().for_each(Wire::calm);
        }
    }

    fn begin(&mut self, event: Event, until_ns: u64) {
        match event {
            Event::Stall(wire) => self.wires[wire].stall(until_ns),
            Event::Unplug(wire) => self.wires[wire].unplug(until_ns),
            Event::UnplugBoth => self.wires.iter_mut().for_each(|wire| wire.unplug(until_ns)),
            Event::Reboot(side) => {
                self.sides[side].reboot(until_ns);
                // It may miss the beginning of a HELLO that is on its way to it.
                self.hello_ns = [None; 2];
                self.sides[1 - side].first_hello = false;
                self.wires[1 - side].forget_hello();
                self.load(side);
            }
            Event::Sleep(side, fifo) => {
                let side = &mut self.sides[side];
                (side.asleep_until_ns, side.fifo) = (until_ns.max(side.asleep_until_ns), fifo);
            }
            Event::Loop(_) => {}
            Event::Swap(side) => self.swap(side),
            Event::Interrupt(side) => self.sides[side].interrupt(),
            Event::Close(side, place) => self.sides[side].close(place, false, &mut self.ledger),
            Event::Reset(side, place) => self.sides[side].close(place, true, &mut self.ledger),
            Event::Pause(side, place) => self.sides[side].set_paused(place, true),
        }
        self.going_on.push((until_ns, event));
    }

    fn end(&mut self, event: Event) {
        match event {
            Event::Close(number, place) | Event::Reset(number, place) => {
                self.all_of(number).for_each(|side| side.application.reopen(place));
            }
            Event::Pause(number, place) => self.all_of(number).for_each(|side| side.set_paused(place, false)),
            Event::Swap(number) if !self.going_on.iter().any(|(_, other)| *other == event) => {
                if let Some(away) = self.away[number].take() {
                    self.sides[number] = away.side;
                }
            }
            _ => {}
        }
    }

    /// The side that belongs to a place, and the third one there.
    fn all_of(&mut self, number: usize) -> impl Iterator<Item = &mut Side> {
        let away = self.away[number].as_mut().map(|away| &mut away.side);
        std::iter::once(&mut self.sides[number]).chain(away)
    }

    /// Puts a third side, or one more, at the place of a side.
    fn swap(&mut self, number: usize) {
        self.swaps += 1;
        let (scenario, random) = (&self.scenario, Chance::new(self.scenario.seed, 30 + self.swaps));
        let third = Side::new(number, "c", scenario.sides[number].clone(), random);
        let before = std::mem::replace(&mut self.sides[number], third);
        self.away[number].get_or_insert_with(|| Away::new(before, scenario.wires[number]));
        self.load(number);
    }
}
