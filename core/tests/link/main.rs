//! Two links joined by a wire in virtual time.

mod channels;
mod ends;
mod pair;
mod reuse;
mod runs;
mod sends;
mod session;
mod silence;
mod table;
