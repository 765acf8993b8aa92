//! Two links joined by a wire in virtual time.

mod channels;
mod ends;
mod pair;
mod runs;
mod sends;
mod session;
mod silence;
