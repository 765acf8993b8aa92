//! Files over a link: offered, fetched, listed, and resumed where they stopped.

mod digest;
mod name;
mod store;

pub use digest::{Algorithm, Digest, Hasher};
pub use name::{NAME_MAX, Name, NameError};
pub use store::{About, Entry, FileId, KIND_MAX, Kind, Space, Store, StoreError};
