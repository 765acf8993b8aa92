//! The way in by HTTP: the page, the list of devices, and on any path the upgrade to a WebSocket.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::client;
use crate::hub::Hub;
use crate::origin::{self, Origin};
use crate::page::{self, respond};
use crate::shutdown::Shutdown;
use crate::throttle::Throttle;

/// Clients at once. A client holds one permit, so holding all of them means that every client has gone.
pub(crate) const CLIENTS_MAX: u32 = 4096;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) hub: Arc<Hub>,
    pub(crate) allowed: Arc<[Origin]>,
    pub(crate) clients: Arc<Semaphore>,
    pub(crate) shutdown: Shutdown,
    /// A page may ask as often as it likes.
    pub(crate) refusals: Arc<Mutex<Throttle>>,
}

/// The router for everything.
pub(crate) fn router(web: Web) -> Router {
    Router::new().fallback(handle).with_state(web)
}

async fn handle(
    State(web): State<Web>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response<Body> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Err(refused) = origin::check(text(header::HOST), text(header::ORIGIN), &web.allowed) {
        if let Some(left_out) = web.refusals.lock().unwrap_or_else(PoisonError::into_inner).admit() {
            warn!("{refused}{left_out}");
        }
        return respond(StatusCode::FORBIDDEN, format!("{refused}\n"));
    }
    let wants_upgrade = text(header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    match (wants_upgrade, upgrade) {
        (true, Ok(upgrade)) => web.accept(upgrade),
        (true, Err(rejection)) => rejection.into_response(),
        (false, _) => web.answer(&method, uri.path(), &headers),
    }
}

impl Web {
    fn accept(self, upgrade: WebSocketUpgrade) -> Response<Body> {
        let Ok(permit) = self.clients.try_acquire_owned() else {
            return respond(StatusCode::SERVICE_UNAVAILABLE, "There are too many clients, or the host is stopping.\n");
        };
        let (hub, shutdown) = (self.hub, self.shutdown);
        client::limit(upgrade).on_upgrade(move |socket| {
            let client = client::serve(socket, hub, shutdown);
            async move {
                client.await;
                drop(permit);
            }
        })
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered here.\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if path == "/api/devices" {
            let json = serde_json::to_string(&self.hub.devices()).unwrap_or_default();
            let mut response = respond(StatusCode::OK, json);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        let nothing = || respond(StatusCode::NOT_FOUND, format!("There is nothing at {path}. The page is at /.\n"));
        page::serve(path, headers).unwrap_or_else(nothing)
    }
}
