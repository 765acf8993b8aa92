//! A ring of bytes between one interrupt and the run loop.
//!
//! One side pushes, the other pops; neither waits, masks an interrupt or needs more than plain loads and
//! stores, which is all a Cortex-M0 has. A full ring refuses the byte and keeps what it holds. Two pushers
//! or two poppers at once would lose or repeat bytes, and nothing worse.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A ring that holds up to `N` bytes; `N` is a power of two.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    bytes: [AtomicU8; N],
    /// How many bytes were ever pushed; written by the pushing side alone.
    pushed: AtomicUsize,
    /// How many bytes were ever popped; written by the popping side alone.
    popped: AtomicUsize,
}

impl<const N: usize> Ring<N> {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        // The two counts wrap around at a power of two, so the places they stand for must do so too.
        const { assert!(N.is_power_of_two()) };
        Self { bytes: [const { AtomicU8::new(0) }; N], pushed: AtomicUsize::new(0), popped: AtomicUsize::new(0) }
    }

    /// Bytes held now.
    pub fn len(&self) -> usize {
        let popped = self.popped.load(Ordering::Acquire);
        self.pushed.load(Ordering::Acquire).wrapping_sub(popped).min(N)
    }

    /// Whether there is nothing to pop.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the next push would be refused.
    pub fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Adds one byte; false if the ring is full and the byte was not taken.
    pub fn push(&self, byte: u8) -> bool {
        self.push_slice(&[byte]) == 1
    }

    /// Adds as many of these bytes as fit, from the first on, and says how many.
    pub fn push_slice(&self, bytes: &[u8]) -> usize {
        let pushed = self.pushed.load(Ordering::Relaxed);
        let count = bytes.len().min(N - self.len());
        for (at, byte) in bytes.iter().take(count).enumerate() {
            self.place(pushed.wrapping_add(at)).store(*byte, Ordering::Relaxed);
        }
        self.pushed.store(pushed.wrapping_add(count), Ordering::Release);
        count
    }

    /// Takes the oldest byte.
    pub fn pop(&self) -> Option<u8> {
        let mut byte = [0];
        (self.pop_slice(&mut byte) == 1).then_some(byte[0])
    }

    /// Takes the oldest bytes, as many as there are or as `out` holds, and says how many.
    pub fn pop_slice(&self, out: &mut [u8]) -> usize {
        let popped = self.popped.load(Ordering::Relaxed);
        let count = out.len().min(self.len());
        for (at, byte) in out.iter_mut().take(count).enumerate() {
            *byte = self.place(popped.wrapping_add(at)).load(Ordering::Relaxed);
        }
        self.popped.store(popped.wrapping_add(count), Ordering::Release);
        count
    }

    fn place(&self, count: usize) -> &AtomicU8 {
        &self.bytes[count % N]
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::Ring;
    use std::thread;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let ring = Ring::<4>::new();
        assert_eq!(ring.push_slice(b"abc"), 3);
        assert_eq!(ring.pop(), Some(b'a'));
        assert_eq!(ring.push_slice(b"de"), 2);
        let mut out = [0; 8];
        assert_eq!(ring.pop_slice(&mut out), 4);
        assert_eq!(&out[..4], b"bcde");
        assert_eq!(ring.pop(), None);
    }

    #[test]
    fn a_full_ring_refuses_and_keeps_what_it_holds() {
        let ring = Ring::<2>::new();
        assert_eq!(ring.push_slice(b"abc"), 2);
        assert!(ring.is_full());
        assert!(!ring.push(b'd'));
        assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(b'a'), Some(b'b'), None]);
    }

    #[test]
    fn no_byte_is_lost_or_repeated_between_two_threads() {
        const COUNT: usize = 200_000;
        let ring = Ring::<16>::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                for at in 0..COUNT {
                    while !ring.push((at % 251) as u8) {
                        thread::yield_now();
                    }
                }
            });
            for at in 0..COUNT {
                let byte = loop {
                    if let Some(byte) = ring.pop() {
                        break byte;
                    }
                    thread::yield_now();
                };
                assert_eq!(usize::from(byte), at % 251);
            }
        });
        assert!(ring.is_empty());
    }
}
