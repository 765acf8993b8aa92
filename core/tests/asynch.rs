//! The `embedded-io-async` adapter: two links over two pipes in memory.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use pocketmux_core::io::{Wire, WireError, asynch};
use pocketmux_core::{Channel, ChannelId, Config, Event, Identity, Link, Message};

/// A pipe that takes and gives five bytes at a time.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    is_closed: bool,
}

impl embedded_io::ErrorType for Pipe {
    type Error = Infallible;
}

impl embedded_io_async::Read for Pipe {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        if self.bytes.is_empty() && !self.is_closed {
            future::pending::<()>().await;
        }
        let len = buf.len().min(self.bytes.len()).min(5);
        buf.iter_mut().zip(self.bytes.drain(..len)).for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl embedded_io_async::Write for Pipe {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let len = if self.is_closed { 0 } else { buf.len().min(5) };
        self.bytes.extend(&buf[..len]);
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Polls once, and drops the future where it would wait.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// One side, what it has heard, and the time that it goes by.
struct Side {
    link: Link<'static, 256, 8, 4>,
    wire: Wire<32>,
    chat: ChannelId,
    heard: String,
    is_up: bool,
    now_us: u64,
}

impl Side {
    fn new(name: &'static str, epoch: u32) -> Self {
        let identity = Identity { name, ..Identity::default() };
        let mut link = Link::new(Config { identity, epoch, ..Config::default() });
        let chat = link.open(Channel::new("chat")).unwrap();
        Self { link, wire: Wire::new(), chat, heard: String::new(), is_up: false, now_us: 0 }
    }

    fn transmit(&mut self, pipe: &mut Pipe) -> Result<bool, WireError<Infallible>> {
        self.now_us += 1;
        at_once(asynch::transmit(&mut self.link, pipe, self.now_us)).expect("a pipe never makes a writer wait")
    }

    /// Reads what there is, and takes its events.
    fn receive(&mut self, pipe: &mut Pipe) -> Result<(), WireError<Infallible>> {
        while let Some(read) = at_once(asynch::receive(&mut self.wire, pipe)) {
            read?;
            // Again before anything is taken in: what was read stays.
            assert_eq!(at_once(asynch::receive(&mut self.wire, pipe)), Some(Ok(())));
            while let Some(event) = self.wire.next_event(&mut self.link, self.now_us) {
                match event {
                    Event::Up(_) => self.is_up = true,
                    Event::Frame(frame) => self.heard.push_str(std::str::from_utf8(frame.data).unwrap()),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Lets everything cross.
fn run(sides: &mut [Side; 2], pipes: &mut [Pipe; 2]) {
    let [a, b] = sides;
    let [to_a, to_b] = pipes;
    while a.transmit(to_b).unwrap() | b.transmit(to_a).unwrap() {
        a.receive(to_a).unwrap();
        b.receive(to_b).unwrap();
    }
}

#[test]
fn two_links_exchange_a_message_and_lose_nothing_that_was_read() {
    let (mut sides, mut pipes) = ([Side::new("a", 1), Side::new("b", 2)], Default::default());
    run(&mut sides, &mut pipes);
    assert!(sides[0].is_up && sides[1].is_up);
    let chat = sides[0].chat;
    sides[0].link.send(chat, &Message::text("five bytes at a time")).unwrap();
    run(&mut sides, &mut pipes);
    assert_eq!(sides[1].heard, "five bytes at a time");
    assert_eq!(sides.each_ref().map(|side| side.link.counters().bad_crc), [0, 0]);
}

#[test]
fn each_packet_leaves_by_the_time_it_is_given() {
    let (mut sides, mut pipes) = ([Side::new("a", 1), Side::new("b", 2)], Default::default());
    run(&mut sides, &mut pipes);
    let [a, b] = &mut sides;
    a.link.send(a.chat, &Message::text(&"x".repeat(700))).unwrap();
    // A millisecond for every five bytes, so that the message takes a good part of a second.
    while a.transmit(&mut pipes[1]).unwrap() {
        a.now_us += 1000;
    }
    let left_us = a.now_us;
    b.now_us = left_us;
    b.receive(&mut pipes[1]).unwrap();
    assert!(b.transmit(&mut pipes[0]).unwrap());
    while b.transmit(&mut pipes[0]).unwrap() {}
    a.receive(&mut pipes[0]).unwrap();
    assert_eq!(b.heard.len(), 700);
    let round_trip_us = a.link.stats().round_trip_us;
    // One measurement moves the average by an eighth: it was of the newest packet alone, a third of the time, and not of the whole.
    let measured_us = u64::from(round_trip_us) * 8;
    assert!((left_us / 4..left_us / 2).contains(&measured_us), "{measured_us} of {left_us}");
}

#[test]
fn the_end_is_told_when_all_that_came_before_it_is_taken_in() {
    let (mut sides, mut pipes) = ([Side::new("a", 1), Side::new("b", 2)], <[Pipe; 2]>::default());
    run(&mut sides, &mut pipes);
    let [a, b] = &mut sides;
    a.link.send(a.chat, &Message::text("goodbye")).unwrap();
    while a.transmit(&mut pipes[1]).unwrap() {}
    pipes[1].is_closed = true;
    assert_eq!(b.receive(&mut pipes[1]), Err(WireError::Closed));
    assert_eq!(b.heard, "goodbye");
    assert_eq!(b.receive(&mut pipes[1]), Err(WireError::Closed), "and again");
}

#[test]
fn a_stream_that_takes_nothing_has_ended_and_what_was_not_written_is_kept() {
    let (mut sides, mut pipes) = ([Side::new("a", 1), Side::new("b", 2)], <[Pipe; 2]>::default());
    run(&mut sides, &mut pipes);
    let chat = sides[0].chat;
    sides[0].link.send(chat, &Message::text("later")).unwrap();
    pipes[1].is_closed = true;
    assert_eq!(sides[0].transmit(&mut pipes[1]), Err(WireError::Closed));
    pipes[1].is_closed = false;
    run(&mut sides, &mut pipes);
    assert_eq!(sides[1].heard, "later");
}
