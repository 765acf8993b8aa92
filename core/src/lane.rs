//! One channel in one direction: the order of its frames, its credit, and the labels that need not be said again.
//!
//! Places count the frames of a channel, one byte of them; what is on its way spans less than half of that.

mod inbound;
mod outbound;

pub(crate) use inbound::{InLane, Meaning, Verdict, name_check};
pub(crate) use outbound::{Closing, OutLane};
