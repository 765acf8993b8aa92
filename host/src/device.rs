//! One device over the life of the host: opens its port, serves it, and after an unplugging takes the same device back.
//!
//! The same device is the one with the same USB identity, on whatever path it comes back, or else the one on the same path; and in
//! either case the one whose HELLO has the name and the serial number that were seen first. Another one is refused, in words.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, sleep_until};
use tracing::{info, warn};

use crate::attached::{Attached, UsbId};
use crate::depot::Depot;
use crate::errand::{Errand, Refusal};
use crate::hello::Hello;
use crate::hub::Hub;
use crate::names::Names;
use crate::port::{Port, PortSpec};
use crate::port_error::PortError;
use crate::registry::Known;
use crate::session::{Ended, Session};
use crate::shutdown::Shutdown;
use crate::table::{Device, DeviceId, DeviceState};

/// A port that is gone is looked for this often; one that refuses is left alone for longer and longer, up to eight times this.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const BACKOFF_MAX: u32 = 3;

/// Errands that the device's task has not looked at.
const ARRIVING_MAX: usize = 64;

/// What holds for every device's line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Bits a second on serial ports.
    pub(crate) baud: u32,
    /// Milliseconds without a sign of life after which a device counts as silent; 0 for never.
    pub(crate) silence_ms: u32,
}

/// One device's place in the host, kept while the device itself comes and goes.
pub(crate) struct Slot {
    spec: PortSpec,
    pub(crate) terms: Terms,
    pub(crate) hub: Arc<Hub>,
    /// The files of the host; a device that stands in for others has none to do with.
    pub(crate) depot: Option<Depot>,
    id: DeviceId,
    /// What clients see of it.
    pub(crate) device: Device,
    /// What others want of it.
    pub(crate) errands: mpsc::Receiver<Errand>,
    pub(crate) shutdown: Shutdown,
    usb: Option<UsbId>,
    /// Its first HELLO.
    first: Option<Hello>,
    /// Attempts that failed, or led to nobody, since it was last online.
    failures: u32,
}

impl Slot {
    /// A place for the device on `port`, which is open.
    pub(crate) fn new(
        spec: PortSpec,
        port: &Port,
        terms: Terms,
        hub: Arc<Hub>,
        depot: Option<Depot>,
        shutdown: Shutdown,
    ) -> Self {
        let (sender, errands) = mpsc::channel(ARRIVING_MAX);
        let (id, device) = hub.open(spec.short_name(), port.at.to_string(), sender);
        Self { spec, terms, hub, depot, id, device, errands, shutdown, usb: port.usb.clone(), first: None, failures: 0 }
    }

    /// Serves the device until the host stops.
    pub(crate) async fn run(mut self, port: Port) {
        let names = Names::new();
        let mut session = Session::new(&mut self, &names);
        let mut opened = Some(port);
        while let Some(mut port) = opened {
            let path = port.at.to_string();
            let ended = session.serve(&mut port).await;
            drop(port);
            opened = session.slot.next_port(ended, &path).await;
        }
    }

    /// Waits for the device to come back after its port went; `None` when the host stops.
    async fn next_port(&mut self, ended: Ended, path: &str) -> Option<Port> {
        if self.device.state == DeviceState::Online {
            self.failures = 0;
        }
        let detail = match ended {
            Ended::Shutdown => return None,
            Ended::Unplugged(error) => {
                info!("{} on {path} is gone ({error}).", self.device.name);
                self.awaited(path)
            }
            Ended::Stranger(sentence) => {
                warn!("{sentence}");
                self.failures += 1;
                sentence
            }
        };
        self.device.link = None;
        self.set(DeviceState::Offline, detail);
        self.find().await
    }

    /// Makes known what clients see.
    pub(crate) fn publish(&self) {
        self.hub.set(self.id, &self.device);
    }

    fn set(&mut self, state: DeviceState, detail: String) {
        self.device.state = state;
        self.device.detail = detail;
        self.publish();
    }

    /// What to call a device that does not say its name.
    pub(crate) fn short_name(&self) -> String {
        self.spec.short_name()
    }

    /// Takes the identity of a HELLO; a sentence when it is that of another device.
    ///
    /// The name counts too: boards without a serial number of their own would all be the same otherwise.
    pub(crate) fn recognise(&mut self, hello: &Hello) -> Result<(), String> {
        match &self.first {
            None => {
                self.device.name = self.hub.settle(self.id, &hello.name, &hello.serial);
                self.device.serial = hello.serial.clone();
                self.first = Some(hello.clone());
                Ok(())
            }
            Some(first) if (&first.name, &first.serial) == (&hello.name, &hello.serial) => Ok(()),
            Some(first) => Err(format!(
                "Another device answered on {}: {}, not {}. Plug the first one in again, or start pocketmux anew for this one.",
                self.device.port,
                described(hello),
                described(first),
            )),
        }
    }

    /// Writes down that the device was seen.
    pub(crate) fn note(&self) {
        let Device { name, serial, firmware, port, .. } = self.device.clone();
        let known = Known { name, serial, firmware, port, usb: self.usb.as_ref().map(ToString::to_string) };
        self.hub.note(known);
    }

    fn awaited(&self, path: &str) -> String {
        match &self.usb {
            Some(id) => {
                format!("It was unplugged from {path}. It is taken back on any port, by its USB identity {id}.")
            }
            None => format!("The connection on {path} ended. It is taken back when that path answers again."),
        }
    }

    /// Waits for the device to come back; `None` when the host stops first.
    async fn find(&mut self) -> Option<Port> {
        loop {
            let pause = LOOK_INTERVAL * (1 << self.failures.min(BACKOFF_MAX));
            if !self.refuse_until(Instant::now() + pause).await {
                return None;
            }
            match self.look().await {
                Ok(Some(port)) => {
                    self.failures += 1;
                    self.device.port = port.at.to_string();
                    self.set(DeviceState::Opening, "The port is open; the device has not said hello yet.".into());
                    return Some(port);
                }
                Ok(None) | Err(PortError::Missing { .. }) => {}
                Err(error) => {
                    self.failures += 1;
                    self.set(DeviceState::Offline, error.to_string());
                }
            }
        }
    }

    /// Waits, telling everyone who has something for the device that it is not there; false when the host stops.
    async fn refuse_until(&mut self, at: Instant) -> bool {
        loop {
            tokio::select! {
                () = sleep_until(at) => return true,
                () = self.shutdown.wanted() => return false,
                errand = self.errands.recv() => match errand {
                    Some(Errand::Files(request)) => request.refuse(Refusal::Offline),
                    Some(Errand::Message(message)) => message.refuse(&format!("{} is offline, so it did not get this.", self.device.name)),
                    None => return false,
                },
            }
        }
    }

    /// Opens the port if the device may be there.
    async fn look(&self) -> Result<Option<Port>, PortError> {
        let spec = match (&self.usb, &self.spec) {
            (Some(id), _) => {
                let id = id.clone();
                let found = spawn_blocking(move || Attached::with_id(&id)).await.ok().flatten();
                let Some(attached) = found else { return Ok(None) };
                PortSpec::Serial(attached.path.into())
            }
            // Only what is known not to be there is awaited in silence; a closed directory is a cause to name.
            (None, PortSpec::Serial(path)) if path.try_exists().is_ok_and(|exists| !exists) => return Ok(None),
            (None, spec) => spec.clone(),
        };
        spec.open(self.terms.baud).await.map(Some)
    }
}

fn described(hello: &Hello) -> String {
    match hello.serial.as_str() {
        "" => format!("{} without a serial number", hello.name),
        serial => format!("{} with the serial number {serial}", hello.name),
    }
}

#[cfg(test)]
mod tests {
    use super::{Slot, Terms};
    use crate::hello::Hello;
    use crate::hub::Hub;
    use crate::port::{Port, PortSpec};
    use crate::registry::Registry;
    use crate::shutdown::Shutdown;
    use std::sync::Arc;

    fn hello(name: &str, firmware: &str, serial: &str) -> Hello {
        Hello { name: name.into(), firmware: firmware.into(), serial: serial.into() }
    }

    #[test]
    fn the_same_device_has_the_same_name_and_the_same_serial_number() {
        for serial in ["", "s1"] {
            let port = Port::in_memory(tokio::io::duplex(1).0);
            let hub = Arc::new(Hub::new(Registry::load(None)));
            let terms = Terms { baud: 115_200, silence_ms: 1000 };
            let mut slot = Slot::new(PortSpec::Demo, &port, terms, hub, None, Shutdown::new().1);
            for firmware in ["a 1", "a 2"] {
                assert_eq!(slot.recognise(&hello("microbit", firmware, serial)), Ok(()));
            }
            let sentence = slot.recognise(&hello("pico", "a 1", serial)).unwrap_err();
            assert!(sentence.contains("on demo: pico with") && sentence.contains("not microbit with"), "{sentence}");
            assert!(
                slot.recognise(&hello("microbit", "a 1", "s2"))
                    .unwrap_err()
                    .contains("microbit with the serial number s2")
            );
        }
    }
}
