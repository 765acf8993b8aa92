//! The client's side of Telnet's COM port control (RFC 2217): sets a serial port that another machine has, then carries its bytes.
//!
//! Without I/O of its own: [`ComPort::handle_input`] takes what the server sent and leaves the port's data, [`ComPort::send`] takes data
//! for the port, and [`ComPort::poll_transmit`] shows what is to be sent. Whatever the server says, memory stays bounded: a request
//! that finds no room for its answer is passed over.

use crate::telnet::{
    BINARY, COM_PORT, FRAMING, Heard, Listener, REQUEST, SUPPRESS_GO_AHEAD, Side, Welcome, escape, negotiate,
    subnegotiate,
};

/// Bytes of data that are taken at once.
const DATA_MAX: usize = 512;
/// What sets the port has at most so many bytes, and is sent once.
const SETTINGS_MAX: usize = 96;
/// Most that waits to be sent: data of which every byte is escaped, answers, and what sets the port.
const OUTGOING_MAX: usize = 2 * DATA_MAX + 256 + SETTINGS_MAX;

/// What a client says to set the port, and to hear nothing of its state; the server answers with a code higher by [`ANSWER`].
const SET_BAUDRATE: u8 = 1;
const SET_DATASIZE: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOPSIZE: u8 = 4;
const SET_CONTROL: u8 = 5;
const SET_LINESTATE_MASK: u8 = 10;
const SET_MODEMSTATE_MASK: u8 = 11;
const ANSWER: u8 = 100;
/// What a server says to hold back the client.
const SUSPEND: u8 = 108;
const RESUME: u8 = 109;

/// How many data bits are there? No server can take that for an order.
const QUESTION: [u8; 3] = [COM_PORT, SET_DATASIZE, 0];

const PARITY_NONE: u8 = 1;
const STOPSIZE_ONE: u8 = 1;
const FLOW_CONTROL_NONE: u8 = 1;

/// Places of the options that matter, in what is agreed on.
const OUR_BINARY: usize = 0;
const THEIR_BINARY: usize = 1;
const COM_PORT_CONTROL: usize = 2;
/// The options after these are welcome, but not asked for.
const ASKED: usize = 5;

/// How far the two sides have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The port is not set yet.
    Opening,
    /// Bytes may pass.
    Open,
    /// They never will, or no longer.
    Failed(Failure),
}

/// Why no bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server does not do COM port control.
    NotComPort,
    /// The server insists on text.
    NotBinary,
    /// The port cannot be set to that.
    Unset(&'static str),
}

/// Something about the port that is to be set.
#[derive(Debug)]
struct Setting {
    code: u8,
    name: &'static str,
    wanted: u32,
    is_set: bool,
}

impl Setting {
    const fn new(code: u8, name: &'static str, wanted: u32) -> Self {
        Self { code, name, wanted, is_set: false }
    }

    /// A port is at the speed that its clock allows, and a UART bears 3 % either way.
    fn fits(&self, answered: u32) -> bool {
        let tolerance = if self.code == SET_BAUDRATE { self.wanted / 33 } else { 0 };
        answered.abs_diff(self.wanted) <= tolerance
    }
}

/// A serial port that a server has.
#[derive(Debug)]
pub(crate) struct ComPort {
    listener: Listener,
    welcomes: [Welcome; 6],
    settings: [Setting; 5],
    unset: Option<&'static str>,
    has_set: bool,
    is_suspended: bool,
    gives_signs: bool,
    outgoing: Vec<u8>,
}

impl ComPort {
    /// A port that is to have this speed, 8 data bits, no parity, 1 stop bit and no flow control.
    pub(crate) fn new(baud: u32) -> Self {
        let mut welcomes = [
            Welcome::new(Side::Ours, BINARY),
            Welcome::new(Side::Theirs, BINARY),
            Welcome::new(Side::Ours, COM_PORT),
            Welcome::new(Side::Ours, SUPPRESS_GO_AHEAD),
            Welcome::new(Side::Theirs, SUPPRESS_GO_AHEAD),
            // The client is who offers it, but some servers do too.
            Welcome::new(Side::Theirs, COM_PORT),
        ];
        let asked = welcomes.iter_mut().take(ASKED);
        let mut outgoing = Vec::with_capacity(OUTGOING_MAX);
        outgoing.extend(asked.flat_map(Welcome::ask));
        let settings = [
            Setting::new(SET_BAUDRATE, "the speed that --baud asks for", baud),
            Setting::new(SET_DATASIZE, "8 data bits", 8),
            Setting::new(SET_PARITY, "no parity", u32::from(PARITY_NONE)),
            Setting::new(SET_STOPSIZE, "1 stop bit", u32::from(STOPSIZE_ONE)),
            Setting::new(SET_CONTROL, "no flow control", u32::from(FLOW_CONTROL_NONE)),
        ];
        Self {
            listener: Listener::new(),
            welcomes,
            settings,
            unset: None,
            has_set: false,
            is_suspended: false,
            gives_signs: false,
            outgoing,
        }
    }

    /// How far the two sides have come.
    pub(crate) fn standing(&self) -> Standing {
        let [ours, theirs, control] =
            [OUR_BINARY, THEIR_BINARY, COM_PORT_CONTROL].map(|place| self.welcomes.get(place));
        let is_refused = |welcome: Option<&Welcome>| welcome.is_some_and(Welcome::is_refused);
        let is_on = |welcome: Option<&Welcome>| welcome.is_some_and(Welcome::is_on);
        if is_refused(control) {
            Standing::Failed(Failure::NotComPort)
        } else if is_refused(ours) || is_refused(theirs) {
            Standing::Failed(Failure::NotBinary)
        } else if let Some(name) = self.unset {
            Standing::Failed(Failure::Unset(name))
        } else if is_on(control) && is_on(ours) && is_on(theirs) && self.settings.iter().all(|setting| setting.is_set) {
            Standing::Open
        } else {
            Standing::Opening
        }
    }

    /// The server has asked not to be sent data for now.
    pub(crate) fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// Asks the server for a sign of life: how the port is set. A server that has lost its port still answers in Telnet, but not this.
    pub(crate) fn ask_for_sign(&mut self) {
        if self.room() >= QUESTION.len() + FRAMING {
            subnegotiate(&QUESTION, &mut self.outgoing);
        }
    }

    /// The server has answered such a question, so it will again while it lives.
    pub(crate) fn gives_signs(&self) -> bool {
        self.gives_signs
    }

    /// Takes what the server sent; moves what is data to the front, and returns how much that is.
    pub(crate) fn handle_input(&mut self, bytes: &mut [u8]) -> usize {
        let mut len = 0;
        for at in 0..bytes.len() {
            let Some(byte) = bytes.get(at).copied() else { break };
            match self.listener.hear(byte) {
                // Never ahead of what is read: every byte of data took at least one.
                Some(Heard::Data(byte)) => {
                    if let Some(place) = bytes.get_mut(len) {
                        *place = byte;
                    }
                    len += 1;
                }
                Some(Heard::Request(verb, option)) => {
                    if self.room() >= REQUEST {
                        self.outgoing.extend(negotiate(&mut self.welcomes, verb, option).into_iter().flatten());
                    }
                    self.set();
                }
                Some(Heard::Subnegotiation([COM_PORT, code, value @ ..])) => {
                    let (code, value) = (*code, number(value));
                    self.answer(code, value);
                }
                Some(Heard::Subnegotiation(_)) | None => {}
            }
        }
        len
    }

    /// Takes data for the port; returns how many bytes, which may be none.
    pub(crate) fn send(&mut self, data: &[u8]) -> usize {
        let taken = if self.is_suspended { 0 } else { data.len().min(self.room() / 2).min(DATA_MAX) };
        escape(data.get(..taken).unwrap_or_default(), &mut self.outgoing);
        taken
    }

    /// What is to be sent to the server.
    pub(crate) fn poll_transmit(&self) -> &[u8] {
        &self.outgoing
    }

    /// Says that `len` bytes of that were sent.
    pub(crate) fn consume(&mut self, len: usize) {
        self.outgoing.drain(..len.min(self.outgoing.len()));
    }

    fn room(&self) -> usize {
        (OUTGOING_MAX - SETTINGS_MAX).saturating_sub(self.outgoing.len())
    }

    /// Sets the port, once the server has agreed to that.
    fn set(&mut self) {
        if self.has_set || !self.welcomes.get(COM_PORT_CONTROL).is_some_and(Welcome::is_on) {
            return;
        }
        self.has_set = true;
        for Setting { code, wanted, .. } in &self.settings {
            let value = wanted.to_be_bytes();
            let value = if *code == SET_BAUDRATE { &value[..] } else { &value[3..] };
            subnegotiate(&[&[COM_PORT, *code], value].concat(), &mut self.outgoing);
        }
        for mask in [SET_LINESTATE_MASK, SET_MODEMSTATE_MASK] {
            subnegotiate(&[COM_PORT, mask, 0], &mut self.outgoing);
        }
        subnegotiate(&QUESTION, &mut self.outgoing);
    }

    fn answer(&mut self, code: u8, value: Option<u32>) {
        match code {
            SUSPEND => self.is_suspended = true,
            RESUME => self.is_suspended = false,
            _ => {}
        }
        let is_of_question = |setting: &Setting| setting.code == SET_DATASIZE && setting.is_set;
        self.gives_signs |= code == SET_DATASIZE + ANSWER && self.settings.iter().any(is_of_question);
        // Once the port is set, answers are notes on what another client has changed, which is that client's doing.
        let of = |setting: &&mut Setting| !setting.is_set && setting.code + ANSWER == code;
        if let (Some(setting), Some(value)) = (self.settings.iter_mut().find(of), value) {
            setting.is_set = setting.fits(value);
            if !setting.is_set {
                self.unset = Some(setting.name);
            }
        }
    }
}

/// The number that 1 byte or 4 bytes are.
fn number(value: &[u8]) -> Option<u32> {
    match value {
        [byte] => Some(u32::from(*byte)),
        _ => value.try_into().ok().map(u32::from_be_bytes),
    }
}

#[cfg(test)]
mod tests;
