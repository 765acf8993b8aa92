//! Joins a [`Link`] to a UART behind the `embedded-io` traits: the thin last layer, and the only one that knows of them.
//!
//! Anything that reads and writes is a UART here: a socket, a pipe, a pseudo terminal. Those can end, which [`WireError::Closed`] tells.

use core::fmt;

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::buffer::Buffer;
use crate::event::Event;
use crate::link::Link;

/// Why bytes did not cross.
///
/// The link is as it was, and goes on over the next UART when it is told so with [`Link::interrupted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WireError<E> {
    /// The UART's own.
    Uart(E),
    /// The stream has ended: nothing more comes or nothing more is taken, and to ask again at once gives the same answer.
    Closed,
}

impl<E> From<E> for WireError<E> {
    fn from(error: E) -> Self {
        Self::Uart(error)
    }
}

impl<E: fmt::Display> fmt::Display for WireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uart(error) => error.fmt(f),
            Self::Closed => f.write_str("the stream has ended"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for WireError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Uart(error) => error.source(),
            Self::Closed => None,
        }
    }
}

/// The bytes that were read and not yet taken in, at most `CHUNK`.
#[derive(Debug)]
pub struct Wire<const CHUNK: usize> {
    buf: [u8; CHUNK],
    start: usize,
    end: usize,
}

impl<const CHUNK: usize> Default for Wire<CHUNK> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const CHUNK: usize> Wire<CHUNK> {
    /// Nothing read yet.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(CHUNK >= 1) };
        Self { buf: [0; CHUNK], start: 0, end: 0 }
    }

    /// Reads and writes what the UART has and takes now, without waiting, up to the next event.
    ///
    /// Call it until it returns `None`; then there is nothing to do until the UART or the clock moves. `now_us` is the time in microseconds.
    ///
    /// # Errors
    ///
    /// Those of the UART, and [`WireError::Closed`] when it has ended; of a failure to write only when there is nothing to read, because a peer
    /// that hangs up may have said something before. What was read stays; what was not written is shown again.
    pub fn poll<'l, U, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &'l mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        uart: &mut U,
        now_us: u64,
    ) -> Result<Option<Event<'l>>, WireError<U::Error>>
    where
        U: Read + ReadReady + Write + WriteReady,
    {
        while !link.has_event() {
            if self.start == self.end {
                let written = transmit(link, uart, now_us);
                if !uart.read_ready()? {
                    return written.map(|()| None);
                }
                let len = uart.read(&mut self.buf)?;
                self.fill(len)?;
            }
            self.take_in(link, now_us);
        }
        Ok(link.poll_event())
    }

    /// Notes that so many bytes were read; there are none only at the end.
    fn fill<E>(&mut self, len: usize) -> Result<(), WireError<E>> {
        (self.start, self.end) = (0, len);
        if len == 0 { Err(WireError::Closed) } else { Ok(()) }
    }

    fn take_in<const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        now_us: u64,
    ) {
        let input = self.buf.get(self.start..self.end).unwrap_or_default();
        self.start += link.handle_input(input, now_us);
    }
}

/// Writes as much as the UART takes now.
///
/// # Errors
///
/// Those of the UART, and [`WireError::Closed`] when it takes nothing although it was ready; what was not written is shown again by
/// [`Link::poll_transmit`].
pub fn transmit<U: Write + WriteReady, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
    link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    uart: &mut U,
    now_us: u64,
) -> Result<(), WireError<U::Error>> {
    link.handle_timeout(now_us);
    while uart.write_ready()? {
        let bytes = link.poll_transmit(now_us);
        if bytes.is_empty() {
            break;
        }
        match uart.write(bytes)? {
            0 => return Err(WireError::Closed),
            taken => link.consume(taken),
        }
    }
    Ok(())
}

/// The same for `embedded-io-async`.
///
/// The caller selects over [`receive`](asynch::receive), [`transmit`](asynch::transmit) while [`Link::poll_transmit`] shows something, its own events
/// and the deadline of [`Link::poll_timeout`]; then it takes the events that there are. Give it the two halves of the UART, so that
/// reading never waits for writing.
#[cfg(feature = "embedded-io-async-07")]
pub mod asynch {
    use embedded_io_async::{Read, Write};

    use super::{Buffer, Link, Wire, WireError};
    use crate::event::Event;

    impl<const CHUNK: usize> Wire<CHUNK> {
        /// The next event in what was read; `None` when it is used up and [`receive`] should be awaited.
        pub fn next_event<'l, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
            &mut self,
            link: &'l mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
            now_us: u64,
        ) -> Option<Event<'l>> {
            while !link.has_event() && self.start < self.end {
                self.take_in(link, now_us);
            }
            link.poll_event()
        }
    }

    /// Waits for bytes, unless there are some that were not taken in; nothing is lost when the future is dropped before it is ready, if the UART's own `read` keeps that promise.
    ///
    /// # Errors
    ///
    /// Those of the UART, and [`WireError::Closed`] when it has ended.
    pub async fn receive<U: Read, const CHUNK: usize>(
        wire: &mut Wire<CHUNK>,
        uart: &mut U,
    ) -> Result<(), WireError<U::Error>> {
        if wire.start < wire.end {
            return Ok(());
        }
        let len = uart.read(&mut wire.buf).await?;
        wire.fill(len)
    }

    /// Writes once, one packet at most; false when there is nothing to send.
    ///
    /// Call it again with the time that it is then: a packet is chosen, and its round trip measured, by the time that this one is given, and on
    /// a slow line each waits for the one before. A future that is dropped before it is ready has written nothing, if the UART's own `write`
    /// keeps that promise, and the same bytes are shown again.
    ///
    /// # Errors
    ///
    /// Those of the UART, and [`WireError::Closed`] when it takes nothing.
    pub async fn transmit<U: Write, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        uart: &mut U,
        now_us: u64,
    ) -> Result<bool, WireError<U::Error>> {
        link.handle_timeout(now_us);
        let bytes = link.poll_transmit(now_us);
        if bytes.is_empty() {
            return Ok(false);
        }
        match uart.write(bytes).await? {
            0 => Err(WireError::Closed),
            taken => {
                link.consume(taken);
                Ok(true)
            }
        }
    }
}
