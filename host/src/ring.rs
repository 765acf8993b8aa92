//! The newest frames, kept once for all readers.
//!
//! Every reader has its own place in one shared ring instead of a queue of its own: a frame costs its bytes once however many
//! clients there are, an idle client costs a number, and a reader that has fallen out of the ring knows it for certain.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// Frames that a reader may be behind: at 115200 baud, about a minute of a busy board.
pub(crate) const FRAMES_MAX: usize = 4096;
/// Bytes that a reader may be behind, and that the ring may hold.
pub(crate) const BYTES_MAX: usize = 8 << 20;
/// Frames handed out at once, so that no reader holds the lock for long.
const BATCH_FRAMES: usize = 64;
/// Bytes handed out at once, counted before the last frame.
const BATCH_BYTES: usize = 64 << 10;

/// Who is to get a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every client that speaks in frames.
    Everyone,
    /// Clients that speak `pocketmux.v1`.
    Sessions,
    /// Clients of the live feed of the chat.
    Feed,
}

/// What a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Frames.
    Frames,
    /// Frames, and what is said of devices.
    Session,
    /// The live feed of the chat.
    Feed,
}

impl Reads {
    fn is_meant_by(self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => self != Self::Feed,
            Audience::Sessions => self == Self::Session,
            Audience::Feed => self == Self::Feed,
        }
    }
}

/// A reader was too slow: frames it had not read are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lagged;

/// The frames, oldest first; each has a number that counts up for ever.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    frames: VecDeque<(Audience, Utf8Bytes)>,
    /// Number of the oldest frame that is kept.
    first: u64,
    bytes: usize,
}

impl Ring {
    /// Number that the next frame will have: where a new reader begins.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Adds a frame, and drops the oldest ones beyond the limits.
    pub(crate) fn push(&mut self, audience: Audience, text: Utf8Bytes) {
        self.bytes += text.as_str().len();
        self.frames.push_back((audience, text));
        while self.frames.len() > FRAMES_MAX || (self.bytes > BYTES_MAX && self.frames.len() > 1) {
            let Some((_, dropped)) = self.frames.pop_front() else { break };
            self.bytes -= dropped.as_str().len();
            self.first += 1;
        }
    }

    /// Takes the next frames for a reader that stands at `place`, and moves it on.
    ///
    /// Nothing is taken when there is nothing new.
    pub(crate) fn read(&self, place: &mut u64, reads: Reads, batch: &mut Vec<Utf8Bytes>) -> Result<(), Lagged> {
        let skip = place.checked_sub(self.first).ok_or(Lagged)?;
        let mut bytes = 0;
        for (audience, text) in self.frames.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)) {
            if batch.len() >= BATCH_FRAMES || bytes >= BATCH_BYTES {
                break;
            }
            *place += 1;
            if reads.is_meant_by(*audience) {
                bytes += text.as_str().len();
                batch.push(text.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, BATCH_FRAMES, BYTES_MAX, FRAMES_MAX, Lagged, Reads, Ring};

    fn read(ring: &Ring, place: &mut u64, reads: Reads) -> Result<Vec<String>, Lagged> {
        let mut batch = Vec::new();
        ring.read(place, reads, &mut batch)?;
        Ok(batch.iter().map(|text| text.as_str().to_owned()).collect())
    }

    #[test]
    fn a_reader_gets_what_came_after_it_once_and_in_order() {
        let mut ring = Ring::default();
        ring.push(Audience::Everyone, "before".into());
        let mut place = ring.end();
        assert_eq!(read(&ring, &mut place, Reads::Frames), Ok(vec![]));
        ring.push(Audience::Everyone, "a".into());
        ring.push(Audience::Sessions, "b".into());
        ring.push(Audience::Everyone, "c".into());
        ring.push(Audience::Feed, "d".into());
        let (mut session, mut feed) = (place, place);
        assert_eq!(read(&ring, &mut place, Reads::Frames).unwrap(), ["a", "c"]);
        assert_eq!(read(&ring, &mut place, Reads::Frames), Ok(vec![]));
        assert_eq!(read(&ring, &mut session, Reads::Session).unwrap(), ["a", "b", "c"]);
        assert_eq!(read(&ring, &mut feed, Reads::Feed).unwrap(), ["d"]);
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut ring = Ring::default();
        let mut place = 0;
        (0..BATCH_FRAMES + 1).for_each(|n| ring.push(Audience::Everyone, n.to_string().into()));
        assert_eq!(read(&ring, &mut place, Reads::Frames).unwrap().len(), BATCH_FRAMES);
        assert_eq!(read(&ring, &mut place, Reads::Frames).unwrap().len(), 1);
    }

    #[test]
    fn a_reader_too_far_behind_is_told_so() {
        let mut ring = Ring::default();
        let mut place = 0;
        (0..FRAMES_MAX).for_each(|_| ring.push(Audience::Everyone, "x".into()));
        assert!(read(&ring, &mut place.clone(), Reads::Frames).is_ok());
        ring.push(Audience::Everyone, "x".into());
        assert_eq!(read(&ring, &mut place, Reads::Frames), Err(Lagged));
    }

    #[test]
    fn large_frames_are_limited_by_their_bytes() {
        let mut ring = Ring::default();
        let large = "x".repeat(BYTES_MAX / 4);
        (0..9).for_each(|_| ring.push(Audience::Everyone, large.as_str().into()));
        assert_eq!(ring.frames.len(), 4);
        // Even a frame beyond every limit is kept until the next one comes.
        ring.push(Audience::Everyone, "x".repeat(BYTES_MAX + 1).into());
        assert_eq!((ring.frames.len(), ring.first), (1, 9));
    }
}
