//! The `embedded-io` adapter on a UART that fails and ends.

use std::collections::VecDeque;

use embedded_io::ErrorKind;
use pocketmux_core::io::{Wire, WireError, transmit};
use pocketmux_core::{Channel, ChannelId, Config, Event, Identity, Link, Message};

/// A UART that does what is written on it.
#[derive(Default)]
struct Uart {
    received: VecDeque<u8>,
    sent: Vec<u8>,
    /// Nothing more comes.
    is_over: bool,
    /// The next read fails.
    read_fails: bool,
    /// Every write fails.
    write_fails: bool,
    /// Every write takes nothing.
    is_shut: bool,
}

impl embedded_io::ErrorType for Uart {
    type Error = ErrorKind;
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(!self.received.is_empty() || self.is_over)
    }
}

impl embedded_io::Read for Uart {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        if std::mem::take(&mut self.read_fails) {
            return Err(ErrorKind::Other);
        }
        let len = buf.len().min(self.received.len());
        buf.iter_mut().zip(self.received.drain(..len)).for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl embedded_io::WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(true)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        if self.write_fails {
            return Err(ErrorKind::BrokenPipe);
        }
        let len = if self.is_shut { 0 } else { buf.len() };
        self.sent.extend_from_slice(&buf[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

struct Side {
    link: Link<'static, 256, 8, 4>,
    wire: Wire<16>,
    uart: Uart,
    chat: ChannelId,
    heard: Vec<String>,
}

impl Side {
    fn new(name: &'static str, epoch: u32) -> Self {
        let identity = Identity { name, ..Identity::default() };
        let mut link = Link::new(Config { identity, epoch, ..Config::default() });
        let chat = link.open(Channel::new("chat")).unwrap();
        Self { link, wire: Wire::new(), uart: Uart::default(), chat, heard: Vec::new() }
    }

    /// Does what can be done now.
    fn run(&mut self) -> Result<(), WireError<ErrorKind>> {
        while let Some(event) = self.wire.poll(&mut self.link, &mut self.uart, 1)? {
            if let Event::Frame(frame) = event {
                self.heard.push(String::from_utf8(frame.data.to_vec()).unwrap());
            }
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.link.send(self.chat, &Message::text(text)).unwrap();
    }
}

/// Two sides that have greeted.
fn pair() -> (Side, Side) {
    let (mut a, mut b) = (Side::new("a", 1), Side::new("b", 2));
    for _ in 0..8 {
        a.run().unwrap();
        b.uart.received.extend(a.uart.sent.drain(..));
        b.run().unwrap();
        a.uart.received.extend(b.uart.sent.drain(..));
    }
    assert!(a.link.is_up() && b.link.is_up());
    (a, b)
}

#[test]
fn the_end_is_told_when_all_that_came_before_it_is_taken_in() {
    let (mut a, mut b) = pair();
    a.say("goodbye");
    a.run().unwrap();
    b.uart.received.extend(a.uart.sent.drain(..));
    b.uart.is_over = true;
    assert_eq!(b.run(), Err(WireError::Closed));
    assert_eq!(b.heard, ["goodbye"]);
    assert_eq!(b.run(), Err(WireError::Closed), "and again");
}

#[test]
fn what_a_peer_said_before_it_hung_up_is_read_although_nothing_can_be_written_to_it() {
    let (mut a, mut b) = pair();
    a.say("goodbye");
    a.run().unwrap();
    b.uart.received.extend(a.uart.sent.drain(..));
    b.say("nobody hears this");
    b.uart.write_fails = true;
    assert_eq!(b.run(), Err(WireError::Uart(ErrorKind::BrokenPipe)));
    assert_eq!(b.heard, ["goodbye"]);
}

#[test]
fn a_uart_that_takes_nothing_has_ended_and_what_was_not_written_is_kept() {
    let (mut a, mut b) = pair();
    a.say("later");
    a.uart.is_shut = true;
    assert_eq!(transmit(&mut a.link, &mut a.uart, 1), Err(WireError::Closed));
    assert_eq!(a.run(), Err(WireError::Closed));
    a.uart.is_shut = false;
    a.run().unwrap();
    b.uart.received.extend(a.uart.sent.drain(..));
    b.run().unwrap();
    assert_eq!(b.heard, ["later"]);
}

#[test]
fn a_read_that_fails_brings_nothing_and_loses_nothing() {
    let (mut a, mut b) = pair();
    a.say("once");
    a.run().unwrap();
    let received = b.link.counters().received;
    let bytes: Vec<u8> = a.uart.sent.drain(..).collect();
    // In the middle, between two pieces of what is read at once.
    b.uart.received.extend(&bytes[..16]);
    b.run().unwrap();
    b.uart.read_fails = true;
    b.uart.received.extend(&bytes[16..]);
    assert_eq!(b.run(), Err(WireError::Uart(ErrorKind::Other)));
    b.run().unwrap();
    assert_eq!(b.heard, ["once"]);
    let counters = b.link.counters();
    assert_eq!((counters.received - received, counters.bad_crc), (1, 0));
}

#[test]
fn an_error_says_what_the_uart_says() {
    let error = WireError::from(ErrorKind::TimedOut);
    assert_eq!(error.to_string(), ErrorKind::TimedOut.to_string());
    assert_eq!(WireError::<ErrorKind>::Closed.to_string(), "the stream has ended");
}
