//! One transfer, as people see it and as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::depot::FileId;

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// From the host to the device.
    To,
    /// From the device to the host.
    From,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::To => "to",
            Self::From => "from",
        })
    }
}

/// How a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It begins or goes on as soon as the device is there.
    Waiting,
    /// Bytes are moving.
    Running,
    /// A person, or the device, wants it to go on later.
    Paused,
    /// All of it is there and verified.
    Done,
    /// It cannot go on as it is.
    Failed,
    /// A person, or the device, does not want it any more.
    Cancelled,
}

impl State {
    /// It is not over.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Paused)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A file on its way between the host and a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// Its own, and that of the file of the host that it makes when it comes from a device.
    pub(crate) id: FileId,
    pub(crate) device: String,
    pub(crate) direction: Direction,
    /// What the device calls the file.
    pub(crate) name: String,
    /// The file of the host, once there is one.
    pub(crate) file: Option<FileId>,
    /// Bytes, once that is known.
    pub(crate) size: Option<u64>,
    /// Bytes that have moved; of what was sent, the last may not be stored yet.
    pub(crate) at: u64,
    /// Bytes that were there when it last went on.
    #[serde(default)]
    pub(crate) from: u64,
    pub(crate) state: State,
    /// A sentence, where there is something to say.
    pub(crate) detail: String,
    /// It failed because the device did not want it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
    /// Of the whole, as `sha-256:` or `crc-32:` and hexadecimal digits, once it is known.
    pub(crate) digest: Option<String>,
    /// Bytes a second lately; 0 while nothing moves.
    pub(crate) rate: u64,
    /// Counted up by every change of any transfer.
    pub(crate) revision: u64,
    /// The device began it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_theirs: bool,
    /// It was cancelled, and what the receiver has of it is still to be dropped: the device, which has to be told, or this host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) drops: bool,
    /// Nobody wants to see it any more; it is here only until that is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_forgotten: bool,
}

impl Transfer {
    /// One that waits.
    pub(super) fn new(device: &str, direction: Direction, name: &str) -> Self {
        Self {
            id: FileId::new(),
            device: device.into(),
            direction,
            name: name.into(),
            file: None,
            size: None,
            at: 0,
            from: 0,
            state: State::Waiting,
            detail: String::new(),
            refused: false,
            digest: None,
            rate: 0,
            revision: 0,
            is_theirs: false,
            drops: false,
            is_forgotten: false,
        }
    }

    /// Takes another state, and a sentence about it.
    pub(crate) fn enter(&mut self, state: State, detail: &str) {
        (self.state, self.rate, self.refused) = (state, 0, false);
        self.detail = detail.into();
    }

    pub(super) fn differs_only_in_progress(&self, other: &Self) -> bool {
        Self { at: other.at, from: other.from, rate: other.rate, revision: other.revision, ..self.clone() } == *other
    }
}
