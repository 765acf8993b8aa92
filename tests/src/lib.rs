//! What the end-to-end tests are made of: a cable, a board at its end, a host, and clients of the host.

mod board;
mod cable;
mod client;
mod host;
mod ser2net;

pub use board::Board;
pub use cable::Cable;
pub use client::Client;
pub use host::Host;
pub use ser2net::Ser2net;
