//! How a job ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use pocketmux_core::files::{Failure, Reason, StoreError};

/// How the program ends, for whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It failed on this side, or on the way.
    Failed = 1,
    /// The command line cannot be acted on.
    Usage = 2,
    /// The device refused.
    Refused = 3,
    /// The device is not there, or does not answer.
    Absent = 4,
    /// It was interrupted, and can be gone on with.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

/// Why a job was not done: how the program ends, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    exit: Exit,
    words: String,
}

impl Trouble {
    pub(crate) fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, words: words.into() }
    }

    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self::new(Exit::Failed, words)
    }

    /// The end of a transfer, or the answer to a request, that has to do with something of that name.
    pub(super) fn of(name: &str, failure: Failure) -> Self {
        let exit = match failure.reason {
            Reason::Stalled | Reason::Mismatch | Reason::Failed | Reason::Protocol => Exit::Failed,
            _ if failure.is_theirs => Exit::Refused,
            _ => Exit::Failed,
        };
        let who = if failure.is_theirs { "The device says" } else { "Here" };
        Self::new(exit, format!("{name}: {who}: {}.", failure.reason))
    }

    pub(super) fn of_store(name: &str, error: StoreError) -> Self {
        Self::failed(format!("{name}: {error}."))
    }

    /// It was wished for.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "Interrupted. The same command goes on from here.")
    }

    /// The same, about something of that name.
    pub(crate) fn about(self, name: &str) -> Self {
        Self { words: format!("{name}: {}", self.words), ..self }
    }

    /// The device does not take it.
    pub(crate) fn is_refusal(&self) -> bool {
        self.exit == Exit::Refused
    }

    /// Somebody is not there.
    pub(crate) fn is_absence(&self) -> bool {
        self.exit == Exit::Absent
    }

    /// There is no use in trying anything else.
    pub(super) fn ends_all(&self) -> bool {
        matches!(self.exit, Exit::Absent | Exit::Interrupted)
    }

    /// Says it.
    pub(crate) fn told(self) -> Exit {
        let _ = writeln!(io::stderr(), "pocketmux: {}", self.words);
        self.exit
    }
}
