//! One of the two links, with an application that hardly does anything.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use pocketmux_core::{
    Channel, ChannelId, Config, Cut, Delivery, Event, Frame, Identity, Link, Message, PeerChannel, SendError,
};

/// The smallest link that there can be.
type Tiny = Link<'static, 133, 4, NUMBERS>;
/// Channels that it has room for.
const NUMBERS: usize = 2;

/// One channel of one link: the epoch of its sender and of its receiver, and its number on both sides.
type Lane = (u32, u32, usize);

/// What was accepted on every lane, as the first bytes of the messages: how often the channel had been closed in the upper half, and the number of the
/// message in that opening in the lower.
pub type Accepted = BTreeMap<Lane, Vec<u8>>;

/// A side.
#[derive(Clone, Debug)]
pub struct Side {
    /// The link.
    pub link: Tiny,
    /// Of this boot, or later of it.
    pub epoch: u32,
    /// Of the peer's boot, while the link is up.
    pub peer: Option<u32>,
    /// A channel that the application does not read.
    pub paused: Option<ChannelId>,
    /// The first bytes of the messages that came, by lane, each once for each of its frames.
    pub heard: Accepted,
    /// The number of each channel, while it is open.
    numbers: Vec<Option<ChannelId>>,
    /// The channel that each number stands for, or did last.
    places: Vec<usize>,
    /// How often each channel was closed in this boot, which tells its openings apart.
    closings: Vec<u8>,
    /// What the peer has opened and not closed.
    openings: Vec<Opening>,
    /// The openings that were reset, by channel: what had not arrived then need not.
    pub resets: Vec<(usize, u8)>,
}

/// A channel that the peer has opened: its number there, its channel, and which of its openings that is.
type Opening = (PeerChannel, usize, u8);

/// The metas of a channel's openings.
const METAS: [&str; 4] = ["0", "1", "2", "3"];

/// What is told as the reason of every reset.
const REASON: &str = "gone";

/// The opening that a message was sent in, by its first byte.
pub fn opening(message: u8) -> u8 {
    message >> 4
}

impl Side {
    /// A side that boots.
    pub fn new(number: u32, boot: u32, channels: &[Channel<'static>], cut: Option<usize>) -> Self {
        // Not one beyond the other: with epochs so alike the seal has the least to tell them by.
        let epoch = 16 * (number + 1) + boot;
        let identity = Identity { name: ["a", "b"][number as usize], ..Identity::default() };
        let mut link = Tiny::new(Config { identity, epoch, ..Config::default() });
        let open = |channel: &Channel<'static>| {
            link.open(channel.with_meta(METAS[0])).expect("the model has no more channels than the link")
        };
        let numbers: Vec<_> = channels.iter().map(open).map(Some).collect();
        if let Some(cut) = cut.and_then(Cut::units) {
            link.mux().set_cut(cut);
        }
        Self {
            link,
            epoch,
            peer: None,
            paused: None,
            heard: Accepted::new(),
            numbers,
            places: (0..NUMBERS).collect(),
            closings: vec![0; channels.len()],
            openings: Vec::new(),
            resets: Vec::new(),
        }
    }

    /// Hashes all but the link.
    pub fn hash_application(&self, state: &mut impl Hasher) {
        (self.epoch, self.peer, self.paused, &self.heard).hash(state);
        (&self.numbers, &self.places, &self.closings, &self.openings, &self.resets).hash(state);
    }

    /// Sends the next message of a channel, if the link takes it; opens the channel for it if that was closed.
    pub fn send(
        &mut self,
        channel: usize,
        channels: &[Channel<'static>],
        accepted: &mut Accepted,
    ) -> Result<bool, String> {
        let Some(peer) = self.peer else { return Ok(false) };
        self.open(channel, channels);
        let Some(id) = self.numbers[channel] else { return Ok(false) };
        let lane = accepted.entry((self.epoch, peer, channel)).or_default();
        let closings = self.closings[channel];
        let before = lane.iter().filter(|message| opening(**message) == closings).count();
        let number = (closings << 4) + before as u8;
        match self.link.send(id, &Message::bytes(&[number; 4])) {
            Ok(_) => lane.push(number),
            Err(SendError::Full) => return Ok(false),
            Err(error) => return Err(format!("{error:?} for message {number}")),
        }
        Ok(true)
    }

    /// Opens a channel that was closed, if a number is free.
    fn open(&mut self, channel: usize, channels: &[Channel<'static>]) {
        if self.numbers[channel].is_none() {
            let opened = channels[channel].with_meta(METAS[usize::from(self.closings[channel])]);
            self.numbers[channel] = self.link.open(opened).ok();
            self.numbers[channel].into_iter().for_each(|id| self.places[id.index()] = channel);
        }
        self.keep_unopened();
    }

    /// Opens what the peer has open, if it is closed here.
    pub fn open_kept(&mut self, channels: &[Channel<'static>]) {
        for at in 0..self.openings.len() {
            self.open(self.openings[at].1, channels);
        }
    }

    /// What the peer has open and this side has not open now is kept.
    fn keep_unopened(&mut self) {
        let unopened = self.openings.iter().filter(|(_, channel, _)| self.numbers[*channel].is_none());
        unopened.for_each(|(peer, ..)| self.link.keep(*peer));
    }

    /// Closes a channel, or resets it; says whether it was open.
    pub fn close(&mut self, channel: usize, is_reset: bool) -> bool {
        let Some(id) = self.peer.and_then(|_| self.numbers[channel].take()) else { return false };
        if is_reset {
            self.link.reset(id, REASON);
            self.resets.push((channel, self.closings[channel]));
        } else {
            self.link.close(id);
        }
        self.closings[channel] += 1;
        true
    }

    /// Whether what is open is known to the peer, and nothing else.
    pub fn is_known_to(&self, peer: &Self, channel: usize) -> bool {
        let mut openings = peer.openings.iter().filter(|(_, other, _)| *other == channel).map(|(.., opening)| *opening);
        let expected = self.numbers[channel].map(|_| self.closings[channel]);
        openings.next() == expected && openings.next().is_none()
    }

    /// Takes a packet in, and checks what comes of it.
    pub fn take(&mut self, packet: &[u8], now_us: u64, channels: &[Channel<'_>]) -> Result<(), String> {
        let mut rest = packet;
        while !rest.is_empty() {
            let taken = self.link.handle_input(rest, now_us);
            rest = rest.get(taken.max(1)..).unwrap_or_default();
            self.take_events(channels)?;
        }
        Ok(())
    }

    /// Checks what there is to tell.
    pub fn take_events(&mut self, channels: &[Channel<'_>]) -> Result<(), String> {
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Up(peer) if self.peer.is_none() => {
                    self.peer = Some(peer.epoch);
                    self.epoch = self.link.epoch();
                    self.openings.clear();
                }
                Event::Down if self.peer.is_some() => {
                    self.peer = None;
                    self.epoch = self.link.epoch();
                }
                Event::Frame(frame) => {
                    let peer = self.peer.ok_or("a frame without a link")?;
                    let channel = self.places[frame.channel.index()];
                    let lane = self.heard.entry((peer, self.epoch, channel)).or_default();
                    hear(lane, &frame, (channel, channels[channel].delivery), &self.openings)?;
                }
                Event::Opened { peer, channel, .. } if self.peer.is_some() => {
                    let opening = METAS.iter().position(|meta| *meta == channel.meta).ok_or("an unknown opening")?;
                    let place =
                        channels.iter().position(|other| other.name == channel.name).ok_or("an unknown channel")?;
                    self.openings.push((peer, place, opening as u8));
                    self.keep_unopened();
                }
                Event::Closed { peer, reset, .. } if self.peer.is_some() => {
                    let is_it = |(other, ..): &Opening| *other == peer;
                    let at = self.openings.iter().position(is_it).ok_or("the end of a channel that is not open")?;
                    self.openings.remove(at);
                    if reset.is_some_and(|reason| reason != REASON) {
                        return Err(format!("a channel was reset for {reset:?}"));
                    }
                }
                Event::Silent | Event::Back => {}
                other => return Err(format!("{other:?} to a side that is up with {:?}", self.peer)),
            }
        }
        Ok(())
    }
}

/// Adds a frame to those that came over its lane, if it has its turn. Openings of one channel may overlap, and each has an order of its own.
fn hear(
    lane: &mut Vec<u8>,
    frame: &Frame<'_>,
    (channel, delivery): (usize, Delivery),
    openings: &[Opening],
) -> Result<(), String> {
    let (number, sequence) = (frame.data.first().copied().unwrap_or(u8::MAX), frame.position.sequence());
    let is_open = openings.iter().any(|(_, other, of)| (*other, *of) == (channel, opening(number)));
    let mut of_opening = lane.iter().filter(|other| opening(**other) == opening(number));
    let frames = of_opening.clone().rev().take_while(|other| **other == number).count();
    let is_next = delivery != Delivery::Reliable || sequence as usize == frames;
    let is_in_order = of_opening.next_back().is_none_or(|last| *last <= number);
    let is_once = frames < frame.position.total().unwrap_or(1) as usize;
    if !(is_open && is_next && is_in_order && is_once) {
        return Err(format!("frame {sequence} of message {number} after {lane:?} with {openings:?} open"));
    }
    lane.push(number);
    Ok(())
}
