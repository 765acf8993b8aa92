//! What a client is told when something it sent was refused.
//!
//! A refusal is a sentence on the channel `error`, to the sender alone: what was wrong, where, and what to do. They are limited to
//! [`PER_SECOND`]; those beyond are counted and told in one, so that a broken client cannot make the host talk without end.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep};

use crate::text;

/// Refusals that a client gets in a second.
pub(crate) const PER_SECOND: u32 = 20;
/// Refusals that wait for a client whose socket takes nothing.
const WAITING_MAX: usize = 32;
/// Characters of a channel name or message id that are quoted.
const QUOTED_MAX: usize = 80;

/// Which frame or message is meant, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The channel.
    pub(crate) channel: Option<String>,
    /// The message.
    pub(crate) message_id: Option<String>,
    /// The frame of the message.
    pub(crate) sequence: Option<i64>,
}

impl Place {
    /// Reads as much as there is out of a text that is no frame.
    pub(crate) fn guess(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return Self::default() };
        let string = |field: &str| value.get(field).and_then(|found| found.as_str()).map(str::to_owned);
        Self {
            channel: string("channel"),
            message_id: string("messageId"),
            sequence: value.get("sequence").and_then(serde_json::Value::as_i64),
        }
    }

    /// ` (channel chat, messageId chat-1, sequence 0)`, or nothing when nothing is known.
    fn describe(&self) -> String {
        let clip = |text: &String| text.chars().take(QUOTED_MAX).collect::<String>();
        let parts = [
            self.channel.as_ref().map(|name| format!("channel {}", clip(name))),
            self.message_id.as_ref().map(|id| format!("messageId {}", clip(id))),
            self.sequence.map(|sequence| format!("sequence {sequence}")),
        ];
        let known: Vec<String> = parts.into_iter().flatten().collect();
        if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
    }
}

/// The refusals that wait to be sent to one client.
#[derive(Debug)]
pub(crate) struct Refusals {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    /// Sentences, and which in the order of all refusals each is.
    waiting: VecDeque<(u64, String)>,
    /// Refusals so far; each has its number in its message id.
    count: u64,
    /// Refusals that were not told.
    untold: u64,
    /// How many may be told now, and since when.
    allowance: f64,
    counted_at: Instant,
}

impl Refusals {
    /// None yet.
    pub(crate) fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            count: 0,
            untold: 0,
            allowance: f64::from(PER_SECOND),
            counted_at: Instant::now(),
        };
        Self { state: Mutex::new(state), news: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the client why, and where; `place` is only asked for when it is going to be told.
    pub(crate) fn refuse(&self, sentence: &str, place: impl FnOnce() -> Place) {
        let mut state = self.lock();
        if state.untold > 0 || !state.may_tell() {
            state.untold += 1;
        } else {
            state.tell(&format!("{sentence}{}", place().describe()));
        }
        drop(state);
        self.news.notify_one();
    }

    /// Takes what waits, as frames on the channel `error`.
    pub(crate) fn take(&self, batch: &mut Vec<Utf8Bytes>) {
        let frame = |(number, sentence): (u64, String)| text::whole("error", &format!("error-{number}"), &sentence);
        batch.extend(self.take_waiting().into_iter().map(frame));
    }

    /// Takes what waits, as sentences.
    pub(crate) fn take_sentences(&self) -> Vec<String> {
        self.take_waiting().into_iter().map(|(_, sentence)| sentence).collect()
    }

    fn take_waiting(&self) -> VecDeque<(u64, String)> {
        let mut state = self.lock();
        if state.untold > 0 && state.may_tell() {
            let count = std::mem::take(&mut state.untold);
            state.tell(&format!(
                "{count} more were refused without a word each: at most {PER_SECOND} a second are told. What was wrong with the last of \
                 them may be seen by sending it again."
            ));
        }
        std::mem::take(&mut state.waiting)
    }

    /// Waits for a refusal; one that came before the call counts.
    pub(crate) async fn changed(&self) {
        if self.lock().untold > 0 {
            // The allowance is back by then.
            sleep(Duration::from_secs(1)).await;
        } else {
            self.news.notified().await;
        }
    }
}

impl State {
    /// True when one may be told; it is counted only by [`State::tell`].
    fn may_tell(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.counted_at);
        self.counted_at = now;
        self.allowance = (self.allowance + passed.as_secs_f64() * f64::from(PER_SECOND)).min(f64::from(PER_SECOND));
        self.allowance >= 1.0 && self.waiting.len() < WAITING_MAX
    }

    fn tell(&mut self, sentence: &str) {
        self.allowance -= 1.0;
        self.count += 1;
        self.waiting.push_back((self.count, sentence.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::{PER_SECOND, Place, Refusals};

    fn told(refusals: &Refusals) -> Vec<String> {
        let mut batch = Vec::new();
        refusals.take(&mut batch);
        batch.iter().map(|text| text.as_str().to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_where_and_refusals_beyond_the_rate_are_counted() {
        let refusals = Refusals::new();
        let place = Place { channel: Some("chat".into()), message_id: Some("c-1".into()), sequence: Some(2) };
        refusals.refuse("No.", || place.clone());
        let first = told(&refusals).remove(0);
        assert!(
            first.contains("\"messageId\":\"error-1\"")
                && first.contains("No. (channel chat, messageId c-1, sequence 2)"),
            "{first}"
        );

        (0..PER_SECOND + 10).for_each(|_| refusals.refuse("No.", Place::default));
        assert_eq!(told(&refusals).len(), PER_SECOND as usize - 1);
        // Nothing else has to be refused for the rest to be told.
        refusals.changed().await;
        assert!(told(&refusals)[0].contains("11 more were refused"));
        refusals.refuse("No.", Place::default);
        assert_eq!(told(&refusals).len(), 1);
    }

    #[test]
    fn the_place_is_guessed_from_what_can_be_read() {
        let place = Place::guess(r#"{"channel":"chat","sequence":-1,"messageId":7}"#);
        assert_eq!(place, Place { channel: Some("chat".into()), message_id: None, sequence: Some(-1) });
        assert_eq!(Place::guess("nonsense").describe(), "");
    }
}
