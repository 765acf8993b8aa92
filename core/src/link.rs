//! The link: two peers on one byte stream, from one hello to the next.
//!
//! A state machine without clock, memory allocation or waiting. Bytes and the time go in; bytes, events and the next deadline
//! come out, by five verbs. The contract, in whatever order suits the caller:
//!
//! - give what arrived to [`Link::handle_input`], and call it again with what it left; after each call take the event;
//! - call [`Link::handle_timeout`] when [`Link::poll_timeout`] says so, or simply often;
//! - write what [`Link::poll_transmit`] shows, and say with [`Link::consume`] how much of it was taken.
//!
//! What a peer does wrong becomes a count ([`Counters`]) or an event, never an error and never a panic.

use heapless::Vec;

use crate::channel::{Channel, ChannelId, Delivery, OpenError};
use crate::counters::Counters;
use crate::cut::Message;
use crate::deframe::{Deframer, Run};
use crate::event::{Event, Peer, PeerChannel};
use crate::frame::{Frame, MessageId};
use crate::greeting::Greeting;
use crate::mux::{Mux, Route, SendError};
use crate::output::{Output, packet_max};
use crate::packet::{self, DecodeError, Hello, Identity, PACKET_MIN, Packet, Terms, VERSION};
use crate::stream::Stream;

/// Room for the length of a meta in front of it.
const META_LEN_MAX: usize = 2;

/// How a link presents itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config<'i> {
    /// Who this side is; each field is cut to [`packet::IDENTITY_MAX`] bytes.
    pub identity: Identity<'i>,
    /// Different at every start of this side, by a random source or a counter that outlives it; 0 counts as 1.
    pub epoch: u32,
}

/// One side of a link.
///
/// `FRAME`: bytes of the longest run on the wire that is sent or taken, 123 to 4096; 256 gives frames of 240 bytes of data and more.
/// `BLOCKS`: frames that may wait to be sent, over all channels. `CHANNELS`: channels of either side, at most 128.
/// Costs about (`BLOCKS` + 2) × (`FRAME` + 32) + 16 × `CHANNELS` bytes of RAM.
#[derive(Debug)]
pub struct Link<'i, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize> {
    config: Config<'i>,
    channels: Vec<Channel<'i>, CHANNELS>,
    peer: Option<Known>,
    /// What each number of the peer's stands for.
    peer_channels: [Meaning; CHANNELS],
    deframer: Deframer<FRAME>,
    /// What the last input brought, until the event is taken.
    pending: Option<Pending>,
    mux: Mux<FRAME, BLOCKS>,
    next_message: u32,
    output: Output<FRAME>,
    greeting: Greeting,
    counters: Counters,
}

/// The peer of the link that is up.
#[derive(Clone, Copy, Debug)]
struct Known {
    epoch: u32,
    /// Longest packet that both sides take.
    packet_max: usize,
}

/// What a channel number of the peer's stands for.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// The peer has not said, or we have not heard.
    Unknown,
    /// A channel that this side does not have.
    NotOurs,
    Ours(ChannelId),
}

impl Meaning {
    fn ours(self) -> Option<ChannelId> {
        match self {
            Self::Ours(channel) => Some(channel),
            Self::Unknown | Self::NotOurs => None,
        }
    }
}

/// An event not yet taken; the packet it speaks of still lies in the deframer, this many bytes long.
#[derive(Clone, Copy, Debug)]
enum Pending {
    /// The link went down, and then the packet.
    DownThen(usize),
    Packet(usize),
}

impl<'i, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize> Link<'i, FRAME, BLOCKS, CHANNELS> {
    /// A link with no peer yet and no channels; its first HELLO is ready to be sent.
    #[must_use]
    pub fn new(config: Config<'i>) -> Self {
        const { assert!(packet_max::<FRAME>() >= PACKET_MIN && FRAME <= 4096 && CHANNELS >= 1 && CHANNELS <= 128) };
        Self {
            config: Config { epoch: config.epoch.max(1), identity: config.identity.shortened() },
            channels: Vec::new(),
            peer: None,
            peer_channels: [Meaning::Unknown; CHANNELS],
            deframer: Deframer::new(),
            pending: None,
            mux: Mux::new(),
            next_message: 1,
            output: Output::new(),
            greeting: Greeting::new(),
            counters: Counters::default(),
        }
    }

    /// Opens a channel, now and on every later link; the peer is told by itself. A name that is open gives its number.
    ///
    /// # Errors
    ///
    /// [`OpenError::Full`] beyond `CHANNELS`, [`OpenError::Name`] for a name that cannot cross the wire.
    pub fn open(&mut self, channel: Channel<'i>) -> Result<ChannelId, OpenError> {
        if !channel.has_valid_name() {
            return Err(OpenError::Name);
        }
        if let Some(known) = self.channel_named(channel.name) {
            return Ok(known);
        }
        let id = u8::try_from(self.channels.len()).map_err(|_| OpenError::Full)?;
        self.channels.push(channel).map_err(|_| OpenError::Full)?;
        Ok(ChannelId(id))
    }

    /// Takes frames of the peer's channel as frames of ours; needed only where ours was opened after [`Event::Opened`].
    pub fn attach(&mut self, peer: PeerChannel, channel: ChannelId) {
        if let Some(place) = self.peer_channels.get_mut(peer.index()) {
            *place = Meaning::Ours(channel);
        }
    }

    /// The channel of this side that has that name.
    #[must_use]
    pub fn channel_named(&self, name: &str) -> Option<ChannelId> {
        let at = self.channels.iter().position(|channel| channel.name == name)?;
        u8::try_from(at).ok().map(ChannelId)
    }

    /// The channel of that number.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&Channel<'i>> {
        self.channels.get(id.index())
    }

    /// True from [`Event::Up`] to [`Event::Down`].
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.peer.is_some()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The queue of frames to send, for its settings and its room.
    pub fn mux(&mut self) -> &mut Mux<FRAME, BLOCKS> {
        &mut self.mux
    }

    /// Queues a whole message; an empty one makes no frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing of the message is queued then. On a lossy channel, `Full` is counted as a drop.
    pub fn send(&mut self, channel: ChannelId, message: &Message<'_>) -> Result<MessageId, SendError> {
        let (route, data_max) = self.route(channel, message.data.len())?;
        let sent = self.mux.send(route, message, data_max);
        if sent == Err(SendError::Full) && route.delivery == Delivery::Lossy {
            self.counters.dropped = self.counters.dropped.wrapping_add(1);
        }
        sent?;
        self.next_message = self.next_message.wrapping_add(1);
        Ok(route.message)
    }

    /// Begins a message whose data is written piece by piece with [`Link::write`].
    ///
    /// # Errors
    ///
    /// [`SendError::Down`] or [`SendError::Channel`].
    pub fn begin(&mut self, channel: ChannelId) -> Result<Stream, SendError> {
        let (route, _) = self.route(channel, 0)?;
        self.next_message = self.next_message.wrapping_add(1);
        Ok(Stream::new(route, self.peer.map_or(0, |peer| peer.epoch)))
    }

    /// Bytes of meta and data that every frame holds for the peer that is up, whatever its labels; 0 without one.
    #[must_use]
    pub fn frame_room(&self) -> usize {
        let labels = packet::data_overhead(ChannelId(u8::MAX), MessageId(u32::MAX), u32::MAX, "") + META_LEN_MAX;
        self.peer.map_or(0, |peer| peer.packet_max.saturating_sub(labels))
    }

    /// Queues one frame of a stream with as much of `data` as it holds, and returns how many bytes those are.
    ///
    /// `meta` is sent only on the first frame. With `last` set, the frame that takes the rest of `data` ends the message.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] until frames have left; [`SendError::Down`] when the link has changed since the stream began, which ends it;
    /// [`SendError::Meta`] for a `meta` too long for a frame; [`SendError::Total`] when the stream would not have the frames it stated.
    pub fn write(&mut self, stream: &mut Stream, meta: &str, data: &[u8], last: bool) -> Result<usize, SendError> {
        let peer = self.peer.filter(|peer| peer.epoch == stream.peer_epoch).ok_or(SendError::Down)?;
        stream.push(&mut self.mux, peer.packet_max, meta, data, last)
    }

    fn route(&self, channel: ChannelId, len: usize) -> Result<(Route, usize), SendError> {
        let peer = self.peer.ok_or(SendError::Down)?;
        let spec = self.channel(channel).ok_or(SendError::Channel)?;
        let message = MessageId(self.next_message);
        let route = Route { channel, message, priority: spec.priority, delivery: spec.delivery };
        // There are no more frames than bytes, so labels that count bytes are long enough.
        let overhead = packet::data_overhead(channel, message, u32::try_from(len).unwrap_or(u32::MAX), "");
        Ok((route, peer.packet_max.saturating_sub(overhead + META_LEN_MAX)))
    }

    /// Takes bytes that arrived, up to the end of the next whole packet, and returns how many those are.
    ///
    /// Take the event with [`Link::poll_event`], then call again with the rest. `now_us` is the time in microseconds from any start.
    pub fn handle_input(&mut self, input: &[u8], now_us: u64) -> usize {
        self.pending = None;
        let mut rest = input;
        while let Some(run) = self.deframer.next_run(&mut rest) {
            let checked = match run {
                Run::Packet(packet) => packet::check(packet).map(<[u8]>::len),
                Run::Broken => Err(DecodeError::Crc),
                Run::TooLong => {
                    self.counters.too_long = self.counters.too_long.wrapping_add(1);
                    continue;
                }
            };
            match checked.and_then(|len| self.handle_packet(len, now_us)) {
                Ok(Some(pending)) => {
                    self.pending = Some(pending);
                    break;
                }
                Ok(None) => {}
                Err(error) => self.counters.count(error),
            }
        }
        input.len() - rest.len()
    }

    /// Acts on the packet in the deframer; says what there is to tell of it.
    fn handle_packet(&mut self, len: usize, now_us: u64) -> Result<Option<Pending>, DecodeError> {
        let packet = Packet::decode_checked(self.deframer.packet(len))?;
        self.counters.received = self.counters.received.wrapping_add(1);
        match packet {
            Packet::Hello(Hello { terms, identity }) if self.is_own(terms, identity) => {
                self.counters.echoed = self.counters.echoed.wrapping_add(1);
                Ok(None)
            }
            Packet::Hello(Hello { terms, .. }) => Ok(self.handle_hello(terms, len)),
            _ if self.peer.is_none() => {
                self.greeting.ask(now_us);
                Err(DecodeError::Unknown)
            }
            Packet::Open(id, channel) => {
                let known = self.channel_named(channel.name).map_or(Meaning::NotOurs, Meaning::Ours);
                *self.peer_channels.get_mut(id.index()).ok_or(DecodeError::Unknown)? = known;
                Ok(Some(Pending::Packet(len)))
            }
            Packet::Data(frame) => match self.meaning(frame.channel) {
                Meaning::Ours(_) => Ok(Some(Pending::Packet(len))),
                Meaning::NotOurs => Err(DecodeError::Unknown),
                Meaning::Unknown => {
                    self.greeting.ask(now_us);
                    Err(DecodeError::Unknown)
                }
            },
        }
    }

    /// True for what this side has said itself: the line is a loop, or echoes.
    fn is_own(&self, terms: Terms, identity: Identity<'_>) -> bool {
        terms.epoch == self.config.epoch && identity == self.config.identity
    }

    fn meaning(&self, peers: ChannelId) -> Meaning {
        self.peer_channels.get(peers.index()).copied().unwrap_or(Meaning::NotOurs)
    }

    fn handle_hello(&mut self, terms: Terms, len: usize) -> Option<Pending> {
        if terms.seen != self.config.epoch {
            self.greeting.hello_due = true;
            self.greeting.announced = 0;
        }
        if self.peer.is_some_and(|peer| peer.epoch == terms.epoch) {
            return None;
        }
        let compatible = (terms.version_min..=terms.version_max).contains(&VERSION);
        let was_up = self.drop_link();
        let told = if compatible {
            let packet_max = packet_max::<FRAME>().min(terms.packet_max as usize);
            self.peer = Some(Known { epoch: terms.epoch, packet_max });
            self.greeting.refused = 0;
            false
        } else {
            core::mem::replace(&mut self.greeting.refused, terms.epoch) == terms.epoch
        };
        match (was_up, told) {
            (true, _) => Some(Pending::DownThen(len)),
            (false, false) => Some(Pending::Packet(len)),
            (false, true) => None,
        }
    }

    /// Drops everything of the peer; says whether there was one.
    fn drop_link(&mut self) -> bool {
        self.mux.clear();
        self.peer_channels = [Meaning::Unknown; CHANNELS];
        self.greeting.announced = 0;
        self.peer.take().is_some()
    }

    /// True while [`Link::poll_event`] has something to tell.
    #[must_use]
    pub fn has_event(&self) -> bool {
        self.pending.is_some()
    }

    /// What the last input brought. `None` when there is nothing more to tell.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let len = match self.pending.take()? {
            Pending::DownThen(len) => {
                self.pending = Some(Pending::Packet(len));
                return Some(Event::Down);
            }
            Pending::Packet(len) => len,
        };
        match Packet::decode_checked(self.deframer.packet(len)).ok()? {
            Packet::Hello(Hello { terms, identity }) => Some(match self.peer {
                Some(_) => Event::Up(Peer { epoch: terms.epoch, identity }),
                None => Event::Incompatible { min: terms.version_min, max: terms.version_max },
            }),
            Packet::Open(id, channel) => {
                Some(Event::Opened { peer: PeerChannel(id.0), channel, ours: self.meaning(id).ours() })
            }
            Packet::Data(frame) => {
                let channel = self.meaning(frame.channel).ours()?;
                Some(Event::Frame(Frame { channel, ..frame }))
            }
        }
    }

    /// Does what is due at `now_us`.
    pub fn handle_timeout(&mut self, now_us: u64) {
        if self.peer.is_none() && now_us >= self.greeting.hello_at_us {
            self.greeting.hello_due = true;
        }
    }

    /// When [`Link::handle_timeout`] has something to do next, in microseconds; `None` while nothing is awaited.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.peer.is_none().then_some(self.greeting.hello_at_us)
    }

    /// The bytes to write next; empty when there is nothing to send now. The same bytes come again until they are consumed.
    ///
    /// One packet at a time: the choice of the next is made as late as its first byte can leave, so keep little in flight behind it.
    pub fn poll_transmit(&mut self, now_us: u64) -> &[u8] {
        if self.output.is_empty() {
            self.fill_output(now_us);
        }
        self.output.bytes()
    }

    /// Says that `len` of the bytes that [`Link::poll_transmit`] showed were taken.
    pub fn consume(&mut self, len: usize) {
        self.output.consume(len);
    }

    /// Encodes what is to be sent next, if anything is.
    fn fill_output(&mut self, now_us: u64) {
        let (epoch, packet_max) = (self.config.epoch, packet_max::<FRAME>() as u32);
        let peer = self.peer.map(|peer| peer.epoch);
        if let Some(terms) = self.greeting.take_hello(epoch, peer, packet_max, now_us) {
            self.output.put(&Packet::Hello(Hello { terms, identity: self.config.identity }));
        } else if let (Some(_), Some(channel)) = (peer, self.channels.get(self.greeting.announced)) {
            self.output.put(&Packet::Open(ChannelId(self.greeting.announced as u8), *channel));
            self.greeting.announced += 1;
        } else if let Some(slot) = self.mux.next_slot() {
            if let Some(frame) = self.mux.frame(slot) {
                self.output.put(&Packet::Data(frame));
            }
            self.mux.release(slot);
        } else {
            return;
        }
        self.counters.sent = self.counters.sent.wrapping_add(1);
    }
}
