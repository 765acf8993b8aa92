//! A pair of file descriptors behind the traits of a UART: one to read, one to write, neither of which waits.

use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A byte stream; `embedded-io-adapters` has no readiness for those of the standard library.
pub struct Stream<R, W> {
    pub reader: R,
    pub writer: W,
}

impl<R: AsFd, W: AsFd> Stream<R, W> {
    pub fn new(reader: R, writer: W) -> io::Result<Self> {
        for end in [reader.as_fd(), writer.as_fd()] {
            let flags = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL)?);
            fcntl(end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self { reader, writer })
    }
}

/// Whether the end can do this now; a stream that has ended or failed is ready, to say so.
fn is_ready(end: &impl AsFd, flags: PollFlags) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::new(end.as_fd(), flags)], PollTimeout::ZERO)? > 0)
}

impl<R, W> embedded_io::ErrorType for Stream<R, W> {
    type Error = io::Error;
}

impl<R: AsFd, W> embedded_io::ReadReady for Stream<R, W> {
    fn read_ready(&mut self) -> io::Result<bool> {
        is_ready(&self.reader, PollFlags::POLLIN)
    }
}

impl<R: AsFd, W> embedded_io::Read for Stream<R, W> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(&self.reader, buf)?)
    }
}

impl<R, W: AsFd> embedded_io::WriteReady for Stream<R, W> {
    fn write_ready(&mut self) -> io::Result<bool> {
        is_ready(&self.writer, PollFlags::POLLOUT)
    }
}

impl<R, W: AsFd> embedded_io::Write for Stream<R, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(&self.writer, buf)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
