//! Answers lines of chat, after some thought.

use heapless::{Deque, Vec};
use pocketmux_core::{Kind, Rebuilt};

/// How long the board thinks before it answers a line of chat, in microseconds.
pub const THINK_US: u64 = 400_000;

/// Lines that wait for their answer; while so many wait, the next ones are only counted.
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
    /// Lines that came too fast or were too long, and what to say of them.
    not_heard: Option<&'static str>,
}

struct Heard {
    line: Vec<u8, QUOTE>,
    answer_at_us: u64,
}

impl Chat {
    /// Takes a line in; it will be answered when it has been thought over.
    pub(crate) fn hear(&mut self, message: &Rebuilt<'_>, now_us: u64) {
        if message.kind != Kind::Text {
            self.not_heard = Some("that was bytes, not a line");
            return;
        }
        self.file_requested |= message.data == b"/file";
        let len = pocketmux_core::wtf8::head(message.data, QUOTE);
        let line = Vec::from_slice(message.data.get(..len).unwrap_or_default()).unwrap_or_default();
        if self.waiting.push_back(Heard { line, answer_at_us: now_us + THINK_US }).is_err() {
            self.not_heard = Some("too fast for me, I lost a line");
        }
    }

    /// Notes that a line was longer than there is memory for.
    pub(crate) fn too_long(&mut self) {
        self.not_heard = Some("too long for me, 256 bytes at most");
    }

    /// What to say of lines that will get no answer of their own.
    pub(crate) fn excuse(&self, name: &str) -> Option<Line> {
        Some(join(&[name.as_bytes(), b": ", self.not_heard?.as_bytes()]))
    }

    /// Notes that it was said.
    pub(crate) fn excused(&mut self) {
        self.not_heard = None;
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
        Some(join(&parts))
    }

    /// Notes that the answer is on its way.
    pub(crate) fn answered(&mut self) {
        self.waiting.pop_front();
    }
}

/// A name, the words and a quote are shorter than a line; what is not is cut.
fn join(parts: &[&[u8]]) -> Line {
    let mut line = Line::new();
    for part in parts {
        let _ = line.extend_from_slice(part);
    }
    line
}
