use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant, pause, timeout};

use super::Rfc2217;
use crate::port::{Port, PortSpec};
use crate::port_error::PortError;

const GREETING: [u8; 9] = [255, 253, 0, 255, 251, 0, 255, 253, 44];

/// A server that says `words` to whoever comes, and the port that it shares.
async fn server(words: Vec<u8>) -> (PortSpec, tokio::task::JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let spec = PortSpec::Rfc2217(listener.local_addr().unwrap().to_string());
    let serving = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(&words).await.unwrap();
        peer
    });
    (spec, serving)
}

fn answer(code: u8, value: &[u8]) -> Vec<u8> {
    [&[255, 250, 44, code + 100], value, &[255, 240]].concat()
}

/// A port that is open, and the server's end with everything read that set the port.
async fn open() -> (Port, TcpStream) {
    let answers = [answer(1, &[0, 1, 0xc2, 0]), answer(2, &[8]), answer(3, &[1]), answer(4, &[1]), answer(5, &[1])];
    let (spec, serving) = server([GREETING.to_vec(), answers.concat()].concat()).await;
    let port = spec.open(115_200).await.unwrap();
    (port, serving.await.unwrap())
}

/// Why a port was not opened whose server says `words`, and hangs up once it has heard something.
async fn why_not(words: &[u8]) -> String {
    let (spec, serving) = server(words.to_vec()).await;
    let serving = tokio::spawn(async move { serving.await.unwrap().read(&mut [0; 64]).await });
    let error = spec.open(115_200).await.unwrap_err().to_string();
    serving.await.unwrap().unwrap();
    error
}

/// Lets the port read and answer until the server has `wanted`, after whatever it has to say before.
async fn until_sent(port: &mut Port, peer: &mut TcpStream, output: &[u8], wanted: &[u8]) {
    let (mut sent, mut rest) = (Vec::new(), output);
    while !sent.ends_with(wanted) {
        let (mut input, mut bytes) = ([0; 64], [0; 256]);
        tokio::select! {
            done = port.exchange(&mut input, rest) => rest = &rest[done.unwrap().written..],
            len = peer.read(&mut bytes) => sent.extend(&bytes[..len.unwrap()]),
        }
    }
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn every_byte_passes_both_ways() {
    let (mut port, mut peer) = open().await;
    let all: Vec<u8> = (0..=255).collect();
    let escaped = [&all[..], &[255]].concat();
    until_sent(&mut port, &mut peer, &all, &escaped).await;
    peer.write_all(&escaped).await.unwrap();
    let mut heard = Vec::<u8>::new();
    while heard.len() < all.len() {
        let mut input = [0; 100];
        let read = port.exchange(&mut input, b"").await.unwrap().read;
        heard.extend(&input[..read]);
    }
    assert_eq!(heard, all);
}

#[tokio::test]
async fn what_the_server_asks_is_answered_though_there_is_nothing_to_write() {
    let (mut port, mut peer) = open().await;
    peer.write_all(&[255, 251, 1]).await.unwrap();
    until_sent(&mut port, &mut peer, b"", &[255, 254, 1]).await;
}

#[tokio::test]
async fn a_suspended_write_goes_on_when_the_server_resumes() {
    let (mut port, mut peer) = open().await;
    peer.write_all(&[&answer(8, &[])[..], b"!"].concat()).await.unwrap();
    let mut input = [0; 8];
    assert_eq!(port.exchange(&mut input, b"").await.unwrap().read, 1);
    peer.write_all(b"?").await.unwrap();
    let done = port.exchange(&mut input, b"data").await.unwrap();
    assert_eq!((done.read, done.written), (1, 0), "reading does not wait for writing");
    peer.write_all(&answer(9, &[])).await.unwrap();
    until_sent(&mut port, &mut peer, b"data", b"data").await;
}

#[tokio::test]
async fn a_dropped_exchange_loses_nothing() {
    let (mut port, mut peer) = open().await;
    let all: Vec<u8> = (0..100_000u32).map(|n| (n % 257) as u8 | 0x80).collect();
    let echo = tokio::spawn(async move {
        let mut bytes = [0; 50];
        loop {
            let len = peer.read(&mut bytes).await.unwrap();
            peer.write_all(&bytes[..len]).await.unwrap();
        }
    });
    // What set the port comes back as well; a server's own code, so it is only commands to us.
    let (mut rest, mut heard) = (&all[..], Vec::<u8>::new());
    while heard.len() < all.len() {
        let mut input = [0; 300];
        tokio::select! {
            biased;
            done = port.exchange(&mut input, &rest[..rest.len().min(200)]) => {
                let done = done.unwrap();
                rest = &rest[done.written..];
                heard.extend(&input[..done.read]);
            }
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(heard == all);
    echo.abort();
}

#[tokio::test]
async fn an_open_port_ends_when_the_server_takes_back_what_it_needs() {
    let (mut port, mut peer) = open().await;
    peer.write_all(&[255, 254, 44]).await.unwrap();
    let error = port.exchange(&mut [0; 8], b"").await.unwrap_err();
    assert_eq!(error.to_string(), "the server has stopped sharing the port");
    let (mut port, peer) = open().await;
    drop(peer);
    assert!(port.exchange(&mut [0; 8], b"").await.is_err());
}

#[tokio::test]
async fn a_server_that_gives_no_more_signs_of_life_is_given_up() {
    let (mut port, mut peer) = open().await;
    peer.write_all(&[&answer(2, &[8])[..], b"!"].concat()).await.unwrap();
    assert_eq!(port.exchange(&mut [0; 8], b"").await.unwrap().read, 1);
    pause();
    let (heard_at, mut input) = (Instant::now(), [0; 8]);
    let error = port.exchange(&mut input, b"").await.unwrap_err();
    assert_eq!(error.to_string(), "the server gives no sign of life");
    assert!((4..5).contains(&heard_at.elapsed().as_secs()));
}

#[tokio::test]
async fn a_server_that_never_gives_signs_of_life_may_be_silent() {
    let (mut port, _peer) = open().await;
    pause();
    assert!(timeout(Duration::from_secs(1000), port.exchange(&mut [0; 8], b"")).await.is_err());
}

#[tokio::test]
async fn why_a_port_is_not_opened_is_said_in_a_sentence() {
    for words in [&[255, 254, 44][..], b""] {
        let error = why_not(words).await;
        assert!(error.starts_with("What answers on rfc2217://127.0.0.1:"), "{error}");
        assert!(error.contains("If it shares it raw, write tcp://127.0.0.1:"), "{error}");
    }
    let error = why_not(&[&GREETING[..], b"Port already in use\r\n"].concat()).await;
    assert!(error.ends_with("hung up. It said: \"Port already in use\"."), "{error}");
    let error = why_not(&[&GREETING[..], &answer(1, &[0, 0, 0x25, 0x80])].concat()).await;
    assert!(error.contains("does not give its port the speed that --baud asks for"), "{error}");
    let nobody = PortSpec::Rfc2217("127.0.0.1:1".into()).open(115_200).await.unwrap_err().to_string();
    assert!(nobody.starts_with("Nobody listens on rfc2217://127.0.0.1:1. "), "{nobody}");
    let nonsense = PortSpec::Rfc2217("no port".into()).open(115_200).await.unwrap_err().to_string();
    assert!(nonsense.contains("An address is rfc2217://HOST:PORT"), "{nonsense}");
}

#[tokio::test]
async fn a_server_that_sends_but_never_answers_is_not_waited_for_without_end() {
    let (PortSpec::Rfc2217(address), serving) = server(b"what a device says".to_vec()).await else { panic!() };
    let socket = TcpStream::connect(&address).await.unwrap();
    let _peer = serving.await.unwrap();
    pause();
    let error = Rfc2217::open(socket, &address, 115_200).await.unwrap_err();
    assert_eq!(error, PortError::NotRfc2217(address));
}
