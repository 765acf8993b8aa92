//! The real program, from the command line: what it says, how it exits, and that it works.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use serialport::{SerialPort as _, TTYPort};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Nothing here takes longer on a machine that does anything else than stand still.
const PATIENCE: Duration = Duration::from_secs(20);

fn pocketmux(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketmux"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs to the end: the exit code, standard output, standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = pocketmux(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A host that listens, and is killed with the test.
struct Running {
    child: Child,
    address: String,
    data: PathBuf,
}

impl Running {
    fn start(name: &str, args: &[&str]) -> Self {
        let data = std::env::temp_dir().join(format!("pocketmux-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let mut command = pocketmux(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned(), data }
    }

    async fn connect(&self, protocol: &str) -> Client {
        let mut request = self.address.replace("http", "ws").into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        connect_async(request).await.unwrap().0
    }

    fn signal(&self, name: &str) {
        // The standard library can only kill.
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// How it exits, and what it said.
    async fn end(mut self) -> (ExitStatus, String) {
        let waited = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            (self.child.wait().unwrap(), said)
        });
        timeout(PATIENCE, waited).await.expect("it exits").unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// The next frame on that channel.
async fn frame_on(client: &mut Client, channel: &str) -> Value {
    let next = async {
        loop {
            let Message::Text(text) = client.next().await.unwrap().unwrap() else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["channel"] == channel {
                return frame;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("a frame on this channel")
}

async fn close_code(client: &mut Client) -> Option<u16> {
    let next = async {
        loop {
            match client.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    timeout(PATIENCE, next).await.expect("a close")
}

#[test]
fn help_has_examples_and_a_wrong_argument_says_what_is_wrong() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for words in ["Examples:", "pocketmux --port /dev/ttyACM0", "unix:", "rfc2217://", "--allow-origin", "ports"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    for (args, words) in [
        (vec!["--baud", "fast"], "invalid digit"),
        (vec!["--listen", "8765"], "write an address and a port"),
        (vec!["--port", "demo", "ports"], "takes no options"),
        (vec!["--port", ""], "a path is missing"),
        (vec!["--port", "rfc2217://"], "a path is missing"),
        (vec!["--allow-origin", "pages.example"], "a scheme and a host"),
        (vec!["sirve"], "unrecognized subcommand"),
        (vec!["--port", "demo", "--port", "demo"], "named twice"),
    ] {
        let (code, _, said) = run(&args);
        assert!(code == Some(2) && said.contains(words), "{args:?}: {code:?} {said}");
    }
}

#[test]
fn ports_lists_devices_or_says_that_there_are_none() {
    let (code, list, _) = run(&["ports"]);
    assert_eq!(code, Some(0));
    assert!(
        list.starts_with("PORT ") && list.contains("VID:PID") || list == "No serial device is attached.\n",
        "{list}"
    );
}

#[test]
fn a_port_that_cannot_be_opened_gives_one_sentence_with_cause_and_fix() {
    for (port, cause, fix) in [
        ("/dev/ttyNOTHING", "/dev/ttyNOTHING does not exist.", "ttached"),
        ("unix:/nowhere/uart", "The socket /nowhere/uart does not exist.", "Start the program that makes it"),
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

#[tokio::test]
async fn a_name_to_listen_on_and_options_before_the_command_work() {
    let host = Running::start("forms", &["--port", "demo", "serve", "--listen", "localhost:0"]);
    assert!(host.address.starts_with("http://localhost:"), "{}", host.address);
    let mut client = host.connect("").await;
    assert_eq!(frame_on(&mut client, "presence").await["data"], "online");
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, said) = run(&["--port", "demo", "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("{address} is in use")) && said.contains("--listen"), "{said}");
}

#[tokio::test]
async fn the_virtual_device_answers_a_line_of_chat() {
    let host = Running::start("chat", &["--port", "demo"]);
    assert!(host.address.starts_with("http://localhost:"), "{}", host.address);
    let mut client = host.connect("pocketmux.v1").await;
    loop {
        let device: Value =
            serde_json::from_str(frame_on(&mut client, "device").await["data"].as_str().unwrap()).unwrap();
        if device["channels"].as_array().unwrap().len() == 5 {
            assert_eq!((&device["name"], &device["state"]), (&"virtual".into(), &"online".into()));
            break;
        }
    }
    for (sequence, data) in [r"hi \ud83d", r"\ude00!"].into_iter().enumerate() {
        let text = format!(r#"{{"channel":"chat","messageId":"c-1","sequence":{sequence},"total":2,"data":"{data}"}}"#);
        client.send(Message::text(text.clone())).await.unwrap();
        // It comes back to its sender as it was, and then the board has its word.
        let next = timeout(PATIENCE, async {
            loop {
                match client.next().await.unwrap().unwrap() {
                    Message::Text(back) if back.contains("\"c-1\"") => return back,
                    _ => {}
                }
            }
        });
        assert_eq!(next.await.unwrap().as_str(), text);
    }
    let answer = frame_on(&mut client, "chat").await;
    assert!(answer["data"].as_str().unwrap().contains("hi 😀!"), "{answer}");
    assert_eq!(answer["from"], "virtual");
    assert_eq!(frame_on(&mut client, "presence").await["data"], "online");
}

#[tokio::test]
async fn a_client_without_subprotocol_hears_nothing_about_devices() {
    let host = Running::start("classic", &["--port", "demo"]);
    let mut client = host.connect("").await;
    for _ in 0..2 {
        let next = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
        assert!(!next.to_text().unwrap().contains("\"device\""), "{next:?}");
    }
}

#[tokio::test]
async fn refusals_go_to_the_sender_and_end_nothing() {
    let host = Running::start("refusals", &["--port", "demo"]);
    let mut client = host.connect("").await;
    client.send(Message::text("hello")).await.unwrap();
    client.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    for (number, words) in [("error-1", "not JSON"), ("error-2", "binary WebSocket message")] {
        let frame = frame_on(&mut client, "error").await;
        assert_eq!(frame["messageId"], number);
        assert!(frame["data"].as_str().unwrap().contains(words), "{frame}");
    }
    // Beyond 1 MiB the connection is closed, and says why.
    client.send(Message::text("x".repeat((1 << 20) + 1))).await.unwrap();
    assert_eq!(close_code(&mut client).await, Some(1009));
}

#[tokio::test]
async fn strange_pages_are_refused_and_those_allowed_by_name_are_not() {
    let host = Running::start("origin", &["--port", "demo", "--allow-origin", "https://pages.example"]);
    for (origin, status) in
        [("https://pages.example", 101), ("http://localhost:5500", 101), ("https://evil.example", 403)]
    {
        let mut request = host.address.replace("http", "ws").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let got = match connect_async(request).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(got, status, "{origin}");
    }
}

#[tokio::test]
async fn sigterm_says_goodbye_to_every_client_and_exits_with_zero() {
    let host = Running::start("sigterm", &["--port", "demo"]);
    let mut clients = [host.connect("").await, host.connect("pocketmux.v1").await];
    host.signal("-TERM");
    for client in &mut clients {
        assert_eq!(close_code(client).await, Some(1001));
    }
    drop(clients);
    let (status, said) = host.end().await;
    assert_eq!(status.code(), Some(0), "{said}");
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    let mut host = Running::start("second", &["--port", "demo"]);
    // A client that never answers the goodbye would hold the host up for seconds.
    let _silent = host.connect("").await;
    // Two signals in one breath may count as one.
    while host.child.try_wait().unwrap().is_none() {
        host.signal("-INT");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, said) = host.end().await;
    assert_eq!(status.code(), Some(130), "{said}");
}

#[tokio::test]
async fn what_was_seen_is_known_after_a_restart_even_if_the_file_was_damaged() {
    let host = Running::start("registry", &["--port", "demo"]);
    let file = host.data.join("devices.json");
    let seen = async {
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"virtual\"")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the device is written down");
    std::fs::write(&file, "{").unwrap();
    let again = pocketmux(&["--listen", "127.0.0.1:0", "--port", "demo", "--data", host.data.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut again = Running { child: again, address: String::new(), data: host.data.clone() };
    BufReader::new(again.child.stdout.take().unwrap()).read_line(&mut again.address).unwrap();
    again.signal("-TERM");
    let (status, said) = again.end().await;
    assert!(status.success() && said.contains("is damaged"), "{said}");
}
