//! What of the greeting is still to be said, and when ([section 3](crate::protocol#3-hello)).

/// A HELLO is sent again after this time while no peer has answered, in microseconds.
///
/// Two a second find a peer soon after it appears and cost 1 % of a line at 115200 baud.
pub const HELLO_INTERVAL_US: u64 = 500_000;
/// The channel table is asked for at most this often, in microseconds: a table of eight takes about 20 ms at 115200 baud.
pub const ASK_INTERVAL_US: u64 = 100_000;

/// What of the greeting is still to be sent, and when.
#[derive(Clone, Debug)]
pub(crate) struct Greeting {
    pub(crate) is_due: bool,
    /// Ask for the peer's table although the link is up.
    asks: bool,
    pub(crate) at_us: u64,
    ask_at_us: u64,
    /// The epoch of the peer that was last refused for its versions; 0 for none.
    pub(crate) refused: u32,
}

impl Greeting {
    /// A greeting that begins at once.
    pub(crate) const fn new() -> Self {
        Self { is_due: true, asks: false, at_us: 0, ask_at_us: 0, refused: 0 }
    }

    /// Asks for the peer's HELLO and channel table, not too often.
    pub(crate) fn ask(&mut self, now_us: u64) {
        if now_us >= self.ask_at_us {
            self.ask_at_us = now_us.saturating_add(ASK_INTERVAL_US);
            self.ask_at_once();
        }
    }

    /// Asks whoever is there now.
    pub(crate) fn ask_at_once(&mut self) {
        self.asks = true;
        self.is_due = true;
    }

    /// When the last HELLO left, in microseconds.
    pub(crate) fn left_at_us(&self) -> u64 {
        self.at_us.saturating_sub(HELLO_INTERVAL_US)
    }

    /// Notes that a HELLO leaves; true when it is to ask for an answer although the link is up.
    pub(crate) fn leaves(&mut self, now_us: u64) -> bool {
        self.is_due = false;
        self.at_us = now_us.saturating_add(HELLO_INTERVAL_US);
        core::mem::take(&mut self.asks)
    }
}
