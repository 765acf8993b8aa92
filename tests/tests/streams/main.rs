//! A whole link over real byte streams: TCP, a pair of pipes, a pseudo terminal; and what its caller is told when the other side hangs up.

mod asynch;
mod side;
mod stream;

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use pocketmux_core::io::{Wire, WireError, transmit};

use side::Side;
use stream::Stream;

/// A side with its stream.
struct End<R, W> {
    side: Side,
    wire: Wire<512>,
    stream: Stream<R, W>,
}

impl<R: AsFd, W: AsFd> End<R, W> {
    fn new(epoch: u32, stream: Stream<R, W>) -> Self {
        Self { side: Side::new(epoch), wire: Wire::new(), stream }
    }

    /// Does what can be done without waiting.
    fn turn(&mut self) -> Result<(), WireError<io::Error>> {
        let Self { side, wire, stream } = self;
        loop {
            let now_us = side.now_us();
            while let Some(event) = wire.poll(&mut side.link, stream, now_us)? {
                side.post.hear(event);
            }
            if !side.send_more() {
                return transmit(&mut side.link, stream, now_us);
            }
        }
    }

    /// What its streams are to be asked for, and how long at the most.
    fn wants(&mut self) -> ([PollFd<'_>; 2], Duration) {
        let wait = self.side.wait();
        let written = if self.side.has_output() { PollFlags::POLLOUT } else { PollFlags::empty() };
        let Stream { reader, writer } = &self.stream;
        ([PollFd::new(reader.as_fd(), PollFlags::POLLIN), PollFd::new(writer.as_fd(), written)], wait)
    }
}

/// Waits until a stream can go on, or time brings something.
fn wait_for<R: AsFd, W: AsFd>(ends: &mut [&mut End<R, W>]) {
    let (streams, waits): (Vec<_>, Vec<_>) = ends.iter_mut().map(|end| end.wants()).unzip();
    let wait = waits.into_iter().min().unwrap_or_default().as_millis() + 1;
    poll(&mut streams.concat(), PollTimeout::try_from(wait).unwrap()).unwrap();
}

/// Fills both directions of a stream, lets `a` say goodbye and hang up, and returns what `b` is told of that.
fn fill<R: AsFd, W: AsFd, K>(
    a: Stream<R, W>,
    b: Stream<R, W>,
    hang_up: impl FnOnce(Stream<R, W>) -> K,
) -> WireError<io::Error> {
    let (mut a, mut b) = (End::new(1, a), End::new(2, b));
    while !(a.side.is_done() && b.side.is_done()) {
        a.turn().unwrap();
        b.turn().unwrap();
        wait_for(&mut [&mut a, &mut b]);
    }
    a.side.say_goodbye();
    a.turn().unwrap();
    while a.side.has_output() {
        wait_for(&mut [&mut a]);
        a.turn().unwrap();
    }
    let _kept = hang_up(a.stream);
    let end = loop {
        match b.turn() {
            Ok(()) => wait_for(&mut [&mut b]),
            Err(error) => break error,
        }
    };
    a.side.check(&b.side);
    b.side.check(&a.side);
    end
}

#[test]
fn a_link_fills_both_directions_of_a_tcp_connection_and_hears_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let stream = |socket: TcpStream| Stream::new(socket.try_clone().unwrap(), socket).unwrap();
    // A connection that is dropped with something in it that was not read is reset; this one is to be closed.
    let end = fill(stream(connected), stream(accepted), |stream| {
        stream.writer.shutdown(Shutdown::Write).unwrap();
        stream
    });
    assert!(matches!(end, WireError::Closed), "{end}");
}

#[test]
fn a_link_fills_two_pipes_and_hears_their_end() {
    let ((a_reader, b_writer), (b_reader, a_writer)) = (io::pipe().unwrap(), io::pipe().unwrap());
    let (a, b) = (Stream::new(a_reader, a_writer).unwrap(), Stream::new(b_reader, b_writer).unwrap());
    let end = fill(a, b, drop);
    assert!(matches!(end, WireError::Closed), "{end}");
}

#[test]
fn a_link_fills_a_pseudo_terminal_and_hears_that_its_device_was_closed() {
    let pair = nix::pty::openpty(None, None).unwrap();
    let mut settings = tcgetattr(&pair.slave).unwrap();
    cfmakeraw(&mut settings);
    tcsetattr(&pair.slave, SetArg::TCSANOW, &settings).unwrap();
    let stream = |end: std::os::fd::OwnedFd| Stream::new(end.try_clone().unwrap(), end).unwrap();
    let end = fill(stream(pair.slave), stream(pair.master), drop);
    // Linux says so by an error instead of an end.
    let WireError::Uart(error) = end else { panic!("{end}") };
    assert_eq!(error.raw_os_error(), Some(Errno::EIO as i32));
}

#[test]
fn a_pipe_that_nobody_reads_any_more_is_told_by_the_system() {
    let ((a_reader, b_writer), (b_reader, _a_writer)) = (io::pipe().unwrap(), io::pipe().unwrap());
    drop(a_reader);
    let mut b = End::new(2, Stream::new(b_reader, b_writer).unwrap());
    let Err(WireError::Uart(error)) = b.turn() else { panic!("the first HELLO was written") };
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}
