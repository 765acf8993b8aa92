//! Knows every message that a link accepted, and holds every frame that arrives against it.

use std::collections::HashMap;

use pocketmux_core::{Delivery, Frame, MessageId};

use super::draft::Draft;
use super::record::Record;
use super::table::TABLE;

/// One direction of one link, from one pair of boots to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// The epoch of the side that sends.
    pub sender: u32,
    /// The epoch of the side that receives.
    pub receiver: u32,
}

/// One channel of a session, by its place in the table.
type Lane = (Session, usize);

/// What a lane has seen.
#[derive(Debug, Default)]
struct Progress {
    /// Messages accepted.
    records: Vec<usize>,
    /// By opening, of the newest message of which a frame arrived: its place among them, from 1.
    begun: HashMap<u32, u32>,
    /// The openings of which the receiver has heard the end.
    closed: Vec<u32>,
}

/// All that was accepted, by all boots of both sides.
#[derive(Debug, Default)]
pub struct Ledger {
    numbers: usize,
    records: Vec<Record>,
    lanes: HashMap<Lane, Progress>,
    /// How often a side, by its epoch, has closed a channel.
    closings: HashMap<(u32, usize), u32>,
    named: HashMap<(Lane, MessageId), usize>,
    /// Frames that arrived and were right.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Ledger {
    /// A number for a new draft.
    pub fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// Notes a message that the link took as this, or the first frame of; returns its record.
    ///
    /// `cut` is into how many units a frame it was cut, where it was.
    pub fn accept(&mut self, session: Session, draft: &Draft, message: MessageId, cut: Option<usize>) -> usize {
        let (lane, at) = ((session, draft.pocket), self.records.len());
        let progress = self.lanes.entry(lane).or_default();
        progress.records.push(at);
        self.named.insert((lane, message), at);
        let order = progress.records.len() as u32;
        let opening = self.closings.get(&(session.sender, draft.pocket)).copied().unwrap_or(0);
        self.records.push(Record::new(session, draft.clone(), order, opening, cut));
        at
    }

    /// Notes that the link accepted one more frame of a stream, up to this many bytes of it.
    pub fn grow(&mut self, record: usize, accepted: usize, is_finished: bool) {
        self.records[record].grow(accepted, is_finished);
    }

    /// Holds a frame that arrived against what was accepted; returns its record.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn arrive(&mut self, session: Session, pocket: usize, frame: &Frame<'_>) -> Result<usize, String> {
        let lane = (session, pocket);
        let at = self.named.get(&(lane, frame.message)).copied();
        let at = at.ok_or_else(|| format!("a frame that nobody sent: {frame:?}"))?;
        self.records[at].arrive(frame)?;
        self.check_order(lane, at, frame)?;
        self.frames += 1;
        self.bytes += frame.data.len() as u64;
        Ok(at)
    }

    /// Holds the order of messages against the promise of their channel.
    fn check_order(&mut self, lane: Lane, at: usize, frame: &Frame<'_>) -> Result<(), String> {
        let record = &self.records[at];
        let progress = self.lanes.entry(lane).or_default();
        // Openings may overlap while the end of one is repaired, and each has an order of its own.
        let begun = progress.begun.get(&record.opening).copied().unwrap_or(0);
        let passed_over = progress.records.iter().take(record.order as usize - 1).skip(begun as usize);
        let is_in_order = match TABLE[lane.1].delivery {
            Delivery::Reliable if frame.position.sequence() == 0 => {
                let is_owed = |at: &usize| {
                    let other = &self.records[*at];
                    !other.is_dropped && other.opening == record.opening
                };
                record.order > begun && !passed_over.into_iter().any(is_owed)
            }
            Delivery::Reliable | Delivery::Lossy => true,
            Delivery::Latest => record.order >= begun,
        };
        if !is_in_order || progress.closed.contains(&record.opening) {
            return Err(format!("a frame of {record} after message {begun}; the channel ended {:?}", progress.closed));
        }
        progress.begun.insert(record.opening, begun.max(record.order));
        Ok(())
    }

    /// A side closed a channel: what it accepts from now on belongs to another opening. With a reset, what has not arrived is not owed.
    pub fn close(&mut self, sender: u32, place: usize, reset: bool) {
        *self.closings.entry((sender, place)).or_default() += 1;
        if reset {
            self.give_up(sender, place);
        }
    }

    /// A side resets the openings of a channel that it has closed: what has not arrived is not owed.
    pub fn give_up(&mut self, sender: u32, place: usize) {
        let openings = self.closings.get(&(sender, place)).copied().unwrap_or(0);
        let is_its = |record: &&mut Record| {
            record.session.sender == sender && record.pocket() == place && record.opening < openings
        };
        self.records.iter_mut().filter(is_its).for_each(Record::drop_unless_arrived);
    }

    /// A side goes on under another epoch, its channels as often closed as before.
    pub fn renew(&mut self, before: u32, epoch: u32) {
        let of_before: Vec<_> = self.closings.iter().filter(|((sender, _), _)| *sender == before).collect();
        let renewed: Vec<_> = of_before.into_iter().map(|((_, place), times)| ((epoch, *place), *times)).collect();
        self.closings.extend(renewed);
    }

    /// A side heard that an opening of a channel ended: nothing of it may follow, and if it was no reset, all of it must have arrived.
    ///
    /// # Errors
    ///
    /// What has not.
    pub fn hear_close(&mut self, session: Session, place: usize, opening: u32, reset: bool) -> Result<(), String> {
        let progress = self.lanes.entry((session, place)).or_default();
        progress.closed.push(opening);
        if reset || TABLE[place].delivery != Delivery::Reliable {
            return Ok(());
        }
        let mut of_opening =
            progress.records.iter().map(|&at| &self.records[at]).filter(|record| record.opening == opening);
        match of_opening.find(|record| !record.has_arrived()) {
            Some(record) => Err(format!("a channel is closed before the arrival of {record}")),
            None => Ok(()),
        }
    }

    /// Holds a message that was rebuilt against what was accepted.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn rebuild(&mut self, record: usize, data: &[u8]) -> Result<(), String> {
        self.records[record].rebuild(data)
    }

    /// The messages of a session that should have arrived and have not: all on reliable channels, the last on latest ones.
    #[must_use]
    pub fn missing(&self, session: Session) -> Vec<String> {
        let of_session = self.records.iter().filter(|record| record.session == session && !record.has_arrived());
        of_session
            .filter(|record| match TABLE[record.pocket()].delivery {
                Delivery::Reliable => true,
                Delivery::Latest => {
                    self.lanes.get(&record.lane()).is_some_and(|lane| lane.records.len() == record.order as usize)
                }
                Delivery::Lossy => false,
            })
            .map(|record| format!("the arrival of an accepted {record}"))
            .collect()
    }
}
