//! The `embedded-io-async` adapter: two links over two pipes in memory.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use pocketmux_core::io::{Wire, asynch};
use pocketmux_core::{Channel, Config, Event, Identity, Link, Message};

/// A pipe that takes and gives five bytes at a time.
#[derive(Default)]
struct Pipe(VecDeque<u8>);

impl embedded_io::ErrorType for Pipe {
    type Error = Infallible;
}

impl embedded_io_async::Read for Pipe {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.0.len()).min(5);
        buf.iter_mut().zip(self.0.drain(..len)).for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl embedded_io_async::Write for Pipe {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(5);
        self.0.extend(&buf[..len]);
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Nothing here ever waits, so one poll is enough.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the pipes never wait"),
    }
}

#[test]
fn two_links_exchange_a_message_and_lose_nothing_that_was_read() {
    let side = |name, epoch| {
        let mut link = Link::<256, 8, 4>::new(Config {
            identity: Identity { name, ..Identity::default() },
            epoch,
            ..Config::default()
        });
        let chat = link.open(Channel::new("chat")).unwrap();
        (link, Wire::<32>::new(), chat)
    };
    let (mut a, mut a_wire, chat) = side("a", 1);
    let (mut b, mut b_wire, _) = side("b", 2);
    let (mut to_a, mut to_b) = (Pipe::default(), Pipe::default());
    let mut heard = String::new();
    let mut is_sent = false;
    for now_us in 0..200 {
        let Ok(()) = ready(asynch::transmit(&mut a, &mut to_b, now_us));
        let Ok(()) = ready(asynch::transmit(&mut b, &mut to_a, now_us));
        let Ok(()) = ready(asynch::receive(&mut a_wire, &mut to_a));
        // A second time before anything is taken in: what was read stays.
        let Ok(()) = ready(asynch::receive(&mut a_wire, &mut to_a));
        while let Some(event) = a_wire.next_event(&mut a, now_us) {
            is_sent |= matches!(event, Event::Up(_));
        }
        let Ok(()) = ready(asynch::receive(&mut b_wire, &mut to_b));
        while let Some(event) = b_wire.next_event(&mut b, now_us) {
            if let Event::Frame(frame) = event {
                heard.push_str(std::str::from_utf8(frame.data).unwrap());
            }
        }
        if std::mem::take(&mut is_sent) {
            a.send(chat, &Message::text("five bytes at a time")).unwrap();
        }
    }
    assert_eq!(heard, "five bytes at a time");
    assert_eq!((a.counters().bad_crc, b.counters().bad_crc), (0, 0));
}
