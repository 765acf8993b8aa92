//! What a start does with what it cannot understand.

use std::fs;

use super::{Depot, FileId, Home, begin, content, put};

#[test]
fn an_entry_that_is_damaged_is_set_aside_and_nothing_that_it_may_name_is_removed() {
    for damage in ["", "{", "\u{0}", "{\"id\":\"../../etc/passwd\"}"] {
        let home = Home::new();
        let depot = home.open();
        let (whole, good) = (put(&depot, b"hello"), put(&depot, b"good"));
        let upload = begin(&depot, b"part").id();
        drop(depot);
        for id in [whole, upload] {
            fs::write(home.folder("entries").join(format!("{id}.json")), damage).unwrap();
        }
        for _ in 0..2 {
            let depot = home.open();
            assert_eq!(depot.list().len(), 1);
            assert_eq!(content(&depot, good), b"good");
            for id in [whole, upload] {
                let aside = home.folder("entries").join(format!("{id}.json.damaged"));
                assert_eq!(fs::read_to_string(aside).unwrap(), damage);
            }
            assert_eq!((home.names("blobs").len(), home.names("uploads")), (2, vec![upload.to_string()]));
        }
    }
}

#[test]
fn an_entry_whose_content_is_gone_or_cut_is_set_aside() {
    for cut in [None, Some("hell")] {
        let home = Home::new();
        let depot = home.open();
        let (id, good) = (put(&depot, b"hello"), put(&depot, b"good"));
        let blob = home.folder("blobs").join(depot.file(id).unwrap().sha256.to_string());
        drop(depot);
        fs::remove_file(&blob).unwrap();
        if let Some(rest) = cut {
            fs::write(&blob, rest).unwrap();
        }
        let depot = home.open();
        assert!(depot.entry(id).is_none());
        assert_eq!((content(&depot, good), blob.exists()), (b"good".to_vec(), cut.is_some()));
        assert!(home.folder("entries").join(format!("{id}.json.damaged")).exists());
        put(&depot, b"hello");
        assert_eq!(fs::read(blob).unwrap(), b"hello", "the content is good again once it is uploaded again");
    }
}

#[test]
fn what_is_none_of_ours_is_left_alone() {
    let home = Home::new();
    let outside = home.0.join("outside");
    fs::write(&outside, "outside").unwrap();
    drop(home.open());
    let ours = ["entries/notes.txt", "entries/x.json", "uploads/notes", "blobs/README", "other"];
    for name in ours {
        fs::write(home.folder(name), name).unwrap();
    }
    std::os::unix::fs::symlink(&outside, home.folder("uploads").join(FileId::new().to_string())).unwrap();
    let depot: Depot = home.open();
    assert!(depot.list().is_empty());
    for name in ours {
        assert_eq!(fs::read_to_string(home.folder(name)).unwrap(), name);
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "outside", "a link is removed, not what it leads to");
}

#[test]
fn a_mark_that_cannot_be_read_begins_the_upload_anew() {
    let home = Home::new();
    let depot = home.open();
    let id = begin(&depot, b"hello").id();
    drop(depot);
    fs::write(home.folder("uploads").join(format!("{id}.until")), "?").unwrap();
    assert_eq!(home.open().upload(id).unwrap().offset(), 0);
}
