//! Requests to services, without a server between.

use super::{Room, SESSIONS_MAX, Service};
use crate::shutdown::Shutdown;
use crate::sockjs::suite;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// A room for so many clients, and who says that the host stops.
fn room(clients: usize) -> (Room, watch::Sender<bool>) {
    let (stop, shutdown) = Shutdown::new();
    (Room::new(Arc::new(Semaphore::new(clients)), shutdown), stop)
}

async fn ask(services: &[Service], method: &str, uri: &str, body: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).unwrap();
    let service = services.iter().find(|service| service.holds(request.uri().path())).expect("a service");
    let (parts, body) = request.into_parts();
    service.answer(parts, body).await
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

async fn poll(services: &[Service], session: &str) -> String {
    text(ask(services, "POST", &format!("{session}/xhr"), "").await).await
}

#[tokio::test(start_paused = true)]
async fn messages_come_back_with_half_surrogate_pairs_and_all() {
    let (room, _stop) = room(8);
    let services = suite::services(&room);
    assert_eq!(poll(&services, "/echo/000/abc").await, "o\n");
    let sent = ask(&services, "POST", "/echo/999/abc/xhr_send", r#"["\ud83d","😀"]"#).await;
    assert_eq!(sent.status(), StatusCode::NO_CONTENT);
    assert_eq!(poll(&services, "/echo/111/abc").await, "a[\"\\ud83d\",\"\\ud83d\\ude00\"]\n");
    assert_eq!(ask(&services, "POST", "/echo/0/unknown/xhr_send", "[\"a\"]").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_says_why_until_it_is_forgotten() {
    let (room, _stop) = room(8);
    let services = suite::services(&room);
    assert_eq!(poll(&services, "/close/0/a").await, "o\n");
    for _ in 0..3 {
        assert_eq!(poll(&services, "/close/0/a").await, "c[3000,\"Go away!\"]\n");
    }
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(poll(&services, "/close/0/a").await, "o\n");
}

#[tokio::test(start_paused = true)]
async fn of_two_requests_for_frames_the_second_is_refused() {
    let (room, _stop) = room(8);
    let services = suite::services(&room);
    poll(&services, "/echo/0/a").await;
    let first = ask(&services, "POST", "/echo/0/a/xhr_streaming", "").await;
    assert_eq!(poll(&services, "/echo/0/a").await, "c[2010,\"Another connection still open\"]\n");
    drop(first);
    assert_eq!(poll(&services, "/echo/0/a").await, "o\n");
}

#[tokio::test(start_paused = true)]
async fn sessions_have_a_bound_and_one_that_is_forgotten_makes_room() {
    let (room, _stop) = room(2);
    let services = suite::services(&room);
    poll(&services, "/echo/0/a").await;
    poll(&services, "/echo/0/b").await;
    assert_eq!(ask(&services, "POST", "/echo/0/c/xhr", "").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&services, "POST", "/echo/0/c/xhr_send", "[]").await.status(), StatusCode::NOT_FOUND);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(poll(&services, "/echo/0/c").await, "o\n");
}

#[tokio::test(start_paused = true)]
async fn sessions_without_a_connection_leave_places_for_other_clients() {
    let (room, _stop) = room(4096);
    let services = suite::services(&room);
    let mut opened = 0;
    for n in 0..2000 {
        opened += usize::from(poll(&services, &format!("/echo/0/{n}")).await == "o\n");
    }
    assert_eq!(opened, SESSIONS_MAX);
    assert!(room.enter().is_ok());
    // They do not last unless somebody comes back to them.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(poll(&services, "/echo/0/late").await, "o\n");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_closes_streams_and_keeps_no_session() {
    let (room, stop) = room(8);
    let services = suite::services(&room);
    poll(&services, "/echo/0/away").await;
    let stream = ask(&services, "POST", "/echo/0/here/xhr_streaming", "").await;
    let read = tokio::spawn(text(stream));
    tokio::task::yield_now().await;
    stop.send(true).unwrap();
    assert!(read.await.unwrap().ends_with("o\nc[1001,\"The host is stopping.\"]\n"));
    let _all = room.clients.acquire_many(8).await.unwrap();
}

#[tokio::test]
async fn a_path_is_found_with_its_method_or_says_which_it_has() {
    let (room, _stop) = room(8);
    let services = suite::services(&room);
    assert_eq!(text(ask(&services, "GET", "/echo", "").await).await, "Welcome to SockJS!\n");
    let wrong = ask(&services, "GET", "/echo/0/0/xhr", "").await;
    assert_eq!(
        (wrong.status(), &wrong.headers()[header::ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"OPTIONS, POST".parse().unwrap())
    );
    for path in ["/echo/a", "/disabled_websocket_echo/websocket", "/disabled_websocket_echo/0/0/websocket"] {
        assert_eq!(ask(&services, "GET", path, "").await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(ask(&services, "GET", "/echo/0/0/websocket", "").await.status(), StatusCode::BAD_REQUEST);
    assert!(
        !services[0].holds("/echoes")
            && services[0].is_script("/echo/0/0/jsonp")
            && !services[0].is_script("/echo/info")
    );
}

#[tokio::test]
async fn a_script_needs_a_callback_that_is_one() {
    let (room, _stop) = room(8);
    let services = suite::services(&room);
    for (query, words) in [("", "required"), ("?c=%20", "invalid"), ("?callback=abc(", "invalid")] {
        for transport in ["jsonp", "htmlfile"] {
            let refused = ask(&services, "GET", &format!("/echo/a/a/{transport}{query}"), "").await;
            assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(text(refused).await.contains(words));
        }
    }
    assert_eq!(text(ask(&services, "GET", "/echo/a/a/jsonp?c=%63b", "").await).await, "/**/cb(\"o\");\r\n");
}
