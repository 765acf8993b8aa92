//! A service at a prefix: answers the requests below it, and starts and ends the sessions.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, timeout};

use crate::shutdown::Shutdown;
use crate::sockjs::form;
use crate::sockjs::frame::Close;
use crate::sockjs::line::Line;
use crate::sockjs::receiver::Receiver;
use crate::sockjs::reply::{Refused, Reply};
use crate::sockjs::route::{Route, Transport};
use crate::sockjs::session::Session;
use crate::sockjs::table::{Entry, Table};
use crate::sockjs::wrap::{Callback, Wrap};
use crate::sockjs::{iframe, poll, send, websocket};

/// Sessions over HTTP of all services at once. They need no connection to last, so that one client could otherwise hold every place of the host's.
const SESSIONS_MAX: usize = 1024;
/// How long a request waits for the one before it, which may be gone without that having been noticed yet.
const RIVAL_PATIENCE: Duration = Duration::from_millis(100);
/// How long a client may take to hear that the host stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What every service shares: how many clients there may be, and the word that the host stops.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) clients: Arc<Semaphore>,
    sessions: Arc<Semaphore>,
    pub(crate) shutdown: Shutdown,
}

impl Room {
    /// Room among the clients of the host.
    pub(crate) fn new(clients: Arc<Semaphore>, shutdown: Shutdown) -> Self {
        Self { clients, sessions: Arc::new(Semaphore::new(SESSIONS_MAX)), shutdown }
    }

    /// A client's place; an answer when there is none.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Self::place(&self.clients)
    }

    /// The places of a client without a connection that lasts.
    fn enter_by_requests(&self) -> Result<[OwnedSemaphorePermit; 2], Refused> {
        Ok([Self::place(&self.sessions)?, self.enter()?])
    }

    fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refused> {
        places.clone().try_acquire_owned().map_err(|_| {
            Refused(StatusCode::SERVICE_UNAVAILABLE, "There are too many clients, or the host is stopping.\n")
        })
    }
}

/// What a service does and lets be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Bytes of frames that one streaming answer may have.
    pub(crate) response_limit: usize,
    pub(crate) has_websocket: bool,
    /// Sets a cookie that load balancers look for.
    pub(crate) needs_cookie: bool,
    /// Any page from anywhere may use it.
    pub(crate) is_public: bool,
    /// A WebSocket without the protocol's frames is at the prefix itself, for programs that know nothing of SockJS.
    pub(crate) is_bare: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { response_limit: 128 << 10, has_websocket: true, needs_cookie: false, is_public: false, is_bare: false }
    }
}

/// Serves one session, until there are no more messages from it.
pub(crate) type Serve = Arc<dyn Fn(Session) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Service {
    prefix: &'static str,
    serve: Serve,
    room: Room,
    sessions: Arc<Table>,
    options: Options,
}

impl Service {
    /// A service at `prefix`, such as `/echo`.
    pub(crate) fn new<S, F>(prefix: &'static str, options: Options, room: Room, serve: S) -> Self
    where
        S: Fn(Session) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            prefix,
            serve: Arc::new(move |session| Box::pin(serve(session))),
            room,
            sessions: Arc::default(),
            options,
        }
    }

    /// What follows the prefix in a path; `None` when the path is not below it.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(crate) fn holds(&self, path: &str) -> bool {
        self.rest(path).is_some()
    }

    pub(crate) fn is_public(&self) -> bool {
        self.options.is_public
    }

    /// True when a page can include what is at the path as a script, for which browsers state no origin.
    pub(crate) fn is_script(&self, path: &str) -> bool {
        matches!(self.rest(path).and_then(Route::of), Some(Route::Session(_, Transport::Jsonp)))
    }

    /// Answers a request from a page that may use the service.
    pub(crate) async fn answer(&self, parts: Parts, body: Body) -> Response<Body> {
        let uri = parts.uri.clone();
        let route = self
            .rest(uri.path())
            .and_then(Route::of)
            .map(|route| if self.options.is_bare && route == Route::Greeting { Route::RawWebSocket } else { route })
            .filter(|route| self.options.has_websocket || !route.is_websocket());
        let Some(route) = route else {
            return Reply::text(StatusCode::NOT_FOUND, "There is nothing here.\n").finish();
        };
        if !route.allows(&parts.method) {
            return Reply::empty(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, route.methods()).finish();
        }
        let asked = parts.headers.clone();
        let is_preflight = parts.method == Method::OPTIONS;
        let reply = match route {
            Route::Greeting => Reply::text(StatusCode::OK, "Welcome to SockJS!\n"),
            Route::Info if is_preflight => Reply::preflight(&asked, route.methods()),
            Route::Info => self.info(&asked),
            Route::Iframe => return iframe::serve(&asked),
            Route::RawWebSocket => return websocket::accept(parts, &self.room, &self.serve, true).await,
            Route::Session(_, Transport::WebSocket) => {
                return websocket::accept(parts, &self.room, &self.serve, false).await;
            }
            Route::Session(..) if is_preflight => Reply::preflight(&asked, route.methods()),
            Route::Session(name, transport) => {
                let query = uri.query().unwrap_or_default();
                let reply = self.transport(name, transport, query, &asked, body).await.unwrap_or_else(Reply::from);
                let reply = if transport.is_shared() { reply.shared(&asked) } else { reply }.uncached();
                if self.options.needs_cookie { reply.with_cookie(&asked) } else { reply }
            }
        };
        reply.finish()
    }

    fn info(&self, asked: &HeaderMap) -> Reply {
        // Keyed by the system's own randomness.
        let entropy = RandomState::new().hash_one("entropy") as u32;
        let json = format!(
            "{{\"websocket\":{},\"origins\":[\"*:*\"],\"cookie_needed\":{},\"entropy\":{entropy}}}",
            self.options.has_websocket, self.options.needs_cookie
        );
        Reply::typed("application/json; charset=UTF-8", json).uncached().shared(asked)
    }

    async fn transport(
        &self,
        name: &str,
        transport: Transport,
        query: &str,
        asked: &HeaderMap,
        body: Body,
    ) -> Result<Reply, Refused> {
        let limit = self.options.response_limit;
        Ok(match transport {
            Transport::Xhr => poll::one(self.receiver(name).await?, Wrap::Xhr).await,
            Transport::XhrStreaming => poll::many(self.receiver(name).await?, Wrap::XhrStreaming, limit),
            Transport::EventSource => poll::many(self.receiver(name).await?, Wrap::EventSource, limit),
            Transport::HtmlFile => {
                let wrap = Wrap::HtmlFile(callback(query)?);
                let reply = poll::many(self.receiver(name).await?, wrap, limit);
                reply.with(header::CONTENT_SECURITY_POLICY, iframe::POLICY)
            }
            Transport::Jsonp => {
                let wrap = Wrap::Jsonp(callback(query)?);
                poll::one(self.receiver(name).await?, wrap).await
            }
            Transport::XhrSend => send::take(self.known(name)?.as_ref(), body).await,
            Transport::JsonpSend => send::take_form(self.known(name)?.as_ref(), asked, body).await,
            Transport::WebSocket => return Err(unknown()),
        })
    }

    fn known(&self, name: &str) -> Result<Arc<Line>, Refused> {
        self.sessions.find(name).ok_or_else(unknown)
    }

    /// Takes the frames of the session of this name, which is opened where there is none.
    async fn receiver(&self, name: &str) -> Result<Receiver, Refused> {
        let free = async {
            loop {
                let line = match self.sessions.enter(name) {
                    Ok(line) => line,
                    Err(entry) => {
                        let line = entry.line.clone();
                        self.start(entry)?;
                        line
                    }
                };
                if let Some(receiver) = line.attach() {
                    return Ok(receiver);
                }
                line.free().await;
            }
        };
        let refused = || Receiver::refused(Close::new(2010, "Another connection still open"));
        timeout(RIVAL_PATIENCE, free).await.unwrap_or_else(|_elapsed| Ok(refused()))
    }

    /// Serves a new session until it has ended and its service is through with it.
    fn start(&self, entry: Entry) -> Result<(), Refused> {
        let permits = self.room.enter_by_requests()?;
        let service = (self.serve)(Session::new(entry.line.clone()));
        let mut shutdown = self.room.shutdown.clone();
        tokio::spawn(async move {
            let lasting = async {
                tokio::select! {
                    () = entry.line.lasted() => {}
                    () = shutdown.wanted() => {
                        entry.line.close(Close::new(1001, "The host is stopping."));
                        let _ = timeout(FAREWELL, entry.line.free()).await;
                    }
                }
                entry.line.end();
            };
            tokio::join!(service, lasting);
            drop((entry, permits));
        });
        Ok(())
    }
}

fn unknown() -> Refused {
    Refused(StatusCode::NOT_FOUND, "There is no such session.\n")
}

/// The callback that a query names.
fn callback(query: &str) -> Result<Callback, Refused> {
    let refuse = |words| Refused(StatusCode::INTERNAL_SERVER_ERROR, words);
    let name = form::field(query, "c").or_else(|| form::field(query, "callback"));
    let name = name.ok_or_else(|| refuse("\"callback\" parameter required"))?;
    Callback::of(&name).ok_or_else(|| refuse("invalid \"callback\" parameter"))
}

#[cfg(test)]
mod tests;
