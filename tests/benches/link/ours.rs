//! A file over a link: one stream on a bulk channel.

use std::io;

use pocketmux_core::{Buffer, Channel, ChannelId, Event, Priority, Stream};
use pocketmux_tests::{End, Wire};

use crate::course::Course;
use crate::driver::{Ahead, Application, Driver};
use crate::sides;
use crate::sides::Side;
use crate::transfer::{Outcome, Transfer};

const CHANNEL: Channel<'static> = Channel::new("bulk").with_priority(Priority::Bulk);
const BULK: ChannelId = ChannelId::new(0);

/// Moves the course's file in packets of at most `P`.
pub fn transfer<P: Buffer>(course: &Course) -> io::Result<Transfer> {
    let wire = Wire::new(&course.line)?;
    let drivers = [wire.open(End::A)?, wire.open(End::B)?].map(|port| Driver::new(port, &course.line, Ahead::Chunks));
    let mut sender = Sender { rest: &course.file, stream: None };
    let mut receiver = Receiver { file: &course.file, got: Vec::new(), next: 0, outcome: None };
    sides::run::<P>(drivers, &[CHANNEL], &mut sender, &mut receiver, course.time_limit())?;
    Ok(Transfer::over(&wire, receiver.outcome.unwrap_or(Outcome::TimeLimit), wire.elapsed()))
}

/// Sends a file.
struct Sender<'f> {
    rest: &'f [u8],
    stream: Option<Stream>,
}

impl<P: Buffer> Application<P> for Sender<'_> {
    fn handle_event(&mut self, _: Event<'_>, _: u64) {}

    fn fill(&mut self, link: &mut Side<P>, _: u64) -> Option<u64> {
        if self.stream.is_none() {
            self.stream = link.begin(BULK).ok();
        }
        let stream = self.stream.as_mut()?;
        while !self.rest.is_empty()
            && let Ok(len) = link.write(stream, "", self.rest, true)
        {
            self.rest = &self.rest[len..];
        }
        None
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// Receives a file, and compares it with what was sent.
struct Receiver<'f> {
    file: &'f [u8],
    got: Vec<u8>,
    /// Place of the frame that has to come next.
    next: u32,
    outcome: Option<Outcome>,
}

impl<P: Buffer> Application<P> for Receiver<'_> {
    fn handle_event(&mut self, event: Event<'_>, _: u64) {
        let Event::Frame(frame) = event else { return };
        if frame.position.sequence() != self.next {
            self.outcome = self.outcome.or(Some(Outcome::Lost));
        }
        self.next += 1;
        self.got.extend_from_slice(frame.data);
        if self.got.len() >= self.file.len() {
            let ended = if self.got == self.file { Outcome::Whole } else { Outcome::Changed };
            self.outcome = self.outcome.or(Some(ended));
        }
    }

    fn fill(&mut self, _: &mut Side<P>, _: u64) -> Option<u64> {
        None
    }

    fn is_done(&self) -> bool {
        self.outcome.is_some()
    }
}
