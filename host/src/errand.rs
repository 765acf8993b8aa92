//! What others want of the task that has a device's port.

use pocketmux_core::files::{Entry, Reason, Space};
use tokio::sync::oneshot;

use crate::message::Message;

/// What others want of a device's task.
#[derive(Debug)]
pub(crate) enum Errand {
    /// The device is to get this.
    Message(Message),
    /// Somebody asks for something about its files.
    Files(Request),
}

impl Errand {
    /// What the device is to get.
    #[cfg(test)]
    pub(crate) fn into_message(self) -> Message {
        let Self::Message(message) = self else { panic!("no message: {self:?}") };
        message
    }
}

/// Something about the files of a device.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) what: What,
    pub(crate) answer: oneshot::Sender<Result<Answer, Refusal>>,
}

impl Request {
    pub(crate) fn refuse(self, refusal: Refusal) {
        // Whoever asked may have gone.
        let _ = self.answer.send(Err(refusal));
    }
}

/// What is asked about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Which there are.
    List,
    /// That one is to go.
    Remove(String),
    /// One is to have another name.
    Rename {
        /// The name that it has.
        from: String,
        /// The name that it is to have.
        to: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The files, and how much room there is.
    Files(Vec<Entry>, Space),
    Done,
}

/// Why it is not done; whole sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("There is no such device.")]
    Unknown,
    #[error("The device is not online.")]
    Offline,
    #[error("The device's firmware does not speak of files.")]
    NoFiles,
    #[error("The device has not answered.")]
    NoAnswer,
    #[error("The device has more to do than it can. Try again in a moment.")]
    Busy,
    #[error("The device refused: {0}.")]
    Device(Reason),
}
