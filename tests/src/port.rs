//! A serial port that knows how much of what it was given has not left yet.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use serialport::{SerialPort, TTYPort};

use crate::pump::Flow;

/// One end of a [`Wire`](crate::Wire), opened by code of ours.
pub struct Port {
    device: TTYPort,
    flow: Arc<Flow>,
    written: u64,
}

impl Port {
    pub(crate) fn new(device: TTYPort, flow: Arc<Flow>) -> Self {
        Self { device, written: flow.traffic().carried, flow }
    }

    /// Bytes written that the line has not carried yet: what `TIOCOUTQ` tells of a real UART, and a pseudo terminal does not.
    ///
    /// It holds while nobody else writes to the same device.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.written.saturating_sub(self.flow.traffic().carried) as usize
    }

    /// Writes what the driver takes, and returns how much that is; 0 while its queue is full.
    ///
    /// # Errors
    ///
    /// Those of the serial port.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.device.write(bytes).or_else(none_when_late)?;
        self.written += len as u64;
        Ok(len)
    }

    /// Reads what is there, or comes within `wait`; 0 for nothing.
    ///
    /// # Errors
    ///
    /// Those of the serial port.
    pub fn read(&mut self, buf: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.device.set_timeout(wait)?;
        self.device.read(buf).or_else(none_when_late)
    }
}

fn none_when_late(error: io::Error) -> io::Result<usize> {
    if error.kind() == io::ErrorKind::TimedOut { Ok(0) } else { Err(error) }
}
