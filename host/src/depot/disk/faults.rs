//! Steps that fail, for tests: one of them, or all from one on, as after a crash.

use std::cell::Cell;
use std::io;
use std::sync::Mutex;

/// How the steps of a folder go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// After so many, none is done any more.
    Crash(usize),
    /// After so many, one is not done for want of room.
    Full(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Fault>);

thread_local! {
    /// What the folders that are opened next begin with.
    static NEXT: Cell<Fault> = const { Cell::new(Fault::None) };
}

impl Faults {
    /// Those that this thread has asked for.
    pub(super) fn here() -> Self {
        Self(Mutex::new(NEXT.get()))
    }

    pub(crate) fn begin_with(fault: Fault) {
        NEXT.set(fault);
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = fault;
    }

    /// Whether the fault was come to.
    pub(crate) fn has_struck(&self) -> bool {
        matches!(*self.0.lock().unwrap(), Fault::Crash(0) | Fault::None)
    }

    pub(super) fn step(&self) -> io::Result<()> {
        let mut fault = self.0.lock().unwrap();
        match &mut *fault {
            Fault::None => Ok(()),
            Fault::Crash(0) => Err(io::Error::other("the host has crashed")),
            Fault::Full(0) => {
                *fault = Fault::None;
                Err(io::ErrorKind::StorageFull.into())
            }
            Fault::Crash(left) | Fault::Full(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}
