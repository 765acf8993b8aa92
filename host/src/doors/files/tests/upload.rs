//! Uploads: begun, gone on with, broken off, checked, removed.

use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Door, named, slow};
use crate::depot::{FileId, Name, New};

#[tokio::test]
async fn an_upload_goes_on_from_where_it_is_until_it_is_a_file() {
    let door = Door::new();
    let path = door.place(5).await;
    let head = door.tus("HEAD", &path, &[], "").await;
    assert_eq!((head.status, head.header("upload-offset"), head.header("upload-length")), (200, "0", "5"));
    assert_eq!((head.header("upload-metadata"), head.header("cache-control")), (&*named("a.txt"), "no-store"));
    assert_eq!(door.ask("GET", &path, &[], "").await.status, 409);
    let answer = door.patch(&path, 0, &[], "hel").await;
    assert_eq!((answer.status, answer.header("upload-offset"), answer.header("tus-resumable")), (204, "3", "1.0.0"));
    for wrong in [0, 2, 4, 5] {
        assert_eq!(door.patch(&path, wrong, &[], "lo").await.status, 409);
    }
    assert_eq!(door.offset(&path).await, "3");
    let answer = door.patch(&path, 3, &[], "lo").await;
    assert_eq!((answer.status, answer.header("upload-offset")), (204, "5"));
    assert_eq!(door.offset(&path).await, "5");
    assert_eq!(door.patch(&path, 5, &[], "").await.status, 409, "it is no upload any more");
    assert_eq!(door.ask("GET", &path, &[], "").await.text(), "hello");
}

#[tokio::test]
async fn an_upload_may_begin_with_its_bytes_or_have_none() {
    let door = Door::new();
    for (size, body) in [("5", "hello"), ("5", "he"), ("0", "")] {
        let headers = [("upload-length", size), ("content-type", "application/offset+octet-stream")];
        let answer = door.tus("POST", "/files", &headers, body).await;
        assert_eq!((answer.status, answer.header("upload-offset")), (201, &*body.len().to_string()));
        let whole = door.ask("GET", answer.header("location"), &[], "").await;
        assert_eq!(whole.status, if body == "he" { 409 } else { 200 });
    }
    let empty = door.begin(0, "").await;
    assert_eq!(door.ask("GET", empty.header("location"), &[], "").await.status, 200);
    let count = door.depot.list().len();
    for (size, body, sum, status) in
        [("5", "hello!", "", 413), ("5", "hello", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", 460)]
    {
        let mut headers = vec![("upload-length", size), ("content-type", "application/offset+octet-stream")];
        headers.extend((!sum.is_empty()).then_some(("upload-checksum", sum)));
        assert_eq!(door.tus("POST", "/files", &headers, body).await.status, status);
    }
    assert_eq!(door.depot.list().len(), count, "where nobody knows that it is there, nothing is left");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_and_changes_nothing() {
    let door = Door::new();
    for (headers, status) in [
        (&[][..], 400),
        (&[("upload-length", "-1")], 400),
        (&[("upload-length", "+5")], 400),
        (&[("upload-length", "five")], 400),
        (&[("upload-defer-length", "1")], 400),
        (&[("upload-length", "1001")], 413),
        (&[("upload-length", "99999999999999999999999")], 413),
        (&[("upload-length", "5"), ("upload-metadata", "filename ***")], 400),
        (&[("upload-length", "5"), ("upload-checksum", "md5 AAAA")], 400),
    ] {
        let answer = door.tus("POST", "/files/", headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(answer.text().trim_end().ends_with('.'), "{}", answer.text());
    }
    assert!(door.depot.list().is_empty());
    let path = door.place(5).await;
    let bytes = ("content-type", "application/offset+octet-stream");
    for (headers, status) in [
        (&[("upload-offset", "0")][..], 415),
        (&[("upload-offset", "0"), ("content-type", "text/plain")], 415),
        (&[bytes], 400),
        (&[bytes, ("upload-offset", "-0")], 400),
        (&[bytes, ("upload-offset", "0"), ("upload-checksum", "sha1 AAAA")], 400),
        (&[bytes, ("upload-offset", "0"), ("content-length", "6")], 413),
    ] {
        assert_eq!(door.tus("PATCH", &path, headers, "hello").await.status, status, "{headers:?}");
    }
    let nobody = format!("/files/{}", FileId::new());
    for path in [
        &*nobody,
        "/files/x",
        "/files/../etc/passwd",
        "/files/%2e%2e%2f",
        &path.to_uppercase().replace("FILES", "files"),
    ] {
        assert_eq!(door.patch(path, 0, &[], "hello").await.status, 404, "{path}");
        assert_eq!(door.tus("HEAD", path, &[], "").await.status, 404);
        assert_eq!(door.tus("DELETE", path, &[], "").await.status, 404);
        assert_eq!(door.ask("GET", path, &[], "").await.status, 404);
    }
    assert_eq!(door.offset(&path).await, "0");
}

#[tokio::test]
async fn of_more_than_was_announced_nothing_is_taken() {
    let door = Door::new();
    let path = door.place(5).await;
    door.patch(&path, 0, &[], "he").await;
    for chunks in [&["llo!"][..], &["l", "lo", "!"]] {
        let (says, body) = slow();
        let saying = async {
            for chunk in chunks {
                says.send(Ok((*chunk).into())).await.unwrap();
            }
            drop(says);
        };
        let (answer, ()) = tokio::join!(door.patch(&path, 2, &[], body), saying);
        assert_eq!((answer.status, &*door.offset(&path).await), (413, "2"));
    }
    assert_eq!(door.patch(&path, 2, &[], "llo").await.status, 204);
    assert_eq!(door.ask("GET", &path, &[], "").await.text(), "hello");
}

#[tokio::test]
async fn of_bytes_with_a_wrong_checksum_nothing_is_taken() {
    let door = Door::new();
    let path = door.place(11).await;
    let sums =
        ["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", "crc32 DUoRhQ=="];
    for sum in sums {
        for body in ["hello worle", "hello", ""] {
            assert_eq!(door.patch(&path, 0, &[("upload-checksum", sum)], body).await.status, 460);
            assert_eq!(door.offset(&path).await, "0");
        }
    }
    assert_eq!(door.patch(&path, 0, &[("upload-checksum", sums[2])], "hello world").await.status, 204);
    assert_eq!(door.ask("GET", &path, &[], "").await.text(), "hello world");
}

#[tokio::test]
async fn what_came_before_the_connection_broke_counts_unless_it_was_to_be_checked() {
    let door = Door::new();
    let path = door.place(11).await;
    for (headers, offset) in [(&[][..], "2"), (&[("upload-checksum", "crc32 DUoRhQ==")], "2")] {
        let (says, body) = slow();
        let breaking = async {
            says.send(Ok("he".into())).await.unwrap();
            says.send(Err("it broke")).await.unwrap();
        };
        let at = door.offset(&path).await.parse().unwrap();
        let (answer, ()) = tokio::join!(door.patch(&path, at, headers, body), breaking);
        assert_eq!((answer.status, &*door.offset(&path).await), (400, offset));
    }
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_any_more_changes_nothing_about_what_came() {
    let door = Door::new();
    let path = door.place(5).await;
    let (says, body) = slow();
    let patch = door.patch(&path, 0, &[], body);
    // The handler goes, as it does with its connection.
    tokio::select! {
        biased;
        _ = patch => panic!("there is more to come"),
        () = async { says.send(Ok("hel".into())).await.unwrap(); says.closed().await } => panic!("it is still read"),
        () = async { while door.depot.list()[0].offset < 3 { tokio::task::yield_now().await } } => {}
    }
    drop(says);
    assert_eq!(door.offset(&path).await, "3");
}

#[tokio::test]
async fn a_client_that_comes_back_need_not_wait_for_its_dead_connection() {
    let door = Door::new();
    let path = door.place(5).await;
    let (says, body) = slow();
    let first = door.patch(&path, 0, &[], body);
    let second = async {
        says.send(Ok("hel".into())).await.unwrap();
        while door.depot.list()[0].offset < 3 {
            tokio::task::yield_now().await;
        }
        let offset = door.offset(&path).await;
        (offset, door.patch(&path, 3, &[], "lo").await.status)
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, first.header("retry-after"), second), (423, "1", ("3".into(), 204)));
    assert_eq!(door.ask("GET", &path, &[], "").await.text(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent_is_let_go_and_what_came_is_kept() {
    let door = Door::new();
    let path = door.place(5).await;
    let (says, body) = slow();
    says.send(Ok("hel".into())).await.unwrap();
    assert_eq!(door.patch(&path, 0, &[], body).await.status, 408);
    assert_eq!(door.offset(&path).await, "3");
}

#[tokio::test]
async fn a_host_that_stops_keeps_what_came() {
    let door = Door::new();
    let path = door.place(5).await;
    let (says, body) = slow();
    let stopping = async {
        says.send(Ok("hel".into())).await.unwrap();
        while door.depot.list()[0].offset < 3 {
            tokio::task::yield_now().await;
        }
        door.stop.send(true).unwrap();
    };
    let (answer, ()) = tokio::join!(door.patch(&path, 0, &[], body), stopping);
    assert_eq!((answer.status, door.depot.list()[0].offset), (503, 3));
}

#[tokio::test]
async fn what_is_removed_is_gone_whole_or_not() {
    let door = Door::new();
    for path in [door.place(5).await, door.put("hello", "").await] {
        assert_eq!(door.tus("DELETE", &path, &[], "").await.status, 204);
        assert_eq!(door.tus("DELETE", &path, &[], "").await.status, 404);
        assert_eq!(door.tus("HEAD", &path, &[], "").await.status, 404);
    }
    assert!(door.depot.list().is_empty());
}

#[tokio::test]
async fn there_are_only_so_many_files() {
    let door = Door::new();
    for _ in 0..20 {
        door.place(1).await;
    }
    let answer = door.begin(1, "").await;
    assert!(answer.status == 507 && answer.text().contains("--files-max"), "{}", answer.text());
}

#[tokio::test]
async fn a_client_that_can_only_post_says_what_it_means() {
    let door = Door::new();
    let path = door.place(2).await;
    let headers = [
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "0"),
        ("x-http-method-override", "PATCH"),
    ];
    assert_eq!(door.tus("POST", &path, &headers, "hi").await.status, 204);
    assert_eq!(door.tus("POST", &path, &[("x-http-method-override", "DELETE")], "").await.status, 204);
    assert_eq!(door.tus("GET", &path, &[("x-http-method-override", "DELETE")], "").await.status, 404);
}

#[tokio::test]
async fn a_file_for_a_device_is_handed_over_when_it_is_whole_and_its_client_hears_to_whom() {
    let door = Door::new();
    let (told, heard) = mpsc::channel();
    door.depot.on_whole(Box::new(move |file, _kept| {
        told.send((file.device.clone(), file.size)).unwrap();
        Some("transfer-1".into())
    }));
    let metadata = "filename YQ==,device cGljbw==";
    let path = door.begin(2, metadata).await.header("location").to_owned();
    let first = door.patch(&path, 0, &[], "h").await;
    assert_eq!((first.status, first.header("pocketmux-transfer")), (204, ""));
    let last = door.patch(&path, 1, &[], "i").await;
    assert_eq!((last.status, last.header("pocketmux-transfer")), (204, "transfer-1"));
    assert_eq!(door.begin(0, metadata).await.header("pocketmux-transfer"), "transfer-1");
    assert_eq!(door.begin(0, "").await.header("pocketmux-transfer"), "");
    let pico = Some("pico".to_owned());
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(pico.clone(), 2), (pico, 0)]);
}

#[tokio::test]
async fn what_no_device_can_have_is_refused_before_it_is_uploaded_for_one() {
    let door = Door::new();
    let long = STANDARD.encode("x".repeat(65));
    assert_eq!(door.begin(2, &format!("filename {long},device cGljbw==")).await.status, 400);
    assert_eq!(door.begin(2, &format!("filename {long}")).await.status, 201, "the host itself has longer names");
    assert_eq!(door.depot.list().len(), 1);
}

#[tokio::test]
async fn nobody_adds_to_what_comes_from_a_device() {
    let door = Door::new();
    let name = Name::new("log").unwrap();
    let new =
        New { id: None, name, kind: String::new(), size: 5, from: Some("pico".into()), device: None, metadata: None };
    let mut upload = door.depot.create(new).unwrap();
    let path = format!("/files/{}", upload.id());
    assert_eq!(door.tus("DELETE", &path, &[], Body::empty()).await.status, 423, "the device adds to it right now");
    upload.append(b"hello").unwrap();
    drop(upload);
    assert_eq!(door.patch(&path, 5, &[], "").await.status, 403);
    assert_eq!(door.offset(&path).await, "5");
    assert_eq!(door.ask("GET", &path, &[], "").await.status, 409, "whether it is right is not known yet");
}
