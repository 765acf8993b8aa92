//! Keeps a line of the log from becoming a flood.
//!
//! What a device or a page does is reported at most once a second; the next report says how many were left out, so nothing is
//! hidden and nothing fills a disk.

use std::fmt;

use tokio::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(1);

/// Admits one report a second and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    admitted: Option<Instant>,
    left_out: u64,
}

/// How many reports were left out since the last one; its words follow a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut(u64);

impl Throttle {
    /// `None` when this one is to be left out.
    pub(crate) fn admit(&mut self) -> Option<LeftOut> {
        let now = Instant::now();
        if self.admitted.is_some_and(|admitted| now.duration_since(admitted) < INTERVAL) {
            self.left_out += 1;
            return None;
        }
        self.admitted = Some(now);
        Some(LeftOut(std::mem::take(&mut self.left_out)))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(f, " (Since the last such line, {count} were left out.)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LeftOut, Throttle};
    use tokio::time::{Duration, advance};

    #[tokio::test(start_paused = true)]
    async fn one_a_second_is_admitted_and_the_others_are_counted() {
        let mut throttle = Throttle::default();
        assert_eq!([throttle.admit(), throttle.admit(), throttle.admit()], [Some(LeftOut(0)), None, None]);
        advance(Duration::from_secs(1)).await;
        assert_eq!(throttle.admit(), Some(LeftOut(2)));
        assert_eq!(throttle.admit(), None);
        assert_eq!(
            (LeftOut(0).to_string(), LeftOut(2).to_string().contains(" 2 were left out")),
            (String::new(), true)
        );
    }
}
