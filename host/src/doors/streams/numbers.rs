//! Where the ten numbers come from: a device that has them, or else the virtual one, on a hub that nobody else is at.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::device::{Slot, Terms};
use crate::hub::Hub;
use crate::port::PortSpec;
use crate::registry::Registry;
use crate::shutdown::Shutdown;

/// Streams that the host opens.
pub(crate) const NUMBERS: usize = 10;
const TERMS: Terms = Terms { baud: 115_200, silence_ms: 1000 };

/// The channel of a number.
pub(crate) fn channel(number: usize) -> String {
    format!("mystream{number}")
}

/// True when some device has that channel.
pub(crate) fn is_there(hub: &Hub, channel: &str) -> bool {
    hub.devices().iter().any(|device| device.channels.iter().any(|known| known == channel))
}

/// The virtual device that stands in, once one had to.
#[derive(Clone)]
pub(crate) struct StandIn {
    hub: Arc<OnceCell<Arc<Hub>>>,
    shutdown: Shutdown,
}

impl StandIn {
    /// None yet; the one that there will be stops with the host.
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        Self { hub: Arc::default(), shutdown }
    }

    /// The hub that it is at.
    pub(crate) async fn hub(&self) -> Arc<Hub> {
        let start = async {
            let hub = Arc::new(Hub::new(Registry::load(None)));
            // A port in memory is always there.
            if let Ok(port) = PortSpec::Demo.open(TERMS.baud).await {
                let slot = Slot::new(PortSpec::Demo, &port, TERMS, hub.clone(), self.shutdown.clone());
                tokio::spawn(slot.run(port));
            }
            hub
        };
        self.hub.get_or_init(|| start).await.clone()
    }
}
