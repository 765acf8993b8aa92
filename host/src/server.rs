//! Accepts connections and serves HTTP on them.
//!
//! A connection that sends no request in time is closed, and there are never more than the process can have files open for. The
//! others wait in the system's queue until one goes.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};
use tracing::{debug, warn};

use crate::shutdown::Shutdown;

/// A connection on which nothing is asked for this long is closed; a WebSocket has pings instead.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// A client that takes nothing for this long is gone.
#[cfg(target_os = "linux")]
const STALLED: Duration = Duration::from_secs(30);
/// After accepting failed, for want of memory as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Open files that connections leave to the host: ports, its own files, the listener, the runtime.
const HOSTS_FILES: usize = 64;

/// How many connections the limit on open files has room for.
pub(crate) fn connections_max() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let files = usize::try_from(soft).unwrap_or(usize::MAX);
    files.saturating_sub(HOSTS_FILES).clamp(1, Semaphore::MAX_PERMITS)
}

/// Serves until the host stops and every connection has had its answer.
pub(crate) async fn serve(listener: TcpListener, router: Router, connections_max: usize, mut stopping: Shutdown) {
    let room = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    let mut has_warned = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopping.wanted() => break,
        };
        let Some(socket) = accepted else { continue };
        if room.available_permits() == 0 && !std::mem::replace(&mut has_warned, true) {
            warn!(
                "There are {connections_max} connections, as many as the limit on open files allows; others wait. `ulimit -n` raises it."
            );
        }
        connections.spawn(converse(socket, router.clone(), stopping.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits for room, then for a connection. Nothing is lost when the future is dropped.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Socket> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // A frame is not to wait for the answer to the one before it.
            let _ = stream.set_nodelay(true);
            // Nothing else ends an answer over HTTP that its client has stopped to read. (RFC 5482, which Linux applies to a closed window too.)
            #[cfg(target_os = "linux")]
            let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(STALLED));
            Some(Socket { stream, _permit: permit })
        }
        Err(error) => {
            let is_of_one_connection = matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
            );
            if !is_of_one_connection {
                warn!("No connection could be accepted: {error}.");
                sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

async fn converse(socket: Socket, router: Router, mut stopping: Shutdown) {
    // The time limit of hyper begins with the first byte, which a mute connection never sends.
    let mut first = [0];
    tokio::select! {
        ready = timeout(HEADER_PATIENCE, socket.stream.peek(&mut first)) => if !matches!(ready, Ok(Ok(1))) { return },
        () = stopping.wanted() => return,
    }
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(socket), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopping.wanted() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        debug!("A connection ended: {error}.");
    }
}

/// A connection, and its place among those there may be: a WebSocket keeps it long after HTTP is done with it.
struct Socket {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER_PATIENCE, connections_max, serve};
    use crate::shutdown::Shutdown;
    use axum::Router;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;
    use tokio::task::JoinHandle;
    use tokio::time::{Duration, timeout};

    async fn start(connections_max: usize) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = Shutdown::new();
        let router = Router::new().fallback(async || "here");
        (address, stop, tokio::spawn(serve(listener, router, connections_max, stopping)))
    }

    async fn ask(socket: &mut TcpStream) -> String {
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 1024];
        let read = socket.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    /// In real time: simulated time does not wait for sockets.
    #[tokio::test]
    async fn a_connection_that_says_nothing_or_half_a_request_is_closed() {
        let (address, _stop, _server) = start(8).await;
        let mut mute = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        for socket in [&mut mute, &mut half] {
            // Whether it is closed or answered 408 first, it goes.
            let mut rest = Vec::new();
            let _ = timeout(2 * HEADER_PATIENCE, socket.read_to_end(&mut rest)).await.expect("it is closed");
        }
    }

    #[tokio::test]
    async fn one_connection_too_many_waits_until_another_goes() {
        assert!(connections_max() >= 1);
        let (address, _stop, _server) = start(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await.ends_with("here"));
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(timeout(Duration::from_millis(50), ask(&mut second)).await.is_err());
        drop(first);
        let mut answer = [0; 8];
        timeout(Duration::from_secs(20), second.read_exact(&mut answer)).await.expect("its turn").unwrap();
    }

    #[tokio::test]
    async fn connections_that_wait_for_nothing_do_not_hold_up_the_end() {
        let (address, stop, server) = start(8).await;
        let mut kept_alive = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut kept_alive).await.ends_with("here"));
        let _mute = TcpStream::connect(address).await.unwrap();
        stop.send(true).unwrap();
        timeout(Duration::from_secs(5), server).await.expect("it ends").unwrap();
    }
}
