//! The program as it runs, and clients of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Nothing here takes longer on a machine that does anything else than stand still.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn pocketmux(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketmux"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs to the end: the exit code, standard output, standard error.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = pocketmux(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A host that listens, and is killed with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) data: PathBuf,
}

impl Running {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        let data = std::env::temp_dir().join(format!("pocketmux-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let (child, address) = Self::spawn(&data, args);
        Self { child, address, data }
    }

    fn spawn(data: &Path, args: &[&str]) -> (Child, String) {
        let mut command = pocketmux(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        (child, address.trim().to_owned())
    }

    /// Kills it where it is, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts another with the same data, after this one was killed.
    pub(crate) fn start_again(&mut self, args: &[&str]) {
        (self.child, self.address) = Self::spawn(&self.data, args);
    }

    pub(crate) async fn connect(&self, protocol: &str) -> Client {
        self.connect_at("", protocol).await
    }

    pub(crate) async fn connect_to(&self, path: &str) -> Client {
        self.connect_at(path, "").await
    }

    async fn connect_at(&self, path: &str, protocol: &str) -> Client {
        let mut request = (self.address.replace("http", "ws") + path).into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        connect_async(request).await.unwrap().0
    }

    pub(crate) fn signal(&self, name: &str) {
        // The standard library can only kill.
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// How it exits, and what it said.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
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
pub(crate) async fn frame_on(client: &mut Client, channel: &str) -> Value {
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

pub(crate) async fn close_code(client: &mut Client) -> Option<u16> {
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
