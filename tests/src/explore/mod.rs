//! The link as a state machine to be explored: every order of events that a few messages and a few faults allow.
//!
//! Where the simulator takes thousands of long walks, this takes all the short ones: two links with the smallest pools, joined by
//! queues of packets that are lost, repeated and put in another order, sides that start anew and applications that stop reading. Time
//! is a step like any other: it goes to the next deadline of either side.
//!
//! In every state it is checked that nothing came twice, out of its order or after the end of its channel, and, where no packet is on its way, that everything
//! arrives once nothing goes wrong any more. Small means small: a few messages and at most a few faults of each kind; what takes more is the simulator's.
//! Which states count as one is told in `digest.rs`; by hashes of 64 bits, of which two may be the same once in a million runs.

mod digest;
mod duo;
mod model;
mod side;

pub use duo::Duo;
pub use model::{Action, Limits, Model, Start};
