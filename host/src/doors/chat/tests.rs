use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::answer;
use crate::history::{History, Writer};
use crate::hub::Hub;
use crate::registry::Registry;
use crate::transfers::Transfers;

struct Door {
    hub: Arc<Hub>,
    _writer: Writer,
}

impl Door {
    fn new() -> Self {
        let (hub, _writer) = Hub::with_history(Registry::load(None), History::open(None), Transfers::open(None));
        Self { hub, _writer }
    }

    async fn ask(&self, method: Method, query: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("/api/messages{query}"));
        let (parts, body) = request.body(body.into()).unwrap().into_parts();
        let response = answer(&self.hub, &parts, body).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&self, body: impl ToString) -> (StatusCode, Value) {
        self.ask(Method::POST, "", body.to_string()).await
    }
}

#[tokio::test]
async fn what_is_posted_is_answered_whole_and_listed() {
    let door = Door::new();
    assert_eq!(door.ask(Method::GET, "", Body::empty()).await, (StatusCode::OK, json!([])));
    let given =
        json!({"id": "a \"quoted\" id", "sender": "Ann", "content": "hi 😀", "timestamp": "2024-05-01T12:00:00.000Z"});
    assert_eq!(door.post(&given).await, (StatusCode::CREATED, given.clone()));
    let again = json!({"id": "a \"quoted\" id", "sender": "Bob", "content": "other"});
    assert_eq!(door.post(again).await, (StatusCode::OK, given.clone()));
    let (status, made) = door.post(json!({"sender": "Bob", "content": "yes", "id": null, "timestamp": ""})).await;
    assert_eq!((status, made["id"].as_str().unwrap().len()), (StatusCode::CREATED, 36));
    assert_eq!(made["timestamp"].as_str().unwrap().len(), 24);
    assert_eq!(door.ask(Method::GET, "", Body::empty()).await.1, json!([given, made]));
    let since = format!("?since={}", made["id"].as_str().unwrap());
    assert_eq!(door.ask(Method::GET, &since, Body::empty()).await, (StatusCode::OK, json!([])));
    assert_eq!(door.ask(Method::GET, "?limit=1", Body::empty()).await.1, json!([made]));
    assert_eq!(door.ask(Method::GET, "?since=2024-05-01T12%3A00%3A00.000Z", Body::empty()).await.1, json!([made]));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words() {
    let door = Door::new();
    let required = json!({"error": "Sender and content are required"});
    for body in [r#"{"sender":"Ann"}"#, r#"{"content":"x"}"#, r#"{"sender":"","content":"x"}"#, "{}", "[]", "null"] {
        assert_eq!(door.post(body).await, (StatusCode::BAD_REQUEST, required.clone()), "{body}");
    }
    let long = format!(r#"{{"id":"{}","sender":"Ann","content":"x"}}"#, "x".repeat(257));
    for (body, word) in [
        ("{\"sender\"", "not JSON"),
        ("", "not JSON"),
        (r#"{"sender":"Ann","content":5}"#, "`content` must be a string"),
        (r#"{"sender":"Ann","content":"x","timestamp":"yesterday"}"#, "no time"),
        (&long, "at most 256 bytes"),
    ] {
        let (status, answer) = door.post(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    let body = |len: usize| format!("{{\"sender\":\"Ann\",\"content\":\"{}\"}}", "x".repeat(len - 29));
    assert_eq!(door.post(body(100 << 10)).await.0, StatusCode::CREATED);
    assert_eq!(door.post(body((100 << 10) + 1)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    for (query, status, word) in [
        ("?since=nobody", StatusCode::NOT_FOUND, "no message of this id"),
        ("?before=nobody", StatusCode::NOT_FOUND, "no message of this id"),
        ("?limit=0", StatusCode::BAD_REQUEST, "from 1 to 1000"),
        ("?limit=many", StatusCode::BAD_REQUEST, "from 1 to 1000"),
        ("?since=a&before=b", StatusCode::BAD_REQUEST, "at once"),
    ] {
        let (got, answer) = door.ask(Method::GET, query, Body::empty()).await;
        assert!(got == status && answer["error"].as_str().unwrap().contains(word), "{query}: {got} {answer}");
    }
    assert_eq!(door.ask(Method::PUT, "", Body::empty()).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_page_that_asked_may_read_every_answer() {
    let door = Door::new();
    for (method, status) in [
        (Method::GET, StatusCode::OK),
        (Method::POST, StatusCode::BAD_REQUEST),
        (Method::OPTIONS, StatusCode::NO_CONTENT),
        (Method::PUT, StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let request =
            Request::builder().method(&method).uri("/api/messages").header(header::ORIGIN, "http://a.example");
        let request = request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
        let (parts, body) = request.body(Body::empty()).unwrap().into_parts();
        let response = answer(&door.hub, &parts, body).await;
        let headers = response.headers();
        assert_eq!(response.status(), status);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "http://a.example");
        assert_eq!(headers[header::VARY], "Origin");
        let wanted = headers.get(header::ACCESS_CONTROL_ALLOW_HEADERS);
        assert_eq!(wanted, (method == Method::OPTIONS).then_some(&HeaderValue::from_static("content-type")));
    }
}
