//! Which web pages may talk to the host.
//!
//! A browser lets any page open a WebSocket to `localhost`, so the host must judge by the `Origin` that the browser states: pages from
//! this machine (any port), pages from the very address the host was called by, and those allowed by name. Programs that are no
//! browsers state none and are let in. A page can also make its own name point here (DNS rebinding), so a `Host` that is a name
//! other than `localhost` is refused unless it was allowed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where a page is from: `http://192.168.1.20:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: HostName,
    port: u16,
}

/// That a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is a scheme and a host, and a port where it is not the usual one: http://192.168.1.20:8080")]
pub struct NotAnOrigin;

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    /// `localhost`, names below it, and loopback addresses.
    ThisMachine,
    Address(IpAddr),
    Name(String),
}

impl HostName {
    fn of(text: &str) -> Option<Self> {
        let bracketed = text.strip_prefix('[').map(|rest| rest.strip_suffix(']'));
        let address = match bracketed {
            Some(inner) => Some(IpAddr::V6(inner?.parse().ok()?)),
            None => text.parse().ok(),
        };
        if let Some(address) = address {
            let address = IpAddr::to_canonical(&address);
            return Some(if address.is_loopback() { Self::ThisMachine } else { Self::Address(address) });
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        let is_local = name == "localhost" || name.ends_with(".localhost");
        is_name.then_some(if is_local { Self::ThisMachine } else { Self::Name(name) })
    }

    /// Reads `host` or `host:port`.
    fn with_port(text: &str) -> Option<(Self, Option<u16>)> {
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => Some((Self::of(host)?, Some(port.parse().ok()?))),
            _ => Some((Self::of(text)?, None)),
        }
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAnOrigin)?;
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => 0,
        };
        if scheme.is_empty()
            || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            return Err(NotAnOrigin);
        }
        let (host, port) = HostName::with_port(rest.strip_suffix('/').unwrap_or(rest)).ok_or(NotAnOrigin)?;
        Ok(Self { scheme, host, port: port.unwrap_or(usual) })
    }
}

/// Why a request was refused; its words go to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The page is not allowed.
    Origin(String),
    /// The host was called by a name it does not know.
    Host(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => write!(
                f,
                "Refused: a page from {origin} may not use this host. To allow it, start pocketmux with --allow-origin {origin}"
            ),
            Self::Host(host) => write!(
                f,
                "Refused: this host does not know itself as {host}. Call it by its address, or start pocketmux with --allow-origin \
                 http://{host}"
            ),
        }
    }
}

/// The origin of the page at an address, which is all up to the path.
pub(crate) fn of_address(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let len = address[host..].find(['/', '?', '#']).unwrap_or(address.len() - host);
    &address[..host + len]
}

/// Says whether a request with these headers may be served.
pub(crate) fn check(host: Option<&str>, origin: Option<&str>, allowed: &[Origin]) -> Result<(), Refused> {
    let called = match host {
        None => None,
        Some(text) => {
            let (name, _) = HostName::with_port(text).ok_or_else(|| Refused::Host(text.to_owned()))?;
            if matches!(name, HostName::Name(_)) && !allowed.iter().any(|allowed| allowed.host == name) {
                return Err(Refused::Host(text.to_owned()));
            }
            Some(name)
        }
    };
    let Some(text) = origin else { return Ok(()) };
    let refused = || Refused::Origin(text.to_owned());
    // `null`, which is what sandboxed frames and files send, is no origin and never allowed.
    let page: Origin = text.parse().map_err(|_| refused())?;
    let is_near = match &page.host {
        _ if !matches!(page.scheme.as_str(), "http" | "https") => false,
        HostName::ThisMachine => true,
        HostName::Address(_) => called.as_ref() == Some(&page.host),
        HostName::Name(_) => false,
    };
    if is_near || allowed.contains(&page) { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Refused, check, of_address};

    fn is_allowed(host: &str, origin: &str) -> bool {
        let allowed: Vec<Origin> =
            ["https://pages.example", "http://pi.local:8765"].map(|text| text.parse().unwrap()).into();
        check(Some(host), (!origin.is_empty()).then_some(origin), &allowed).is_ok()
    }

    #[test]
    fn who_may_come_in() {
        for (host, origin) in [
            ("localhost:8765", ""),
            ("localhost:8765", "http://localhost:8765"),
            ("localhost:8765", "http://localhost:5500"),
            ("127.0.0.1:8765", "http://LOCALHOST"),
            ("localhost:8765", "http://app.localhost:3000"),
            ("localhost:8765", "http://[::1]:3000"),
            ("[::1]:8765", "http://127.0.0.1:1"),
            ("192.168.1.5:8765", "http://192.168.1.5:8765"),
            ("[fe80::1]:8765", "http://[fe80::1]:8765"),
            ("localhost:8765", "https://pages.example"),
            ("localhost:8765", "https://pages.example:443"),
            ("pi.local:8765", "http://pi.local:8765"),
        ] {
            assert!(is_allowed(host, origin), "{host} {origin}");
        }
    }

    #[test]
    fn who_may_not() {
        for (host, origin) in [
            ("localhost:8765", "https://evil.example"),
            ("localhost:8765", "http://pages.example"),
            ("localhost:8765", "https://pages.example:444"),
            ("localhost:8765", "http://localhost.evil.example"),
            ("localhost:8765", "http://notlocalhost"),
            ("localhost:8765", "http://192.168.1.5:8765"),
            ("192.168.1.5:8765", "http://192.168.1.6:8765"),
            ("localhost:8765", "null"),
            ("localhost:8765", "other-program://localhost"),
            ("localhost:8765", "file://"),
            ("localhost:8765", "http://localhost@evil.example"),
            ("evil.example:8765", ""),
            ("evil.example:8765", "http://evil.example:8765"),
            ("evil.example", "http://localhost"),
            ("", ""),
        ] {
            assert!(!is_allowed(host, origin), "{host} {origin}");
        }
    }

    #[test]
    fn an_address_has_its_origin() {
        for (address, origin) in [
            ("http://localhost:8765/page.html?a=http://b/", "http://localhost:8765"),
            ("https://pages.example", "https://pages.example"),
            ("http://evil.example?://localhost/", "http://evil.example"),
            ("http://localhost@evil.example/", "http://localhost@evil.example"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(of_address(address), origin);
        }
    }

    #[test]
    fn a_refusal_says_how_to_allow_it() {
        let words = check(Some("localhost"), Some("http://a.example:1"), &[]).unwrap_err().to_string();
        assert!(words.ends_with("--allow-origin http://a.example:1"), "{words}");
        assert_eq!(check(Some("a.example:1"), None, &[]), Err(Refused::Host("a.example:1".into())));
        assert!("a.example".parse::<Origin>().is_err());
    }
}
