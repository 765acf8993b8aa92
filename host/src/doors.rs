//! The doors: other ways in than Pocket frames, each for clients that people already have.
//!
//! A door translates and does nothing else: what its clients say becomes messages on channels of the hub, and what the hub has for
//! them goes out in their words.

pub(crate) mod chat;
