//! Messages that wait, up to a bound.

use std::collections::VecDeque;

use crate::sockjs::message::Message;

/// A queue with so many bytes in it takes no more. What is put in then goes in whole, so it may end above the bound.
const BYTES_MAX: usize = 256 << 10;
/// What a message takes up beside its text; a flood of empty ones has a bound too.
const MESSAGE_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < BYTES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.bytes += message.len() + MESSAGE_BYTES;
        self.messages.push_back(message);
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len() + MESSAGE_BYTES;
        if self.messages.is_empty() {
            // An idle session is to hold no memory for the burst it once had.
            self.messages = VecDeque::new();
        }
        Some(message)
    }

    pub(crate) fn take(&mut self) -> VecDeque<Message> {
        self.bytes = 0;
        std::mem::take(&mut self.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn a_queue_fills_with_long_messages_and_with_many_and_empties_again() {
        let mut queue = Queue::default();
        queue.push("x".repeat(300 << 10).as_str().into());
        assert!(!queue.has_room());
        assert_eq!(queue.pop().map(|message| message.len()), Some(300 << 10));
        let count =
            std::iter::repeat_with(|| queue.has_room().then(|| queue.push("".into()))).map_while(|put| put).count();
        assert!(count < 5000);
        assert_eq!(queue.take().len(), count);
        assert!(queue.has_room() && queue.is_empty() && queue.pop().is_none());
    }
}
