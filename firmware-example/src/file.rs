//! The file that the board has, and how it is streamed.

use core::fmt::Write;

use heapless::String;
use pocketmux_core::{Buffer, Link, SendError, Stream};

use crate::channels::{COUNT, FILE};

/// The name that travels in the `meta` of the first frame.
pub const NAME: &str = "one-wire.txt";
/// The file.
pub const CONTENT: &[u8] = include_bytes!("../assets/one-wire.txt");
/// Bytes of the file in a frame at most.
pub const CHUNK: usize = 110;

/// A file on its way: where it stands, and the message that carries it.
pub(crate) struct Sender {
    stream: Stream,
    meta: String<64>,
    /// Bytes of the file in a frame: fewer than [`CHUNK`] for a peer that takes only small frames.
    chunk: usize,
    sent: usize,
}

impl Sender {
    /// Begins the message; `None` while there is no peer to send it to.
    pub(crate) fn begin<const FRAME: usize, const BLOCKS: usize, P: Buffer>(
        link: &mut Link<'_, FRAME, BLOCKS, COUNT, P>,
    ) -> Option<Self> {
        let mut meta = String::new();
        // A short name and a number fit.
        let _ = write!(meta, r#"{{"name":"{NAME}","size":{},"type":"text/plain"}}"#, CONTENT.len());
        let chunk = link.frame_room().saturating_sub(meta.len()).clamp(1, CHUNK);
        let frames = CONTENT.len().div_ceil(chunk);
        let stream = link.begin(FILE).ok()?.of_frames(frames as u32);
        Some(Self { stream, meta, chunk, sent: 0 })
    }

    /// Queues as many chunks as there is room for; true when the last is queued, or when the link that they were for is gone.
    pub(crate) fn send_more<const FRAME: usize, const BLOCKS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, COUNT, P>,
    ) -> bool {
        loop {
            let rest = CONTENT.get(self.sent..).unwrap_or_default();
            let chunk = rest.get(..self.chunk).unwrap_or(rest);
            match link.write(&mut self.stream, &self.meta, chunk, chunk.len() == rest.len()) {
                Ok(len) => self.sent += len,
                // There will be room again when frames have left.
                Err(SendError::Full) => return false,
                Err(_) => return true,
            }
            if self.sent == CONTENT.len() {
                return true;
            }
        }
    }
}
