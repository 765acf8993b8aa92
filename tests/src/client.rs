//! A WebSocket client of the host, as a program outside a browser is one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything that should happen may take before the test gives up. Generous, since machines are slow at times.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Connects, without a subprotocol.
    ///
    /// # Panics
    ///
    /// When the host does not answer.
    pub async fn connect(address: std::net::SocketAddr) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}/")).await.expect("the host takes WebSockets");
        Self { socket }
    }

    /// Connects with the subprotocol that also tells of devices.
    ///
    /// # Panics
    ///
    /// When the host does not answer or does not know it.
    pub async fn connect_to_session(address: std::net::SocketAddr) -> Self {
        let mut request = format!("ws://{address}/").into_client_request().expect("an address makes a request");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("pocketmux.v1"));
        let (socket, response) = connect_async(request).await.expect("the host takes WebSockets");
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "pocketmux.v1");
        Self { socket }
    }

    /// Sends a text as it is.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("the connection stands");
    }

    /// Sends a text so many times at once, and skips as many that came.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub async fn send_and_skip(&mut self, text: &str, times: usize) {
        for _ in 0..times {
            self.socket.feed(Message::text(text)).await.expect("the connection stands");
        }
        self.socket.flush().await.expect("the connection stands");
        for _ in 0..times {
            self.socket.next().await.expect("the connection stands").expect("the host keeps to the protocol");
        }
    }

    /// Sends a ping, and returns what the answering pong holds.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    pub async fn ping(&mut self, payload: &'static [u8]) -> Vec<u8> {
        self.socket.send(Message::Ping(payload.into())).await.expect("the connection stands");
        let answer = async {
            loop {
                if let Some(Ok(Message::Pong(answer))) = self.socket.next().await {
                    return answer.to_vec();
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("a pong comes in time")
    }

    /// Reads to the end, and returns the code that the host closed with, if it said one.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Sends one frame that is a whole message.
    pub async fn say(&mut self, channel: &str, id: &str, data: &str) {
        let frame = serde_json::json!({"channel": channel, "messageId": id, "sequence": 0, "total": 1, "data": data});
        self.send(frame.to_string()).await;
    }

    /// The next text.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    pub async fn text(&mut self) -> String {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame comes in time");
            match message.expect("the connection stands").expect("the host keeps to the protocol") {
                Message::Text(text) => return text.to_string(),
                Message::Close(frame) => panic!("the host closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The first frame, from now on, of which `wanted` is true.
    ///
    /// # Panics
    ///
    /// When none comes in time; the message has the last frames that did.
    pub async fn frame(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = VecDeque::new();
        let search = async {
            loop {
                let frame = serde_json::from_str(&self.text().await).expect("every frame is JSON");
                if wanted(&frame) {
                    return frame;
                }
                last.truncate(20);
                last.push_front(frame.to_string());
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("the frame that is waited for does not come; the last were {last:#?}"))
    }

    /// The data of the next message of `channel` from a device that comes whole, its base64 undone by `decode`.
    ///
    /// # Panics
    ///
    /// When none does in time.
    pub async fn whole(&mut self, channel: &str, decode: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
        let rebuild = async {
            let mut messages: BTreeMap<String, BTreeMap<u64, Vec<u8>>> = BTreeMap::new();
            loop {
                let frame = self.frame(|frame| frame["channel"] == channel && frame["from"].is_string()).await;
                let id = frame["messageId"].as_str().expect("an id").to_owned();
                let pieces = messages.entry(id).or_default();
                pieces.insert(frame["sequence"].as_u64().expect("a sequence"), decode(&frame));
                if Some(pieces.len() as u64) == frame["total"].as_u64() {
                    return pieces.values().flatten().copied().collect();
                }
            }
        };
        tokio::time::timeout(PATIENCE * 4, rebuild).await.expect("a whole message comes in time")
    }
}
