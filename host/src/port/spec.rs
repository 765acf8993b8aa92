//! Which port: what `--port` takes.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which port: what `--port` takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortSpec {
    /// `demo`: the virtual device.
    Demo,
    /// `unix:PATH`: a socket on which someone listens, such as an emulator.
    Unix(PathBuf),
    /// `tcp://HOST:PORT`: a TCP server, such as one that a serial port is shared by.
    Tcp(String),
    /// `rfc2217://HOST:PORT`: a Telnet server that also sets the serial port it shares (RFC 2217).
    Rfc2217(String),
    /// A path such as `/dev/ttyACM0`.
    Serial(PathBuf),
}

/// Why a text names no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAPort {
    /// What stands before the colon, if anything does, is no way to reach a port.
    #[error("there is no such kind of port; {FORMS}. A file with a colon in its name is written ./NAME")]
    Scheme,
    /// Nothing stands behind the colon, or nothing at all.
    #[error("a path is missing; {FORMS}")]
    Path,
    /// A server is named by its host and its port, both of them.
    #[error("HOST:PORT is expected behind the //, such as localhost:2217; {FORMS}")]
    Address,
}

const FORMS: &str = "write a path such as /dev/ttyACM0, unix:PATH, tcp://HOST:PORT, rfc2217://HOST:PORT, or demo";

impl FromStr for PortSpec {
    type Err = NotAPort;

    fn from_str(text: &str) -> Result<Self, NotAPort> {
        if text.is_empty() {
            return Err(NotAPort::Path);
        }
        if text == "demo" {
            return Ok(Self::Demo);
        }
        // Paths of devices by their place on the bus have colons too, behind a slash.
        let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| !scheme.contains('/')) else {
            return Ok(Self::Serial(text.into()));
        };
        match (scheme, rest.strip_prefix("//")) {
            ("unix", _) if rest.is_empty() => Err(NotAPort::Path),
            ("unix", _) => Ok(Self::Unix(rest.into())),
            ("tcp", Some(at)) => address(at).map(Self::Tcp),
            ("rfc2217", Some(at)) => address(at).map(Self::Rfc2217),
            _ => Err(NotAPort::Scheme),
        }
    }
}

/// The address of a server; whether it leads anywhere shows when it is connected to.
fn address(text: &str) -> Result<String, NotAPort> {
    let (host, port) = text.rsplit_once(':').ok_or(NotAPort::Address)?;
    let is_whole = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0);
    if is_whole { Ok(text.into()) } else { Err(NotAPort::Address) }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo => f.write_str("demo"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Rfc2217(address) => write!(f, "rfc2217://{address}"),
            Self::Serial(path) => write!(f, "{}", path.display()),
        }
    }
}

impl PortSpec {
    /// What to call the device until it has said its name.
    pub(crate) fn short_name(&self) -> String {
        match self {
            Self::Demo => "demo".into(),
            Self::Tcp(address) | Self::Rfc2217(address) => address.clone(),
            Self::Unix(path) | Self::Serial(path) => {
                path.file_name().map_or_else(|| self.to_string(), |name| name.to_string_lossy().into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAPort, PortSpec};

    #[test]
    fn a_spec_is_read_and_shown_alike() {
        let by_place = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0";
        for (text, spec, name) in [
            ("demo", PortSpec::Demo, "demo"),
            ("unix:/tmp/a b", PortSpec::Unix("/tmp/a b".into()), "a b"),
            ("unix:uart", PortSpec::Unix("uart".into()), "uart"),
            ("tcp://localhost:2000", PortSpec::Tcp("localhost:2000".into()), "localhost:2000"),
            ("rfc2217://[::1]:2217", PortSpec::Rfc2217("[::1]:2217".into()), "[::1]:2217"),
            ("/dev/ttyACM0", PortSpec::Serial("/dev/ttyACM0".into()), "ttyACM0"),
            (by_place, PortSpec::Serial(by_place.into()), "pci-0000:00:14.0-usb-0:1:1.0"),
            ("./demo", PortSpec::Serial("./demo".into()), "demo"),
            ("./tcp:a", PortSpec::Serial("./tcp:a".into()), "tcp:a"),
            ("ttyACM0", PortSpec::Serial("ttyACM0".into()), "ttyACM0"),
        ] {
            let read: PortSpec = text.parse().unwrap();
            assert_eq!((read.to_string().as_str(), read.short_name().as_str()), (text, name));
            assert_eq!(read, spec);
        }
    }

    #[test]
    fn what_is_no_port_is_refused_and_the_forms_are_named() {
        for (text, cause) in [
            ("", NotAPort::Path),
            ("unix:", NotAPort::Path),
            ("tcp://", NotAPort::Address),
            ("tcp://pi", NotAPort::Address),
            ("tcp://pi:", NotAPort::Address),
            ("tcp://:2000", NotAPort::Address),
            ("tcp://pi:0", NotAPort::Address),
            ("tcp://pi:65536", NotAPort::Address),
            ("tcp://pi:2000/", NotAPort::Address),
            ("rfc2217://[::1]", NotAPort::Address),
            ("TCP://pi:2000", NotAPort::Scheme),
            ("tcp:pi:2000", NotAPort::Scheme),
            ("tcp:/pi:2000", NotAPort::Scheme),
            ("rfc2271://pi:2217", NotAPort::Scheme),
            ("pi:2217", NotAPort::Scheme),
            (":2217", NotAPort::Scheme),
            ("pipe:/tmp/uart", NotAPort::Scheme),
            ("http://localhost:8765", NotAPort::Scheme),
            ("Unix:/tmp/uart", NotAPort::Scheme),
        ] {
            let refused = text.parse::<PortSpec>().unwrap_err();
            assert_eq!(refused, cause, "{text}");
            for form in ["/dev/ttyACM0", "unix:PATH", "tcp://HOST:PORT", "rfc2217://HOST:PORT", "demo"] {
                assert!(refused.to_string().contains(form), "{refused}");
            }
        }
    }
}
