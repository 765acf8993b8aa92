//! Every step may be the last: what is found afterwards is what was, or what was to be.

use std::fs;

use super::super::disk::faults::{Fault, Faults};
use super::{Depot, FileId, Home, LIMITS, content, new, put};

const HALF: &[u8] = b"hello ";
const REST: &[u8] = b"world";
const WHOLE: &[u8] = b"hello world";

/// Does something that has steps, over and over, each time with the fault one step later, until it is done before the fault comes.
/// `act` gives what it needs to look at afterwards; `look` gets that, with the files as the next start finds them.
fn at_every_step<T>(
    fault: fn(usize) -> Fault,
    prepare: impl Fn(&Depot) -> T,
    act: impl Fn(&Depot, &T),
    look: impl Fn(&Home, &Depot, &T),
) {
    for step in 0..100 {
        let home = Home::new();
        let depot = home.open();
        let prepared = prepare(&depot);
        depot.disk().faults.set(fault(step));
        act(&depot, &prepared);
        let is_over = !depot.disk().faults.has_struck();
        drop(depot);
        let depot = home.open();
        look(&home, &depot, &prepared);
        is_tidy(&home, &depot);
        if is_over {
            assert!(step > 1, "it has steps");
            return;
        }
    }
    panic!("it does not end");
}

/// Nothing is there that no entry names, or twice.
fn is_tidy(home: &Home, depot: &Depot) {
    let listed = depot.list();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(home.names("entries"), sorted(listed.iter().map(|file| format!("{}.json", file.entry.id)).collect()));
    assert_eq!(
        home.names("blobs"),
        sorted(listed.iter().filter_map(|file| Some(file.entry.sha256?.to_string())).collect())
    );
    let uploads = listed.iter().filter(|file| file.entry.sha256.is_none());
    assert_eq!(home.names("uploads"), sorted(uploads.map(|file| file.entry.id.to_string()).collect()));
}

/// Goes on with what there is, and finds the whole.
fn complete(depot: &Depot, id: FileId, at_least: usize) {
    if depot.file(id).is_none() {
        let mut upload = depot.upload(id).unwrap();
        let offset = usize::try_from(upload.offset()).unwrap();
        assert!(offset >= at_least, "{offset} bytes are left of {at_least}");
        upload.append(&WHOLE[offset..]).unwrap();
        upload.finish().unwrap();
    }
    assert_eq!(content(depot, id), WHOLE);
}

/// An upload of which the half is on the disk.
fn half(depot: &Depot) -> FileId {
    let mut upload = depot.create(new("a", WHOLE.len())).unwrap();
    upload.append(HALF).unwrap();
    upload.sync().unwrap();
    upload.id()
}

fn both_faults(prepare: fn(&Depot) -> FileId, act: fn(&Depot, &FileId), look: fn(&Home, &Depot, &FileId)) {
    at_every_step(Fault::Crash, prepare, act, look);
    at_every_step(Fault::Full, prepare, act, look);
}

#[test]
fn an_upload_that_begins_is_there_or_not() {
    at_every_step(
        Fault::Crash,
        |_| (),
        |depot, ()| drop(depot.create(new("a", 1))),
        |_, depot, ()| {
            assert!(depot.list().iter().all(|file| file.offset == 0));
        },
    );
    let act = |depot: &Depot, (): &()| assert_eq!(depot.create(new("a", 1)).is_ok(), depot.list().len() == 1);
    at_every_step(Fault::Full, |_| (), act, |_, _, ()| ());
}

#[test]
fn an_upload_that_ends_is_an_upload_or_a_file() {
    let act = |depot: &Depot, id: &FileId| {
        let mut upload = depot.upload(*id).unwrap();
        upload.append(REST).unwrap();
        let _ = upload.finish();
    };
    both_faults(half, act, |_, depot, id| complete(depot, *id, WHOLE.len()));
}

#[test]
fn so_is_one_whose_content_is_there_already() {
    let prepare = |depot: &Depot| {
        put(depot, WHOLE);
        half(depot)
    };
    let act = |depot: &Depot, id: &FileId| {
        let mut upload = depot.upload(*id).unwrap();
        upload.append(REST).unwrap();
        let _ = upload.finish();
    };
    both_faults(prepare, act, |_, depot, id| {
        complete(depot, *id, WHOLE.len());
        assert!(depot.list().iter().all(|file| content(depot, file.entry.id) == WHOLE));
    });
}

#[test]
fn one_that_had_no_room_for_its_end_ends_when_it_is_tried_again() {
    let act = |depot: &Depot, id: &FileId| {
        let mut upload = depot.upload(*id).unwrap();
        upload.append(REST).unwrap();
        if upload.finish().is_err() {
            complete(depot, *id, WHOLE.len());
        }
        assert_eq!(content(depot, *id), WHOLE);
    };
    at_every_step(Fault::Full, half, act, |_, depot, id| assert_eq!(content(depot, *id), WHOLE));
}

#[test]
fn of_bytes_under_a_mark_all_count_or_none() {
    let act = |depot: &Depot, id: &FileId| {
        let mut upload = depot.upload(*id).unwrap();
        let _ = upload.mark().and_then(|()| {
            upload.append(&REST[..3]).unwrap();
            upload.settle()
        });
    };
    both_faults(half, act, |_, depot, id| {
        let offset = depot.upload(*id).unwrap().offset();
        assert!(offset == 6 || offset == 9, "{offset}");
        complete(depot, *id, HALF.len());
    });
}

#[test]
fn wrong_bytes_under_a_mark_never_count() {
    let act = |depot: &Depot, id: &FileId| {
        let mut upload = depot.upload(*id).unwrap();
        let _ = upload.mark().and_then(|()| {
            upload.append(b"w r o").unwrap();
            upload.go_back(6)
        });
    };
    both_faults(half, act, |_, depot, id| {
        assert_eq!(depot.upload(*id).unwrap().offset(), 6);
        complete(depot, *id, HALF.len());
    });
}

#[test]
fn what_is_removed_is_there_or_not_and_nothing_else_goes() {
    let prepare = |depot: &Depot| {
        put(depot, WHOLE);
        put(depot, WHOLE)
    };
    let act = |depot: &Depot, id: &FileId| drop(depot.remove(*id));
    both_faults(prepare, act, |_, depot, _| {
        assert!(matches!(depot.list().len(), 1 | 2));
        assert!(depot.list().iter().all(|file| content(depot, file.entry.id) == WHOLE));
    });
    for prepare in [half, |depot: &Depot| put(depot, WHOLE)] {
        both_faults(prepare, act, |_, depot, id| {
            if depot.entry(*id).is_some() {
                complete(depot, *id, HALF.len());
            }
        });
    }
}

#[test]
fn a_start_may_be_broken_off_too() {
    for step in 0.. {
        let home = Home::new();
        let depot = home.open();
        let id = half(&depot);
        let mut upload = depot.upload(id).unwrap();
        upload.append(REST).unwrap();
        drop(upload);
        drop(depot);
        // Rubbish of three kinds.
        for rubbish in
            [format!("uploads/{}", FileId::new()), format!("blobs/{}", "0".repeat(64)), "entries/a.json.new".into()]
        {
            fs::write(home.folder(&rubbish), "").unwrap();
        }
        Faults::begin_with(Fault::Crash(step));
        let started = Depot::open(Some(&home.0), LIMITS);
        Faults::begin_with(Fault::None);
        let is_over = started.is_ok_and(|depot| !depot.disk().faults.has_struck());
        let depot = home.open();
        complete(&depot, id, WHOLE.len());
        is_tidy(&home, &depot);
        if is_over {
            assert!(step > 5, "a start has steps");
            return;
        }
    }
}
