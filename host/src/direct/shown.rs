//! The bar that is on the terminal, and what is written beside it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// One at a time.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Notes that a bar is there, or none.
pub(super) fn show(bar: Option<ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Standard error, with lines of their own for what is written while a bar is there.
#[derive(Debug)]
pub struct BesideBar;

impl Write for BesideBar {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match shown {
            Some(bar) => bar.suspend(|| io::stderr().write(text)),
            None => io::stderr().write(text),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
