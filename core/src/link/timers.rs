//! What is due when: answers, signs of life, repetitions.

use super::transmit::CREDITS;
use super::{Known, Link};
use crate::buffer::Buffer;
use crate::counters::add;
use crate::lane::OutLane;
use crate::pool::Role;

/// Credit is said again this often, in microseconds, also on a busy line: a sender that waits for a grant which was lost says nothing.
pub(super) const CREDITS_US: u64 = 2_000_000;
/// A side without a limit of its own takes a peer that was not heard for this long, in microseconds, for one that may have lost it: more than
/// twice [`CREDITS_US`].
const DEAF_US: u64 = 5_000_000;
/// And one with a limit not before this time, in microseconds: a table of channels is no answer to every short pause.
const DEAF_MIN_US: u64 = 1_000_000;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// Does what is due at `now_us`.
    pub fn handle_timeout(&mut self, now_us: u64) {
        let Some(peer) = self.up() else {
            self.greeting.is_due |= now_us >= self.greeting.at_us();
            return;
        };
        if self.is_number_leaving && !self.output.is_empty() {
            self.repair.still_leaving(now_us);
        } else if self.repair.expire(self.heard_at_us, now_us) {
            add(&mut self.counters.timeouts, 1);
            self.ask_about_newest();
        }
        if self.opens_deadline_us().is_some_and(|deadline| now_us >= deadline) {
            self.out_lanes.iter_mut().for_each(|lane| lane.is_told &= lane.is_heard);
        }
        self.acks.handle_timeout(now_us);
        if !self.acks.is_due() && now_us >= self.credits_at_us {
            self.acks.hurry();
            self.repeat_credits(now_us);
        }
        self.owes_sign |= self.sign_at_us(peer).is_some_and(|deadline| now_us >= deadline);
        if self.silent_at_us().is_some_and(|deadline| now_us >= deadline) {
            self.is_silent = true;
            self.news.silent = true;
        }
        if self.call_at_us().is_some_and(|deadline| now_us >= deadline) {
            self.greeting.ask_at_once();
        }
    }

    /// When [`Link::handle_timeout`] has something to do next, in microseconds; `None` while nothing is awaited.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let Some(peer) = self.up() else { return (!self.greeting.is_due).then(|| self.greeting.at_us()) };
        let deadlines = [
            (!self.acks.is_due()).then_some(self.credits_at_us),
            self.sign_at_us(peer),
            self.silent_at_us(),
            self.call_at_us(),
            self.acks.deadline_us(),
            self.repair.deadline_us(),
            self.opens_deadline_us(),
        ];
        deadlines.iter().flatten().min().copied()
    }

    /// When the peer is to hear something, whatever it is, before it takes the line for dead.
    fn sign_at_us(&self, peer: Known) -> Option<u64> {
        let is_awaited = peer.heartbeat_us > 0 && !self.owes_sign;
        is_awaited.then(|| self.sent_at_us.saturating_add(peer.heartbeat_us))
    }

    /// When a peer that is not heard is called, as it may have lost this side.
    fn call_at_us(&self) -> Option<u64> {
        let patience_us = match self.config.silence_ms {
            0 => DEAF_US,
            silence_ms => (u64::from(silence_ms) * 1000).max(DEAF_MIN_US),
        };
        // Bytes of which no packet fits are not those of a long one for ever: the peer speaks on a link that this side has not.
        let lost_at_us = self.fitted_at_us.saturating_add(patience_us.max(DEAF_US));
        let deaf_at_us = self.heard_at_us.saturating_add(patience_us).min(lost_at_us);
        (!self.greeting.is_due).then_some(deaf_at_us.max(self.greeting.at_us()))
    }

    fn silent_at_us(&self) -> Option<u64> {
        let patience_us = u64::from(self.config.silence_ms) * 1000;
        (patience_us > 0 && !self.is_silent).then(|| self.heard_at_us.saturating_add(patience_us))
    }

    /// When channels that the peer has not acknowledged are told again.
    fn opens_deadline_us(&self) -> Option<u64> {
        let is_unheard = |lane: &OutLane<'_>| lane.channel.is_some() && lane.is_told && !lane.is_heard;
        self.out_lanes.iter().any(is_unheard).then_some(self.opens_at_us)
    }

    /// The answer is overdue: the newest of what is on its way goes again under the same number, and the answer to it tells what became
    /// of all the others.
    fn ask_about_newest(&mut self) {
        let Some(newest) = self.newest_out() else {
            self.repair.forget();
            return;
        };
        // Of a run the first frame goes alone: a line that has become noisy would not carry the whole.
        let mut role = Role::Again(newest);
        for block in self.mux.pool.iter_mut().filter(|block| block.role.number() == Some(newest)) {
            block.role = core::mem::replace(&mut role, Role::Lost);
        }
        for closing in self.out_lanes.iter_mut().filter_map(|lane| lane.closing.as_mut()) {
            closing.is_due |= closing.number == Some(newest);
        }
    }

    /// The newest number that a frame or the end of a channel is on its way under.
    fn newest_out(&self) -> Option<u8> {
        let mut newest = None;
        let mut note = |number: Option<u8>| {
            let rank = number.map(|number| self.repair.age_rank(number));
            newest = newest.max(rank.zip(number));
        };
        for (_, block) in self.mux.pool.iter() {
            note(block.role.number());
        }
        for lane in &self.out_lanes {
            note(lane.closing.and_then(|closing| closing.number));
        }
        newest.map(|(_, number)| number)
    }

    /// A grant may have been lost: some are said again, all of them in turn.
    pub(super) fn repeat_credits(&mut self, now_us: u64) {
        self.credits_at_us = now_us.saturating_add(CREDITS_US);
        for _ in 0..CREDITS.min(CHANNELS) {
            self.credit_turn = (self.credit_turn + 1) % CHANNELS;
            if let Some(lane) = self.in_lanes.get_mut(self.credit_turn).filter(|lane| lane.is_known()) {
                lane.repeat_credit();
            }
        }
    }
}
