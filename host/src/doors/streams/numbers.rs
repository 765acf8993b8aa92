//! Where the ten numbers come from: a device that has them, or else the virtual one, on a hub that nobody else is at.

use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, watch};

use crate::device::{Slot, Terms};
use crate::hub::Hub;
use crate::port::PortSpec;
use crate::registry::Registry;
use crate::shutdown::Shutdown;
use crate::table::{Device, DeviceState};

/// Streams that the host opens.
pub(crate) const NUMBERS: usize = 10;
const TERMS: Terms = Terms { baud: 115_200, silence_ms: 1000 };

/// The channel of a number.
pub(crate) fn channel(number: usize) -> String {
    format!("mystream{number}")
}

/// True when some device that is there has that channel.
pub(crate) fn is_there(hub: &Hub, channel: &str) -> bool {
    let is_there = |device: &&Device| device.state != DeviceState::Offline;
    hub.devices().iter().filter(is_there).any(|device| device.channels.iter().any(|known| known == channel))
}

/// The virtual device that stands in, while somebody needs one.
#[derive(Clone, Default)]
pub(crate) struct StandIn(Arc<Mutex<Weak<Running>>>);

/// A virtual device, which stops when nobody has this any more.
pub(crate) struct Running {
    pub(crate) hub: Arc<Hub>,
    _stop: watch::Sender<bool>,
}

impl StandIn {
    /// True while somebody needs it.
    #[cfg(test)]
    pub(crate) async fn is_running(&self) -> bool {
        self.0.lock().await.strong_count() > 0
    }

    /// The one that runs; it is started if none does.
    pub(crate) async fn running(&self) -> Arc<Running> {
        let mut known = self.0.lock().await;
        if let Some(running) = known.upgrade() {
            return running;
        }
        let hub = Arc::new(Hub::new(Registry::load(None)));
        let (stop, stopping) = Shutdown::new();
        // A port in memory is always there.
        if let Ok(port) = PortSpec::Demo.open(TERMS.baud).await {
            let slot = Slot::new(PortSpec::Demo, &port, TERMS, hub.clone(), None, stopping);
            tokio::spawn(slot.run(port));
        }
        let running = Arc::new(Running { hub, _stop: stop });
        *known = Arc::downgrade(&running);
        running
    }
}
