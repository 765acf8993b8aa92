use std::path::Path;

use super::{ENDED_MAX, OPEN_MAX, Refused, State, Transfers};
use crate::depot::FileId;

struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("pocketmux-transfers-{}", FileId::new()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> Transfers {
        Transfers::open(Some(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn what_was_begun_and_wished_outlives_the_host() {
    let folder = Folder::new();
    let transfers = folder.open();
    let ids: Vec<FileId> = (0..4).map(|n| transfers.begin_from("pico", &format!("{n}.txt")).unwrap().id).collect();
    transfers.change(ids[0], |transfer| transfer.enter(State::Running, "")).unwrap();
    transfers.wish(ids[1], State::Paused).unwrap();
    transfers.change(ids[2], |transfer| transfer.enter(State::Failed, "It was the cat.")).unwrap();
    transfers.wish(ids[3], State::Cancelled).unwrap();
    transfers.change(ids[3], |transfer| transfer.drops = false).unwrap();
    transfers.forget(ids[3]);
    transfers.finish().await;
    let again = folder.open();
    let state = |id| again.get(id).map(|transfer| (transfer.state, transfer.detail));
    assert_eq!(state(ids[0]), Some((State::Waiting, String::new())), "nothing runs yet");
    assert_eq!(state(ids[1]), Some((State::Paused, String::new())));
    assert_eq!(state(ids[2]), Some((State::Failed, "It was the cat.".into())));
    assert_eq!(state(ids[3]), None);
    assert_eq!(again.of_device("pico").len(), 2);
}

#[tokio::test]
async fn a_damaged_file_costs_its_transfer_and_no_other() {
    let folder = Folder::new();
    let transfers = folder.open();
    let ids: Vec<FileId> = (0..3).map(|n| transfers.begin_from("pico", &format!("{n}.txt")).unwrap().id).collect();
    transfers.finish().await;
    let path = |id: FileId| Path::new(&folder.0).join(format!("files/transfers/{id}.json"));
    std::fs::write(path(ids[0]), "{").unwrap();
    // One under the name of another.
    std::fs::rename(path(ids[1]), path(FileId::new())).unwrap();
    let again = folder.open();
    assert_eq!(again.list().iter().map(|transfer| transfer.id).collect::<Vec<_>>(), [ids[2]]);
}

#[tokio::test]
async fn there_is_an_end_to_what_is_begun_and_to_what_is_remembered() {
    let transfers = Transfers::open(None);
    let mut all = Vec::new();
    for _ in 0..3 {
        let ids: Vec<FileId> = (0..OPEN_MAX).map(|_| transfers.begin_from("pico", "a").unwrap().id).collect();
        assert_eq!(transfers.begin_from("pico", "a").unwrap_err(), Refused::TooMany);
        ids.iter().for_each(|id| drop(transfers.wish(*id, State::Cancelled).unwrap()));
        // Of every other one there is nothing to drop any more.
        ids.iter().step_by(2).for_each(|id| drop(transfers.change(*id, |transfer| transfer.drops = false)));
        all.extend(ids);
    }
    let forgotten: Vec<FileId> = transfers.forget_surplus().into_iter().map(|(id, _)| id).collect();
    let of_every_other = |from: usize| all.iter().copied().skip(from).step_by(2);
    let oldest: Vec<FileId> = of_every_other(0).chain(of_every_other(1)).take(2 * ENDED_MAX).collect();
    assert_eq!(forgotten, oldest, "what is still to be dropped goes last");
    assert_eq!(transfers.list().len(), ENDED_MAX);
}

#[tokio::test]
async fn what_is_forgotten_with_something_to_drop_is_shown_to_nobody_and_kept_until_that_is_done() {
    let folder = Folder::new();
    let transfers = folder.open();
    let id = transfers.begin_from("pico", "a").unwrap().id;
    transfers.wish(id, State::Cancelled).unwrap();
    assert!(transfers.forget(id).is_some());
    assert_eq!((transfers.list(), transfers.get(id), transfers.forget(id)), (vec![], None, None));
    assert_eq!(transfers.wish(id, State::Waiting), Err(Refused::Missing));
    transfers.finish().await;
    let again = folder.open();
    assert_eq!((again.list(), again.to_be_dropped_here()), (vec![], vec![id]));
    assert_eq!(again.change(id, |transfer| transfer.drops = false), None);
    assert_eq!(again.to_be_dropped_here(), []);
    again.finish().await;
    assert_eq!(folder.open().to_be_dropped_here(), []);
}

#[tokio::test]
async fn a_disk_that_does_not_take_a_transfer_fails_that_one_and_no_other() {
    let folder = Folder::new();
    let transfers = folder.open();
    let [fine, other] = ["a", "b"].map(|name| transfers.begin_from("pico", name).unwrap().id);
    transfers.finish().await;
    // Its file cannot be replaced.
    let path = folder.0.join(format!("files/transfers/{other}.json"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    for id in [fine, other] {
        transfers.change(id, |transfer| transfer.enter(State::Paused, "")).unwrap();
    }
    assert_eq!(transfers.written(fine).await, Ok(()));
    assert!(matches!(transfers.written(other).await, Err(Refused::Disk(_))));
    let (told, heard) = std::sync::mpsc::channel();
    for id in [other, fine] {
        let told = told.clone();
        transfers.when_written(id, move || told.send(id).unwrap());
    }
    transfers.finish().await;
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [fine]);
}

#[tokio::test]
async fn the_next_change_is_waited_for() {
    let transfers = std::sync::Arc::new(Transfers::open(None));
    let begun = transfers.begin_from("pico", "a").unwrap();
    let waiting = transfers.clone();
    let changed = tokio::spawn(async move { waiting.changed_since(begun.id, begun.revision).await });
    tokio::task::yield_now().await;
    transfers.change(begun.id, |transfer| transfer.at = 7);
    let changed = changed.await.unwrap().unwrap();
    assert!(changed.at == 7 && changed.revision > begun.revision);
    assert_eq!(transfers.change(begun.id, |transfer| transfer.at = 7), None, "nothing has changed");
}

#[tokio::test]
async fn what_is_over_is_not_begun_again_but_for_what_failed() {
    let transfers = Transfers::open(None);
    let id = transfers.begin_from("pico", "a").unwrap().id;
    assert_eq!(transfers.wish(FileId::new(), State::Paused), Err(Refused::Missing));
    transfers.change(id, |transfer| transfer.enter(State::Failed, "Full."));
    assert_eq!(transfers.wish(id, State::Waiting).unwrap().state, State::Waiting);
    transfers.change(id, |transfer| transfer.enter(State::Done, ""));
    for state in [State::Waiting, State::Paused, State::Cancelled] {
        assert_eq!(transfers.wish(id, state), Err(Refused::Over("done")));
    }
}

#[tokio::test]
async fn what_changes_after_a_restart_is_later_than_all_that_was_kept() {
    let folder = Folder::new();
    let before = folder.open();
    ["a", "b", "c"].iter().for_each(|name| drop(before.begin_from("pico", name).unwrap()));
    before.finish().await;
    let after = folder.open();
    let latest = after.list().iter().map(|transfer| transfer.revision).max().unwrap();
    let first = after.list()[0].id;
    let cancelled = after.wish(first, State::Cancelled).unwrap();
    assert!(cancelled.revision > latest, "{} {latest}", cancelled.revision);
    assert!(after.forget(first).unwrap() > cancelled.revision);
}
