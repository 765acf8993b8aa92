//! Files over a link: offered, fetched, listed, and resumed where they stopped.

mod digest;
mod name;
#[cfg(feature = "nor")]
mod nor;
mod ram;
mod store;

pub use digest::{Algorithm, Digest, Hasher};
pub use name::{NAME_MAX, Name, NameError};
#[cfg(feature = "nor")]
pub use nor::{Nor, RECEIVED_AT_ONCE};
pub use ram::Ram;
pub use store::{About, Entry, FileId, KIND_MAX, Kind, Space, Store, StoreError};
