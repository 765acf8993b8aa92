//! How far transfers are, as people see it.

use std::mem::take;

use pocketmux_core::files::{Ended, Failure, Progress, Reason};
use tokio::time::Instant;

use crate::shelf::describe;
use crate::transfers::{Direction, State, Transfer};

/// How fast it moves.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    at: u32,
    since: Instant,
    rate: f64,
}

/// What is left to do of a transfer that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// It is begun once more, in a moment.
    ToBeTried,
    /// The device was told to drop what it has, and may not have heard it yet.
    ToBeHeard,
}

impl Transfer {
    /// The host is to begin it, or to go on with it.
    pub(super) fn is_wanted_by_host(&self) -> bool {
        let is_wanted = matches!(self.state, State::Waiting | State::Running) && !self.is_theirs;
        is_wanted || (self.drops && self.direction == Direction::To)
    }

    pub(super) fn go_on(&mut self, progress: &Progress<'_>, rate: u64) {
        if progress.is_moving {
            (self.at, self.from) = (progress.at.into(), progress.from.into());
        }
        self.rate = rate;
        match self.state {
            State::Waiting if progress.is_moving => self.enter(State::Running, ""),
            // Both sides agree on where it goes on first.
            State::Running if !progress.is_moving => self.enter(State::Waiting, ""),
            _ => {}
        }
        if progress.digest.is_some() {
            self.size = Some(progress.size.into());
            self.digest = progress.digest.as_ref().map(describe);
        }
    }

    /// Notes how it has ended, and says what is left to do.
    pub(super) fn end(&mut self, ended: &Ended, device: &str) -> Left {
        match ended.result {
            Ok(()) => {
                self.size = Some(ended.size.into());
                (self.at, self.from) = (ended.size.into(), ended.from.into());
                self.digest = ended.digest.as_ref().map(describe);
                if !ended.is_sending {
                    self.file = Some(self.id);
                }
                self.drops = false;
                self.enter(State::Done, "");
            }
            // A person has said meanwhile what it is to be: that stays, and only the device may still have to be told.
            Err(Failure { reason, is_theirs }) if !matches!(self.state, State::Waiting | State::Running) => {
                if self.direction == Direction::From {
                    return Left::Nothing;
                }
                let is_told = reason == Reason::Cancelled && !is_theirs;
                self.drops &= is_told || matches!(reason, Reason::Stalled | Reason::Busy);
                if self.drops && is_told {
                    return Left::ToBeHeard;
                }
            }
            Err(Failure { reason, is_theirs }) => match reason {
                Reason::Cancelled => self.enter(State::Cancelled, &format!("{device} does not want it.")),
                Reason::Paused => self.enter(State::Paused, &format!("{device} wants to go on later.")),
                Reason::Stalled | Reason::Busy => self.enter(State::Waiting, &format!("It is tried again: {reason}.")),
                reason if is_theirs => {
                    self.enter(State::Failed, &format!("{device} refused: {reason}."));
                    self.refused = true;
                }
                reason => self.enter(State::Failed, &format!("It ended here: {reason}.")),
            },
        }
        if self.state == State::Waiting || self.drops { Left::ToBeTried } else { Left::Nothing }
    }

    /// It cannot be begun, and never will.
    pub(super) fn give_up(&mut self, words: &str) {
        if !take(&mut self.drops) {
            self.enter(State::Failed, words);
        }
    }
}

impl Pace {
    /// From a standing start.
    pub(super) fn new(now: Instant) -> Self {
        Self { at: 0, since: now, rate: 0.0 }
    }

    /// Bytes a second, smoothed over about a second.
    pub(super) fn at(&mut self, progress: &Progress<'_>, now: Instant) -> u64 {
        let elapsed = now.duration_since(self.since).as_secs_f64();
        if elapsed > 0.0 && progress.is_moving && progress.at >= self.at {
            let lately = f64::from(progress.at - self.at) / elapsed;
            // From a standing start it is what it is.
            let weight = if self.rate == 0.0 { 1.0 } else { 0.2 };
            self.rate += (lately - self.rate) * weight;
        }
        (self.at, self.since) = (progress.at, now);
        self.rate as u64
    }
}
