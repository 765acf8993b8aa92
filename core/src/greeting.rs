//! What of the greeting is still to be said, and when ([section 3](crate::protocol#3-hello)).

use crate::packet::{Terms, VERSION};

/// A HELLO is sent again after this time while no peer has answered, in microseconds.
///
/// Two a second find a peer soon after it appears and cost 1 % of a line at 115200 baud.
pub const HELLO_INTERVAL_US: u64 = 500_000;
/// The channel table is asked for at most this often, in microseconds: a table of eight takes about 20 ms at 115200 baud.
pub const ASK_INTERVAL_US: u64 = 100_000;

/// What of the greeting is still to be sent, and when.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) hello_due: bool,
    /// Ask for the peer's table although its epoch is known.
    ask: bool,
    /// Channels below this number have been announced.
    pub(crate) announced: usize,
    pub(crate) hello_at_us: u64,
    ask_at_us: u64,
    /// The epoch of the peer that was last refused for its versions; 0 for none.
    pub(crate) refused: u32,
}

impl Greeting {
    /// A greeting that begins at once.
    pub(crate) const fn new() -> Self {
        Self { hello_due: true, ask: false, announced: 0, hello_at_us: 0, ask_at_us: 0, refused: 0 }
    }

    /// Asks for the peer's channel table, not too often.
    pub(crate) fn ask(&mut self, now_us: u64) {
        if now_us >= self.ask_at_us {
            self.ask_at_us = now_us.saturating_add(ASK_INTERVAL_US);
            self.ask = true;
            self.hello_due = true;
        }
    }

    /// What to say if a HELLO is due, given our epoch, the peer's if it is known, and the longest packet we take.
    pub(crate) fn take_hello(&mut self, epoch: u32, peer: Option<u32>, packet_max: u32, now_us: u64) -> Option<Terms> {
        if !core::mem::take(&mut self.hello_due) {
            return None;
        }
        self.hello_at_us = now_us.saturating_add(HELLO_INTERVAL_US);
        let asks = core::mem::take(&mut self.ask);
        // A refused peer is told that it was heard, or the two would answer each other for ever.
        let seen = if asks { 0 } else { peer.unwrap_or(self.refused) };
        Some(Terms { version_min: VERSION, version_max: VERSION, epoch, seen, packet_max })
    }
}
