//! What stands between the application, which is polled, and what carries its bytes, which is waited for.

use std::collections::VecDeque;
use std::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

/// Bytes on their way between the application and the line.
#[derive(Debug, Default)]
pub(crate) struct Uart {
    pub(crate) received: VecDeque<u8>,
    pub(crate) to_send: Vec<u8>,
    /// What may wait in `to_send`.
    pub(crate) room: usize,
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.received.len());
        buf.iter_mut().zip(self.received.drain(..len)).for_each(|(place, byte)| *place = byte);
        Ok(len)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.received.is_empty())
    }
}

impl Write for Uart {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.room.saturating_sub(self.to_send.len()));
        self.to_send.extend_from_slice(buf.get(..len).unwrap_or_default());
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.to_send.len() < self.room)
    }
}
