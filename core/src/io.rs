//! Joins a [`Link`] to a UART behind the `embedded-io` traits: the thin last layer, and the only one that knows of them.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::buffer::Buffer;
use crate::event::Event;
use crate::link::Link;

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
    /// Those of the UART. What was read stays; what was not written is shown again.
    pub fn poll<'l, U, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        &mut self,
        link: &'l mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        uart: &mut U,
        now_us: u64,
    ) -> Result<Option<Event<'l>>, U::Error>
    where
        U: Read + ReadReady + Write + WriteReady,
    {
        while !link.has_event() {
            if self.start == self.end {
                transmit(link, uart, now_us)?;
                if !uart.read_ready()? {
                    return Ok(None);
                }
                self.start = 0;
                self.end = uart.read(&mut self.buf)?;
                if self.end == 0 {
                    return Ok(None);
                }
            }
            self.take_in(link, now_us);
        }
        Ok(link.poll_event())
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
/// Those of the UART; what was not written is shown again by [`Link::poll_transmit`].
pub fn transmit<U: Write + WriteReady, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
    link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
    uart: &mut U,
    now_us: u64,
) -> Result<(), U::Error> {
    link.handle_timeout(now_us);
    while uart.write_ready()? {
        let bytes = link.poll_transmit(now_us);
        if bytes.is_empty() {
            break;
        }
        let taken = uart.write(bytes)?;
        link.consume(taken);
        if taken == 0 {
            break;
        }
    }
    Ok(())
}

/// The same for `embedded-io-async`: the caller selects over [`receive`](asynch::receive), its own events and the deadline.
#[cfg(feature = "embedded-io-async-07")]
pub mod asynch {
    use embedded_io_async::{Read, Write};

    use super::{Buffer, Link, Wire};
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
    /// Those of the UART.
    pub async fn receive<U: Read, const CHUNK: usize>(wire: &mut Wire<CHUNK>, uart: &mut U) -> Result<(), U::Error> {
        if wire.start < wire.end {
            return Ok(());
        }
        let len = uart.read(&mut wire.buf).await?;
        (wire.start, wire.end) = (0, len);
        Ok(())
    }

    /// Writes all that the link has to send; a dropped future has written a part, and the rest is shown again.
    ///
    /// # Errors
    ///
    /// Those of the UART.
    pub async fn transmit<U: Write, const FRAME: usize, const BLOCKS: usize, const CHANNELS: usize, P: Buffer>(
        link: &mut Link<'_, FRAME, BLOCKS, CHANNELS, P>,
        uart: &mut U,
        now_us: u64,
    ) -> Result<(), U::Error> {
        link.handle_timeout(now_us);
        loop {
            let bytes = link.poll_transmit(now_us);
            if bytes.is_empty() {
                return Ok(());
            }
            let taken = uart.write(bytes).await?;
            link.consume(taken);
        }
    }
}
