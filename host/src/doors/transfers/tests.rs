use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Place, answer, decode};
use crate::depot::{Depot, FileId, Limits, Name, New};
use crate::errand::Errand;
use crate::hub::Hub;
use crate::registry::Registry;
use crate::table::{About, DeviceState};

/// A host with a device that speaks of files, one that does not, and a file.
struct Rig {
    hub: Arc<Hub>,
    depot: Depot,
    file: FileId,
    _devices: Vec<mpsc::Receiver<Errand>>,
}

impl Rig {
    fn new() -> Self {
        let hub = Arc::new(Hub::new(Registry::load(None)));
        let mut devices = Vec::new();
        for (name, meta) in [("pico", "files/1 sha-256"), ("old", "")] {
            let (task, errands) = mpsc::channel(8);
            let (id, mut device) = hub.open(name.into(), format!("/dev/{name}"), task);
            (device.state, device.channels) = (DeviceState::Online, vec!["file".into()]);
            if !meta.is_empty() {
                device.about.insert("file".into(), About { content: String::new(), meta: meta.into() });
            }
            hub.set(id, &device);
            devices.push(errands);
        }
        let depot = Depot::open(None, Limits { size_max: 100, files_max: 4 }).unwrap();
        let name = Name::new("a.txt").unwrap();
        let new = New { id: None, name, kind: String::new(), size: 2, from: None, device: None, metadata: None };
        let mut upload = depot.create(new).unwrap();
        upload.append(b"hi").unwrap();
        let file = upload.finish().unwrap().id;
        Self { hub, depot, file, _devices: devices }
    }

    async fn ask(&self, method: Method, uri: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_with(method, uri, body).await
    }

    async fn ask_with(&self, method: Method, uri: &str, body: String) -> (u16, Value) {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body)).unwrap();
        let (parts, body) = request.into_parts();
        let place = Place::at(parts.uri.path()).expect("it is a place of this door");
        let response = answer(&self.hub, &self.depot, place, &parts, body).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn begin(&self, wanted: Value) -> (u16, Value) {
        self.ask(Method::POST, "/api/transfers", &wanted).await
    }
}

#[tokio::test]
async fn a_transfer_is_begun_seen_paused_cancelled_and_forgotten() {
    let rig = Rig::new();
    let (status, begun) = rig.begin(json!({ "device": "pico", "direction": "to", "file": rig.file })).await;
    assert_eq!(
        (status, &begun["state"], &begun["name"], &begun["size"]),
        (201, &json!("waiting"), &json!("a.txt"), &json!(2))
    );
    let path = format!("/api/transfers/{}", begun["id"].as_str().unwrap());
    assert_eq!(rig.ask(Method::GET, "/api/transfers", &Value::Null).await, (200, json!([begun])));
    assert_eq!(rig.ask(Method::GET, &path, &Value::Null).await, (200, begun.clone()));
    let (status, paused) = rig.ask(Method::PATCH, &path, &json!({ "state": "paused" })).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    let (_, seen) = rig.ask(Method::GET, &format!("{path}?after={}", begun["revision"]), &Value::Null).await;
    assert_eq!(seen, paused);
    assert_eq!(rig.ask(Method::PATCH, &path, &json!({ "state": "running" })).await.1["state"], "waiting");
    assert_eq!(rig.ask(Method::PATCH, &path, &json!({ "state": "cancelled" })).await.1["state"], "cancelled");
    let (status, error) = rig.ask(Method::PATCH, &path, &json!({ "state": "running" })).await;
    assert_eq!((status, &error["error"]), (409, &json!("It is cancelled already.")));
    assert_eq!(rig.ask(Method::DELETE, &path, &Value::Null).await.0, 204);
    assert_eq!(rig.ask(Method::DELETE, &path, &Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_begun_is_refused_in_words() {
    let rig = Rig::new();
    let long = "x".repeat(65);
    for (wanted, status, words) in [
        (json!({ "device": "nobody", "direction": "to", "file": rig.file }), 404, "no such device"),
        (json!({ "device": "old", "direction": "to", "file": rig.file }), 409, "does not speak of files"),
        (json!({ "device": "pico", "direction": "to", "file": FileId::new() }), 404, "no file of this id"),
        (
            json!({ "device": "pico", "direction": "to", "file": rig.file, "name": "../a" }),
            400,
            "does not begin with a dot",
        ),
        (json!({ "device": "pico", "direction": "from", "name": long }), 400, "1 to 64 bytes"),
        (json!({ "device": "pico", "direction": "from" }), 400, "`name` of what is to come"),
        (json!({ "device": "pico", "direction": "to", "name": "a" }), 400, "`file`, an id"),
        (json!({ "device": "pico", "direction": "up" }), 400, "not the JSON that is expected"),
        (
            json!({ "device": "pico", "direction": "to", "file": "../../etc/passwd" }),
            400,
            "not the JSON that is expected",
        ),
    ] {
        let (answered, body) = rig.begin(wanted.clone()).await;
        assert!(answered == status && body["error"].as_str().unwrap().contains(words), "{wanted}: {answered} {body}");
    }
    assert_eq!(rig.ask_with(Method::POST, "/api/transfers", "x".repeat(17 << 10)).await.0, 413);
    assert_eq!(rig.ask(Method::PUT, "/api/transfers", &Value::Null).await.0, 405);
    assert_eq!(rig.ask(Method::GET, &format!("/api/transfers/{}?after=x", FileId::new()), &Value::Null).await.0, 400);
    assert_eq!(rig.ask(Method::DELETE, "/api/devices/pico/files/..%2Fa", &Value::Null).await.0, 400);
    assert_eq!(rig.ask(Method::GET, "/api/devices/nobody/files", &Value::Null).await.0, 404);
    assert_eq!(rig.hub.transfers().list(), []);
}

#[test]
fn a_path_is_read_once_and_wholly() {
    let id = FileId::new();
    let (device, name) = ("a b".to_owned(), "ü/1".to_owned());
    for (path, place) in [
        ("/api/transfers", Some(Place::Transfers)),
        (&*format!("/api/transfers/{id}"), Some(Place::Transfer(id))),
        ("/api/transfers/1", None),
        ("/api/transferses", None),
        ("/api/devices/a%20b/files", Some(Place::Files { device: device.clone() })),
        ("/api/devices/a%20b/files/%C3%BC%2F1", Some(Place::File { device, name })),
        ("/api/devices/a%20b", None),
        ("/api/devices", None),
        ("/api/devices/a%2/files", None),
        ("/api/devices/%ff/files", None),
    ] {
        assert_eq!(Place::at(path), place, "{path}");
    }
    assert_eq!(decode("%2e%2e"), Some("..".into()));
}
