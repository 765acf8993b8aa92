//! Downloads: whole, in part, not at all.

use super::{Door, named};

const TAG: &str = "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"";

#[tokio::test]
async fn a_file_comes_with_its_name_and_to_be_saved() {
    let door = Door::new();
    let metadata = format!("{},filetype dGV4dC9odG1s", named("ä.html"));
    let path = door.put("hello", &metadata).await;
    for (method, body) in [("GET", "hello"), ("HEAD", "")] {
        let answer = door.ask(method, &path, &[], "").await;
        assert_eq!((answer.status, answer.text()), (200, body));
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-length", "5"),
            ("content-disposition", "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%A4.html"),
            ("etag", TAG),
            ("accept-ranges", "bytes"),
            ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
    }
}

#[tokio::test]
async fn a_part_is_the_part_that_was_asked_for() {
    let door = Door::new();
    let path = door.put("hello", &named("a")).await;
    for (range, status, body, place) in [
        ("bytes=1-2", 206, "el", "bytes 1-2/5"),
        ("bytes=3-99", 206, "lo", "bytes 3-4/5"),
        ("bytes=-1", 206, "o", "bytes 4-4/5"),
        ("bytes=5-", 416, "There are 5 bytes.\n", "bytes */5"),
        ("bytes=0-1,3-4", 200, "hello", ""),
    ] {
        let answer = door.ask("GET", &path, &[("range", range)], "").await;
        assert_eq!((answer.status, answer.text(), answer.header("content-range")), (status, body, place), "{range}");
    }
    let since = [("range", "bytes=1-2"), ("if-range", TAG)];
    assert_eq!(door.ask("GET", &path, &since, "").await.text(), "el");
    assert_eq!(door.ask("GET", &path, &[since[0], ("if-range", "\"other\"")], "").await.text(), "hello");
    assert_eq!(door.ask("HEAD", &path, &[since[0]], "").await.header("content-length"), "5");
}

#[tokio::test]
async fn what_a_client_has_does_not_come_again() {
    let door = Door::new();
    let path = door.put("hello", &named("a")).await;
    let answer = door.ask("GET", &path, &[("if-none-match", TAG)], "").await;
    assert_eq!((answer.status, answer.header("etag"), answer.text()), (304, TAG, ""));
    assert_eq!(door.ask("GET", &path, &[("if-none-match", "\"other\"")], "").await.status, 200);
}

#[tokio::test]
async fn a_content_of_many_pieces_comes_whole_and_a_host_that_stops_does_not_end_it_as_if_it_were() {
    let door = Door::new();
    let home = door.home.join("large");
    let limits = crate::depot::Limits { size_max: 1 << 20, files_max: 1 };
    let depot = crate::depot::Depot::open(Some(&home), limits).unwrap();
    let content: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
    let name = crate::depot::Name::new("a").unwrap();
    let size = content.len() as u64;
    let new = crate::depot::New { id: None, name, kind: "a/b".into(), size, from: None, device: None, metadata: None };
    let mut upload = depot.create(new).unwrap();
    upload.append(&content).unwrap();
    let path = format!("/files/{}", upload.finish().unwrap().id);
    let (stop, shutdown) = crate::shutdown::Shutdown::new();
    let files = super::Files::new(depot, shutdown);
    let get = async || {
        let (parts, body) = axum::http::Request::get(&path).body(super::Body::empty()).unwrap().into_parts();
        axum::body::to_bytes(files.answer(parts, body).await.into_body(), 1 << 20).await
    };
    assert_eq!(get().await.unwrap(), content);
    stop.send(true).unwrap();
    assert!(get().await.is_err());
}
