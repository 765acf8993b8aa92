//! How far a file is, for people: a bar on a terminal, and plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Duration, Instant};

/// Plain lines come at every so many percent.
const STEP: u64 = 10;
/// In less than this no rate shows.
const TIME_MIN: Duration = Duration::from_millis(50);
const BAR: &str = "{prefix} [{wide_bar}] {percent} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {msg}";

/// Shows how far one file is.
pub(crate) struct Meter {
    name: String,
    bar: Option<ProgressBar>,
    /// When it last began to move.
    began: Option<Began>,
    at: u32,
    /// The step that was told last.
    told: u64,
}

/// Content begins to move.
#[derive(Clone, Copy)]
struct Began {
    at: Instant,
    /// From there.
    from: u32,
    /// How far it was when that was heard of, which is more where others waited for it before.
    seen: u32,
}

impl Meter {
    /// Of a file of which nothing is known yet.
    pub(crate) fn new(name: &str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_prefix(name.to_owned());
            bar
        });
        Self { name: name.into(), bar, began: None, at: 0, told: 0 }
    }

    /// So many bytes of so many, of which the first were there before.
    pub(crate) fn set(&mut self, from: u32, at: u32, size: u32) {
        if self.began.is_none_or(|began| began.from != from) {
            self.began = Some(Began { at: Instant::now(), from, seen: at });
            self.begin(from, size);
        }
        self.at = at;
        match &self.bar {
            Some(bar) => bar.set_position(at.into()),
            None => self.tell(at, size),
        }
    }

    /// How far it was last.
    pub(crate) fn at(&self) -> u32 {
        self.at
    }

    /// Says something of it.
    pub(crate) fn say(&mut self, words: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(words.to_owned()),
            None => self.line(words),
        }
    }

    /// It has not come to its end.
    pub(crate) fn stop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.abandon();
        }
    }

    /// All of it is there, and verified; of that the first bytes were there before it last went on.
    pub(crate) fn done(&mut self, from: u32, size: u32) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let seen = self.began.map(|began| (began.at.elapsed(), size.saturating_sub(began.seen)));
        self.line(&summary(from, size, seen));
    }

    fn begin(&mut self, at: u32, size: u32) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(size.into());
                if let Ok(style) = ProgressStyle::with_template(BAR) {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar.set_position(at.into());
                // What was there before was not carried in no time.
                bar.reset_eta();
            }
            None if at == 0 => self.line(&format!("{size} bytes")),
            None => self.line(&format!("{size} bytes, of which {at} are there")),
        }
        self.told = step(at, size);
    }

    fn tell(&mut self, at: u32, size: u32) {
        let now = step(at, size);
        if now > self.told {
            let seen = self.began.map(|began| (at.saturating_sub(began.seen), began.at.elapsed()));
            let rate = seen.map_or(0, |(moved, time)| rate(moved, time));
            let left = u64::from(size.saturating_sub(at)).checked_div(rate);
            let left = left.map_or_else(String::new, |left| format!(", {left} s left"));
            self.line(&format!("{} %, {rate} bytes/s{left}", now * STEP));
        }
        self.told = now;
    }

    fn line(&self, words: &str) {
        let _ = writeln!(io::stderr(), "{}: {words}", self.name);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop();
    }
}

fn step(at: u32, size: u32) -> u64 {
    (u64::from(at) * 100 / STEP).checked_div(size.into()).unwrap_or_default()
}

/// Bytes a second; 0 where the time was too short to tell.
fn rate(bytes: u32, time: Duration) -> u64 {
    if time < TIME_MIN { 0 } else { (f64::from(bytes) / time.as_secs_f64()) as u64 }
}

/// How it went, with the time in which it was seen to move, and how far.
fn summary(from: u32, size: u32, seen: Option<(Duration, u32)>) -> String {
    match seen {
        Some((time, moved)) if time >= TIME_MIN && moved > 0 => {
            let (seconds, rate) = (time.as_secs_f64(), rate(moved, time));
            format!("{size} bytes, verified; {moved} in {seconds:.1} s, {rate} bytes/s")
        }
        // A short one may be over before it was seen on its way, and of an empty one nobody sees bytes move.
        None if from == size && size > 0 => format!("{size} bytes, there already"),
        _ => format!("{size} bytes, verified"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, rate, step, summary};

    #[test]
    fn steps_are_those_of_the_whole() {
        assert_eq!([step(0, 0), step(0, 9), step(8, 9), step(9, 9)], [0, 0, 8, 10]);
        assert_eq!(step(u32::MAX, u32::MAX), 10);
        assert_eq!(rate(1000, Duration::from_secs(2)), 500);
    }

    #[test]
    fn what_is_said_at_the_end_is_of_what_was_seen_to_move() {
        let ms = Duration::from_millis;
        for (from, size, seen, words) in [
            (0, 0, None, "0 bytes, verified"),
            (9, 9, None, "9 bytes, there already"),
            (0, 9, None, "9 bytes, verified"),
            (0, 9, Some((ms(49), 9)), "9 bytes, verified"),
            (900, 1000, Some((ms(0), 0)), "1000 bytes, verified"),
            (500, 1000, Some((ms(2000), 400)), "1000 bytes, verified; 400 in 2.0 s, 200 bytes/s"),
        ] {
            assert_eq!(summary(from, size, seen), words);
        }
    }
}
