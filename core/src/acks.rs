//! When to acknowledge: late enough that one answer serves many frames, early enough that the sender's pool does not run dry.

/// An acknowledgement that nothing hurries is sent when the line has been quiet for this long, in microseconds.
///
/// While bytes keep coming it is the count of packets that decides, whatever the speed of the line. USB adapters hand bytes over every 16 ms:
/// that is not quiet yet.
pub(crate) const QUIET_US: u32 = 20_000;
/// And at the latest after this long, in microseconds: what keeps coming may not be what counts.
const DELAY_MAX_US: u64 = 100_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Acks {
    /// Packets to be answered.
    waiting: u8,
    at_once: bool,
    /// When bytes came last.
    input_us: u64,
    /// When the first packet to be answered came.
    since_us: u64,
}

impl Acks {
    /// Notes that bytes came.
    pub(crate) fn input(&mut self, now_us: u64) {
        self.input_us = now_us;
    }

    /// True while bytes come without a pause.
    pub(crate) fn is_flowing(&self, now_us: u64) -> bool {
        now_us < self.input_us.saturating_add(u64::from(QUIET_US))
    }

    /// Notes that there is a packet to answer.
    pub(crate) fn note(&mut self, every: u8) {
        if self.waiting == 0 {
            self.since_us = self.input_us;
        }
        self.waiting = self.waiting.saturating_add(1);
        self.at_once |= self.waiting >= every;
    }

    /// The peer waits for this answer: a gap, a repetition, a credit.
    pub(crate) fn hurry(&mut self) {
        self.at_once = true;
    }

    /// There is something to answer, sooner or later.
    pub(crate) fn is_owed(&self) -> bool {
        self.waiting > 0 || self.at_once
    }

    /// True when an acknowledgement is to be sent as soon as the line takes it.
    pub(crate) fn is_due(&self) -> bool {
        self.at_once
    }

    /// Nothing hurried it for long enough.
    pub(crate) fn handle_timeout(&mut self, now_us: u64) {
        self.at_once |= self.deadline_us().is_some_and(|deadline| now_us >= deadline);
    }

    /// When [`Acks::handle_timeout`] has something to do; never what it has done.
    pub(crate) fn deadline_us(&self) -> Option<u64> {
        let quiet_us = self.input_us.saturating_add(u64::from(QUIET_US));
        (self.waiting > 0 && !self.at_once).then(|| quiet_us.min(self.since_us.saturating_add(DELAY_MAX_US)))
    }

    pub(crate) fn sent(&mut self) {
        self.waiting = 0;
        self.at_once = false;
    }
}
