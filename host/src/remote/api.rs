//! Requests to a host.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::LOOK_INTERVAL;
use crate::direct::{Exit, Trouble};

/// Longest answer that is held in memory, in bytes; contents of files are not.
const ANSWER_MAX: usize = 16 << 20;

/// A host.
pub(super) struct Api {
    client: Client<HttpConnector, Body>,
    base: String,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Api {
    /// The host at that address.
    pub(super) fn new(host: &str) -> Self {
        let base = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: base.trim_end_matches('/').to_owned() }
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
        let (status, headers, body) = self.open(method, path, headers, body).await?;
        let body = to_bytes(body, ANSWER_MAX).await.map_err(|error| self.away(&error))?;
        let reply = Reply { status, headers, body };
        if status.is_success() { Ok(reply) } else { Err(reply.trouble()) }
    }

    /// Asks, whatever is answered, of which the body is still to come.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Body), Trouble> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body));
        let request =
            request.map_err(|error| Trouble::new(Exit::Usage, format!("{} is no address: {error}.", self.base)))?;
        let response = self.client.request(request).await.map_err(|error| self.away(&error))?;
        let (parts, body) = response.into_parts();
        Ok((parts.status, parts.headers, Body::new(body)))
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
