//! Answers lines of chat, after some thought.

use heapless::{Deque, Vec};
use pocketmux_core::Rebuilt;

use crate::app::THINK_US;

/// Lines that wait for their answer; while so many wait, the next one takes the place of the newest.
const LINES: usize = 3;
/// Bytes of a line that the answer repeats.
const QUOTE: usize = 160;

/// A text that may hold half a surrogate pair: what was typed in a browser comes back as it was.
pub(crate) type Line = Vec<u8, 256>;

/// Lines heard and not yet answered.
#[derive(Default)]
pub(crate) struct Chat {
    waiting: Deque<Heard, LINES>,
    /// What was last said on the `typing` channel.
    said_typing: bool,
    file_requested: bool,
}

struct Heard {
    line: Vec<u8, QUOTE>,
    answer_at_us: u64,
}

impl Chat {
    /// Takes a line in; it will be answered when it has been thought over.
    pub(crate) fn hear(&mut self, message: &Rebuilt<'_>, now_us: u64) {
        let len = pocketmux_core::wtf8::head(message.data, QUOTE);
        let line = Vec::from_slice(message.data.get(..len).unwrap_or_default()).unwrap_or_default();
        self.file_requested |= line == b"/file";
        if self.waiting.is_full() {
            self.waiting.pop_back();
        }
        // There is room now.
        let _ = self.waiting.push_back(Heard { line, answer_at_us: now_us + THINK_US });
    }

    /// True once for each time that the file was asked for.
    pub(crate) fn take_file_request(&mut self) -> bool {
        core::mem::take(&mut self.file_requested)
    }

    /// What to say on the `typing` channel, if it changed.
    pub(crate) fn typing(&self) -> Option<&'static str> {
        match (self.said_typing, self.waiting.is_empty()) {
            (false, false) => Some("typing"),
            (true, true) => Some("idle"),
            _ => None,
        }
    }

    /// Notes that it was said, if it was.
    pub(crate) fn told(&mut self, said: bool) {
        self.said_typing ^= said;
    }

    /// The answer that is due, if any.
    pub(crate) fn due(&self, name: &str, now_us: u64) -> Option<Line> {
        let heard = self.waiting.front().filter(|heard| now_us >= heard.answer_at_us)?;
        let parts: [&[u8]; 3] = match &heard.line[..] {
            b"/file" => [name.as_bytes(), b": here is my file, ", crate::file::NAME.as_bytes()],
            b"/help" => [name.as_bytes(), b": /file sends my file; anything else I repeat", b""],
            line => [name.as_bytes(), b" heard: ", line],
        };
        let mut answer = Line::new();
        for part in parts {
            // A name, the words and a quote are shorter than the line.
            let _ = answer.extend_from_slice(part);
        }
        Some(answer)
    }

    /// Notes that the answer is on its way.
    pub(crate) fn answered(&mut self) {
        self.waiting.pop_front();
    }
}
