use std::io::Read as _;

use serialport::{SerialPort as _, TTYPort};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{Duration, Instant, advance, pause};

use super::{Line, Port, PortSpec, TCP_DEAD, TCP_PROBE};
use crate::backlog::Room;

/// Writes as much as may be written now; returns how much that was, and when to ask again.
async fn fill(port: &mut Port) -> (usize, Instant) {
    let mut written = 0;
    loop {
        match port.room(Instant::now()) {
            Room::For(bytes) => written += port.exchange(&mut [0; 8], &vec![b'x'; bytes]).await.unwrap().written,
            Room::From(at) => return (written, at),
        }
    }
}

#[tokio::test]
async fn a_tcp_server_is_a_port_until_it_closes() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
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

#[tokio::test]
async fn a_connection_to_nobody_is_given_up_within_seconds() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = PortSpec::Tcp(server.local_addr().unwrap().to_string()).open(115_200).await.unwrap();
    let Line::Tcp(socket) = &port.line else { panic!("{port:?}") };
    // The other end cannot be made to vanish here; that the system is asked to look after it can be read back.
    let socket = SockRef::from(socket);
    assert!(socket.keepalive().unwrap());
    let probes = (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap());
    assert_eq!(probes, (TCP_DEAD, TCP_PROBE));
    #[cfg(target_os = "linux")]
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(TCP_DEAD));
}

#[tokio::test]
async fn a_pseudo_terminal_is_written_to_at_the_pace_of_the_line() {
    let (mut device, host) = TTYPort::pair().unwrap();
    let mut port = PortSpec::Serial(host.name().unwrap().into()).open(115_200).await.unwrap();
    pause();
    let (ahead, mut at) = fill(&mut port).await;
    assert!((264..=528).contains(&ahead), "{ahead}");
    let (started, mut written) = (Instant::now(), ahead);
    while started.elapsed() < Duration::from_secs(1) {
        advance(at - Instant::now()).await;
        let (more, next) = fill(&mut port).await;
        device.read_exact(&mut vec![0; more]).unwrap();
        (written, at) = (written + more, next);
    }
    assert!((11_520..=11_520 + 3 * 264).contains(&written), "{written}");
}

#[tokio::test]
async fn what_another_machine_takes_at_once_is_written_at_the_pace_of_its_line() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut port = PortSpec::Tcp(server.local_addr().unwrap().to_string()).open(921_600).await.unwrap();
    pause();
    let (ahead, at) = fill(&mut port).await;
    assert!((921..=1842).contains(&ahead), "{ahead}");
    assert!(at <= Instant::now() + Duration::from_millis(20));
}

#[tokio::test]
async fn at_most_two_chunks_are_on_a_unix_socket_unread() {
    let path = std::env::temp_dir().join(format!("pocketmux-port-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let server = UnixListener::bind(&path).unwrap();
    let mut port = PortSpec::Unix(path.clone()).open(115_200).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let (mut peer, _) = server.accept().await.unwrap();
    for _ in 0..100 {
        let (ahead, _) = fill(&mut port).await;
        assert!((264..=528).contains(&ahead), "{ahead}");
        peer.read_exact(&mut vec![0; ahead]).await.unwrap();
    }
}
