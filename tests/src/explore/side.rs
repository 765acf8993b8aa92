//! One of the two links, with an application that hardly does anything.

use std::collections::BTreeMap;

use pocketmux_core::{Channel, ChannelId, Config, Cut, Delivery, Event, Identity, Link, Message, SendError};

/// The smallest link that there can be.
type Tiny = Link<'static, 133, 4, 2>;

/// One channel of one link: the epoch of its sender and of its receiver, and its number on both sides.
type Lane = (u32, u32, usize);

/// What was accepted on every lane, as the first bytes of the messages.
pub type Accepted = BTreeMap<Lane, Vec<u8>>;

/// A side.
#[derive(Clone, Debug)]
pub struct Side {
    /// The link.
    pub link: Tiny,
    /// Of this boot.
    pub epoch: u32,
    /// Of the peer's boot, while the link is up.
    pub peer: Option<u32>,
    /// A channel that the application does not read.
    pub paused: Option<ChannelId>,
    /// The first bytes of the messages that came, by lane, each once for each of its frames.
    pub heard: Accepted,
}

impl Side {
    /// A side that boots.
    pub fn new(number: u32, boot: u32, channels: &[Channel<'static>], cut: Option<usize>) -> Self {
        // Not one beyond the other: with epochs so alike the seal has the least to tell them by.
        let epoch = 16 * (number + 1) + boot;
        let identity = Identity { name: ["a", "b"][number as usize], ..Identity::default() };
        let mut link = Tiny::new(Config { identity, epoch, ..Config::default() });
        for channel in channels {
            link.open(*channel).expect("the model has no more channels than the link");
        }
        if let Some(cut) = cut.and_then(Cut::units) {
            link.mux().set_cut(cut);
        }
        Self { link, epoch, peer: None, paused: None, heard: Accepted::new() }
    }

    /// Sends the next message of a channel, if the link takes it.
    pub fn send(&mut self, channel: usize, accepted: &mut Accepted) -> Result<bool, String> {
        let Some(peer) = self.peer else { return Ok(false) };
        let lane = accepted.entry((self.epoch, peer, channel)).or_default();
        let number = lane.len() as u8;
        match self.link.send(ChannelId::new(channel as u8), &Message::bytes(&[number; 4])) {
            Ok(_) => lane.push(number),
            Err(SendError::Full) => return Ok(false),
            Err(error) => return Err(format!("{error:?} for message {number}")),
        }
        Ok(true)
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
                Event::Up(peer) if self.peer.is_none() => self.peer = Some(peer.epoch),
                Event::Down if self.peer.is_some() => self.peer = None,
                Event::Frame(frame) => {
                    let peer = self.peer.ok_or("a frame without a link")?;
                    let channel = frame.channel.index();
                    let lane = self.heard.entry((peer, self.epoch, channel)).or_default();
                    let (number, sequence) =
                        (frame.data.first().copied().unwrap_or(u8::MAX), frame.position.sequence());
                    let frames = lane.iter().rev().take_while(|other| **other == number).count();
                    let is_in_order = match channels[channel].delivery {
                        Delivery::Reliable => {
                            sequence as usize == frames && lane.last().is_none_or(|last| *last <= number)
                        }
                        _ => lane.last().is_none_or(|last| *last <= number),
                    };
                    if !is_in_order || frames >= frame.position.total().unwrap_or(1) as usize {
                        return Err(format!("frame {sequence} of message {number} after {lane:?}"));
                    }
                    lane.push(number);
                }
                Event::Opened { .. } | Event::Silent | Event::Back => {}
                other => return Err(format!("{other:?} to a side that is up with {:?}", self.peer)),
            }
        }
        Ok(())
    }
}
