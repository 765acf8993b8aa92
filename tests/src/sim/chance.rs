//! Chance from a seed: the same choices in every run.

use crate::Random;

/// Choices of one seed, for one purpose.
#[derive(Clone, Debug)]
pub struct Chance(Random);

impl Chance {
    /// The choices of this seed for this purpose: choosing more for one purpose changes nothing for another.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(Random::new(Random::new(seed).number() ^ Random::new(!purpose).number()))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.number()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low + 1)
    }

    /// An index below `len`.
    pub fn index(&mut self, len: usize) -> usize {
        (self.number() % len as u64) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.unit() <= probability
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// A number between two whose order of magnitude is as likely as any other between theirs.
    pub fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        (low.ln() + self.0.unit() * (high.ln() - low.ln())).exp()
    }

    /// How long to wait for what happens once in `mean` on average.
    pub fn wait(&mut self, mean: f64) -> u64 {
        (-self.0.unit().ln() * mean) as u64
    }

    /// How many trials of this probability fail before the first that succeeds; never, for 0.
    pub fn failures(&mut self, probability: f64) -> u64 {
        if probability <= 0.0 {
            return u64::MAX;
        }
        (self.0.unit().ln() / (-probability).ln_1p()) as u64
    }

    /// Puts these in another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.index(at + 1));
        }
    }
}
