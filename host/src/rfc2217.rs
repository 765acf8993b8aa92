//! A serial port that a Telnet server shares (RFC 2217), as a byte stream.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, Sleep, sleep, timeout};

use crate::com_port::{ComPort, Failure, Standing};
use crate::port_error::PortError;

/// How long the server may take to set the port.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server that says nothing for this long is asked for a sign of life, and given up if it then says nothing for as long again.
/// Without that, a server that lost its device or its network would look like a board that has nothing to say.
const SILENCE: Duration = Duration::from_secs(2);
/// Longest part of what a server says in words that is repeated.
const WORDS_MAX: usize = 120;

/// A serial port at the other end of a connection, set and open.
///
/// Reading also sends: what the server asks has to be answered, whether or not there is data to write. A write that waits because
/// the server said so is woken by what is read.
#[derive(Debug)]
pub(crate) struct Rfc2217 {
    socket: TcpStream,
    port: ComPort,
    silence: Pin<Box<Sleep>>,
    is_asked: bool,
}

impl Rfc2217 {
    /// Sets the port behind `socket`, which is connected to `address`.
    pub(crate) async fn open(socket: TcpStream, address: &str, baud: u32) -> Result<Self, PortError> {
        let mut opening = Self { socket, port: ComPort::new(baud), silence: Box::pin(sleep(SILENCE)), is_asked: false };
        let mut words = String::new();
        let done = timeout(PATIENCE, opening.agree(&mut words)).await;
        match (done, opening.port.standing()) {
            (Ok(Ok(())), Standing::Open) => Ok(opening),
            (_, Standing::Failed(Failure::Unset(what))) => Err(PortError::Unset { address: address.into(), what }),
            // It spoke of its own accord and hung up: what it said is the reason.
            (Ok(_), Standing::Opening) if !words.is_empty() => Err(PortError::HungUp(address.into(), words)),
            (Ok(Err(error)), Standing::Opening) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(PortError::of_tcp("rfc2217", address, &error))
            }
            _ => Err(PortError::NotRfc2217(address.into())),
        }
    }

    /// Talks to the server until it is known how things stand. What is data, and was never asked for, goes into `words`: it is half a
    /// frame at best, or a server's reason.
    async fn agree(&mut self, words: &mut String) -> io::Result<()> {
        let mut input = [0; 256];
        while self.port.standing() == Standing::Opening {
            while !self.port.poll_transmit().is_empty() {
                let len = self.socket.write(self.port.poll_transmit()).await?;
                self.port.consume(len);
            }
            let len = self.socket.read(&mut input).await?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let len = self.port.handle_input(input.get_mut(..len).unwrap_or_default());
            let said = input.get(..len).unwrap_or_default().iter().map(|byte| char::from(*byte));
            let printable = said.filter(|letter| (' '..='~').contains(letter));
            words.extend(printable.take(WORDS_MAX.saturating_sub(words.len())));
        }
        Ok(())
    }

    /// Waits for the end of a silence; an error when it lasts.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.silence.as_mut().poll(cx));
            if self.is_asked && self.port.gives_signs() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the server gives no sign of life"));
            }
            self.silence.as_mut().reset(Instant::now() + SILENCE);
            self.is_asked = true;
            self.port.ask_for_sign();
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(error);
            }
        }
    }

    /// Sends what is to be sent, as far as it goes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.port.poll_transmit().is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, self.port.poll_transmit()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => self.port.consume(len),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Rfc2217 {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            // Whether or not the server takes it, reading goes on.
            if let Poll::Ready(Err(error)) = this.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            let mut raw = ReadBuf::new(buffer.initialize_unfilled());
            if Pin::new(&mut this.socket).poll_read(cx, &mut raw)?.is_pending() {
                return this.poll_silence(cx).map(Err);
            }
            if raw.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.silence.as_mut().reset(Instant::now() + SILENCE);
            this.is_asked = false;
            let was_suspended = this.port.is_suspended();
            let len = this.port.handle_input(raw.filled_mut());
            if was_suspended && !this.port.is_suspended() {
                cx.waker().wake_by_ref();
            }
            if this.port.standing() != Standing::Open {
                let words = "the server has stopped sharing the port";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, words)));
            }
            if len > 0 {
                buffer.advance(len);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Rfc2217 {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        match this.port.send(data) {
            0 if !data.is_empty() => Poll::Pending,
            // It is taken, sent or not: the next reading or writing goes on with it.
            taken => match this.poll_send(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(taken)),
            },
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
