//! The services that the public suite of the protocol tests, for those who run it: nothing of the host is behind them, so any page
//! may use them.

use crate::sockjs::service::{Options, Room, Service};
use crate::sockjs::session::Session;

/// What the suite expects of the services that it tests.
const RESPONSE_LIMIT: usize = 4096;

pub(crate) fn services(room: &Room) -> Vec<Service> {
    let options = Options { response_limit: RESPONSE_LIMIT, is_public: true, ..Options::default() };
    let echo_with = |prefix, options| Service::new(prefix, options, room.clone(), echo);
    vec![
        echo_with("/echo", options),
        echo_with("/disabled_websocket_echo", Options { has_websocket: false, ..options }),
        echo_with("/cookie_needed_echo", Options { needs_cookie: true, ..options }),
        Service::new("/close", options, room.clone(), close),
    ]
}

async fn echo(session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

async fn close(session: Session) {
    session.close(3000, "Go away!");
}
