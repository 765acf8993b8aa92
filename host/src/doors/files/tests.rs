use std::fs;
use std::path::PathBuf;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use tokio::sync::{mpsc, watch};

use super::Files;
use crate::depot::{Depot, FileId, Limits};
use crate::shutdown::Shutdown;

mod content;
mod names;
mod upload;

/// The door of a folder that goes with the test.
struct Door {
    files: Files,
    depot: Depot,
    stop: watch::Sender<bool>,
    home: PathBuf,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Door {
    fn new() -> Self {
        let home = std::env::temp_dir().join(format!("pocketmux-door-{}", FileId::new()));
        let data = home.join("data");
        fs::create_dir_all(&data).unwrap();
        let depot = Depot::open(Some(&data), Limits { size_max: 1000, files_max: 20 }).unwrap();
        let (stop, shutdown) = Shutdown::new();
        Self { files: Files::new(depot.clone(), shutdown), depot, stop, home }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (parts, body) = request.body(body.into()).unwrap().into_parts();
        let response = self.files.answer(parts, body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec();
        Answer { status, headers, body }
    }

    /// With the version of the protocol.
    async fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.ask(method, path, &[&[("tus-resumable", "1.0.0")], headers].concat(), body).await
    }

    async fn begin(&self, size: usize, metadata: &str) -> Answer {
        self.tus("POST", "/files/", &[("upload-length", &size.to_string()), ("upload-metadata", metadata)], "").await
    }

    /// Begins an upload that nothing is wrong with, and gives its path.
    async fn place(&self, size: usize) -> String {
        let answer = self.begin(size, &named("a.txt")).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.header("location").to_owned()
    }

    async fn patch(&self, path: &str, offset: usize, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let offset = offset.to_string();
        let own = [("content-type", "application/offset+octet-stream"), ("upload-offset", &*offset)];
        self.tus("PATCH", path, &[&own, headers].concat(), body).await
    }

    async fn offset(&self, path: &str) -> String {
        self.tus("HEAD", path, &[], "").await.header("upload-offset").to_owned()
    }

    async fn put(&self, content: &str, metadata: &str) -> String {
        let path = self.begin(content.len(), metadata).await.header("location").to_owned();
        let answer = self.patch(&path, 0, &[], content.to_owned()).await;
        assert_eq!((answer.status, answer.header("upload-offset")), (204, &*content.len().to_string()));
        path
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn named(name: &str) -> String {
    format!("filename {}", STANDARD.encode(name))
}

/// A body that comes as it is said, and breaks off when the end is dropped without a word of it.
fn slow() -> (mpsc::Sender<Result<Bytes, &'static str>>, Body) {
    let (says, mut hears) = mpsc::channel(4);
    let chunks = stream::poll_fn(move |cx| hears.poll_recv(cx));
    (says, Body::from_stream(chunks))
}

#[tokio::test]
async fn what_the_door_can_do_is_told_to_anyone_anywhere_below() {
    let door = Door::new();
    for path in ["/files", "/files/", "/files/x"] {
        let asked = [("origin", "http://a.example"), ("access-control-request-headers", "tus-resumable,upload-offset")];
        let answer = door.ask("OPTIONS", path, &asked, "").await;
        assert_eq!(answer.status, 204);
        for (name, value) in [
            ("tus-resumable", "1.0.0"),
            ("tus-version", "1.0.0"),
            ("tus-extension", "creation,creation-with-upload,termination,checksum"),
            ("tus-max-size", "1000"),
            ("tus-checksum-algorithm", "sha1,sha256,crc32"),
            ("access-control-allow-origin", "http://a.example"),
            ("access-control-allow-headers", "tus-resumable,upload-offset"),
            ("access-control-allow-methods", "GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn every_answer_can_be_read_by_the_page_that_asked_and_shows_nothing_as_a_page() {
    let door = Door::new();
    let path = door.put("<script>", &named("a.html")).await;
    for (method, path) in [("GET", "/files/"), ("GET", &*path), ("PATCH", &*path), ("GET", "/files/x"), ("PUT", &*path)]
    {
        let answer = door.ask(method, path, &[("origin", "http://a.example")], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "http://a.example", "{method} {path}");
        assert_eq!(answer.header("vary"), "Origin");
        assert!(answer.header("access-control-expose-headers").contains("Upload-Offset"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").starts_with("sandbox"));
    }
}

#[tokio::test]
async fn only_the_one_version_of_the_protocol_is_spoken() {
    let door = Door::new();
    let path = door.place(5).await;
    for (method, path) in [("POST", "/files/"), ("PATCH", &*path), ("DELETE", &*path)] {
        for version in [&[][..], &[("tus-resumable", "0.2.2")]] {
            let answer = door.ask(method, path, version, "hello").await;
            assert_eq!((answer.status, answer.header("tus-version")), (412, "1.0.0"), "{method}");
        }
    }
    assert_eq!(door.ask("HEAD", &path, &[("tus-resumable", "2.0.0")], "").await.status, 412);
    assert_eq!(door.ask("HEAD", &path, &[], "").await.status, 409, "then it asks for the file");
    for (method, path) in [("PUT", &*path), ("POST", &*path), ("PATCH", "/files/"), ("DELETE", "/files")] {
        let answer = door.tus(method, path, &[], "").await;
        assert!(answer.status == 405 && answer.header("allow").contains("PATCH"), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_there_is_listed() {
    let door = Door::new();
    assert_eq!(door.ask("GET", "/files", &[], "").await.text(), "[]");
    let metadata = format!("{},filetype {}", named("b.txt"), STANDARD.encode("text/plain"));
    let whole = door.put("hello", &metadata).await;
    let device = format!("{},device {}", named("c"), STANDARD.encode("pico"));
    let answer = door.begin(7, &device).await;
    let part = answer.header("location").to_owned();
    door.patch(&part, 0, &[], "he").await;
    let listed: serde_json::Value = serde_json::from_slice(&door.ask("GET", "/files/", &[], "").await.body).unwrap();
    let mut all = listed.as_array().unwrap().clone();
    all.sort_by_key(|file| file["name"].as_str().map(str::to_owned));
    let field = |name: &str| [all[0][name].clone(), all[1][name].clone()];
    assert_eq!(field("id").map(|id| format!("/files/{}", id.as_str().unwrap())), [whole, part]);
    assert_eq!(field("name"), ["b.txt", "c"]);
    assert_eq!(field("type"), ["text/plain", "application/octet-stream"]);
    assert_eq!((field("size"), field("offset")), ([5.into(), 7.into()], [5.into(), 2.into()]));
    assert_eq!(all[0]["sha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert!(all[1]["sha256"].is_null() && all[1]["from"].is_null() && all[1]["created"].is_u64());
    assert_eq!(field("device"), [serde_json::Value::Null, "pico".into()]);
    assert_eq!(door.ask("HEAD", "/files/", &[], "").await.status, 200);
}
