//! The file that the board has, and how it is streamed.

use core::fmt::Write;

use heapless::String;
use pocketmux_core::{SendError, Stream};

use crate::app::{BoardLink, FILE};

/// The name that travels in the `meta` of the first frame.
pub const NAME: &str = "one-wire.txt";
/// The file.
pub const CONTENT: &[u8] = include_bytes!("../assets/one-wire.txt");
/// Bytes of the file in a frame.
pub const CHUNK: usize = 128;

/// A file on its way: where it stands, and the message that carries it.
pub(crate) struct Sender {
    stream: Option<Stream>,
    sent: usize,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { stream: None, sent: 0 }
    }

    /// Queues as many chunks as there is room for; true when the last is queued.
    pub(crate) fn send_more(&mut self, link: &mut BoardLink<'_>) -> bool {
        loop {
            match self.send_chunk(link) {
                Ok(true) => return true,
                Ok(false) => {}
                // There will be room again when frames have left.
                Err(_) => return false,
            }
        }
    }

    fn send_chunk(&mut self, link: &mut BoardLink<'_>) -> Result<bool, SendError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(link.begin(FILE)?.of_frames(CONTENT.len().div_ceil(CHUNK) as u32)),
        };
        let mut meta = String::<64>::new();
        if self.sent == 0 {
            // A short name and a number fit.
            let _ = write!(meta, r#"{{"name":"{NAME}","size":{},"type":"text/plain"}}"#, CONTENT.len());
        }
        let rest = CONTENT.get(self.sent..).unwrap_or_default();
        let chunk = rest.get(..CHUNK).unwrap_or(rest);
        self.sent += link.write(stream, &meta, chunk, chunk.len() == rest.len())?;
        Ok(self.sent == CONTENT.len())
    }
}
