//! How fast one client may send.
//!
//! What a client sends goes to everyone, so one that sends without end would push the others out of the ring however fast they
//! read. Beyond [`FRAMES`] or [`BYTES`] a second it is read from more slowly, and TCP holds it back; nothing is dropped and nobody else
//! notices.

use tokio::time::{Duration, Instant};

/// Frames a second; the same number may come at once. The ring holds twice as many.
const FRAMES: f64 = 2048.0;
/// Bytes a second; the same number may come at once. The ring holds four times as many.
const BYTES: f64 = (2 << 20) as f64;

/// What a client has left to send now.
#[derive(Debug)]
pub(crate) struct Pace {
    frames: f64,
    bytes: f64,
    counted_at: Instant,
}

impl Pace {
    /// A client that has sent nothing yet.
    pub(crate) fn new() -> Self {
        Self { frames: FRAMES, bytes: BYTES, counted_at: Instant::now() }
    }

    /// Counts a message of so many bytes; how long to wait before the next is read.
    pub(crate) fn count(&mut self, len: usize) -> Option<Duration> {
        let now = Instant::now();
        let passed = now.duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        self.frames = (self.frames + passed * FRAMES).min(FRAMES) - 1.0;
        self.bytes = (self.bytes + passed * BYTES).min(BYTES) - len as f64;
        let debt = (-self.frames / FRAMES).max(-self.bytes / BYTES);
        (debt > 0.0).then(|| Duration::from_secs_f64(debt))
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, FRAMES, Pace};
    use tokio::time::{Duration, advance};

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_a_flood_is_slowed_to_the_rate() {
        let mut pace = Pace::new();
        assert!((0..FRAMES as usize).all(|_| pace.count(10).is_none()));
        let mut waited = Duration::ZERO;
        for _ in 0..FRAMES as usize {
            let wait = pace.count(10).unwrap_or_default();
            advance(wait).await;
            waited += wait;
        }
        assert!((0.95..1.05).contains(&waited.as_secs_f64()), "{waited:?}");
        advance(Duration::from_secs(5)).await;
        assert_eq!(pace.count(10), None);
        assert!(pace.count(2 * BYTES as usize).is_some_and(|wait| wait >= Duration::from_secs(1)));
    }
}
