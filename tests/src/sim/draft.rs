//! A message as an application means to send it.
//!
//! The content names its channel, its sender's epoch and its number in the ledger, and goes on with bytes of its own, so that whatever
//! is delivered wrongly shows.

use pocketmux_core::{Delivery, Kind};

use super::chance::Chance;
use super::table::TABLE;

/// Data that every frame holds, however noisy the line and long the labels.
const FRAME_MAX: u64 = 32;
/// Bytes of the name at the beginning of a content.
const NAME_LEN: usize = 18;

/// In what way a message is handed to the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// At once.
    Whole,
    /// As a stream that the link cuts.
    Stream,
    /// As a stream of frames of these lengths, every one with the name; their number is stated first, or not.
    Frames(Vec<usize>, bool),
}

/// A message.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its channel's place in the table.
    pub pocket: usize,
    /// Text or bytes.
    pub kind: Kind,
    /// May be empty.
    pub meta: String,
    /// All of it.
    pub content: Vec<u8>,
    /// In what way it is sent.
    pub how: How,
    /// A stream that stops at this many bytes and never ends.
    pub abandoned_at: Option<usize>,
}

impl Draft {
    /// Any message of any size on a channel.
    ///
    /// With `plain`, text has one unit a byte.
    pub fn new(random: &mut Chance, number: usize, pocket: usize, epoch: u32, plain: bool) -> Self {
        let kind = random.pick(&[Kind::Text, Kind::Binary]);
        let meta = if random.chance(0.3) { format!("meta {number}") } else { String::new() };
        let repaired = TABLE[pocket].delivery == Delivery::Reliable;
        let name = |number| format!("{pocket:02x}{epoch:08x}{number:08x}").into_bytes();
        let mut body = Body { random, kind, plain };
        let (content, how) = match body.random.index(10) {
            0 if repaired => (body.fill(name(number), 3000), How::Stream),
            0 | 1 => {
                let (content, lengths) = body.frames(&name(number));
                (content, How::Frames(lengths, body.random.chance(0.5)))
            }
            2 => (body.fill(Vec::new(), 20), How::Whole),
            3 | 4 => (body.fill(name(number), 1500), How::Whole),
            _ => (body.fill(name(number), 200), How::Whole),
        };
        let abandoned_at = (how != How::Whole && random.chance(0.05)).then(|| random.index(content.len()) + 1);
        Self { pocket, kind, meta, content, how, abandoned_at }
    }
}

struct Body<'r> {
    random: &'r mut Chance,
    kind: Kind,
    plain: bool,
}

impl Body<'_> {
    /// Adds 1 to `max` bytes to `content`, few more often than many.
    fn fill(&mut self, mut content: Vec<u8>, max: usize) -> Vec<u8> {
        let len = content.len() + self.random.magnitude(1.0, max as f64) as usize;
        self.fill_to(&mut content, len);
        content
    }

    /// Frames that all begin with the name, and how long each is.
    fn frames(&mut self, name: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let (mut content, mut lengths) = (Vec::new(), Vec::new());
        self.plain = true;
        for _ in 0..self.random.between(1, 12) {
            let start = content.len();
            content.extend_from_slice(name);
            let len = self.random.between(NAME_LEN as u64, FRAME_MAX) as usize;
            self.fill_to(&mut content, start + len);
            lengths.push(len);
        }
        (content, lengths)
    }

    fn fill_to(&mut self, content: &mut Vec<u8>, len: usize) {
        // Bytes that stuffing finds hard: none that is zero, all of them, and anything.
        let style = self.random.index(3);
        while content.len() < len {
            let left = len - content.len();
            let byte = self.random.number() as u8;
            match self.kind {
                Kind::Text if !self.plain && left >= 4 && byte < 40 => content.extend_from_slice("😀".as_bytes()),
                Kind::Text if !self.plain && left >= 2 && byte < 80 => content.extend_from_slice("é".as_bytes()),
                Kind::Text => content.push(b' ' + byte % 95),
                Kind::Binary => content.push([byte, byte.max(1), byte & 1][style]),
            }
        }
    }
}
