//! A message of the history, before and after it is written.

use serde::Serialize;

/// A message as the history has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) content: String,
    /// ISO 8601: in UTC with milliseconds where it is ours, else as it was given.
    pub(crate) timestamp: String,
}

/// A message that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) content: String,
    /// The time of writing when there is none.
    pub(crate) timestamp: Option<String>,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the history now.
    New(Row),
    /// There is one of that id already, this one.
    Known(Row),
    /// Its timestamp is no time.
    NotATime,
}
