//! What the end-to-end tests and the benchmark are made of: a cable, a board at its end, a host, clients of the host, and a paced wire; and a
//! simulator of two links.

mod board;
mod cable;
mod client;
mod corruption;
pub mod explore;
mod host;
mod noise;
mod port;
mod pump;
mod ser2net;
pub mod sim;
mod wire;

pub use board::Board;
pub use cable::Cable;
pub use client::Client;
pub use corruption::{Corruption, Tally};
pub use host::Host;
pub use noise::{Noise, Random};
pub use port::Port;
pub use ser2net::Ser2net;
pub use wire::{End, Line, Traffic, Wire};
