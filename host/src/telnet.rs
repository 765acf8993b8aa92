//! Telnet (RFC 854): takes commands out of a byte stream, puts them in, and agrees on options.
//!
//! Bytes go in one at a time, so how the stream was sliced makes no difference. Nothing grows: a subnegotiation longer than any that
//! matters is skipped whole. An option of which nobody here knows is refused, and only what changes something is answered
//! (RFC 1143), so that two sides never answer each other without end.

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// Bytes are left as they are (RFC 856).
pub(crate) const BINARY: u8 = 0;
/// Nobody waits for a turn (RFC 858).
pub(crate) const SUPPRESS_GO_AHEAD: u8 = 3;
/// A serial port is set from afar (RFC 2217).
pub(crate) const COM_PORT: u8 = 44;

/// Longest subnegotiation that is kept, its option included.
const BODY_MAX: usize = 16;
/// Bytes of one [`Verb`] about one option.
pub(crate) const REQUEST: usize = 3;
/// Bytes around the body of a subnegotiation.
pub(crate) const FRAMING: usize = 4;

/// What is said about an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// I want to, or agree to.
    Will,
    /// I do not.
    Wont,
    /// You should, or may.
    Do,
    /// You should not.
    Dont,
}

impl Verb {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            251 => Self::Will,
            252 => Self::Wont,
            253 => Self::Do,
            254 => Self::Dont,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Will => 251,
            Self::Wont => 252,
            Self::Do => 253,
            Self::Dont => 254,
        }
    }

    /// This about `option`, as it is sent.
    pub(crate) fn request(self, option: u8) -> [u8; REQUEST] {
        [IAC, self.byte(), option]
    }
}

/// Adds data to what is sent.
pub(crate) fn escape(data: &[u8], out: &mut Vec<u8>) {
    for byte in data {
        out.push(*byte);
        if *byte == IAC {
            out.push(IAC);
        }
    }
}

/// Adds a subnegotiation, which begins with its option, to what is sent.
pub(crate) fn subnegotiate(body: &[u8], out: &mut Vec<u8>) {
    out.extend([IAC, SB]);
    escape(body, out);
    out.extend([IAC, SE]);
}

/// What a byte completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard<'t> {
    /// A byte of data.
    Data(u8),
    /// Something about an option.
    Request(Verb, u8),
    /// A subnegotiation; it begins with its option.
    Subnegotiation(&'t [u8]),
}

#[derive(Clone, Copy, Debug)]
enum Within {
    Data,
    Command,
    Request(Verb),
    Body,
    CommandInBody,
}

/// Takes the commands out of what the other side sends.
#[derive(Debug)]
pub(crate) struct Listener {
    within: Within,
    body: [u8; BODY_MAX],
    /// Length of the whole body, kept or not.
    body_len: usize,
}

impl Listener {
    pub(crate) fn new() -> Self {
        Self { within: Within::Data, body: [0; BODY_MAX], body_len: 0 }
    }

    /// Takes the next byte.
    pub(crate) fn hear(&mut self, byte: u8) -> Option<Heard<'_>> {
        match (self.within, byte) {
            (Within::Data, IAC) => self.within = Within::Command,
            (Within::Data, _) => return Some(Heard::Data(byte)),
            (Within::Command, IAC) => {
                self.within = Within::Data;
                return Some(Heard::Data(IAC));
            }
            (Within::Command, _) => self.command(byte),
            (Within::Request(verb), _) => {
                self.within = Within::Data;
                return Some(Heard::Request(verb, byte));
            }
            (Within::Body, IAC) => self.within = Within::CommandInBody,
            (Within::Body, _) => self.keep(byte),
            (Within::CommandInBody, IAC) => {
                self.within = Within::Body;
                self.keep(IAC);
            }
            (Within::CommandInBody, SE) => {
                self.within = Within::Data;
                return self.body.get(..self.body_len).map(Heard::Subnegotiation);
            }
            // Another command in it means that its end was left out; what it was to say is not known.
            (Within::CommandInBody, _) => self.command(byte),
        }
        None
    }

    /// The byte after an `IAC`. Commands that matter to terminals only mean nothing here.
    fn command(&mut self, byte: u8) {
        self.body_len = 0;
        self.within = match (byte, Verb::of(byte)) {
            (SB, _) => Within::Body,
            (_, Some(verb)) => Within::Request(verb),
            (_, None) => Within::Data,
        };
    }

    fn keep(&mut self, byte: u8) {
        if let Some(place) = self.body.get_mut(self.body_len) {
            *place = byte;
        }
        self.body_len = self.body_len.saturating_add(1);
    }
}

/// Who does what an option is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// An option that is welcome on one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcome {
    side: Side,
    option: u8,
    is_asked: bool,
    is_on: bool,
    is_refused: bool,
}

impl Welcome {
    pub(crate) const fn new(side: Side, option: u8) -> Self {
        Self { side, option, is_asked: false, is_on: false, is_refused: false }
    }

    /// Asks for it; what to send for that.
    pub(crate) fn ask(&mut self) -> [u8; REQUEST] {
        self.is_asked = true;
        self.verb(true).request(self.option)
    }

    /// Both sides have agreed on it.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// The other side does not want it, or no longer.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused
    }

    fn verb(&self, is_on: bool) -> Verb {
        match (self.side, is_on) {
            (Side::Ours, true) => Verb::Will,
            (Side::Ours, false) => Verb::Wont,
            (Side::Theirs, true) => Verb::Do,
            (Side::Theirs, false) => Verb::Dont,
        }
    }

    /// Takes what the other side said about it; what to answer.
    fn settle(&mut self, is_on: bool) -> Option<[u8; REQUEST]> {
        let is_news = self.is_on != is_on && !self.is_asked;
        (self.is_asked, self.is_on, self.is_refused) = (false, is_on, !is_on);
        is_news.then(|| self.verb(is_on).request(self.option))
    }
}

/// Takes a request of the other side; what to answer.
pub(crate) fn negotiate(welcomes: &mut [Welcome], verb: Verb, option: u8) -> Option<[u8; REQUEST]> {
    let (side, is_on) = match verb {
        Verb::Do => (Side::Ours, true),
        Verb::Dont => (Side::Ours, false),
        Verb::Will => (Side::Theirs, true),
        Verb::Wont => (Side::Theirs, false),
    };
    match welcomes.iter_mut().find(|welcome| (welcome.side, welcome.option) == (side, option)) {
        Some(welcome) => welcome.settle(is_on),
        None => is_on.then(|| Welcome::new(side, option).verb(false).request(option)),
    }
}

#[cfg(test)]
mod tests;
