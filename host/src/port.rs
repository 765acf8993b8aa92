//! A port: the byte stream that a device is on the other end of.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serialport::SerialPort as _;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, timeout};
use tokio_serial::SerialStream;

use crate::attached::{Attached, UsbId};
use crate::backlog::{Backlog, Room};
use crate::demo;
use crate::port_error::PortError;
use crate::rfc2217::Rfc2217;

pub use spec::{NotAPort, PortSpec};

mod spec;

/// How long a TCP server may take to accept.
const TCP_PATIENCE: Duration = Duration::from_secs(5);
/// A connection on which nothing was acknowledged for this long is dead: the other machine is off, or a router between has forgotten it.
const TCP_DEAD: Duration = Duration::from_secs(5);
/// How often a connection on which nothing else is said is asked whether it is.
const TCP_PROBE: Duration = Duration::from_secs(1);

impl PortSpec {
    /// Opens the port.
    pub(crate) async fn open(&self, baud: u32) -> Result<Port, PortError> {
        let port = |line, backlog| Port { line, at: self.clone(), usb: None, backlog };
        match self {
            Self::Demo => Ok(port(Line::Demo(demo::start()), Backlog::told(baud))),
            Self::Unix(path) => match UnixStream::connect(path).await {
                Ok(socket) => {
                    // The least there is: it then shows as writable only when at most one chunk has not been read.
                    let _ = SockRef::from(&socket).set_send_buffer_size(0);
                    Ok(port(Line::Unix(socket), Backlog::told(baud)))
                }
                Err(error) => Err(PortError::of_socket(path, &error)),
            },
            Self::Tcp(address) => {
                let backlog = Backlog::paced(baud);
                Ok(port(Line::Tcp(connect("tcp", address, &backlog).await?), backlog))
            }
            Self::Rfc2217(address) => {
                let backlog = Backlog::paced(baud);
                let socket = connect("rfc2217", address, &backlog).await?;
                Ok(port(Line::Rfc2217(Box::new(Rfc2217::open(socket, address, baud).await?)), backlog))
            }
            Self::Serial(path) => {
                let path = path.clone();
                // Opening may wait for the device, and the list is read from many small files.
                let opened = spawn_blocking(move || open_serial(&path, baud)).await;
                opened.unwrap_or_else(|error| Err(PortError::Other(self.to_string(), error.to_string())))
            }
        }
    }
}

async fn connect(scheme: &'static str, address: &str, backlog: &Backlog) -> Result<TcpStream, PortError> {
    let error = |error: io::Error| PortError::of_tcp(scheme, address, &error);
    let connected = timeout(TCP_PATIENCE, TcpStream::connect(address)).await;
    let socket = connected.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into())).map_err(error)?;
    // An urgent frame is not to wait for the answer to the one before it.
    let _ = socket.set_nodelay(true);
    // What the network does not take piles up here and not in megabytes; twice, for what is on its way and not acknowledged.
    let _ = SockRef::from(&socket).set_send_buffer_size(2 * backlog.max());
    notice_death(&socket);
    Ok(socket)
}

/// Lets a connection to nobody end within seconds: by itself the system tries for a quarter of an hour, during which the device could not be
/// taken back. A peer that is there and merely has nothing to say answers the probes; one that is there and takes nothing for as long is given
/// up too, which costs no more than a new connection: the link goes on where it was.
fn notice_death(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new().with_time(TCP_DEAD).with_interval(TCP_PROBE);
    let _ = socket.set_tcp_keepalive(&keepalive);
    // Probes are only sent while nothing else waits for an answer.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(TCP_DEAD));
}

/// DTR and RTS are left as the system has them, which on Linux means that opening raises both. That is what a terminal program does,
/// what a board with USB of its own waits for before it talks, and what the reset circuits of ESP boards take as "run": only one line
/// without the other resets them. Boards that reset when DTR rises (Arduino Uno) do so on the first opening; dropping DTR afterwards
/// would reset them again.
fn open_serial(path: &Path, baud: u32) -> Result<Port, PortError> {
    let builder = serialport::new(path.to_string_lossy(), baud).preserve_dtr_on_open();
    let line = SerialStream::open(&builder).map_err(|error| PortError::of_serial(path, baud, &error))?;
    // What a device said before anyone listened is half a frame at best.
    let _ = line.clear(serialport::ClearBuffer::Input);
    let usb = Attached::at(path).and_then(|attached| attached.id());
    Ok(Port { line: Line::Serial(line), at: PortSpec::Serial(path.into()), usb, backlog: Backlog::paced(baud) })
}

/// An open port.
#[derive(Debug)]
pub(crate) struct Port {
    line: Line,
    /// Where it was found.
    pub(crate) at: PortSpec,
    /// Its identity on USB, if it has one.
    pub(crate) usb: Option<UsbId>,
    backlog: Backlog,
}

#[derive(Debug)]
enum Line {
    Serial(SerialStream),
    Unix(UnixStream),
    Tcp(TcpStream),
    Rfc2217(Box<Rfc2217>),
    Demo(tokio::io::DuplexStream),
}

/// What one exchange brought.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Bytes that were read.
    pub(crate) read: usize,
    /// Bytes that were written.
    pub(crate) written: usize,
}

impl Port {
    /// Waits until something can be read into `input`, or written of `output` if there is any, and does both as far as they go.
    ///
    /// Neither waits for the other. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// Those of the port, and `UnexpectedEof` when the other side has closed it. Whatever the error, the port is of no more use.
    pub(crate) async fn exchange(&mut self, input: &mut [u8], output: &[u8]) -> io::Result<Exchange> {
        std::future::poll_fn(|cx| self.poll_exchange(cx, input, output)).await
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>, input: &mut [u8], output: &[u8]) -> Poll<io::Result<Exchange>> {
        let mut done = Exchange::default();
        let line = self.line.as_pin();
        let mut is_pending = true;
        if !output.is_empty()
            && let Poll::Ready(written) = line.poll_write(cx, output)
        {
            is_pending = false;
            done.written = written?;
            if done.written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.backlog.wrote(done.written, Instant::now());
        }
        let mut buffer = ReadBuf::new(input);
        match self.line.as_pin().poll_read(cx, &mut buffer) {
            Poll::Pending if is_pending => return Poll::Pending,
            Poll::Pending => {}
            Poll::Ready(read) => {
                read?;
                done.read = buffer.filled().len();
                if done.read == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
            }
        }
        Poll::Ready(Ok(done))
    }

    /// A port whose other end the test has.
    #[cfg(test)]
    pub(crate) fn in_memory(line: tokio::io::DuplexStream) -> Self {
        Self { line: Line::Demo(line), at: PortSpec::Demo, usb: None, backlog: Backlog::told(115_200) }
    }

    /// How much of an `output` may be written now, so that little waits where nothing can overtake it.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        self.backlog.room(now, || match &self.line {
            Line::Serial(line) => line.bytes_to_write().map_or(0, |bytes| bytes as usize),
            Line::Unix(socket) if !is_writable(socket) => usize::MAX,
            // What a wire in memory holds is little.
            Line::Unix(_) | Line::Tcp(_) | Line::Rfc2217(_) | Line::Demo(_) => 0,
        })
    }
}

/// Linux says so while at most a quarter of the socket's buffer is in use. So does an error, which the next write will tell.
fn is_writable(socket: &UnixStream) -> bool {
    let mut asked = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Line {
    fn as_pin(&mut self) -> Pin<&mut dyn Stream> {
        match self {
            Self::Serial(line) => Pin::new(line),
            Self::Unix(line) => Pin::new(line),
            Self::Tcp(line) => Pin::new(line),
            Self::Rfc2217(line) => Pin::new(line),
            Self::Demo(line) => Pin::new(line),
        }
    }
}

#[cfg(test)]
mod tests;
