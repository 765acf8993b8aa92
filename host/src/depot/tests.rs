use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{CreateError, Depot, FileId, FinishError, Limits, Name, New, TakeError, Upload};

mod crash;
mod recovery;

/// The SHA-256 of "hi".
const HI: &str = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
const LIMITS: Limits = Limits { size_max: 1 << 20, files_max: 100 };

/// A data directory, and a folder around it, that go with the test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("pocketmux-depot-{}", FileId::new()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> Depot {
        Depot::open(Some(&self.0), LIMITS).unwrap()
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.join("files").join(name)
    }

    /// What a folder of the depot has, in order.
    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.folder(folder))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn new(name: &str, size: usize) -> New {
    let name = Name::new(name).unwrap();
    New { id: None, name, kind: "text/plain".into(), size: size as u64, from: None, device: None, metadata: None }
}

fn begin(depot: &Depot, content: &[u8]) -> Upload {
    let mut upload = depot.create(new("a.txt", content.len())).unwrap();
    upload.append(&content[..content.len() / 2]).unwrap();
    upload
}

fn put(depot: &Depot, content: &[u8]) -> FileId {
    let mut upload = begin(depot, content);
    upload.append(&content[content.len() / 2..]).unwrap();
    upload.finish().unwrap().id
}

fn content(depot: &Depot, id: FileId) -> Vec<u8> {
    let mut bytes = Vec::new();
    depot.file(id).expect("it is whole").open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_file_is_what_was_uploaded_also_after_a_restart() {
    let home = Home::new();
    let depot = home.open();
    let id = put(&depot, b"hello");
    assert_eq!(content(&depot, id), b"hello");
    drop(depot);
    let depot = home.open();
    let file = depot.file(id).unwrap();
    assert_eq!((file.name.as_str(), &*file.kind, file.size), ("a.txt", "text/plain", 5));
    let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!((file.sha256.to_string().as_str(), content(&depot, id)), (digest, b"hello".to_vec()));
    assert_eq!((home.names("blobs"), home.names("uploads")), (vec![digest.to_owned()], Vec::new()));
    let listed = depot.list();
    assert_eq!((listed.len(), listed[0].entry.id, listed[0].offset), (1, id, 5));
}

#[test]
fn an_upload_goes_on_where_it_was_also_after_a_restart() {
    let home = Home::new();
    let depot = home.open();
    let mut upload = begin(&depot, b"hello");
    let id = upload.id();
    assert!(matches!(depot.upload(id), Err(TakeError::Taken)) && matches!(depot.remove(id), Err(TakeError::Taken)));
    assert!(depot.file(id).is_none());
    drop(upload);
    drop(depot);
    let depot = home.open();
    assert_eq!(depot.list()[0].offset, 2);
    upload = depot.upload(id).unwrap();
    assert_eq!((upload.offset(), upload.size()), (2, 5));
    assert!(upload.append(b"llo!").is_err());
    upload.append(b"llo").unwrap();
    upload.finish().unwrap();
    assert_eq!(content(&depot, id), b"hello");
    assert!(matches!(depot.upload(id), Err(TakeError::Whole(_))));
}

#[test]
fn what_follows_a_mark_counts_only_once_it_is_settled() {
    let home = Home::new();
    let mut depot = home.open();
    let mut upload = begin(&depot, b"hello");
    let id = upload.id();
    for restarts in [false, true] {
        upload.mark().unwrap();
        upload.append(b"xx").unwrap();
        drop(upload);
        if restarts {
            drop(depot);
            depot = home.open();
        }
        upload = depot.upload(id).unwrap();
        assert_eq!(upload.offset(), 2);
    }
    upload.mark().unwrap();
    upload.append(b"xx").unwrap();
    upload.go_back(2).unwrap();
    upload.mark().unwrap();
    upload.append(b"l").unwrap();
    upload.settle().unwrap();
    drop(upload);
    upload = depot.upload(id).unwrap();
    assert_eq!((upload.offset(), home.names("uploads")), (3, vec![id.to_string()]));
    upload.append(b"lo").unwrap();
    upload.finish().unwrap();
    assert_eq!(content(&depot, id), b"hello");
}

#[test]
fn the_same_content_is_there_once_until_the_last_file_of_it_goes() {
    let home = Home::new();
    let depot = home.open();
    let [one, two] = [(); 2].map(|()| put(&depot, b"hello"));
    assert_eq!((home.names("blobs").len(), home.names("uploads").len(), depot.list().len()), (1, 0, 2));
    depot.remove(one).unwrap();
    assert_eq!(content(&depot, two), b"hello");
    let mut open = depot.file(two).unwrap().open().unwrap();
    depot.remove(two).unwrap();
    assert_eq!((home.names("blobs").len(), home.names("entries").len()), (0, 0));
    let mut read = String::new();
    open.read_to_string(&mut read).unwrap();
    assert_eq!(read, "hello", "who reads it may read on");
    assert!(matches!(depot.remove(two), Err(TakeError::Missing)));
}

#[test]
fn a_content_from_a_device_stays_an_upload_until_it_is_said_to_be_right() {
    let home = Home::new();
    let depot = home.open();
    let mut upload = depot.create(New { from: Some("pico".into()), ..new("a", 2) }).unwrap();
    let id = upload.id();
    assert!(matches!(upload.finish(), Err(FinishError::Short(2))));
    upload = depot.upload(id).unwrap();
    upload.append(b"hi").unwrap();
    drop((upload, depot));
    let depot = home.open();
    assert!(depot.file(id).is_none(), "only who knows what it should be may make a file of it");
    assert_eq!(depot.upload(id).unwrap().offset(), 2);
    depot.upload(id).unwrap().finish_as(HI.parse().unwrap()).unwrap();
    assert_eq!(content(&depot, id), b"hi");
    let upload = depot.create(New { id: Some(FileId::new()), ..new("b", 1) }).unwrap();
    upload.discard().unwrap();
    assert_eq!((depot.list().len(), home.names("uploads").len(), home.names("entries").len()), (1, 0, 1));
}

#[test]
fn there_is_a_limit_on_bytes_and_on_files() {
    let home = Home::new();
    let depot = home.open();
    assert!(matches!(depot.create(new("a", (1 << 20) + 1)), Err(CreateError::TooLarge(max)) if max == 1 << 20));
    let id = put(&depot, b"");
    assert!(matches!(depot.create(New { id: Some(id), ..new("a", 1) }), Err(CreateError::Exists)));
    for _ in 1..LIMITS.files_max {
        depot.create(new("a", 1)).unwrap();
    }
    assert!(matches!(depot.create(new("a", 1)), Err(CreateError::TooMany(100))));
    depot.remove(id).unwrap();
    depot.create(new("a", 1)).unwrap();
}

#[test]
fn a_folder_has_one_host_and_one_of_its_own_goes_with_the_run() {
    let home = Home::new();
    let depot = home.open();
    assert!(Depot::open(Some(&home.0), LIMITS).unwrap_err().to_string().contains("another host"));
    drop(depot);
    home.open();
    let depot = Depot::open(None, LIMITS).unwrap();
    let id = put(&depot, b"hello");
    assert_eq!(content(&depot, id), b"hello");
    let folder = depot.0.passing.clone().unwrap();
    assert!(folder.is_dir());
    drop(depot);
    assert!(!folder.exists());
}

#[test]
fn a_file_for_a_device_is_handed_over_once_also_when_it_was_whole_before() {
    let home = Home::new();
    let depot = home.open();
    let make = |depot: &Depot| {
        let upload = depot.create(New { device: Some("pico".into()), ..new("a", 0) }).unwrap();
        upload.finish().unwrap()
    };
    let before = make(&depot);
    assert_eq!(depot.hand_over(&before), None, "there is nobody to hand it over to");
    drop(depot);
    let depot = home.open();
    put(&depot, b"for no device");
    let (told, heard) = std::sync::mpsc::channel();
    depot.on_whole(Box::new(move |file, kept| {
        told.send((file.id, kept)).unwrap();
        Some("transfer".into())
    }));
    let after = make(&depot);
    assert_eq!(depot.hand_over(&after).as_deref(), Some("transfer"));
    let waits = |depot: &Depot| depot.list().iter().filter(|listed| listed.entry.device.is_some()).count();
    assert_eq!(waits(&depot), 2, "what sends them would not outlive the host yet");
    let (ids, kept): (Vec<_>, Vec<_>) = heard.try_iter().unzip();
    assert_eq!(ids, [before.id, after.id]);
    kept.into_iter().for_each(|kept| kept());
    drop(depot);
    assert_eq!(waits(&home.open()), 0);
}
