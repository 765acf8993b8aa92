//! Requests to a host.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use futures_util::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::LOOK_INTERVAL;
use crate::direct::{Exit, Trouble};

/// Longest answer that is held in memory, in bytes; contents of files are not.
const ANSWER_MAX: usize = 16 << 20;
/// What is sent may go as slowly as this, in bytes a second: nobody sees from here how much of it has arrived.
const SLOWEST: u32 = 16 << 10;

/// A host, which is given so long to answer.
pub(super) struct Api {
    client: Client<HttpConnector, Body>,
    base: String,
    patience: Duration,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The body of an answer, while it comes.
pub(super) struct Incoming {
    stream: BodyDataStream,
    api: Api,
}

impl Api {
    /// The host at that address.
    pub(super) fn new(host: &str, patience: Duration) -> Self {
        let base = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: base.trim_end_matches('/').to_owned(), patience }
    }

    /// The same host, which is given another time to answer.
    pub(super) fn within(&self, patience: Duration) -> Self {
        Self { client: self.client.clone(), base: self.base.clone(), patience }
    }

    /// Asks for JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let reply = self.ask(Method::GET, path, &[], Bytes::new()).await?;
        reply.json()
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Trouble> {
        self.ask(Method::DELETE, path, &[], Bytes::new()).await.map(drop)
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<(), Trouble> {
        self.send(Method::PATCH, path, body).await.map(drop)
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Trouble> {
        self.send(Method::POST, path, body).await?.json()
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Reply, Trouble> {
        let json = [(header::CONTENT_TYPE, "application/json".to_owned())];
        self.ask(method, path, &json, body.to_string().into()).await
    }

    /// Asks, and takes what is no success for trouble.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<Reply, Trouble> {
        let reply = self.tell(method, path, headers, body).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(reply.trouble()) }
    }

    /// Asks, whatever is answered.
    pub(super) async fn tell(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<Reply, Trouble> {
        let (status, headers, mut incoming) = self.open(method, path, headers, body).await?;
        let mut body = Vec::new();
        while let Some(piece) = incoming.next().await? {
            if piece.len() > ANSWER_MAX - body.len() {
                return Err(Trouble::failed(format!("The host's answer is longer than {ANSWER_MAX} bytes.")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, headers, body: body.into() })
    }

    /// Asks, whatever is answered, of which the body is still to come.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Incoming), Trouble> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let sending = Duration::from_secs(body.len() as u64 / u64::from(SLOWEST));
        let request = request.body(Body::from(body));
        let request =
            request.map_err(|error| Trouble::new(Exit::Usage, format!("{} is no address: {error}.", self.base)))?;
        let response = match timeout(self.patience + sending, self.client.request(request)).await {
            Ok(response) => response.map_err(|error| self.away(&error))?,
            Err(_elapsed) => return Err(self.mute()),
        };
        let (parts, body) = response.into_parts();
        let incoming = Incoming { stream: Body::new(body).into_data_stream(), api: self.within(self.patience) };
        Ok((parts.status, parts.headers, incoming))
    }

    fn mute(&self) -> Trouble {
        let words = format!("The host at {} does not answer within {} s.", self.base, self.patience.as_secs());
        Trouble::new(Exit::Absent, words)
    }

    fn away(&self, error: &dyn std::error::Error) -> Trouble {
        // The outermost says only that it did not work.
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let words = format!(
            "No host answers at {} ({cause}). Start one with `pocketmux`, or name another with --host.",
            self.base
        );
        Trouble::new(Exit::Absent, words)
    }

    /// Does something again and again, while the host is away and until then; it may be starting anew.
    pub(super) async fn patiently<T>(
        &self,
        until: Option<Instant>,
        mut what: impl AsyncFnMut() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        loop {
            match what().await {
                Err(trouble) if trouble.is_absence() && until.is_none_or(|until| Instant::now() < until) => {
                    sleep(LOOK_INTERVAL).await;
                }
                done => return done,
            }
        }
    }
}

impl Incoming {
    /// The next bytes, if there are more.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        let api = &self.api;
        let piece = timeout(api.patience, self.stream.next()).await.map_err(|_elapsed| api.mute())?;
        piece.transpose().map_err(|error| api.away(&error))
    }
}

impl Reply {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Trouble::failed(format!(
                "The host's answer was not understood ({error}): is it a pocketmux of this version?"
            ))
        })
    }

    /// What the host says.
    pub(super) fn trouble(&self) -> Trouble {
        let said = serde_json::from_slice::<Value>(&self.body).ok();
        let error = said.as_ref().and_then(|said| said.get("error")?.as_str());
        let text = String::from_utf8_lossy(&self.body);
        let words = error.unwrap_or(text.trim());
        let exit = match self.status {
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Exit::Refused,
            StatusCode::GATEWAY_TIMEOUT => Exit::Absent,
            _ => Exit::Failed,
        };
        let exit = if words == crate::errand::Refusal::Offline.to_string() { Exit::Absent } else { exit };
        Trouble::new(exit, if words.is_empty() { self.status.to_string() } else { words.to_owned() })
    }
}

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(segment("a b/ü?.txt"), "a%20b%2F%C3%BC%3F.txt");
    }
}
