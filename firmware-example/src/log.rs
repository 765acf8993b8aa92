//! Log lines of the application itself: through `defmt` on a board, nowhere on a PC, where the `log` channel shows the same.

/// Logs at level info where the feature `defmt` is on.
macro_rules! info {
    ($($arg:tt)*) => {{
        #[cfg(feature = "defmt")]
        defmt::info!($($arg)*);
    }};
}

pub(crate) use info;
