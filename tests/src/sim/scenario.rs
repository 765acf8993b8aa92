//! What a run is made of: two sides, two wires, a load, and faults, all of it chosen by a seed.

use std::fmt;

use super::chance::Chance;
use super::fault::{Event, Fault};
use super::node::{SHAPES, Shape};
use super::noise::NoisePlan;
use super::table::TABLE;
use super::wire::WirePlan;

/// What kind of trouble a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Bits flip, bytes are lost.
    pub noise: bool,
    /// Wires stall and are unplugged; sides sleep and pause.
    pub breaks: bool,
    /// Sides start anew.
    pub reboots: bool,
    /// A third side is at the place of one for a while.
    pub swaps: bool,
}

/// One side's part.
#[derive(Clone, Debug)]
pub struct SidePlan {
    /// Its sizes.
    pub shape: Shape,
    /// The channels that it opens, in this order, as places in the table.
    pub channels: Vec<usize>,
    /// How much it sends, in hundredths of what the wire takes.
    pub load: u64,
    /// Cuts messages into so many units instead of filling frames.
    pub cut: Option<usize>,
    /// After how many milliseconds it takes a silent line for dead; 0 for never.
    pub silence_ms: u32,
    /// It calls the link only when it must, not at every opportunity.
    pub lazy: bool,
}

/// All of a run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it came from, and where all of its chance comes from.
    pub seed: u64,
    /// The sides.
    pub sides: [SidePlan; 2],
    /// From side 0 to side 1, and back.
    pub wires: [WirePlan; 2],
    /// How long the sides send, and what goes wrong may begin.
    pub active_ms: u64,
    /// In the order of their beginning.
    pub faults: Vec<Fault>,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn new(seed: u64, family: Family) -> Self {
        let mut random = Chance::new(seed, 1);
        let mut sides = side_plans(&mut random);
        if family.noise || family.breaks || family.swaps {
            // One that wants no heartbeats is not told twice what it may send: a grant that is lost with both its repetitions locks a channel.
            sides.iter_mut().for_each(|side| side.silence_ms = side.silence_ms.max(200));
        }
        let rate = random.pick(&[960, 1920, 11_520, 11_520, 92_160, 1_000_000]);
        let delay_us = random.pick(&[0, 50, 1000, 16_000, 100_000]);
        let noise = family.noise;
        let wires = [(); 2].map(|()| WirePlan {
            rate,
            delay_us,
            chunk: random.pick(&[1, 16, 64, 4096]),
            queue: random.pick(&[0, 0, 64, 512]),
            noise: noise_plan(&mut random, noise),
        });
        let wires = wires.map(|wire| WirePlan { chunk: wire.chunk.max((rate / 20_000) as usize), ..wire });
        let bytes = random.between(2_000, 60_000);
        let active_ms = (bytes * 1000 / rate).clamp(300, 20_000);
        let mut scenario = Self { seed, sides, wires, active_ms, faults: Vec::new() };
        scenario.add_faults(&mut random, family);
        scenario
    }

    fn add_faults(&mut self, random: &mut Chance, family: Family) {
        let reboots = if family.reboots { random.between(1, 4) } else { 0 };
        let swaps = if family.swaps { random.between(1, 3) } else { 0 };
        let breaks = if family.breaks { random.between(1, 6) } else { 0 };
        for _ in 0..reboots {
            // Mostly faster than any timeout; and some follow one another at once.
            let for_ms = random.pick(&[0, 0, 1, 30, 700, 3000]);
            self.faults.push(Fault { at_ms: 0, for_ms, event: Event::Reboot(random.index(2)) });
        }
        for _ in 0..swaps {
            // Some are over before the third side has said a word, some after the first has noticed that it is alone.
            let for_ms = random.magnitude(1.0, 8000.0) as u64;
            self.faults.push(Fault { at_ms: 0, for_ms, event: Event::Swap(random.index(2)) });
        }
        for _ in 0..breaks {
            let side = random.index(2);
            let place = random.pick(&self.sides[side].channels);
            let event = match random.index(12) {
                0 | 1 => Event::Stall(side),
                2 => Event::Unplug(side),
                3 => Event::UnplugBoth,
                4 => Event::Sleep(side, random.pick(&[16, 512, 65_536])),
                5 => Event::Loop(side),
                6 => Event::Interrupt(side),
                7 | 8 => Event::Close(side, place),
                9 => Event::Reset(side, place),
                _ => Event::Pause(side, place),
            };
            let for_ms = random.magnitude(1.0, 5000.0) as u64;
            self.faults.push(Fault { at_ms: 0, for_ms, event });
        }
        for fault in &mut self.faults {
            fault.at_ms = random.between(0, self.active_ms);
        }
        self.faults.sort_by_key(|fault| fault.at_ms);
    }

    /// When everything that goes wrong is over.
    #[must_use]
    pub fn calm_ms(&self) -> u64 {
        let ends = self.faults.iter().map(|fault| fault.at_ms + fault.for_ms);
        ends.max().unwrap_or(0).max(self.active_ms)
    }

    /// True when no byte is changed, lost or held up.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let is_reboot = |fault: &Fault| matches!(fault.event, Event::Reboot(_));
        self.is_quiet() && self.faults.iter().all(is_reboot)
    }

    /// True when the wires make no noise.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.wires.iter().all(|wire| wire.noise == NoisePlan::default())
    }

    /// The channels that both sides have.
    #[must_use]
    pub fn shared(&self) -> Vec<usize> {
        let [a, b] = &self.sides;
        a.channels.iter().copied().filter(|channel| b.channels.contains(channel)).collect()
    }
}

fn side_plans(random: &mut Chance) -> [SidePlan; 2] {
    let shapes = [random.pick(&SHAPES), random.pick(&SHAPES)];
    let most = shapes[0].channels.min(shapes[1].channels).min(TABLE.len());
    let mut shared: Vec<usize> = (0..TABLE.len()).collect();
    random.shuffle(&mut shared);
    shared.truncate(random.between(1, most as u64) as usize);
    shapes.map(|shape| {
        // The same channels, under numbers of its own.
        let mut channels = shared.clone();
        random.shuffle(&mut channels);
        SidePlan {
            shape,
            channels,
            load: random.pick(&[0, 5, 30, 90, 150]),
            cut: random.chance(0.2).then(|| random.between(1, 32) as usize),
            silence_ms: random.pick(&[0, 200, 1000, 1000, 5000]),
            lazy: random.chance(0.5),
        }
    })
}

fn noise_plan(random: &mut Chance, noise: bool) -> NoisePlan {
    let mut sometimes = |low, high| if random.chance(0.5) { random.magnitude(low, high) } else { 0.0 };
    let plan = NoisePlan {
        flip: sometimes(1e-6, 2e-3),
        lose: sometimes(1e-5, 1e-3),
        garble: sometimes(1e-5, 1e-3),
        repeat: sometimes(1e-3, 0.3),
    };
    if noise { plan } else { NoisePlan::default() }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed={} active={}ms", self.seed, self.active_ms)?;
        for (name, side) in ["a", "b"].into_iter().zip(&self.sides) {
            let SidePlan { shape, channels, load, cut, silence_ms, lazy } = side;
            write!(
                f,
                " {name}={{<{}> channels={channels:?} load={load}% cut={cut:?} silence={silence_ms}ms lazy={lazy}}}",
                shape.name
            )?;
        }
        for (name, wire) in ["a>b", "b>a"].into_iter().zip(&self.wires) {
            let WirePlan { rate, delay_us, chunk, queue, noise } = wire;
            write!(f, " {name}={{{rate}B/s delay={delay_us}us chunk={chunk} queue={queue}")?;
            let NoisePlan { flip, lose, garble, repeat } = noise;
            write!(f, " flip={flip:.1e} lose={lose:.1e} garble={garble:.1e} repeat={repeat:.1e}}}")?;
        }
        f.write_str(" faults=[")?;
        for fault in &self.faults {
            write!(f, " {fault}")?;
        }
        f.write_str(" ]")
    }
}
