//! What may happen from a state on.

use std::collections::VecDeque;

use pocketmux_core::{Channel, ChannelId};
use stateright::Property;

use super::duo::Duo;
use super::side::{Accepted, Side};

/// How often each thing may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Messages of each side.
    pub sends: [u8; 2],
    /// Steps of time.
    pub ticks: u8,
    /// Packets that are lost.
    pub losses: u8,
    /// Packets that arrive twice.
    pub repeats: u8,
    /// Packets that overtake the one before.
    pub swaps: u8,
    /// New starts of either side.
    pub reboots: u8,
    /// Times that an application stops reading.
    pub pauses: u8,
    /// Times that each side closes a channel; its next message opens it again.
    pub closings: [u8; 2],
    /// Times that it resets one.
    pub resets: [u8; 2],
    /// Frames of every message.
    pub frames: usize,
}

/// From where on everything is explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Both sides boot.
    Boot,
    /// Both sides know each other and their channels.
    Up,
}

/// What is explored.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it begins.
    pub start: Start,
    /// The channels of both sides.
    pub channels: Vec<Channel<'static>>,
    /// How often what may happen.
    pub limits: Limits,
    /// States are told apart by all that a link is made of, however many they are then.
    pub is_exact: bool,
}

/// One step; numbers are those of sides, wires and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A side sends a message on a channel.
    Send(usize, usize),
    /// The next packet of a wire arrives.
    Deliver(usize),
    /// It is lost.
    Lose(usize),
    /// It arrives, and is to arrive once more.
    Repeat(usize),
    /// The packet behind it arrives first.
    Swap(usize),
    /// A side starts anew.
    Reboot(usize),
    /// An application stops reading a channel.
    Pause(usize, usize),
    /// It reads again.
    Resume(usize),
    /// A side closes a channel.
    Close(usize, usize),
    /// A side resets a channel.
    Reset(usize, usize),
    /// Time goes on to the next deadline.
    Tick,
}

impl Model {
    fn side(&self, number: usize, boot: u32) -> Side {
        // A message has four bytes.
        let cut = (self.limits.frames > 1).then(|| 4 / self.limits.frames);
        Side::new(number as u32, boot, &self.channels, cut)
    }

    fn begin(&self) -> Duo {
        let mut duo = Duo {
            sides: [self.side(0, 1), self.side(1, 1)],
            wires: [VecDeque::new(), VecDeque::new()],
            now_us: 0,
            accepted: Accepted::new(),
            left: self.limits,
            is_exact: self.is_exact,
            wrong: None,
        };
        while duo.transmit() && self.start == Start::Up {
            duo.deliver_all(&self.channels);
        }
        duo
    }

    /// Does a step; `None` when it changes nothing.
    fn act(&self, duo: &mut Duo, action: Action) -> Option<()> {
        let channels = &self.channels[..];
        match action {
            Action::Send(side, channel) => {
                duo.left.sends[side] -= 1;
                match duo.sides[side].send(channel, channels, &mut duo.accepted) {
                    Ok(false) => return None,
                    result => duo.note(result.map(|_| ())),
                }
            }
            Action::Deliver(wire) => {
                let packet = duo.wires[wire].pop_front()?;
                duo.deliver(wire, &packet, channels);
            }
            Action::Lose(wire) => {
                duo.left.losses -= 1;
                duo.wires[wire].pop_front()?;
            }
            Action::Repeat(wire) => {
                duo.left.repeats -= 1;
                let packet = duo.wires[wire].front()?.clone();
                duo.deliver(wire, &packet, channels);
            }
            Action::Swap(wire) => {
                duo.left.swaps -= 1;
                let packet = duo.wires[wire].remove(1)?;
                duo.deliver(wire, &packet, channels);
            }
            Action::Reboot(side) => {
                duo.left.reboots -= 1;
                duo.sides[side] = self.side(side, u32::from(self.limits.reboots - duo.left.reboots) + 1);
            }
            Action::Pause(side, channel) => {
                duo.left.pauses -= 1;
                duo.set_paused(side, Some(ChannelId::new(channel as u8)), channels);
            }
            Action::Resume(side) => duo.set_paused(side, None, channels),
            Action::Close(side, channel) => {
                duo.left.closings[side] -= 1;
                duo.sides[side].close(channel, false).then_some(())?;
            }
            Action::Reset(side, channel) => {
                duo.left.resets[side] -= 1;
                duo.sides[side].close(channel, true).then_some(())?;
            }
            Action::Tick => {
                duo.left.ticks -= 1;
                duo.tick(channels).then_some(())?;
            }
        }
        Some(())
    }
}

impl stateright::Model for Model {
    type State = Duo;
    type Action = Action;

    fn init_states(&self) -> Vec<Duo> {
        vec![self.begin()]
    }

    fn actions(&self, duo: &Duo, actions: &mut Vec<Action>) {
        if duo.wrong.is_some() {
            return;
        }
        let left = duo.left;
        let mut may = |is_left: bool, action| actions.extend(is_left.then_some(action));
        for side in 0..2 {
            let (wire, is_paused) = (&duo.wires[side], duo.sides[side].paused.is_some());
            for channel in 0..self.channels.len() {
                may(left.sends[side] > 0, Action::Send(side, channel));
                may(left.pauses > 0 && !is_paused, Action::Pause(side, channel));
                may(left.closings[side] > 0, Action::Close(side, channel));
                may(left.resets[side] > 0, Action::Reset(side, channel));
            }
            may(is_paused, Action::Resume(side));
            may(!wire.is_empty(), Action::Deliver(side));
            may(!wire.is_empty() && left.losses > 0, Action::Lose(side));
            may(!wire.is_empty() && left.repeats > 0, Action::Repeat(side));
            may(wire.len() > 1 && left.swaps > 0, Action::Swap(side));
            may(left.reboots > 0, Action::Reboot(side));
        }
        may(left.ticks > 0, Action::Tick);
    }

    fn next_state(&self, last: &Duo, action: Action) -> Option<Duo> {
        let mut next = last.clone();
        self.act(&mut next, action)?;
        next.transmit();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing wrong arrives", |_, duo: &Duo| duo.wrong.is_none()),
            // Or there would be nothing to check.
            Property::sometimes("all is sent and has arrived", |model: &Self, duo: &Duo| {
                duo.left.sends == [0, 0] && duo.has_settled(&model.channels)
            }),
            // Where packets are on their way it is too soon to ask: they arrive in one of the states that follow.
            Property::always("everything arrives in the end", |model: &Self, duo: &Duo| {
                duo.wires.iter().any(|wire| !wire.is_empty()) || duo.settles(&model.channels)
            }),
        ]
    }
}
