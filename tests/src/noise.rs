//! Bit errors of a line: each bit flips by itself, with the same probability.

/// A source of bit errors, the same for the same seed.
///
/// The distance to the next error is drawn, not each bit's fate, so a clean stretch costs nothing.
#[derive(Clone, Debug)]
pub struct Noise {
    random: Random,
    /// Natural logarithm of the probability that a bit stays; 0 on a clean line.
    ln_stays: f64,
    /// Bits that stay before the next that flips.
    clean_bits: u64,
}

impl Noise {
    /// Noise that flips each bit with probability `bit_error_rate`.
    #[must_use]
    pub fn new(bit_error_rate: f64, seed: u64) -> Self {
        let mut noise = Self { random: Random::new(seed), ln_stays: (-bit_error_rate).ln_1p(), clean_bits: 0 };
        noise.draw();
        noise
    }

    /// Spoils one byte; returns how many of its bits flipped.
    pub fn spoil(&mut self, byte: &mut u8) -> u32 {
        let (mut bit, mut flipped) = (0, 0);
        while self.clean_bits < 8 - bit {
            bit += self.clean_bits;
            *byte ^= 1 << bit;
            flipped += 1;
            bit += 1;
            self.draw();
        }
        self.clean_bits -= 8 - bit;
        flipped
    }

    /// Draws the distance to the next error from the geometric distribution.
    fn draw(&mut self) {
        // A cast saturates: on a clean line the next error is further away than any byte.
        self.clean_bits = if self.ln_stays < 0.0 { (self.random.unit().ln() / self.ln_stays) as u64 } else { u64::MAX };
    }
}

/// Numbers that look random and repeat with the seed (SplitMix64, by Steele, Lea and Flood).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number, above 0 and at most 1.
    pub fn unit(&mut self) -> f64 {
        ((self.number() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// So many bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }
}
