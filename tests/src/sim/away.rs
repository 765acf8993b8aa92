//! A side at whose place another one is: it goes on alone, over a wire that leads nowhere.

use super::ledger::Ledger;
use super::noise::NoisePlan;
use super::side::Side;
use super::trace::Trace;
use super::turn;
use super::wire::{Wire, WirePlan};

/// A side and the wire that it still sends into.
pub struct Away {
    /// The side.
    pub side: Side,
    wire: Wire,
}

impl Away {
    /// A side that is alone from now on, and sends no faster than before.
    pub fn new(side: Side, plan: WirePlan) -> Self {
        let plan = WirePlan { noise: NoisePlan::default(), ..plan };
        Self { side, wire: Wire::new(plan, super::chance::Chance::new(0, 0)) }
    }

    /// When it is to run next.
    pub fn next_ns(&self, now_ns: u64) -> u64 {
        turn::next_ns(&self.side, &self.wire, now_ns)
    }

    /// Lets it run if it has to; what it sends is lost.
    ///
    /// # Errors
    ///
    /// What its link did wrong.
    pub fn run(&mut self, ledger: &mut Ledger, trace: &mut Trace, now_ns: u64) -> Result<(), String> {
        if self.side.runs(now_ns) && (self.next_ns(now_ns) <= now_ns || !self.side.is_lazy()) {
            turn::run(&mut self.side, &mut self.wire, ledger, trace, now_ns)?;
        }
        while self.wire.take(now_ns).is_some() {}
        Ok(())
    }
}
