//! Cuts a byte stream into packets at the zero delimiter ([section 1](crate::protocol#1-frame-delimiting)).
//!
//! How the input is sliced makes no difference: `ab|c0` and `abc0` give the same packet. A run that is longer than the buffer is
//! reported once and skipped whole; its tail is never taken for a packet, so noise cannot invent one.

use crate::buffer::Buffer;
use crate::bytes::find_zero;
use crate::cobs;

/// Collects one run, at most as long as the buffer `P`, between two delimiters.
///
/// Costs the buffer and a few words of RAM.
#[derive(Clone, Debug)]
pub struct Deframer<P> {
    buf: P,
    len: usize,
    skipping: bool,
}

/// What stood between two delimiters.
#[derive(Debug, PartialEq, Eq)]
pub enum Run<'a> {
    /// A packet, its byte stuffing removed, its check not yet looked at.
    Packet(&'a mut [u8]),
    /// Not a stuffed packet: the chain of code bytes does not end at the delimiter.
    Broken,
    /// Longer than the buffer; all of it was skipped.
    TooLong,
}

impl<P: Buffer> Default for Deframer<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Buffer> Deframer<P> {
    /// An empty deframer at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { buf: P::ZERO, len: 0, skipping: false }
    }

    /// Takes bytes off the front of `input` up to the end of a run, or all of them.
    ///
    /// Returns what the run was, or `None` when `input` is used up; call again while it is not. Empty runs are passed over.
    pub fn next_run<'a>(&'a mut self, input: &mut &[u8]) -> Option<Run<'a>> {
        while !input.is_empty() {
            // A run at a time, not a byte: this is where a receiver spends its time.
            let end = find_zero(input);
            let (run, rest) = input.split_at_checked(end.unwrap_or(input.len())).unwrap_or_default();
            let room = self.buf.as_mut().get_mut(self.len..).unwrap_or_default();
            if run.len() > room.len() {
                self.skipping = true;
            } else {
                self.len += crate::bytes::copy(room, run);
            }
            // Behind the run stands its delimiter.
            *input = rest.get(1..).unwrap_or_default();
            // Without one the run goes on in the next input.
            end?;
            let len = core::mem::take(&mut self.len);
            if core::mem::take(&mut self.skipping) {
                return Some(Run::TooLong);
            }
            if len > 0 {
                let run = self.buf.as_mut().get_mut(..len).unwrap_or_default();
                return Some(cobs::decode(run).map_or(Run::Broken, Run::Packet));
            }
        }
        None
    }

    /// The packet that the last [`Run::Packet`] was, of which `len` bytes; valid until more input comes.
    pub(crate) fn packet(&self, len: usize) -> &[u8] {
        // COBS in place leaves the packet one byte behind the start of its run.
        len.checked_add(1).and_then(|end| self.buf.as_ref().get(1..end)).unwrap_or_default()
    }

    /// Forgets a run that has begun, as after a reconnect.
    pub fn reset(&mut self) {
        self.len = 0;
        self.skipping = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Deframer, Run};

    fn runs<const N: usize>(slices: &[&[u8]]) -> Vec<Result<Vec<u8>, &'static str>> {
        let mut deframer = Deframer::<[u8; N]>::new();
        let mut found = Vec::new();
        for slice in slices {
            let mut input = *slice;
            while let Some(run) = deframer.next_run(&mut input) {
                found.push(match run {
                    Run::Packet(packet) => Ok(packet.to_vec()),
                    Run::Broken => Err("broken"),
                    Run::TooLong => Err("too long"),
                });
            }
            assert!(input.is_empty());
        }
        found
    }

    #[test]
    fn slicing_makes_no_difference() {
        let stream = [3, b'a', b'b', 0, 0, 2, b'c', 0];
        let whole = runs::<8>(&[&stream]);
        assert_eq!(whole, [Ok(b"ab".to_vec()), Ok(b"c".to_vec())]);
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(runs::<8>(&[head, tail]), whole);
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(runs::<8>(&bytes), whole);
    }

    #[test]
    fn an_oversized_run_is_skipped_whole_and_reported_once() {
        // The tail `2 x` would be a valid packet if the skip stopped at the buffer's end.
        let stream = [5, 1, 1, 1, 1, 2, b'x', 0, 2, b'y', 0];
        assert_eq!(runs::<4>(&[&stream]), [Err("too long"), Ok(b"y".to_vec())]);
    }

    #[test]
    fn a_run_of_exactly_the_buffer_fits() {
        assert_eq!(runs::<4>(&[&[4, 1, 2, 3, 0]]), [Ok(vec![1, 2, 3])]);
    }

    #[test]
    fn a_broken_run_costs_only_itself() {
        assert_eq!(runs::<8>(&[&[9, 1, 0, 2, b'y', 0]]), [Err("broken"), Ok(b"y".to_vec())]);
    }
}
