//! Questions to a device about its files, one at a time.

use std::collections::VecDeque;

use pocketmux_core::files::{self, Entry};
use tokio::time::{Duration, Instant};

use super::DeviceFiles;
use crate::errand::{Answer, Refusal, Request, What};
use crate::outgoing::DeviceLink;

/// How long a device may take to answer, for each entry of a list anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a device that is there may take to open its channel of files.
const OPENING: Duration = Duration::from_secs(2);
/// Questions that wait for a device.
const WAITING_MAX: usize = 32;
/// Entries of a device's store that are listed.
const ENTRIES_MAX: usize = 4096;

/// What was asked and not answered yet.
#[derive(Default)]
pub(super) struct Questions {
    waiting: VecDeque<Request>,
    asked: Option<Asked>,
    /// Until when they wait for the channel, while it is not open.
    opening_due: Option<Instant>,
}

/// A request that the device is to answer.
struct Asked {
    request: Request,
    /// What the answer has; of a list none until the next entry is asked for.
    number: Option<u32>,
    entries: Vec<Entry>,
    due: Instant,
}

impl Questions {
    /// Takes a question, which is answered when the device has.
    pub(super) fn ask(&mut self, request: Request) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(request);
        } else {
            request.refuse(Refusal::Busy);
        }
    }

    /// The channel is not open: a device that has just started opens it in a moment, another never does.
    pub(super) fn wait_for_channel(&mut self, now: Instant) {
        if self.waiting.is_empty() {
            self.opening_due = None;
        } else if now >= *self.opening_due.get_or_insert(now + OPENING) {
            self.refuse(Refusal::NoFiles);
        }
    }

    /// Nothing of it will be answered.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.opening_due = None;
        let asked = self.asked.take().map(|asked| asked.request);
        asked.into_iter().chain(self.waiting.drain(..)).for_each(|request| request.refuse(refusal));
    }

    /// When the device has taken too long.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.due).or(self.opening_due)
    }

    /// Takes what the device answers to the question of that number.
    pub(super) fn answer(&mut self, number: u32, answer: files::Answer, now: Instant) {
        if let Some(asked) = self.asked.take_if(|asked| asked.number == Some(number)) {
            self.asked = asked.take(answer, now);
        }
    }

    /// Puts the next question to the device.
    pub(super) fn put(&mut self, files: &mut DeviceFiles, link: &mut DeviceLink<'_>, now: Instant) {
        self.opening_due = None;
        if let Some(asked) = self.asked.take_if(|asked| now >= asked.due) {
            asked.request.refuse(Refusal::NoAnswer);
        }
        if let Some(asked) = &mut self.asked {
            if asked.number.is_none() {
                asked.number = files.list(link, asked.entries.len() as u32).ok();
            }
            return;
        }
        let Some(request) = self.waiting.front() else { return };
        let number = match &request.what {
            What::List => files.list(link, 0),
            What::Remove(name) => files.remove(link, name),
            What::Rename { from, to } => files.rename(link, from, to),
        };
        if let Ok(number) = number
            && let Some(request) = self.waiting.pop_front()
        {
            self.asked = Some(Asked { request, number: Some(number), entries: Vec::new(), due: now + PATIENCE });
        }
    }
}

impl Asked {
    /// Takes an answer, and gives back what is still to be asked.
    fn take(mut self, answer: files::Answer, now: Instant) -> Option<Self> {
        let answered = match answer {
            files::Answer::Entry(entry) if self.entries.len() < ENTRIES_MAX => {
                self.entries.push(entry);
                (self.number, self.due) = (None, now + PATIENCE);
                return Some(self);
            }
            files::Answer::Entry(_) => Err(Refusal::Busy),
            files::Answer::Space(space) => Ok(Answer::Files(std::mem::take(&mut self.entries), space)),
            files::Answer::Done => Ok(Answer::Done),
            files::Answer::Refused(reason) => Err(Refusal::Device(reason)),
        };
        let _ = self.request.answer.send(answered);
        None
    }
}
