//! What is asked of a device beside transfers: what it has, and that something go or be called otherwise.

use std::io::{self, Write as _};

use pocketmux_core::files::{Answer, Failure, Name, Reason, Store};
use tokio::time::{Duration, Instant};

use super::interrupt::Interrupt;
use super::line::{Line, News, Request};
use super::trouble::{Exit, Trouble};

/// How long a device that is there may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// While there is no room for a request, it is tried this often.
const TURN: Duration = Duration::from_millis(5);
/// No device has more: one that goes on is not listened to for ever.
const ENTRIES_MAX: u32 = 1 << 16;

/// The answer, and whether the device has started anew since the request was first said: then it may have been done already.
struct Answered {
    answer: Answer,
    is_repeated: bool,
}

impl<S: Store> Line<S> {
    /// Shows what the device has.
    pub(super) async fn list(&mut self, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
        let mut entries = Vec::new();
        for index in 0..ENTRIES_MAX {
            match self.ask(Request::List(index), interrupt).await?.answer {
                Answer::Entry(entry) => entries.push(entry),
                Answer::Space(space) => {
                    show(entries.iter().map(|entry| (entry.name.as_str(), entry.size, entry.stored)), space.free);
                    self.settle().await;
                    return Ok(());
                }
                Answer::Refused(reason) => return Err(refused("The list", reason)),
                Answer::Done => break,
            }
        }
        Err(Trouble::failed("The device's list of files makes no sense."))
    }

    /// Removes files.
    pub(super) async fn remove(&mut self, names: &[Name], interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
        let mut result = Ok(());
        for name in names {
            let Answered { answer, is_repeated } = self.ask(Request::Remove(name.as_str()), interrupt).await?;
            let removed = match answer {
                Answer::Refused(Reason::Missing) if is_repeated => Ok(()),
                answer => judged(name, answer),
            };
            result = super::first_of(result, removed)?;
        }
        self.settle().await;
        result
    }

    /// Gives a file another name.
    pub(super) async fn rename(
        &mut self,
        from: &Name,
        to: &Name,
        interrupt: &mut Interrupt<'_>,
    ) -> Result<(), Trouble> {
        let request = Request::Rename(from.as_str(), to.as_str());
        let Answered { answer, is_repeated } = self.ask(request, interrupt).await?;
        self.settle().await;
        match answer {
            Answer::Refused(Reason::Missing) if is_repeated => Err(Trouble::failed(
                "The device started anew in the middle: `pocketmux ls` shows whether the file has its new name.",
            )),
            answer => judged(from, answer),
        }
    }

    /// Says a request, and waits for the answer.
    async fn ask(&mut self, request: Request<'_>, interrupt: &mut Interrupt<'_>) -> Result<Answered, Trouble> {
        let (mut asked, mut times) = (None, 0);
        let mut until = Instant::now() + PATIENCE;
        loop {
            if asked.is_none() {
                asked = self.request(&request);
                times += u32::from(asked.is_some());
            }
            let turn = if asked.is_none() { Instant::now() + TURN } else { until };
            match self.next(turn.min(until), interrupt).await? {
                Some(News::Answer(number, answer)) if asked == Some(number) => {
                    return Ok(Answered { answer, is_repeated: times > 1 });
                }
                Some(News::Up) => (asked, until) = (None, Instant::now() + PATIENCE),
                Some(News::Away(_) | News::Back) => until = Instant::now() + PATIENCE,
                Some(_) => {}
                None if Instant::now() >= until => {
                    if self.is_away() {
                        until = Instant::now() + PATIENCE;
                        continue;
                    }
                    return Err(Trouble::new(Exit::Absent, "The device does not answer."));
                }
                None => {}
            }
        }
    }
}

fn judged(name: &Name, answer: Answer) -> Result<(), Trouble> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Refused(reason) => Err(refused(name.as_str(), reason)),
        Answer::Entry(_) | Answer::Space(_) => Err(Trouble::failed(format!("{name}: the answer makes no sense."))),
    }
}

fn refused(what: &str, reason: Reason) -> Trouble {
    Trouble::of(what, Failure { reason, is_theirs: true })
}

/// Shows files: name, size, and how much of it is there; and the room that is free.
pub(crate) fn show<'e>(entries: impl Iterator<Item = (&'e str, u32, u32)>, free: u32) {
    let mut text = String::new();
    for (name, size, stored) in entries {
        let rest = if stored < size { format!("  (only {stored} of it)") } else { String::new() };
        text += &format!("{size:>10}  {name}{rest}\n");
    }
    // More than this the protocol cannot say.
    let more = if free == u32::MAX { " or more" } else { "" };
    text += &format!("{free:>10}{more}  free\n");
    // A reader such as `head` may have gone already.
    let _ = io::stdout().write_all(text.as_bytes());
}
