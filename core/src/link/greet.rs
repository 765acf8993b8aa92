//! The greeting: who the peer is, on which terms, and whether it is still the one it was.

use super::timers::CREDITS_US;
use super::{Known, Link};
use crate::buffer::Buffer;
use crate::lane::InLane;
use crate::output::packet_max;
use crate::packet::{Hello, Identity, Packet, Seal, Terms, VERSION};
use crate::repair::Repair;
use crate::window::ReceiveWindow;

/// Signs of life are no closer than this, in microseconds: a hasty peer must not fill the line with them.
const HEARTBEAT_US_MIN: u64 = 50_000;

impl<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer> Link<'_, FRAME, BLOCKS, CHANNELS, P> {
    /// True for what this side has said itself: the line is a loop, or echoes.
    pub(super) fn is_own(&self, terms: Terms, identity: Identity<'_>) -> bool {
        terms.epoch == self.config.epoch && identity == self.config.identity
    }

    pub(super) fn handle_hello(&mut self, terms: Terms, asks: bool, now_us: u64) -> bool {
        let round_trip_us = self.greeting.age_us(now_us);
        let mut is_news = false;
        if self.peer.is_none_or(|peer| peer.epoch != terms.epoch) {
            is_news = self.meet(terms);
        }
        // A link that was dropped for this one leaves this side under an epoch that the peer has not seen.
        let knows_us = terms.seen == self.config.epoch;
        if let Some(peer) = self.peer.as_mut()
            && knows_us
            && !peer.is_up
        {
            peer.is_up = true;
            is_news = true;
            self.credits_at_us = now_us.saturating_add(CREDITS_US);
            self.repair.greeted(round_trip_us);
            self.greeting.calm();
        }
        // Of two that cannot agree neither is ever up: they do not answer each other for ever.
        if asks && (!knows_us || self.is_up()) {
            self.greeting.is_due = true;
            self.out_lanes.iter_mut().for_each(|lane| lane.is_told = false);
        }
        is_news
    }

    /// A peer that was not there before; true when there is something to tell of it already.
    fn meet(&mut self, terms: Terms) -> bool {
        if self.drop_link() {
            self.news.down = true;
            // The peer of that link, should it come back, is to drop it too.
            self.config.epoch = other_epoch(self.config.epoch);
        }
        if !(terms.version_min..=terms.version_max).contains(&VERSION) {
            return core::mem::replace(&mut self.greeting.refused, terms.epoch) != terms.epoch;
        }
        let theirs = terms.packet_max as usize;
        self.peer = Some(Known {
            epoch: terms.epoch,
            is_up: false,
            frame_max: packet_max(FRAME).min(theirs),
            packet_max: packet_max(P::LEN).min(theirs),
            window: terms.window,
            ack_every: terms.ack_every,
            heartbeat_us: heartbeat_us(terms.silence_ms),
            channels: terms.channels,
        });
        self.greeting.refused = 0;
        self.greeting.hurry();
        self.out_lanes.iter_mut().for_each(|lane| lane.restart(terms.window));
        false
    }

    /// Drops everything of the peer; says whether it was up.
    fn drop_link(&mut self) -> bool {
        self.mux.clear();
        self.in_lanes.iter_mut().for_each(|lane| *lane = InLane::new(Self::WINDOW));
        self.repair = Repair::default();
        self.received = ReceiveWindow::default();
        self.acks.sent();
        self.strays.clear();
        self.news.forget();
        self.is_silent = false;
        self.peer.take().is_some_and(|peer| peer.is_up)
    }

    pub(super) fn put_hello(&mut self, now_us: u64) {
        let asks = self.greeting.leaves(now_us) || !self.is_up();
        let terms = Terms {
            version_min: VERSION,
            version_max: VERSION,
            epoch: self.config.epoch,
            // A refused peer is told that it was heard, too.
            seen: self.peer.map_or(self.greeting.refused, |peer| peer.epoch),
            packet_max: packet_max(P::LEN) as u32,
            window: Self::WINDOW,
            ack_every: Self::ACK_EVERY,
            silence_ms: self.config.silence_ms,
            channels: CHANNELS as u8,
        };
        self.put(&Packet::Hello(Hello { asks, terms, identity: self.config.identity }), Seal::default());
    }
}

/// An epoch as unlike the ones of other starts as a random one: all 2^32 come in their turn.
fn other_epoch(epoch: u32) -> u32 {
    epoch.wrapping_mul(0x9e37_79b1).wrapping_add(0x7f4a_7c15).max(1)
}

/// How often a peer with that silence is to hear something, three times within it; 0 for not at all.
fn heartbeat_us(silence_ms: u32) -> u64 {
    if silence_ms == 0 { 0 } else { (u64::from(silence_ms) * 333).max(HEARTBEAT_US_MIN) }
}
