//! The real program, from the command line: what it says, how it exits, and that it works.

mod arguments;
mod clients;
mod ending;
mod files;
mod history;
mod ports;
mod remote;
mod running;
