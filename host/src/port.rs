//! A port: the byte stream that a device is on the other end of.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use serialport::SerialPort as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, timeout};
use tokio_serial::SerialStream;

use crate::attached::{Attached, UsbId};
use crate::demo;
use crate::port_error::PortError;

/// How long a TCP server may take to accept.
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// Which port: what `--port` takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortSpec {
    /// `demo`: the virtual device.
    Demo,
    /// `unix:PATH`: a socket on which someone listens, such as an emulator.
    Unix(PathBuf),
    /// `tcp://HOST:PORT`: a TCP server, such as one that a serial port is shared by.
    Tcp(String),
    /// A path such as `/dev/ttyACM0`.
    Serial(PathBuf),
}

impl FromStr for PortSpec {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "demo" {
            Self::Demo
        } else if let Some(path) = text.strip_prefix("unix:") {
            Self::Unix(path.into())
        } else if let Some(address) = text.strip_prefix("tcp://") {
            Self::Tcp(address.into())
        } else {
            Self::Serial(text.into())
        })
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo => f.write_str("demo"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Serial(path) => write!(f, "{}", path.display()),
        }
    }
}

impl PortSpec {
    /// What to call the device until it has said its name.
    pub(crate) fn short_name(&self) -> String {
        match self {
            Self::Demo => "demo".into(),
            Self::Tcp(address) => address.clone(),
            Self::Unix(path) | Self::Serial(path) => {
                path.file_name().map_or_else(|| self.to_string(), |name| name.to_string_lossy().into_owned())
            }
        }
    }

    /// Opens the port.
    pub(crate) async fn open(&self, baud: u32) -> Result<Port, PortError> {
        match self {
            Self::Demo => Ok(Port { line: Line::Demo(demo::start()), at: self.clone(), usb: None }),
            Self::Unix(path) => match UnixStream::connect(path).await {
                Ok(socket) => Ok(Port { line: Line::Unix(socket), at: self.clone(), usb: None }),
                Err(error) => Err(PortError::of_socket(path, &error)),
            },
            Self::Tcp(address) => match timeout(TCP_PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    // An urgent frame is not to wait for the answer to the one before it.
                    let _ = socket.set_nodelay(true);
                    Ok(Port { line: Line::Tcp(socket), at: self.clone(), usb: None })
                }
                Ok(Err(error)) => Err(PortError::of_tcp(address, &error)),
                Err(_elapsed) => Err(PortError::of_tcp(address, &io::ErrorKind::TimedOut.into())),
            },
            Self::Serial(path) => {
                let path = path.clone();
                // Opening may wait for the device, and the list is read from many small files.
                let opened = spawn_blocking(move || open_serial(&path, baud)).await;
                opened.unwrap_or_else(|error| Err(PortError::Other(self.to_string(), error.to_string())))
            }
        }
    }
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
    Ok(Port { line: Line::Serial(line), at: PortSpec::Serial(path.into()), usb })
}

/// An open port.
#[derive(Debug)]
pub(crate) struct Port {
    line: Line,
    /// Where it was found.
    pub(crate) at: PortSpec,
    /// Its identity on USB, if it has one.
    pub(crate) usb: Option<UsbId>,
}

#[derive(Debug)]
enum Line {
    Serial(SerialStream),
    Unix(UnixStream),
    Tcp(TcpStream),
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
        Self { line: Line::Demo(line), at: PortSpec::Demo, usb: None }
    }

    /// Bytes that were written and wait in the system's own queue, as far as it tells.
    pub(crate) fn backlog(&self) -> usize {
        match &self.line {
            Line::Serial(line) => line.bytes_to_write().map_or(0, |bytes| bytes as usize),
            Line::Unix(_) | Line::Tcp(_) | Line::Demo(_) => 0,
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Line {
    fn as_pin(&mut self) -> Pin<&mut dyn Stream> {
        match self {
            Self::Serial(line) => Pin::new(line),
            Self::Unix(line) => Pin::new(line),
            Self::Tcp(line) => Pin::new(line),
            Self::Demo(line) => Pin::new(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PortSpec;
    use tokio::io::AsyncWriteExt as _;

    #[test]
    fn a_spec_is_read_and_shown_alike() {
        for (text, spec, name) in [
            ("demo", PortSpec::Demo, "demo"),
            ("unix:/tmp/a b", PortSpec::Unix("/tmp/a b".into()), "a b"),
            ("tcp://localhost:2000", PortSpec::Tcp("localhost:2000".into()), "localhost:2000"),
            ("/dev/ttyACM0", PortSpec::Serial("/dev/ttyACM0".into()), "ttyACM0"),
            ("./demo", PortSpec::Serial("./demo".into()), "demo"),
        ] {
            let Ok(read) = text.parse::<PortSpec>();
            assert_eq!((read.to_string().as_str(), read.short_name().as_str()), (text, name));
            assert_eq!(read, spec);
        }
    }

    #[tokio::test]
    async fn a_tcp_server_is_a_port_until_it_closes() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let spec = PortSpec::Tcp(address.to_string());
        let mut port = spec.open(115_200).await.unwrap();
        let (mut peer, _) = server.accept().await.unwrap();
        let mut input = [0; 8];
        assert_eq!(port.exchange(&mut input, b"out").await.unwrap().written, 3);
        peer.write_all(b"in").await.unwrap();
        assert_eq!(port.exchange(&mut input, b"").await.unwrap().read, 2);
        drop((peer, server));
        assert!(port.exchange(&mut input, b"").await.is_err());
        let refused = spec.open(115_200).await.unwrap_err().to_string();
        assert!(refused.starts_with(&format!("Nobody listens on tcp://{address}")), "{refused}");
        let nonsense = PortSpec::Tcp("no port".into()).open(115_200).await.unwrap_err().to_string();
        assert!(nonsense.contains("tcp://HOST:PORT"), "{nonsense}");
    }
}
