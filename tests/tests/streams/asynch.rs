//! The same by the `embedded-io-async` traits: each side selects over reading, writing and its deadline.

use std::io;

use embedded_io_adapters::tokio_1::FromTokio;
use embedded_io_async::{Read, Write};
use pocketmux_core::io::{Wire, WireError, asynch};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::side::Side;

/// Reads or writes once, or waits until time brings something; then takes the events and sends more.
async fn turn<R, W>(side: &mut Side, wire: &mut Wire<512>, rx: &mut R, tx: &mut W) -> Result<(), WireError<io::Error>>
where
    R: Read<Error = io::Error>,
    W: Write<Error = io::Error>,
{
    let (has_output, now_us, wait) = (side.has_output(), side.now_us(), side.wait());
    tokio::select! {
        read = asynch::receive(wire, rx) => read?,
        written = asynch::transmit(&mut side.link, tx, now_us), if has_output => assert!(written?),
        () = tokio::time::sleep(wait), if !has_output => {}
    }
    let now_us = side.now_us();
    while let Some(event) = wire.next_event(&mut side.link, now_us) {
        side.post.hear(event);
    }
    side.send_more();
    Ok(())
}

/// The side that is the first to hang up: it says goodbye, and reads on until the other has hung up too.
async fn first(side: &mut Side, rx: impl AsyncRead + Unpin, tx: impl AsyncWrite + Unpin) -> WireError<io::Error> {
    let (mut wire, mut rx, mut tx) = (Wire::new(), FromTokio::new(rx), FromTokio::new(tx));
    while !side.is_done() {
        turn(side, &mut wire, &mut rx, &mut tx).await.unwrap();
    }
    side.say_goodbye();
    while side.has_output() {
        let now_us = side.now_us();
        asynch::transmit(&mut side.link, &mut tx, now_us).await.unwrap();
    }
    tokio::io::AsyncWriteExt::shutdown(tx.inner_mut()).await.unwrap();
    loop {
        let now_us = side.now_us();
        while let Some(event) = wire.next_event(&mut side.link, now_us) {
            side.post.hear(event);
        }
        if let Err(end) = asynch::receive(&mut wire, &mut rx).await {
            return end;
        }
    }
}

/// The other, which goes on until it is told that the stream has ended.
async fn second(side: &mut Side, rx: impl AsyncRead + Unpin, tx: impl AsyncWrite + Unpin) -> WireError<io::Error> {
    let (mut wire, mut rx, mut tx) = (Wire::new(), FromTokio::new(rx), FromTokio::new(tx));
    loop {
        if let Err(end) = turn(side, &mut wire, &mut rx, &mut tx).await {
            return end;
        }
    }
}

/// Fills both directions of a stream and sees both ends of it.
async fn fill<A, B>(a: (impl AsyncRead + Unpin, A), b: (impl AsyncRead + Unpin, B))
where
    A: AsyncWrite + Unpin,
    B: AsyncWrite + Unpin,
{
    let (mut left, mut right) = (Side::new(1), Side::new(2));
    let ends = tokio::join!(first(&mut left, a.0, a.1), second(&mut right, b.0, b.1));
    assert!(matches!(ends, (WireError::Closed, WireError::Closed)), "{ends:?}");
    left.check(&right);
    right.check(&left);
}

#[tokio::test]
async fn an_async_link_fills_both_directions_of_a_tcp_connection_and_hears_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    fill(connected.into_split(), accepted.into_split()).await;
}

/// In virtual time: it goes on whenever both sides wait.
#[tokio::test(start_paused = true)]
async fn an_async_link_fills_a_stream_that_holds_less_than_a_packet_and_hears_its_end() {
    let (a, b) = tokio::io::duplex(50);
    fill(tokio::io::split(a), tokio::io::split(b)).await;
}
