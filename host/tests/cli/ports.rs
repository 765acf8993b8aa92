//! Ports that cannot be opened, each for its own reason.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serialport::{SerialPort as _, TTYPort};

use crate::running::{Running, pocketmux, run};

#[test]
fn a_port_that_cannot_be_opened_gives_one_sentence_with_cause_and_fix() {
    for (port, cause, fix) in [
        ("/dev/ttyNOTHING", "/dev/ttyNOTHING does not exist.", "ttached"),
        ("unix:/nowhere/uart", "The socket /nowhere/uart does not exist.", "Start the program that makes it"),
        ("/", "/ is not a serial port.", "`pocketmux ports` lists"),
        ("unix:/dev/null", "/dev/null is not a socket.", "without unix:"),
        ("/dev/null", "/dev/null is not a serial port.", "`pocketmux ports` lists"),
    ] {
        let (code, out, said) = run(&["--listen", "127.0.0.1:0", "--port", port]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
        assert!(said.starts_with(&format!("pocketmux: {cause}")) && said.contains(fix), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// A pseudo terminal, and a link to it as udev makes them; its other end must live as long.
fn terminal(name: &str) -> (TTYPort, String, PathBuf) {
    let (ours, theirs) = TTYPort::pair().unwrap();
    let path = theirs.name().unwrap();
    let link = std::env::temp_dir().join(format!("pocketmux-cli-{}-{name}-link", std::process::id()));
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    (ours, path, link)
}

#[test]
fn a_port_that_another_host_has_is_busy_also_for_root_and_by_another_name() {
    let (_ours, path, link) = terminal("busy");
    let mut host = Running::start("busy", &["--port", &path]);
    for port in [path.as_str(), link.to_str().unwrap(), &path] {
        let (code, _, said) = run(&["--listen", "127.0.0.1:0", "--port", port]);
        let holder = format!("{port} is in use by pocketmux (process {})", host.child.id());
        assert!(code == Some(1) && said.contains(&holder), "{port}: {said}");
    }
    assert!(host.child.try_wait().unwrap().is_none());
    std::fs::remove_file(link).unwrap();
}

#[test]
fn a_port_that_may_not_be_opened_is_forbidden_with_the_fix() {
    let (_ours, path, link) = terminal("forbidden");
    let mode = |mode: u32| std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    // Root may everything, so nobody has to try.
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let directory = std::env::temp_dir().join(format!("pocketmux-cli-{}-nobody", std::process::id()));
    let mut command = pocketmux(&[]);
    if is_root {
        // The directory of the build may be closed to nobody.
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        let program = directory.join("pocketmux");
        std::fs::copy(env!("CARGO_BIN_EXE_pocketmux"), &program).unwrap();
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).stdin(Stdio::null());
    }
    let tried = command.args(["--listen", "127.0.0.1:0", "--port"]).arg(&link).output();
    let _ = std::fs::remove_dir_all(directory);
    std::fs::remove_file(&link).unwrap();
    let Ok(Output { status, stderr, .. }) = tried else {
        assert!(is_root, "{tried:?}");
        return eprintln!("Not tested: there is no setpriv to become nobody with.");
    };
    let said = String::from_utf8(stderr).unwrap();
    // A terminal is called by its number, which a rule matches whole: `KERNEL=="*"`, as no digits are left of it.
    assert!(status.code() == Some(1) && said.contains(&format!("You may not open {}.", link.display())), "{said}");
    assert!(said.contains("udev rule") && !said.contains("-link*"), "{said}");
}
