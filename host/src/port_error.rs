//! Why a port could not be opened: each a sentence that names the cause and the fix.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::attached::Attached;

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
    /// It is something else.
    #[error("{0} is not a serial port. `pocketmux ports` lists those there are; a socket is named unix:{0}.")]
    NotSerial(String),
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
            io::ErrorKind::ConnectionRefused => Self::Refused(name),
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
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(unseen) => return Self::of_unseen(path, &unseen),
        };
        if metadata.mode() & FILE_TYPE != CHARACTER_DEVICE {
            return Self::NotSerial(name);
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
const FILE_TYPE: u32 = 0o170_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const GROUP_READ_WRITE: u32 = 0o060;

/// The way that fits: into the file's group where that helps, else a udev rule.
fn how_to_be_allowed(path: &Path, user: &str, group: &str, gid: u32, mode: u32, groups: &str) -> String {
    // A rule goes by the kernel's name, which that of a link such as those in /dev/serial/by-id is not.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let device = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kernel = match device.trim_end_matches(|digit: char| digit.is_ascii_digit()) {
        "" => device.clone(),
        kind => format!("{kind}*"),
    };
    if gid == 0 || mode & GROUP_READ_WRITE != GROUP_READ_WRITE {
        return format!(
            "Only root may: add a udev rule, `echo 'KERNEL==\"{kernel}\", GROUP=\"dialout\", MODE=\"0660\"' | sudo tee \
             /etc/udev/rules.d/70-pocketmux.rules`, join the group with `sudo usermod -aG dialout {user}`, log in again, and replug the \
             device."
        );
    }
    if is_member(user, group, groups) {
        return format!("You were put into its group {group}, but after you logged in: log out and in again.");
    }
    format!("It belongs to the group {group}: run `sudo usermod -aG {group} {user}`, then log out and in again.")
}

/// The name of a group in the text of `/etc/group`, or its number.
fn name_of(gid: u32, groups: &str) -> String {
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.get(2).is_some_and(|field| field.parse() == Ok(gid)));
    found.and_then(|fields| fields.first().map(|name| (*name).to_owned())).unwrap_or_else(|| gid.to_string())
}

fn is_member(user: &str, group: &str, groups: &str) -> bool {
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.first() == Some(&group));
    found
        .and_then(|fields| fields.get(3).copied())
        .is_some_and(|members| members.split(',').any(|member| member == user))
}

/// Who has the file open: `minicom (process 4711)`, as far as `/proc` tells us.
fn holder(path: &Path) -> String {
    let unknown = || format!("another program (`sudo fuser -v {}` shows which)", path.display());
    let Ok(real) = path.canonicalize() else { return unknown() };
    let holds = |process: &fs::DirEntry| {
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        files.map(|file| fs::read_link(file.path())).any(|target| target.is_ok_and(|target| target == real))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbered = processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry)));
    let Some((pid, process)) = numbered.find(|(_, process)| holds(process)) else { return unknown() };
    let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
    match pid == std::process::id() {
        true => "this very program, under another name".into(),
        false => format!("{} (process {pid})", name.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::{PortError, holder, how_to_be_allowed, name_of};
    use std::io;
    use std::path::Path;

    const GROUPS: &str = "root:x:0:\ndialout:x:20:ann,bob\nplugdev:x:46:\n";

    #[test]
    fn the_fix_for_a_forbidden_device_names_its_group() {
        let fix = |user: &str, gid: u32, mode: u32| {
            how_to_be_allowed(Path::new("/dev/ttyACM0"), user, &name_of(gid, GROUPS), gid, mode, GROUPS)
        };
        assert!(fix("eve", 20, 0o20_660).contains("`sudo usermod -aG dialout eve`"));
        assert!(fix("eve", 46, 0o20_660).contains("-aG plugdev eve"));
        assert!(fix("eve", 999, 0o20_660).contains("-aG 999 eve"));
        assert!(fix("bob", 20, 0o20_660).contains("log out and in again"));
        assert!(
            fix("eve", 0, 0o20_600).contains("udev rule") && fix("eve", 0, 0o20_600).contains("KERNEL==\"ttyACM*\"")
        );
        assert!(fix("eve", 20, 0o20_600).contains("udev rule"));
    }

    #[test]
    fn the_rule_for_a_link_names_the_device_behind_it() {
        let link = std::env::temp_dir().join(format!("pocketmux-link-{}", std::process::id()));
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let fix = how_to_be_allowed(&link, "eve", "root", 0, 0o20_600, GROUPS);
        std::fs::remove_file(&link).unwrap();
        assert!(fix.contains("KERNEL==\"null*\""), "{fix}");
    }

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
    fn the_holder_of_a_file_is_found() {
        let file = std::fs::File::open("/etc/passwd").unwrap();
        assert_eq!(holder(Path::new("/etc/passwd")), "this very program, under another name");
        drop(file);
    }
}
