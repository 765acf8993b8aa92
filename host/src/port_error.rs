//! Why a port could not be opened: each a sentence that names the cause and the fix.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use crate::attached::Attached;

use holder::holder;
use permission::{how_to_be_allowed, name_of};

mod holder;
mod permission;

/// Why a port could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// Nothing is there.
    #[error("{path} does not exist. {present}.")]
    Missing {
        /// What was asked for.
        path: String,
        /// What is there instead.
        present: String,
    },
    /// We may not.
    #[error("You may not open {path}. {fix}")]
    Forbidden {
        /// What was asked for.
        path: String,
        /// How to be allowed to.
        fix: String,
    },
    /// Another program has it.
    #[error("{path} is in use by {holder}. Close that program, or choose another port.")]
    Busy {
        /// What was asked for.
        path: String,
        /// Who has it.
        holder: String,
    },
    /// It is something else, such as a file or a directory.
    #[error("{0} is not a serial port. `pocketmux ports` lists those there are.")]
    NotSerial(String),
    /// It is a pipe.
    #[error(
        "{0} is a pipe, which carries one way only; a port carries both. Let the program that makes it listen on a unix socket, and name that \
         unix:PATH."
    )]
    Pipe(String),
    /// It is a socket, which is named otherwise.
    #[error("{0} is a socket. Write unix:{0}.")]
    Socket(String),
    /// It was named as a socket and is none.
    #[error("{0} is not a socket. If it is a serial port, write its path without unix:.")]
    NotSocket(String),
    /// The socket is there, but nobody is behind it.
    #[error("Nobody listens on the socket {0}. Start the program that makes it (an emulator, say) first.")]
    Refused(String),
    /// Nobody is behind the address.
    #[error("Nobody listens on {0}. Start the server that shares the port there first.")]
    RefusedTcp(String),
    /// It is no address, or leads nowhere.
    #[error(
        "{scheme}://{address} could not be reached: {words}. An address is {scheme}://HOST:PORT; check the name, the network and the \
         firewall."
    )]
    Unreachable {
        /// How the server was to be spoken to.
        scheme: &'static str,
        /// Where it was looked for.
        address: String,
        /// The system's words.
        words: String,
    },
    /// Somebody is behind the address, but does not speak RFC 2217.
    #[error(
        "What answers on rfc2217://{0} does not share a serial port by RFC 2217. If it shares it raw, write tcp://{0}; if it is ser2net, \
         let its accepter begin with telnet(rfc2217),tcp."
    )]
    NotRfc2217(String),
    /// The server on this address turned us away, with these words.
    #[error("The server on rfc2217://{0} hung up. It said: {1:?}.")]
    HungUp(String, String),
    /// The server did not set its port.
    #[error(
        "The server on rfc2217://{address} does not give its port {what}. Devices need 8 data bits, no parity, 1 stop bit and no flow \
         control, at a speed that the port can have (--baud)."
    )]
    Unset {
        /// Where the server is.
        address: String,
        /// What the port does not have.
        what: &'static str,
    },
    /// Anything else: the port and the system's own words.
    #[error("{0} could not be opened: {1}.")]
    Other(String, String),
}

impl PortError {
    pub(crate) fn of_socket(path: &Path, error: &io::Error) -> Self {
        let name = path.display().to_string();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing {
                path: format!("The socket {name}"),
                present: "Start the program that makes it (an emulator, say) first".into(),
            },
            // The system says the same of what is no socket at all.
            io::ErrorKind::ConnectionRefused => match fs::metadata(path).map(|metadata| metadata.file_type()) {
                Ok(file) if file.is_fifo() => Self::Pipe(name),
                Ok(file) if !file.is_socket() => Self::NotSocket(name),
                _ => Self::Refused(name),
            },
            io::ErrorKind::PermissionDenied => Self::forbidden_socket(path),
            _ => Self::Other(format!("unix:{name}"), error.to_string()),
        }
    }

    pub(crate) fn of_tcp(scheme: &'static str, address: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::RefusedTcp(format!("{scheme}://{address}")),
            _ => Self::Unreachable { scheme, address: address.into(), words: error.to_string() },
        }
    }

    pub(crate) fn of_serial(path: &Path, baud: u32, error: &serialport::Error) -> Self {
        use serialport::ErrorKind;
        let name = path.display().to_string();
        match fs::metadata(path).map(|metadata| metadata.file_type()) {
            Err(unseen) => return Self::of_unseen(path, &unseen),
            Ok(file) if file.is_fifo() => return Self::Pipe(name),
            Ok(file) if file.is_socket() => return Self::Socket(name),
            Ok(file) if !file.is_char_device() => return Self::NotSerial(name),
            Ok(_) => {}
        }
        match error.kind() {
            ErrorKind::Io(io::ErrorKind::PermissionDenied) => Self::forbidden(path),
            ErrorKind::NoDevice => Self::Busy { path: name, holder: holder(path) },
            ErrorKind::InvalidInput => Self::Other(name, format!("{baud} baud is not possible there ({error})")),
            // ENOTTY has no kind of its own.
            _ if error.description.contains("typewriter") || error.description.contains("ioctl") => {
                Self::NotSerial(name)
            }
            _ => Self::Other(name, error.to_string()),
        }
    }

    /// For a path of which not even the kind can be seen.
    fn of_unseen(path: &Path, error: &io::Error) -> Self {
        let name = path.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden { path: name, fix: CLOSED.into() },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::Missing { path: name, present: Attached::sentence(&Attached::list()) }
            }
            _ => Self::Other(name, error.to_string()),
        }
    }

    fn forbidden_socket(path: &Path) -> Self {
        let fix = match fs::metadata(path) {
            Ok(_) => "Run the program that makes it as the same user, or let it open the socket to others.",
            Err(_) => CLOSED,
        };
        Self::Forbidden { path: format!("the socket {}", path.display()), fix: fix.into() }
    }

    fn forbidden(path: &Path) -> Self {
        let lookup = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let fix = match fs::metadata(path) {
            Ok(metadata) => {
                let user = std::env::var("USER").unwrap_or_else(|_| "$USER".into());
                let group = name_of(metadata.gid(), &lookup("/etc/group"));
                how_to_be_allowed(path, &user, &group, metadata.gid(), metadata.mode(), &lookup("/etc/group"))
            }
            Err(_) => CLOSED.into(),
        };
        Self::Forbidden { path: path.display().to_string(), fix }
    }
}

const CLOSED: &str = "A directory on the way to it is closed to you: `namei -l` with the path shows which.";

#[cfg(test)]
mod tests {
    use super::PortError;
    use std::io;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn a_port_in_a_closed_directory_is_forbidden_and_not_missing() {
        let error = |kind: io::ErrorKind| PortError::of_unseen(Path::new("/closed/tty"), &kind.into()).to_string();
        assert!(error(io::ErrorKind::PermissionDenied).starts_with("You may not open /closed/tty. A directory"));
        assert!(error(io::ErrorKind::NotFound).starts_with("/closed/tty does not exist."));
    }

    #[test]
    fn a_missing_port_says_what_is_there_and_a_file_is_no_port() {
        let error = |path: &str| {
            let cause = serialport::Error::new(serialport::ErrorKind::Unknown, "?");
            PortError::of_serial(Path::new(path), 115_200, &cause).to_string()
        };
        assert!(error("/dev/ttyNONE").starts_with("/dev/ttyNONE does not exist. "));
        assert!(error("/etc/passwd").contains("is not a serial port"));
    }

    #[test]
    fn what_is_there_and_no_port_is_named_for_what_it_is() {
        let folder = std::env::temp_dir().join(format!("pocketmux-kinds-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let [pipe, socket] = ["pipe", "socket"].map(|name| folder.join(name));
        // The standard library makes no pipes that have names.
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let listener = UnixListener::bind(&socket).unwrap();
        let serial = |path: &Path| {
            let cause = serialport::Error::new(serialport::ErrorKind::Unknown, "?");
            PortError::of_serial(path, 115_200, &cause)
        };
        let unix = |path: &Path| PortError::of_socket(path, &io::ErrorKind::ConnectionRefused.into());
        let name = |path: &Path| path.display().to_string();
        assert_eq!([serial(&pipe), unix(&pipe)], [PortError::Pipe(name(&pipe)), PortError::Pipe(name(&pipe))]);
        assert_eq!(serial(&socket), PortError::Socket(name(&socket)));
        assert_eq!(unix(&socket), PortError::Refused(name(&socket)));
        assert_eq!(serial(&folder), PortError::NotSerial(name(&folder)));
        assert_eq!(unix(Path::new("/etc/passwd")), PortError::NotSocket("/etc/passwd".into()));
        drop(listener);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
