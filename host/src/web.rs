//! The way in by HTTP: the page, the list of devices, files, SockJS services, and on any other path the upgrade to a WebSocket.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::client;
use crate::depot::Depot;
use crate::doors::{chat, files, transfers};
use crate::hub::Hub;
use crate::origin::{self, Origin, Refused};
use crate::page::{self, respond};
use crate::shutdown::Shutdown;
use crate::sockjs::Service;
use crate::throttle::Throttle;

/// Clients at once. A client holds one permit, so holding all of them means that every client has gone.
pub(crate) const CLIENTS_MAX: u32 = 4096;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) hub: Arc<Hub>,
    pub(crate) depot: Depot,
    pub(crate) files: files::Files,
    pub(crate) services: Arc<[Service]>,
    pub(crate) allowed: Arc<[Origin]>,
    pub(crate) clients: Arc<Semaphore>,
    pub(crate) shutdown: Shutdown,
    /// Whether this is the listener of clients that know of nothing but the chat.
    pub(crate) is_for_chat: bool,
    /// A page may ask as often as it likes.
    pub(crate) refusals: Arc<Mutex<Throttle>>,
}

/// The router for everything.
pub(crate) fn router(web: Web) -> Router {
    Router::new().fallback(handle).with_state(web)
}

async fn handle(State(web): State<Web>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let service = web.services.iter().find(|service| service.holds(parts.uri.path()));
    if let Err(refused) = web.judge(&parts, service) {
        if let Some(left_out) = web.refusals.lock().unwrap_or_else(PoisonError::into_inner).admit() {
            warn!("{refused}{left_out}");
        }
        return respond(StatusCode::FORBIDDEN, format!("{refused}\n"));
    }
    if let Some(service) = service {
        return service.answer(parts, body).await;
    }
    if parts.uri.path() == chat::MESSAGES {
        return chat::answer(&web.hub, &parts, body).await;
    }
    if files::holds(parts.uri.path()) && !web.is_for_chat {
        return web.files.answer(parts, body).await;
    }
    if let Some(place) = transfers::Place::at(parts.uri.path()).filter(|_| !web.is_for_chat) {
        return transfers::answer(&web.hub, &web.depot, place, &parts, body).await;
    }
    if !text(&parts.headers, header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return web.answer(&parts.method, parts.uri.path(), &parts.headers);
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => {
            let is_feed = web.is_for_chat || parts.uri.path() == chat::FEED;
            web.accept(upgrade, is_feed)
        }
        Err(rejection) => rejection.into_response(),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

impl Web {
    /// Says whether the page that asks may.
    fn judge(&self, parts: &Parts, service: Option<&Service>) -> Result<(), Refused> {
        let is_script = service.is_some_and(|service| service.is_script(parts.uri.path()));
        let origin = match text(&parts.headers, header::ORIGIN) {
            _ if service.is_some_and(|service| service.is_public()) => None,
            // Any page can include a script, and no browser states an origin for one: only the address of the page tells.
            None if is_script => Some(text(&parts.headers, header::REFERER).map_or("null", origin::of_address)),
            stated => stated,
        };
        origin::check(text(&parts.headers, header::HOST), origin, &self.allowed)
    }

    fn accept(self, upgrade: WebSocketUpgrade, is_feed: bool) -> Response<Body> {
        let Ok(permit) = self.clients.try_acquire_owned() else {
            return respond(StatusCode::SERVICE_UNAVAILABLE, "There are too many clients, or the host is stopping.\n");
        };
        let (hub, shutdown) = (self.hub, self.shutdown);
        client::limit(upgrade, is_feed).on_upgrade(move |socket| {
            let client = client::serve(socket, hub, is_feed, shutdown);
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
        if self.is_for_chat {
            let words =
                format!("There is nothing at {path}. This port is for chats: {}, and a WebSocket.\n", chat::MESSAGES);
            return respond(StatusCode::NOT_FOUND, words);
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

#[cfg(test)]
mod tests {
    use super::{Web, handle};
    use crate::depot::{Depot, Limits};
    use crate::doors::files::Files;
    use crate::hub::Hub;
    use crate::registry::Registry;
    use crate::shutdown::Shutdown;
    use crate::sockjs::{Options, Room, Service};
    use axum::body::Body;
    use axum::extract::State;
    use axum::http::{Request, StatusCode};
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    /// How the host answers a request with these headers for `/ours`, a service like any, or `/anyones`, a public one.
    async fn status(uri: &str, headers: &[(&str, &str)]) -> StatusCode {
        let (_stop, shutdown) = Shutdown::new();
        let clients = Arc::new(Semaphore::new(1));
        let room = Room::new(clients.clone(), shutdown.clone());
        let service = |prefix, is_public| {
            let options = Options { is_public, ..Options::default() };
            Service::new(prefix, options, room.clone(), |session| async { drop(session) })
        };
        let depot = Depot::open(None, Limits { size_max: 0, files_max: 0 }).unwrap();
        let web = Web {
            hub: Arc::new(Hub::new(Registry::load(None))),
            files: Files::new(depot.clone(), shutdown.clone()),
            depot,
            services: [service("/ours", false), service("/anyones", true)].into(),
            allowed: ["https://pages.example".parse().unwrap()].into(),
            clients,
            shutdown,
            is_for_chat: false,
            refusals: Arc::default(),
        };
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        handle(State(web), request.body(Body::empty()).unwrap()).await.status()
    }

    #[tokio::test]
    async fn a_service_is_for_the_pages_that_may_use_the_host() {
        for (origin, expected) in [
            ("https://pages.example", StatusCode::OK),
            ("http://localhost:5500", StatusCode::OK),
            ("https://evil.example", StatusCode::FORBIDDEN),
            ("null", StatusCode::FORBIDDEN),
        ] {
            for path in ["/ours/info", "/ours/0/a/eventsource", "/ours"] {
                assert_eq!(status(path, &[("origin", origin)]).await, expected, "{path} {origin}");
            }
            assert_eq!(status("/anyones/info", &[("origin", origin)]).await, StatusCode::OK);
        }
        assert_eq!(status("/ours/info", &[]).await, StatusCode::OK);
        assert_eq!(status("/anyones/info", &[("host", "evil.example")]).await, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn a_script_is_for_pages_that_say_where_they_are_from() {
        let script = "/ours/0/a/jsonp?c=f";
        for (page, expected) in [
            ("https://pages.example/a/b?c", StatusCode::OK),
            ("http://localhost/", StatusCode::OK),
            ("https://evil.example/http://localhost/", StatusCode::FORBIDDEN),
            ("", StatusCode::FORBIDDEN),
        ] {
            assert_eq!(status(script, &[("referer", page)]).await, expected, "{page}");
        }
        assert_eq!(status(script, &[]).await, StatusCode::FORBIDDEN);
        assert_eq!(status("/anyones/0/a/jsonp?c=f", &[]).await, StatusCode::OK);
    }
}
