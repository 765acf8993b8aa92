//! What waits for the history's thread.

use axum::extract::ws::Utf8Bytes;
use tokio::sync::oneshot;

use super::row::{Draft, Written};
use crate::message::Message;

/// What became of a message; else a sentence for its sender.
pub(crate) type Outcome = Result<Written, String>;

/// A frame on the channel, on its way to everyone.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) frame: Utf8Bytes,
    /// What is whole with the frame.
    pub(crate) message: Option<Message>,
    /// What is to be committed before anyone is told.
    pub(crate) draft: Option<Draft>,
    /// Who waits to hear what became of it.
    pub(crate) answer: Option<oneshot::Sender<Outcome>>,
}

impl Entry {
    /// Bytes that it takes while it waits, without the little things.
    pub(super) fn len(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.data.len());
        let draft = self.draft.as_ref().map_or(0, |draft| draft.sender.len() + draft.content.len());
        self.frame.as_str().len() + message + draft
    }

    /// Tells the sender that nobody gets it.
    pub(super) fn refuse(self, sentence: &str) {
        if let Some(answer) = self.answer {
            // Whoever asked may have gone.
            let _ = answer.send(Err(sentence.to_owned()));
        } else if let Some(message) = self.message {
            message.refuse(sentence);
        }
    }
}
