//! Knows every message that a link accepted, and holds every frame that arrives against it.

use std::collections::HashMap;

use pocketmux_core::{Delivery, Frame, MessageId};

use super::RELIABLE;
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
    accepted: u32,
    /// Messages of which a frame arrived on a reliable channel; the newest that did on another.
    begun: u32,
}

/// All that was accepted, by all boots of both sides.
#[derive(Debug, Default)]
pub struct Ledger {
    numbers: usize,
    records: Vec<Record>,
    lanes: HashMap<Lane, Progress>,
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
        progress.accepted += 1;
        self.named.insert((lane, message), at);
        self.records.push(Record::new(session, draft.clone(), progress.accepted, cut));
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
        let record = &mut self.records[at];
        record.arrive(frame)?;
        let delivery = TABLE[pocket].delivery;
        if RELIABLE {
            let progress = self.lanes.entry(lane).or_default();
            let is_in_order = match delivery {
                Delivery::Reliable if frame.position.sequence() == 0 => record.order == progress.begun + 1,
                Delivery::Reliable | Delivery::Lossy => true,
                Delivery::Latest => record.order >= progress.begun,
            };
            if !is_in_order {
                return Err(format!("message {} after {}: {frame:?}", record.order, progress.begun));
            }
            progress.begun = progress.begun.max(record.order);
        }
        self.frames += 1;
        self.bytes += frame.data.len() as u64;
        Ok(at)
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
        let owed = self.records.iter().filter(|record| record.session == session && !record.has_arrived());
        owed.filter(|record| match TABLE[record.pocket()].delivery {
            Delivery::Reliable => true,
            Delivery::Latest => self.lanes.get(&record.lane()).is_some_and(|lane| lane.accepted == record.order),
            Delivery::Lossy => false,
        })
        .map(|record| format!("the arrival of an accepted {record}"))
        .collect()
    }
}
