//! Names that would lead elsewhere: nothing outside the folder is touched.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Door, named};

/// Every path below a folder, with what is there, but for the folder that is the depot's.
fn all_below(folder: &Path, but: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == but {
            continue;
        }
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(all_below(&path, but));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn no_name_and_no_path_leads_out_of_the_folder() {
    let door = Door::new();
    for (file, content) in [("outside.txt", "outside"), ("data/devices.json", "{}"), ("data/history.sqlite", "history")]
    {
        fs::write(door.home.join(file), content).unwrap();
    }
    let depot = door.home.join("data/files");
    let before = all_below(&door.home, &depot);
    let long = "x".repeat(256);
    let names = [
        "../../etc/passwd",
        "../outside.txt",
        "..",
        ".",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "..\\a",
        ".hidden",
        "a\0b",
        "a\nb",
        "a\r\nb: c",
        "\u{7f}",
        "photo\u{202e}gpj.exe",
        &long,
    ];
    for name in names {
        let answer = door.begin(1, &named(name)).await;
        assert_eq!(answer.status, 400, "{name:?}");
        assert!(answer.text().starts_with("The name of a file"), "{}", answer.text());
    }
    for path in [
        "/files/../outside.txt",
        "/files/..%2foutside.txt",
        "/files/%2e%2e/%2e%2e/outside.txt",
        "/files//etc/passwd",
        "/files/....//outside.txt",
        "/files/entries",
        "/files/lock",
        "/files/..",
        "/files/.",
        "/files/%00",
    ] {
        for method in ["GET", "HEAD", "PATCH", "DELETE"] {
            let bytes = [("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
            assert_eq!(door.tus(method, path, &bytes, "x").await.status, 404, "{method} {path}");
        }
    }
    for name in ["שלום.txt", "a..b", "CON", "%2e%2e%2fa", "a b\u{a0}c"] {
        let path = door.put("x", &named(name)).await;
        assert_eq!(door.tus("DELETE", &path, &[], "").await.status, 204);
    }
    assert_eq!(all_below(&door.home, &depot), before);
    let left: Vec<_> = all_below(&depot, Path::new("")).into_iter().filter(|(path, _)| path.is_file()).collect();
    assert_eq!(left, [(depot.join("lock"), Vec::new())]);
}
