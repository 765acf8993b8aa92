//! The memory that holds one packet.

/// An array of bytes, as the type that says how long packets may be.
pub trait Buffer: AsRef<[u8]> + AsMut<[u8]> {
    /// Its length.
    const LEN: usize;
    /// All zero.
    const ZERO: Self;
}

impl<const N: usize> Buffer for [u8; N] {
    const LEN: usize = N;
    const ZERO: Self = [0; N];
}
