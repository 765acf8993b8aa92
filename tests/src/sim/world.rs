//! Runs a scenario in virtual time: whatever happens next happens, and nothing waits.

mod faults;

use super::away::Away;
use super::chance::Chance;
use super::fault::{Event, Fault};
use super::ledger::{Ledger, Session};
use super::scenario::Scenario;
use super::side::Side;
use super::trace::Trace;
use super::turn;
use super::verdict;
use super::wire::Wire;

/// How often it is looked whether everything has arrived, once the wire is calm.
const LOOK_NS: u64 = 50_000_000;
/// How long a run goes on when everything has arrived, to see that the links rest.
const REST_NS: u64 = 5_000_000_000;
/// Everything has arrived by so long after the calm began, and the time that the wire needs for what may have been queued.
const PATIENCE_NS: u64 = 30_000_000_000;
/// How long a calm line is traced: after that it is the same again and again.
const TRACED_NS: u64 = 3_000_000_000;
/// More than any application and link hold back at once, with what noise makes of it.
const QUEUED_MAX: u64 = 300_000;
/// Times in a second that a deadline may pass with nothing to show for it.
const VAIN_WAKES_MAX: u32 = 400;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Frames and their bytes that arrived as they should.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Virtual time of the whole.
    pub elapsed_ns: u64,
    /// Longest time from the arrival of a new boot's first HELLO to both sides being up with it, on a clean line.
    pub greeting_ns: u64,
}

/// Deadlines of one side that passed with nothing to show for it, in the present second.
#[derive(Clone, Copy, Default)]
struct Vain {
    second: u64,
    wakes: u32,
}

/// A run.
pub struct World {
    pub(super) scenario: Scenario,
    pub(super) now_ns: u64,
    pub(super) sides: [Side; 2],
    pub(super) wires: [Wire; 2],
    /// By place: the side that belongs there, while a third one is in its stead.
    pub(super) away: [Option<Away>; 2],
    swaps: u64,
    pub(super) ledger: Ledger,
    /// What happened.
    pub trace: Trace,
    faults: std::vec::IntoIter<Fault>,
    next_fault: Option<Fault>,
    /// Faults that are going on, and until when.
    going_on: Vec<(u64, Event)>,
    is_calm: bool,
    look_ns: u64,
    rest_until_ns: Option<u64>,
    /// Two sides that waited for each other have given up.
    has_given_up: bool,
    vain: [Vain; 2],
    /// By side: when the first HELLO of its present boot arrived at the other.
    pub(super) hello_ns: [Option<u64>; 2],
    pub(super) greeting_ns: u64,
}

impl World {
    /// A run at its beginning.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let seed = scenario.seed;
        let side = |number: usize| {
            let plan = scenario.sides[number].clone();
            Side::new(number, ["a", "b"][number], plan, Chance::new(seed, 10 + number as u64))
        };
        let wire = |number: usize| Wire::new(scenario.wires[number], Chance::new(seed, 20 + number as u64));
        let mut faults = scenario.faults.clone().into_iter();
        let next_fault = faults.next();
        let mut world = Self {
            scenario: scenario.clone(),
            now_ns: 0,
            sides: [side(0), side(1)],
            wires: [wire(0), wire(1)],
            away: [None, None],
            swaps: 0,
            ledger: Ledger::default(),
            trace: Trace::default(),
            faults,
            next_fault,
            going_on: Vec::new(),
            is_calm: false,
            look_ns: u64::MAX,
            rest_until_ns: None,
            has_given_up: false,
            vain: [Vain::default(); 2],
            hello_ns: [None; 2],
            greeting_ns: 0,
        };
        world.load(0);
        world.load(1);
        world
    }

    /// Lets a side's application send from now on.
    fn load(&mut self, side: usize) {
        let rate = self.scenario.wires[side].rate * self.scenario.sides[side].load / 100;
        self.sides[side].application.load(rate, self.now_ns, self.scenario.active_ms * 1_000_000);
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// What went wrong.
    pub fn run(&mut self) -> Result<Report, String> {
        self.step().map_err(|what| format!("{what} (at {} us)", self.now_ns / 1000))
    }

    fn step(&mut self) -> Result<Report, String> {
        let mut due = [true; 2];
        loop {
            for (side, is_due) in due.into_iter().enumerate() {
                if is_due && self.sides[side].runs(self.now_ns) {
                    self.run_side(side)?;
                }
            }
            for away in self.away.iter_mut().flatten() {
                away.run(&mut self.ledger, &mut self.trace, self.now_ns)?;
            }
            verdict::check_greeting(self)?;
            verdict::check_silence(self)?;
            if self.rest_until_ns.is_some_and(|end| end <= self.now_ns) {
                verdict::check_counters(self)?;
                let Ledger { frames, bytes, .. } = self.ledger;
                let (elapsed_ns, greeting_ns) = (self.now_ns, self.greeting_ns);
                return Ok(Report { frames, bytes, elapsed_ns, greeting_ns });
            }
            due = self.advance()?;
        }
    }

    /// Goes to the next moment at which anything happens; says which sides have to run.
    fn advance(&mut self) -> Result<[bool; 2], String> {
        let wants = [self.side_ns(0), self.side_ns(1)];
        let away_ns = self.away.iter().flatten().map(|away| away.next_ns(self.now_ns)).min().unwrap_or(u64::MAX);
        let next = self.next_ns().min(wants[0]).min(wants[1]).min(away_ns);
        // A deadline that has passed already is a wake in vain, once a microsecond.
        self.now_ns = if next > self.now_ns { next } else { self.now_ns + 1000 };
        let mut due = wants.map(|want_ns| want_ns <= self.now_ns);
        self.deliver(&mut due);
        self.apply_faults(&mut due);
        self.look()?;
        let eager = self.sides.each_ref().map(|side| !side.is_lazy());
        Ok([due[0] || eager[0], due[1] || eager[1]])
    }

    /// When a side is to run next if nothing arrives.
    fn side_ns(&self, number: usize) -> u64 {
        turn::next_ns(&self.sides[number], &self.wires[number], self.now_ns)
    }

    /// When anything happens next that is no side's own doing.
    fn next_ns(&self) -> u64 {
        let calm = (!self.is_calm).then(|| self.scenario.calm_ms() * 1_000_000);
        let fault = self.next_fault.map(|fault| fault.at_ms * 1_000_000);
        let look = [self.look_ns, self.rest_until_ns.unwrap_or(u64::MAX)];
        let ends = self.going_on.iter().map(|(until_ns, _)| *until_ns);
        let arrivals = self.wires.iter().filter_map(Wire::arrival_ns);
        calm.into_iter().chain(fault).chain(look).chain(ends).chain(arrivals).min().unwrap_or(u64::MAX)
    }

    fn deliver(&mut self, due: &mut [bool; 2]) {
        for from in 0..2 {
            let to = 1 - from;
            while let Some(arrival) = self.wires[from].take(self.now_ns) {
                if arrival.first_hello == Some(self.sides[from].boot) && self.sides[to].runs(self.now_ns) {
                    self.hello_ns[from] = Some(self.now_ns);
                }
                self.sides[to].receive(&arrival.bytes, self.now_ns);
                due[to] = true;
                if self.going_on.iter().any(|(_, event)| *event == Event::Loop(from)) {
                    self.sides[from].receive(&arrival.bytes, self.now_ns);
                    due[from] = true;
                }
            }
        }
    }

    /// Looks whether everything has arrived.
    fn look(&mut self) -> Result<(), String> {
        if self.now_ns < self.look_ns {
            return Ok(());
        }
        self.look_ns = self.now_ns + LOOK_NS;
        let missing = verdict::missing(self);
        let calm_ns = self.scenario.calm_ms() * 1_000_000;
        let queued_ns = self.scenario.wires.iter().map(|wire| wire.ns_of(QUEUED_MAX)).max().unwrap_or(0);
        if missing.is_empty() {
            self.look_ns = u64::MAX;
            self.rest_until_ns = Some(self.now_ns + REST_NS);
        } else if self.now_ns > calm_ns + PATIENCE_NS + queued_ns {
            return Err(format!("{} has not happened, one of {}", missing[0], missing.len()));
        } else if self.now_ns > calm_ns + PATIENCE_NS / 2 + queued_ns && !self.has_given_up {
            // Where both tables are full each may keep what the other closed, and wait for a number to open that channel itself.
            self.has_given_up = self.sides.iter().all(|side| side.application.lacks_a_number());
            let Self { sides, ledger, .. } = self;
            sides.iter_mut().filter(|_| self.has_given_up).for_each(|side| side.give_up(ledger));
        }
        Ok(())
    }

    /// Lets a side run, and takes what it has to send as far as its wire has room.
    fn run_side(&mut self, number: usize) -> Result<(), String> {
        let Self { sides, wires, ledger, trace, now_ns, .. } = self;
        let (side, wire) = (&mut sides[number], &mut wires[number]);
        let was_due = side.node.poll_timeout().is_some_and(|due_us| due_us <= *now_ns / 1000);
        let heard = side.heard;
        let sent = turn::run(side, wire, ledger, trace, *now_ns)?;
        let is_vain = was_due && sent == 0 && side.heard == heard;
        let vain = &mut self.vain[number];
        let second = *now_ns / 1_000_000_000;
        *vain = if vain.second == second { *vain } else { Vain { second, wakes: 0 } };
        vain.wakes += u32::from(is_vain);
        if vain.wakes > VAIN_WAKES_MAX {
            return Err(format!("side {number} wakes in vain without an end; next at {:?}", side.node.poll_timeout()));
        }
        Ok(())
    }

    /// The state of both links.
    #[must_use]
    pub fn describe(&self) -> String {
        self.sides.iter().map(|side| format!("{}\n", side.node.describe())).collect()
    }

    /// The link of a side as its epoch and its peer's, if it is up.
    #[must_use]
    pub fn session_from(&self, side: usize) -> Option<Session> {
        let side = &self.sides[side];
        side.peer.map(|receiver| Session { sender: side.epoch, receiver })
    }
}
