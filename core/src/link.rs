//! The link: two peers on one byte stream, from one hello to the next.
//!
//! A state machine without clock, memory allocation or waiting. Bytes and the time go in; bytes, events and the next deadline
//! come out, by five verbs. The contract, in whatever order suits the caller:
//!
//! - give what arrived to [`Link::handle_input`], take the events, and call it again with what it left;
//! - call [`Link::handle_timeout`] when [`Link::poll_timeout`] says so, or simply often, and take the events;
//! - write what [`Link::poll_transmit`] shows, and say with [`Link::consume`] how much of it was taken.
//!
//! A frame whose event is not taken before the next input counts as not received: a repaired one comes again.
//! What a peer does wrong becomes a count ([`Counters`]) or an event, never an error and never a panic.

mod channels;
mod frames;
mod greet;
mod receive;
mod send;
mod tell;
mod timers;
mod transmit;

use heapless::Vec;

use crate::acks::Acks;
use crate::buffer::Buffer;
use crate::channel::ChannelId;
use crate::counters::Counters;
use crate::deframe::Deframer;
use crate::greeting::Greeting;
use crate::lane::{InLane, OutLane};
use crate::line::Line;
use crate::mux::Mux;
use crate::output::{Output, packet_max};
use crate::packet::{CHANNELS_MAX, Identity, PACKET_MIN, Seal};
use crate::repair::Repair;
use crate::stats::Stats;
use crate::window::ReceiveWindow;
use tell::News;
use transmit::STRAYS;

/// Room for the length of a meta in front of it.
const META_LEN_MAX: usize = 2;

/// How a link presents itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config<'i> {
    /// Who this side is; each field is cut to [`IDENTITY_MAX`](crate::packet::IDENTITY_MAX) bytes.
    pub identity: Identity<'i>,
    /// Different at every start of this side, by a random source or a counter that outlives it; 0 counts as 1. A peer of the same epoch and
    /// identity is taken for an echo of this side, and counted as such.
    pub epoch: u32,
    /// Milliseconds without a packet after which the peer counts as [silent](crate::Event::Silent), at least 150; 0 for never. The peer is told, and says
    /// something three times as often, but not more often than every 50 ms.
    pub silence_ms: u32,
}

impl Default for Config<'_> {
    /// Nobody in particular, epoch 1, silent after a second.
    fn default() -> Self {
        Self { identity: Identity::default(), epoch: 1, silence_ms: 1000 }
    }
}

/// One side of a link.
///
/// `FRAME`: bytes of a frame with all that is around it, 133 to 4096; 256 gives frames of 240 bytes of data. `BLOCKS`: frames that wait to be sent, are
/// on their way, or came ahead of their place, over all channels. `CHANNELS`: channels of either side, at most 128. `P`: the buffer of one packet, as
/// long as a frame or longer; where it is longer, on both sides, neighbouring frames of a message share a packet while the line is clean.
///
/// Costs about `BLOCKS` × (`FRAME` + 40) + 2 × the length of `P` + 100 × `CHANNELS` bytes of RAM.
#[derive(Clone, Debug)]
pub struct Link<'i, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P = [u8; FRAME]> {
    config: Config<'i>,
    peer: Option<Known>,
    /// By our numbers.
    out_lanes: [OutLane<'i>; CHANNELS],
    /// By the peer's numbers.
    in_lanes: [InLane; CHANNELS],
    deframer: Deframer<P>,
    news: News,
    received: ReceiveWindow,
    acks: Acks,
    /// Channels of the peer's for which there is no room, and the limits to say for them.
    strays: Vec<(ChannelId, u8), STRAYS>,
    mux: Mux<FRAME, BLOCKS>,
    repair: Repair,
    line: Line,
    output: Output<P>,
    /// What is in the output wants an answer.
    is_number_leaving: bool,
    greeting: Greeting,
    next_message: u32,
    /// Channels that were opened and not heard of are told again then.
    opens_at_us: u64,
    /// Where the next repetition of credit begins, and when it is due at the latest.
    credit_turn: usize,
    credits_at_us: u64,
    sent_at_us: u64,
    heard_at_us: u64,
    /// When the last packet came that fits this link.
    fitted_at_us: u64,
    /// Bytes that came since the last packet that fits.
    unproven: usize,
    is_silent: bool,
    /// The peer has waited long enough for a sign of life.
    owes_sign: bool,
    counters: Counters,
}

/// The peer of the link.
#[derive(Clone, Copy, Debug)]
struct Known {
    epoch: u32,
    /// It knows our epoch too, so frames may cross.
    is_up: bool,
    /// Longest packet of one frame that both sides take.
    frame_max: usize,
    /// Longest packet that both sides take.
    packet_max: usize,
    /// Frames of a channel that it takes at once.
    window: u8,
    /// Packets after which it wants an answer.
    ack_every: u8,
    /// How often it wants to hear something.
    heartbeat_us: u64,
    /// Channels of ours that it keeps.
    channels: u8,
}

impl<'i, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>
    Link<'i, FRAME, BLOCKS, CHANNELS, P>
{
    /// Frames of a channel that this side takes before it has said any credit: half the pool, shared in the hope that not all channels
    /// stand still at once.
    const WINDOW: u8 = if BLOCKS / 2 < 32 { (BLOCKS / 2) as u8 } else { 32 };
    /// The pool must not run dry before an answer comes.
    const ACK_EVERY: u8 = if BLOCKS / 4 < 8 { (BLOCKS / 4) as u8 } else { 8 };

    /// A link with no peer yet and no channels; its first HELLO is ready to be sent.
    #[must_use]
    pub fn new(config: Config<'i>) -> Self {
        const {
            assert!(packet_max(FRAME) >= PACKET_MIN && FRAME <= P::LEN && P::LEN <= 4096);
            assert!(CHANNELS >= 1 && CHANNELS <= CHANNELS_MAX as usize);
        };
        Self {
            config: Config { epoch: config.epoch.max(1), identity: config.identity.shortened(), ..config },
            peer: None,
            out_lanes: [const { OutLane::NEW }; CHANNELS],
            in_lanes: [const { InLane::NEW }; CHANNELS],
            deframer: Deframer::new(),
            news: News::default(),
            received: ReceiveWindow::default(),
            acks: Acks::default(),
            strays: Vec::new(),
            mux: Mux::new(),
            repair: Repair::default(),
            line: Line::default(),
            output: Output::new(),
            is_number_leaving: false,
            greeting: Greeting::new(),
            next_message: 1,
            opens_at_us: 0,
            credit_turn: 0,
            credits_at_us: 0,
            sent_at_us: 0,
            heard_at_us: 0,
            fitted_at_us: 0,
            unproven: 0,
            is_silent: false,
            owes_sign: false,
            counters: Counters::default(),
        }
    }

    /// True from [`Event::Up`](crate::Event::Up) to [`Event::Down`](crate::Event::Down).
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up().is_some()
    }

    /// True from [`Event::Silent`](crate::Event::Silent) to [`Event::Back`](crate::Event::Back) or the end of the link.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Acknowledges what came without the usual delay, as before leaving for good; true when nothing of that is left to be written.
    ///
    /// The peer would else repeat what came last, to nobody.
    pub fn acknowledge(&mut self) -> bool {
        let is_owed = self.is_up() && self.acks.is_owed();
        if is_owed {
            self.acks.hurry();
        }
        !is_owed && self.output.is_empty()
    }

    fn up(&self) -> Option<Known> {
        self.peer.filter(|peer| peer.is_up)
    }

    /// The epoch that this side goes under: that of its [`Config`] until it drops a link, then others.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.config.epoch
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was counted, and how the link stands now.
    #[must_use]
    pub fn stats(&self) -> Stats<'_> {
        Stats {
            counters: self.counters,
            round_trip_us: self.repair.round_trip_us(),
            in_flight: self.repair.out(),
            chunk: self.chunk() as u16,
            lanes: &self.out_lanes,
        }
    }

    /// The byte stream was interrupted, as by a cable that was pulled and plugged in again: what was half through is dropped and repaired, and
    /// the peer is asked who it is. One that has not started anew goes on where it was.
    pub fn interrupted(&mut self) {
        self.deframer.reset();
        self.output.consume(usize::MAX);
        self.greeting.hurry();
        self.greeting.ask_at_once();
        self.repair.hurry();
    }

    /// The seal of what this side sends.
    fn seal_out(&self, peer: Known) -> Seal {
        Seal::new(self.config.epoch, peer.epoch)
    }
}
