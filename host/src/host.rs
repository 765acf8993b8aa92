//! The whole host: opens the ports, listens, and stops in good order.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Duration, timeout};
use tracing::{info, warn};

use crate::attached::Attached;
use crate::depot::{Depot, Limits};
use crate::device::{Slot, Terms};
use crate::doors::files::Files;
use crate::doors::transfers;
use crate::doors::{self, Example};
use crate::history::History;
use crate::hub::Hub;
use crate::origin::Origin;
use crate::port::PortSpec;
use crate::port_error::PortError;
use crate::registry::Registry;
use crate::server;
use crate::shutdown::Shutdown;
use crate::sockjs;
use crate::transfers::Transfers;
use crate::web::{CLIENTS_MAX, Web, router};

/// How long everything may take to stop; clients that hold out longer are cut off.
const STOP_PATIENCE: Duration = Duration::from_secs(6);

/// What a host is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The devices' ports. With none, the one USB serial device that is attached, or the virtual device if there is none.
    pub ports: Vec<PortSpec>,
    /// Bits a second on serial ports.
    pub baud: u32,
    /// Milliseconds without a sign of life after which a device counts as silent; 0 for never.
    pub silence_ms: u32,
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Where to listen for clients that know only the chat; nowhere without it.
    pub chat_listen: Option<SocketAddr>,
    /// Where to keep what outlives the host; nothing is kept without it.
    pub data: Option<PathBuf>,
    /// Bytes of a file, at most.
    pub file_size_max: u64,
    /// Files there may be, uploads that are not whole among them.
    pub files_max: usize,
    /// Pages from elsewhere that may use the host.
    pub allow_origins: Vec<Origin>,
    /// Services in place of channels, to try clients with.
    pub example: Option<Example>,
    /// Also serve what the public suite of the SockJS protocol tests.
    pub sockjs_test_services: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ports: Vec::new(),
            baud: 115_200,
            silence_ms: 1000,
            listen: (Ipv4Addr::LOCALHOST, 8765).into(),
            chat_listen: None,
            data: None,
            file_size_max: 1 << 30,
            files_max: 1000,
            allow_origins: Vec::new(),
            example: None,
            sockjs_test_services: false,
        }
    }
}

/// Why a host did not start. Each says the cause and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port that was named could not be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The same port was named twice.
    #[error("The port {0} is named twice. Name each one once.")]
    Twice(PortSpec),
    /// Several devices are attached and none was named; a table of them.
    #[error("Several USB serial devices are attached. Choose with --port, once for each that you want:\n{0}")]
    Several(String),
    /// The address is taken.
    #[error("{0} is in use, perhaps by another pocketmux. Stop that one, or choose another address with {1}.")]
    InUse(SocketAddr, &'static str),
    /// The address cannot be listened on.
    #[error("Nothing can listen on {0}: {1}. Choose another address with {2}, such as 127.0.0.1:8765 or 0.0.0.0:8765.")]
    Listen(SocketAddr, io::Error, &'static str),
    /// There is no place for files.
    #[error("There is no place for files ({0}), neither in --data nor in {dir}. Make room in one of them.", dir = std::env::temp_dir().display())]
    Files(io::Error),
}

/// A host that runs.
#[derive(Debug)]
pub struct Host {
    local_addr: SocketAddr,
    chat_addr: Option<SocketAddr>,
    task: JoinHandle<()>,
}

impl Host {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it listens for clients that know only the chat.
    #[must_use]
    pub fn chat_addr(&self) -> Option<SocketAddr> {
        self.chat_addr
    }

    /// The addresses of its page, the best first.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let port = self.local_addr.port();
        let ip = self.local_addr.ip();
        let localhost = format!("http://localhost:{port}");
        if ip.is_unspecified() {
            return [Some(localhost), lan_address(port)].into_iter().flatten().collect();
        }
        let is_localhost = ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST;
        vec![if is_localhost { localhost } else { format!("http://{}", self.local_addr) }]
    }

    /// Waits until it has stopped.
    pub async fn finished(self) {
        // A task that panicked has stopped too, and has said so.
        let _ = self.task.await;
    }
}

/// This machine's address in the network, for the phone beside it. Nothing is sent: the system only picks a route.
fn lan_address(port: u16) -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| format!("http://{address}:{port}"))
}

/// Starts a host; it listens when this returns, and runs until `shutdown` is ready.
///
/// # Errors
///
/// [`StartError`]. What happens to ports later is no error: a device that goes is awaited.
pub async fn serve(options: Options, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<Host, StartError> {
    let (listener, local_addr) = listen(options.listen, "--listen").await?;
    let chat = match options.chat_listen {
        Some(address) => Some(listen(address, "--chat-listen").await?),
        None => None,
    };
    let chat_addr = chat.as_ref().map(|(_, address)| *address);
    let specs = choose(options.ports).await?;
    let mut opened = Vec::new();
    for spec in specs {
        opened.push((spec.open(options.baud).await?, spec));
    }
    let registry = Registry::load(options.data.as_deref());
    let writer = registry.keep();
    let history = History::open(options.data.as_deref());
    let limits = Limits { size_max: options.file_size_max, files_max: options.files_max };
    let depot = Depot::open_somewhere(options.data.clone(), limits).await.map_err(StartError::Files)?;
    let transfers = Transfers::open(options.data.as_deref());
    let (hub, historian) = Hub::with_history(registry, history, transfers);
    // What was cancelled while its device's task had it, and that ended before it could drop it.
    hub.transfers().to_be_dropped_here().into_iter().for_each(|id| hub.drop_part(&depot, id));
    let sender = hub.clone();
    depot.on_whole(Box::new(move |file, kept| transfers::send(&sender, file, kept)));
    let (stop, stopping) = Shutdown::new();
    let mut devices = JoinSet::new();
    for (port, spec) in opened {
        let terms = Terms { baud: options.baud, silence_ms: options.silence_ms };
        let slot = Slot::new(spec, &port, terms, hub.clone(), Some(depot.clone()), stopping.clone());
        devices.spawn(slot.run(port));
    }
    devices.spawn(hub.clone().tell_of_files(depot.clone(), stopping.clone()));
    let clients = Arc::new(Semaphore::new(CLIENTS_MAX as usize));
    let room = sockjs::Room::new(clients.clone(), stopping.clone());
    let mut services = doors::services(&hub, &room, options.example);
    if options.sockjs_test_services {
        services.extend(sockjs::suite_services(&room));
    }
    let web = Web {
        hub: hub.clone(),
        files: Files::new(depot.clone(), stopping.clone()),
        depot,
        services: services.into(),
        allowed: options.allow_origins.into(),
        clients: clients.clone(),
        shutdown: stopping.clone(),
        is_for_chat: false,
        refusals: Arc::default(),
    };
    let mut servers = JoinSet::new();
    let mut connections_max = server::connections_max();
    if let Some((listener, address)) = chat {
        info!("Chat clients are served at http://{address} too.");
        connections_max = connections_max.div_ceil(2);
        let web = Web { services: [].into(), is_for_chat: true, ..web.clone() };
        servers.spawn(server::serve(listener, router(web), connections_max, stopping.clone()));
    }
    servers.spawn(server::serve(listener, router(web), connections_max, stopping));
    let task = tokio::spawn(async move {
        shutdown.await;
        let _ = stop.send(true);
        let all_gone = async {
            while devices.join_next().await.is_some() {}
            if let Some(writer) = writer {
                writer.finish().await;
            }
            // Every client holds a permit until it has said goodbye.
            let _ = clients.acquire_many(CLIENTS_MAX).await;
            while servers.join_next().await.is_some() {}
        };
        if timeout(STOP_PATIENCE, all_gone).await.is_err() {
            warn!("Some clients did not answer the goodbye and are cut off.");
            servers.abort_all();
        }
        if timeout(STOP_PATIENCE, hub.transfers().finish()).await.is_err() {
            warn!("The disk does not take the transfers: those of late may not be in it.");
        }
        drop(hub);
        // Last, since everyone before may still have had something to say.
        if timeout(STOP_PATIENCE, historian.finish()).await.is_err() {
            warn!("The disk does not take the history: what was said last may not be in it.");
        }
    });
    Ok(Host { local_addr, chat_addr, task })
}

/// Listens on the address that an option names, and says which it is: port 0 takes any that is free.
async fn listen(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(address).await;
    let listening = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    listening.map(|(at, listener)| (listener, at)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse(address, option),
        _ => StartError::Listen(address, error, option),
    })
}

/// The ports that were named, or the one there is.
async fn choose(named: Vec<PortSpec>) -> Result<Vec<PortSpec>, StartError> {
    if let Some((_, twice)) = named.iter().enumerate().find(|(at, spec)| named[..*at].contains(spec)) {
        return Err(StartError::Twice(twice.clone()));
    }
    if !named.is_empty() {
        return Ok(named);
    }
    let attached = tokio::task::spawn_blocking(Attached::list).await.unwrap_or_default();
    let spec = the_only(&attached)?;
    match &spec {
        PortSpec::Demo => {
            info!("No USB serial device is attached: starting the virtual device. (--port names a port.)")
        }
        port => info!("Using {port}, the only USB serial device."),
    }
    Ok(vec![spec])
}

/// The one USB serial device; the virtual one where there is none.
fn the_only(attached: &[Attached]) -> Result<PortSpec, StartError> {
    let usb: Vec<Attached> = attached.iter().filter(|device| device.is_usb()).cloned().collect();
    match usb.as_slice() {
        [] => Ok(PortSpec::Demo),
        [one] => Ok(PortSpec::Serial(one.path.clone().into())),
        several => Err(StartError::Several(Attached::table(several))),
    }
}

#[cfg(test)]
mod tests {
    use super::{StartError, the_only};
    use crate::attached::Attached;
    use crate::port::PortSpec;

    #[test]
    fn one_usb_device_is_taken_none_means_the_virtual_one_and_several_are_listed() {
        let built_in = Attached::example("/dev/ttyS0", false);
        let [one, two] = ["/dev/ttyACM0", "/dev/ttyUSB1"].map(|path| Attached::example(path, true));
        assert_eq!(the_only(std::slice::from_ref(&built_in)).unwrap(), PortSpec::Demo);
        assert_eq!(the_only(&[built_in, one.clone()]).unwrap(), PortSpec::Serial("/dev/ttyACM0".into()));
        let several = the_only(&[one, two]).unwrap_err();
        let told = several.to_string();
        assert!(matches!(several, StartError::Several(_)));
        for word in ["--port", "/dev/ttyACM0", "/dev/ttyUSB1", "0d28:0204"] {
            assert!(told.contains(word), "{told}");
        }
    }
}
