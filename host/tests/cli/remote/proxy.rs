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
}

fn join(client: &TcpStream, host: &TcpStream, faults: &Arc<Faults>) {
    for (from, to) in [(client, host), (host, client)] {
        let (mut from, mut to, faults) = (from.try_clone().unwrap(), to.try_clone().unwrap(), faults.clone());
        thread::spawn(move || carry(&mut from, &mut to, &faults));
    }
}

/// Hands on what comes, until something breaks.
fn carry(from: &mut TcpStream, to: &mut TcpStream, faults: &Faults) {
    let mut buf = [0; 1 << 14];
    while let Ok(len @ 1..) = from.read(&mut buf) {
        if !faults.is_mute.load(Ordering::SeqCst) && to.write_all(&buf[..len]).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
