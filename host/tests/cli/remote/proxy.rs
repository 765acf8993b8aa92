//! What stands between the program and the host, and goes wrong when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What is wrong with it.
#[derive(Debug, Default)]
struct Faults {
    /// It takes everything, and hands on nothing.
    is_mute: AtomicBool,
    /// The next answer to a piece of an upload is lost, with its connection.
    loses_answer: AtomicBool,
}

/// A proxy on an address of its own. Its threads end with their connections, or with the tests.
pub(super) struct Proxy {
    pub(super) address: String,
    faults: Arc<Faults>,
}

impl Proxy {
    pub(super) fn to(host: &str) -> Self {
        let host = host.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::<Faults>::default();
        let known = faults.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(host)) = (client, TcpStream::connect(&host)) else { return };
                join(&client, &host, &known);
            }
        });
        Self { address, faults }
    }

    pub(super) fn fall_silent(&self) {
        self.faults.is_mute.store(true, Ordering::SeqCst);
    }

    pub(super) fn lose_an_answer(&self) {
        self.faults.loses_answer.store(true, Ordering::SeqCst);
    }

    /// Whether the answer that was to be lost is.
    pub(super) fn has_lost(&self) -> bool {
        !self.faults.loses_answer.load(Ordering::SeqCst)
    }
}

fn join(client: &TcpStream, host: &TcpStream, faults: &Arc<Faults>) {
    let is_piece = Arc::<AtomicBool>::default();
    let both = || (client.try_clone().unwrap(), host.try_clone().unwrap());
    let ((mut client, mut host), asked, known) = (both(), is_piece.clone(), faults.clone());
    thread::spawn(move || {
        carry(&mut client, &mut host, &known, |request| {
            if request.starts_with(b"PATCH /files/") {
                asked.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    let ((mut client, mut host), known) = (both(), faults.clone());
    thread::spawn(move || {
        let is_kept =
            |_: &[u8]| !(is_piece.swap(false, Ordering::SeqCst) && known.loses_answer.swap(false, Ordering::SeqCst));
        carry(&mut host, &mut client, &known, is_kept);
    });
}

/// Hands on what comes, until something breaks or is not to be handed on.
fn carry(from: &mut TcpStream, to: &mut TcpStream, faults: &Faults, mut is_kept: impl FnMut(&[u8]) -> bool) {
    let mut buf = [0; 1 << 14];
    while let Ok(len @ 1..) = from.read(&mut buf) {
        if faults.is_mute.load(Ordering::SeqCst) {
            continue;
        }
        if !is_kept(&buf[..len]) || to.write_all(&buf[..len]).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
