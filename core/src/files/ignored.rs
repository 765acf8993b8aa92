//! Messages that were given up and may still be coming: their frames are for nobody.

use crate::frame::MessageId;

/// So many of them; the oldest is forgotten.
const IGNORED: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Ignored {
    messages: [Option<MessageId>; IGNORED],
    next: usize,
}

impl Ignored {
    /// Frames of that message may still come.
    #[inline(never)]
    pub(super) fn add(&mut self, message: Option<MessageId>) {
        if message.is_some()
            && let Some(place) = self.messages.get_mut(self.next)
        {
            *place = message;
            self.next = (self.next + 1) % IGNORED;
        }
    }

    pub(super) fn has(&self, message: MessageId) -> bool {
        self.messages.contains(&Some(message))
    }
}
