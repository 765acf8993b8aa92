//! The real ser2net, which shares the serial port at the end of a cable as another machine would.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use crate::cable::Cable;

/// Becomes ser2net, in the foreground and with its complaints on standard error. What this process has open is let go first: among it
/// are the boards' ends of cables, which could not be pulled otherwise.
const EXEC: &str =
    "for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -le 2 ] || eval \"exec $fd>&-\"; done; exec ser2net -n -d -c $0";

/// A running ser2net; dropping it ends it.
pub struct Ser2net {
    child: Child,
    address: SocketAddr,
}

impl Ser2net {
    /// Shares the cable's end by RFC 2217, on a port of this machine that is free now. It opens the end when somebody connects, and
    /// has it at 9600 baud until it is told otherwise.
    ///
    /// # Panics
    ///
    /// When this machine lets it have no port, no file or no bash.
    #[must_use]
    pub fn start(cable: &Cable) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let config = cable.folder().join("ser2net.yaml");
        // Its lock files are for modems; they need a folder that only some users may write to.
        let text = format!(
            "connection: &board\n  accepter: telnet(rfc2217),tcp,{},{}\n  connector: serialdev(nouucplock),{},9600n81,local\n",
            address.ip(),
            address.port(),
            cable.path().display()
        );
        std::fs::write(&config, text).expect("the cable's folder is writable");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("bash");
        command.args(["-c", EXEC]).arg(config).env("PATH", path).stdin(Stdio::null());
        let child = command.spawn().expect("there is a bash");
        Self { child, address }
    }

    /// Where it listens, a moment after its start.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Ser2net {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
