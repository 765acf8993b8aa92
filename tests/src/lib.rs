//! What the end-to-end tests are made of: a cable, a board at its end, a host, and clients of the host; and a simulator of two links.

mod board;
mod cable;
mod client;
mod host;
pub mod sim;

pub use board::Board;
pub use cable::Cable;
pub use client::Client;
pub use host::Host;
