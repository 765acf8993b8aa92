//! Files over two links in virtual time: every promise of `files`, with noise, reboots and peers that lie.

mod faults;
mod hostile;
mod pair;
mod requests;
mod shelf;
mod transfers;
