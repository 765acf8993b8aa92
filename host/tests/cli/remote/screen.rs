//! A terminal, and all that was written to it.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pocketmux_tests::{End, Line, Wire};

use crate::running::PATIENCE;

/// One end of a wire of two terminals: what the program writes comes out at the other.
pub(super) struct Screen {
    wire: Wire,
    written: Arc<Mutex<String>>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let wire = Wire::new(&Line::new(3_000_000)).unwrap();
        let written = Arc::<Mutex<String>>::default();
        let (mut far, all) = (File::open(wire.path(End::B)).unwrap(), written.clone());
        // It ends with the tests.
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(len @ 1..) = far.read(&mut buf) {
                // What is not ASCII is of no interest here.
                all.lock().unwrap().push_str(&String::from_utf8_lossy(&buf[..len]));
            }
        });
        Self { wire, written }
    }

    pub(super) fn stdio(&self) -> Stdio {
        File::options().write(true).open(self.wire.path(End::A)).unwrap().into()
    }

    /// Waits until that is there, and gives everything.
    pub(super) fn wait_for(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let written = self.written.lock().unwrap().clone();
            if written.contains(words) {
                return written;
            }
            assert!(began.elapsed() < PATIENCE, "{written:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
