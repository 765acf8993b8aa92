//! What of the greeting is still to be said, and when ([section 3](crate::protocol#3-hello)).

/// A HELLO is sent again after this time while no peer has answered, in microseconds.
///
/// Two a second find a peer soon after it appears and cost 1 % of a line at 115200 baud.
pub const HELLO_INTERVAL_US: u64 = 500_000;
/// After this time where there is a peer to be expected, [`HASTY_HELLOS`] times: one that noise destroys costs no more than this.
pub const HELLO_HASTE_US: u64 = 100_000;
/// HELLOs that leave in haste when a side starts, or meets another peer: at an error in a thousand bits, half of all exchanges succeed.
pub const HASTY_HELLOS: u8 = 10;
/// The channel table is asked for at most this often, in microseconds: a table of eight takes about 20 ms at 115200 baud.
pub const ASK_INTERVAL_US: u64 = 100_000;

/// What of the greeting is still to be sent, and when.
#[derive(Clone, Debug)]
pub(crate) struct Greeting {
    pub(crate) is_due: bool,
    /// Ask for the peer's table although the link is up.
    asks: bool,
    /// When the last HELLO left.
    left_us: u64,
    /// HELLOs that are still to be sent in haste.
    hasty: u8,
    ask_at_us: u64,
    /// The epoch of the peer that was last refused for its versions; 0 for none.
    pub(crate) refused: u32,
}

impl Greeting {
    /// A greeting that begins at once.
    pub(crate) const fn new() -> Self {
        Self { is_due: true, asks: false, left_us: 0, hasty: HASTY_HELLOS, ask_at_us: 0, refused: 0 }
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

    /// A peer is to be expected.
    pub(crate) fn hurry(&mut self) {
        self.hasty = HASTY_HELLOS;
    }

    /// The peer has answered.
    pub(crate) fn calm(&mut self) {
        self.hasty = 0;
    }

    fn interval_us(&self) -> u64 {
        if self.hasty > 0 { HELLO_HASTE_US } else { HELLO_INTERVAL_US }
    }

    /// When the next HELLO is due, in microseconds.
    pub(crate) fn at_us(&self) -> u64 {
        self.left_us.saturating_add(self.interval_us())
    }

    /// How long ago the HELLO left that is answered now, in microseconds: the one before the last if that left in haste. Too long is a longer
    /// wait, too short a packet sent twice (Karn).
    pub(crate) fn age_us(&self, now_us: u64) -> u64 {
        let before = if (1..HASTY_HELLOS - 1).contains(&self.hasty) { HELLO_HASTE_US } else { 0 };
        now_us.saturating_sub(self.left_us).saturating_add(before)
    }

    /// Notes that a HELLO leaves; true when it is to ask for an answer although the link is up.
    pub(crate) fn leaves(&mut self, now_us: u64) -> bool {
        self.is_due = false;
        self.left_us = now_us;
        self.hasty = self.hasty.saturating_sub(1);
        core::mem::take(&mut self.asks)
    }
}
