//! The link as a state machine to be explored: every order of events that a few messages and a few faults allow.
//!
//! Where the simulator takes thousands of long walks, this takes all the short ones: two links with the smallest pools, joined by
//! queues of packets that are lost, repeated and put in another order, sides that start anew and applications that stop reading. Time
//! is a step like any other: it goes to the next deadline of either side.

mod digest;
mod duo;
mod model;
mod side;

pub use duo::Duo;
pub use model::{Action, Limits, Model, Start};
