//! A host in this process, on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};

use pocketmux::{Host as Running, Options, PortSpec, StartError, serve};
use tokio::sync::oneshot;

use crate::cable::Cable;
use crate::client::Client;

/// A running host.
pub struct Host {
    running: Running,
    stop: oneshot::Sender<()>,
}

impl Host {
    /// Starts a host on the device at the end of `cable`.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub async fn start(cable: &Cable) -> Result<Self, StartError> {
        Self::start_on(PortSpec::Serial(cable.path().to_owned()), cable).await
    }

    /// Starts a host on the device behind `port`, with its files beside `cable`.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub async fn start_on(port: PortSpec, cable: &Cable) -> Result<Self, StartError> {
        let (stop, stopped) = oneshot::channel();
        let options = Options {
            ports: vec![port],
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data: Some(cable.folder().join("data")),
            ..Options::default()
        };
        let running = serve(options, async {
            let _ = stopped.await;
        })
        .await?;
        Ok(Self { running, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    /// A new client of it.
    pub async fn client(&self) -> Client {
        Client::connect(self.address()).await
    }

    /// Stops it and waits until it has stopped.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.running.finished().await;
    }
}
