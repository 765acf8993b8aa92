//! What happens to a run at a moment of its own, besides noise.

use std::fmt;

/// A direction or a side by number: wire 0 leads from side 0 to side 1.
pub type Number = usize;

/// Something that goes wrong, or somebody who does something else for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A wire freezes; nothing on it is lost.
    Stall(Number),
    /// What arrives over a wire is lost.
    Unplug(Number),
    /// What arrives over either wire is lost.
    UnplugBoth,
    /// A side starts anew; the time is how long it is off.
    Reboot(Number),
    /// A side does not run; its UART keeps this many bytes and loses the rest.
    Sleep(Number, usize),
    /// What leaves over a wire also comes back to its sender.
    Loop(Number),
    /// A third side is at the place of a side: that one hears nothing, and what it sends is lost.
    Swap(Number),
    /// A side is told that its line was interrupted.
    Interrupt(Number),
    /// A side closes a channel, and opens it again at the end.
    Close(Number, usize),
    /// The same at once, dropping what has not arrived.
    Reset(Number, usize),
    /// The application of a side does not read a channel, which is named by its place in the table.
    Pause(Number, usize),
}

/// What, when, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub at_ms: u64,
    /// How long it lasts.
    pub for_ms: u64,
    /// What.
    pub event: Event,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}+{}ms", self.event, self.at_ms, self.for_ms)
    }
}
