//! A small application over one UART: presence every second, a file on request and at the start, chat that is answered, and
//! `typing` while it thinks.
//!
//! [`App`] is portable: it needs a UART behind the `embedded-io` traits and the time. The boards in `src/bin` give it theirs; the host's
//! virtual device gives it one in memory.
//!
//! | channel | priority | what |
//! |---|---|---|
//! | `chat` | normal | text; each line is answered, `/file` and `/help` are commands |
//! | `presence` | urgent, latest | `online`, every second |
//! | `typing` | urgent, latest | `typing` when it begins to think, `idle` when it is done |
//! | `file` | bulk | [`file::CONTENT`], with a `meta` of JSON that has its name and size; and the files of the board's store, in both directions |
//! | `log` | bulk, lossy | a line for what happens |
//! | `mystream0` to `mystream9` | bulk, lossy | a number between 0 and 1 as `{"myValue":0.123}`, each every half second |

#![no_std]
#![forbid(unsafe_code)]

mod app;
mod channels;
mod chat;
pub mod clock;
pub mod file;
mod log;
mod numbers;
pub mod ring;
pub mod uart;

pub use app::{App, Board};
pub use channels::{BLOCKS, FRAME};
pub use chat::THINK_US;
