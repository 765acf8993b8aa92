//! Two links, joined by bad wires, in virtual time, all of it chosen by a seed.
//!
//! A run makes a [`Scenario`] of its seed and plays it in a [`World`]: two real links that it drives by their five verbs, wires with a rate and a
//! delay that change, lose, garble and repeat bytes, stall and come unplugged, sides that start anew, sleep and stop reading, and
//! applications that send messages of every kind on channels of every kind. Every frame that arrives is held against the
//! [`Ledger`](ledger::Ledger) of what was accepted. Once everything that goes wrong is over, all that was accepted must arrive.
//!
//! The same seed gives the same run. `POCKETMUX_SEED=n` runs one seed alone; `POCKETMUX_RUNS=n` sets how many are run.

pub mod application;
mod away;
pub mod chance;
pub mod draft;
pub mod fault;
pub mod ledger;
pub mod node;
pub mod noise;
pub mod record;
pub mod runs;
pub mod scenario;
pub mod shrink;
pub mod side;
pub mod table;
pub mod trace;
mod turn;
mod verdict;
pub mod wire;
pub mod work;
pub mod world;

pub use runs::run_all;
pub use scenario::{Family, Scenario};
pub use world::{Report, World};
