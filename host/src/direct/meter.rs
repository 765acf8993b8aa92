//! How far a file is, for people: a bar on a terminal, and plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// Plain lines come at every so many percent.
const STEP: u64 = 10;
const BAR: &str = "{prefix} [{wide_bar}] {percent} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {msg}";

/// Shows how far one file is.
pub(crate) struct Meter {
    name: String,
    bar: Option<ProgressBar>,
    /// When the content began to move, and from where.
    began: Option<(Instant, u32)>,
    at: u32,
    /// The step that was told last.
    told: u64,
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
        if self.began.is_none_or(|(_, began)| began != from) {
            self.began = Some((Instant::now(), from));
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

    /// All of it is there, and verified.
    pub(crate) fn done(&mut self, size: u32) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let words = match self.began {
            // Of an empty file nobody sees bytes move.
            None if size == 0 => "0 bytes, verified".to_owned(),
            None => format!("{size} bytes, there already"),
            Some((began, from)) => {
                let seconds = began.elapsed().as_secs_f64();
                let moved = size.saturating_sub(from);
                format!("{size} bytes, verified; {moved} in {seconds:.1} s, {} bytes/s", rate(moved, seconds))
            }
        };
        self.line(&words);
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
            let (began, from) = self.began.unwrap_or((Instant::now(), at));
            let rate = rate(at.saturating_sub(from), began.elapsed().as_secs_f64());
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

fn rate(bytes: u32, seconds: f64) -> u64 {
    (f64::from(bytes) / seconds.max(1e-3)) as u64
}

#[cfg(test)]
mod tests {
    use super::{rate, step};

    #[test]
    fn steps_are_those_of_the_whole() {
        assert_eq!([step(0, 0), step(0, 9), step(8, 9), step(9, 9)], [0, 0, 8, 10]);
        assert_eq!(step(u32::MAX, u32::MAX), 10);
        assert_eq!(rate(1000, 2.0), 500);
    }
}
