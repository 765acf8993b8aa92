//! Transfers between the host and a virtual board, in virtual time.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Duration;

use super::rig::TERMS;
use crate::demo;
use crate::depot::{self, Depot, File, FileId, Limits, New};
use crate::device::Slot;
use crate::doors::transfers::{Place, answer};
use crate::errand::{Answer, Refusal, What};
use crate::hub::Hub;
use crate::names::Names;
use crate::port::{Port, PortSpec};
use crate::registry::Registry;
use crate::session::Session;
use crate::shutdown::Shutdown;
use crate::transfers::{Refused, State, Transfer};

const BOARD: &str = "virtual";

/// A host with a virtual board, and after that others, each when the one before is switched off.
struct Rig {
    hub: Arc<Hub>,
    depot: Depot,
    /// Switches the board off that is on.
    off: watch::Sender<u32>,
    _session: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Rig {
    async fn new() -> Self {
        let limits = Limits { size_max: 1 << 20, files_max: 16 };
        let depot = Depot::open(None, limits).unwrap();
        let hub = Arc::new(Hub::new(Registry::load(None)));
        let (stop, stopping) = Shutdown::new();
        let (off, mut switched) = watch::channel(0);
        let (its_hub, its_depot) = (hub.clone(), depot.clone());
        let session = tokio::spawn(async move {
            let port = Port::in_memory(demo::start());
            let mut slot = Slot::new(PortSpec::Demo, &port, TERMS, its_hub, Some(its_depot), stopping);
            let names = Names::new();
            let mut session = Session::new(&mut slot, &names);
            let mut port = Some(port);
            while let Some(mut open) = port.take() {
                tokio::select! {
                    _ = session.serve(&mut open) => return,
                    _ = switched.changed() => session.courier.interrupted(),
                }
                port = Some(Port::in_memory(demo::start()));
            }
        });
        let rig = Self { hub, depot, off, _session: session, _stop: stop };
        rig.until(|rig| rig.hub.devices().iter().any(|device| device.about.contains_key("file"))).await;
        rig
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..60_000 {
            if is_so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("ten minutes have passed: {:?}", self.hub.transfers().list());
    }

    /// A file of the host.
    fn file(&self, name: &str, content: &[u8]) -> File {
        let name = depot::Name::new(name).unwrap();
        let size = content.len() as u64;
        let new = New { id: None, name, kind: "text/plain".into(), size, from: None, device: None, metadata: None };
        let mut upload = self.depot.create(new).unwrap();
        upload.append(content).unwrap();
        upload.finish().unwrap()
    }

    fn content(&self, id: FileId) -> Vec<u8> {
        let mut content = Vec::new();
        self.depot.file(id).unwrap().open().unwrap().read_to_end(&mut content).unwrap();
        content
    }

    fn send(&self, file: &File) -> FileId {
        self.hub.transfers().begin_to(BOARD, file, None).unwrap().id
    }

    fn get(&self, id: FileId) -> Transfer {
        self.hub.transfers().get(id).unwrap()
    }

    async fn until_over(&self, id: FileId) -> Transfer {
        self.until(|rig| !rig.get(id).state.is_open()).await;
        self.get(id)
    }

    /// What a page does with a transfer.
    async fn at_door(&self, method: &str, id: FileId, body: &str) {
        let uri = format!("/api/transfers/{id}");
        let request = Request::builder().method(method).uri(&uri).body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = request.into_parts();
        let place = Place::at(&uri).unwrap();
        let response = answer(&self.hub, &self.depot, place, &parts, body).await;
        assert!(response.status().is_success(), "{method} {response:?}");
    }

    async fn stored(&self) -> Vec<(String, u32, u32)> {
        let Ok(Answer::Files(entries, _)) = self.hub.ask(BOARD, What::List).await else { panic!("no list") };
        entries.iter().map(|entry| (entry.name.to_string(), entry.size, entry.stored)).collect()
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[tokio::test(start_paused = true)]
async fn a_file_goes_to_a_board_and_comes_back() {
    let rig = Rig::new().await;
    let content = content(20_000);
    let file = rig.file("a.bin", &content);
    let there = rig.until_over(rig.send(&file)).await;
    assert_eq!((there.state, there.at, there.detail.as_str()), (State::Done, 20_000, ""));
    assert_eq!(there.digest, Some(format!("sha-256:{}", file.sha256)));
    assert_eq!(rig.stored().await, [("a.bin".to_owned(), 20_000, 20_000)]);
    let back = rig.hub.transfers().begin_from(BOARD, "a.bin").unwrap();
    let back = rig.until_over(back.id).await;
    assert_eq!((back.state, back.size, back.file), (State::Done, Some(20_000), Some(back.id)));
    assert_eq!(rig.content(back.id), content);
    // The same content is there once.
    assert_eq!(rig.depot.file(back.id).unwrap().sha256, file.sha256);
}

#[tokio::test(start_paused = true)]
async fn several_go_at_a_time_and_the_others_wait_for_their_turn() {
    let rig = Rig::new().await;
    let ids: Vec<FileId> =
        (0..6).map(|number| rig.send(&rig.file(&format!("{number}.bin"), &content(3000 + number)))).collect();
    for id in ids {
        assert_eq!(rig.until_over(id).await.state, State::Done);
    }
    assert_eq!(rig.stored().await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_what_is_there_and_a_cancel_does_not() {
    let rig = Rig::new().await;
    let id = rig.send(&rig.file("a.bin", &content(20_000)));
    rig.until(|rig| rig.get(id).at > 5000).await;
    rig.hub.transfers().wish(id, State::Paused).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stored = rig.stored().await;
    assert!(stored[0].2 >= 5000 && stored[0].2 < 20_000, "{stored:?}");
    assert_eq!(rig.get(id).state, State::Paused);
    rig.hub.transfers().wish(id, State::Waiting).unwrap();
    rig.until(|rig| rig.get(id).state == State::Running).await;
    assert!(rig.get(id).at >= u64::from(stored[0].2), "it went on from there");
    rig.hub.transfers().wish(id, State::Cancelled).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.stored().await, []);
    assert_eq!(rig.hub.transfers().wish(id, State::Paused), Err(Refused::Over("cancelled")));
}

#[tokio::test(start_paused = true)]
async fn what_a_board_cannot_take_fails_with_its_words() {
    let rig = Rig::new().await;
    let failed = rig.until_over(rig.send(&rig.file("big.bin", &content(70_000)))).await;
    assert_eq!(
        (failed.state, failed.detail.as_str()),
        (State::Failed, "virtual refused: the store has no room for it.")
    );
    let missing = rig.hub.transfers().begin_from(BOARD, "none.bin").unwrap();
    let missing = rig.until_over(missing.id).await;
    assert_eq!(missing.detail, "virtual refused: there is no such file.");
    assert!(matches!(rig.hub.transfers().begin_from(BOARD, "../none"), Err(Refused::Name(_))));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_on_with_the_next_boot_of_the_board() {
    let rig = Rig::new().await;
    let content = content(20_000);
    let file = rig.file("a.bin", &content);
    let id = rig.send(&file);
    rig.until(|rig| rig.get(id).at > 5000).await;
    rig.off.send(1).unwrap();
    rig.until(|rig| rig.get(id).state == State::Waiting).await;
    assert!(rig.get(id).detail.contains("goes on when it is back"), "{:?}", rig.get(id));
    assert_eq!(rig.until_over(id).await.state, State::Done);
    assert_eq!(rig.stored().await, [("a.bin".to_owned(), 20_000, 20_000)]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_fails_and_says_so() {
    let rig = Rig::new().await;
    let file = rig.file("a.bin", &content(100));
    rig.depot.remove(file.id).unwrap();
    let failed = rig.until_over(rig.send(&file)).await;
    assert_eq!((failed.state, failed.detail.as_str()), (State::Failed, "The file was removed from the host."));
}

#[tokio::test(start_paused = true)]
async fn files_of_a_board_are_renamed_and_removed() {
    let rig = Rig::new().await;
    rig.until_over(rig.send(&rig.file("a.bin", b"a"))).await;
    let rename = |from: &str, to: &str| What::Rename { from: from.into(), to: to.into() };
    assert_eq!(rig.hub.ask(BOARD, rename("a.bin", "b.bin")).await, Ok(Answer::Done));
    assert_eq!(rig.stored().await[0].0, "b.bin");
    let missing = Err(Refusal::Device(pocketmux_core::files::Reason::Missing));
    assert_eq!(rig.hub.ask(BOARD, What::Remove("a.bin".into())).await, missing);
    assert_eq!(rig.hub.ask(BOARD, What::Remove("b.bin".into())).await, Ok(Answer::Done));
    assert_eq!(rig.stored().await, []);
    assert_eq!(rig.hub.ask("nobody", What::List).await, Err(Refusal::Unknown));
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_stays_so_however_busy_the_board_is_and_is_dropped_there_in_the_end() {
    let rig = Rig::new().await;
    let content = content(15_000);
    let files: Vec<File> = ["a.bin", "b.bin", "c.bin"].iter().map(|name| rig.file(name, &content)).collect();
    let first = rig.send(&files[0]);
    rig.until(|rig| rig.get(first).at > 3000).await;
    rig.hub.transfers().wish(first, State::Paused).unwrap();
    // As many as the board takes.
    let others = [rig.send(&files[1]), rig.send(&files[2])];
    rig.until(|rig| others.iter().all(|id| rig.get(*id).state == State::Running)).await;
    rig.hub.transfers().wish(first, State::Cancelled).unwrap();
    for id in others {
        let over = rig.until_over(id).await;
        assert_eq!((over.state, over.from), (State::Done, 0));
    }
    rig.until(|rig| !rig.get(first).drops).await;
    assert_eq!(rig.get(first).state, State::Cancelled);
    let stored: Vec<_> = rig.stored().await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(stored, ["b.bin", "c.bin"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_one_whose_file_is_gone_leaves_the_others_alone() {
    let rig = Rig::new().await;
    let content = content(15_000);
    let (gone, other) = (rig.file("a.bin", &content), rig.file("b.bin", &content[1..]));
    let first = rig.send(&gone);
    rig.until(|rig| rig.get(first).at > 3000).await;
    rig.hub.transfers().wish(first, State::Paused).unwrap();
    let second = rig.send(&other);
    rig.until(|rig| rig.get(second).at > 3000).await;
    rig.depot.remove(gone.id).unwrap();
    rig.hub.transfers().wish(first, State::Cancelled).unwrap();
    let over = rig.until_over(second).await;
    assert_eq!((over.state, over.from), (State::Done, 0), "it was not begun again");
    assert_eq!((rig.get(first).state, rig.get(first).drops), (State::Cancelled, false));
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_and_forgotten_is_dropped_on_the_board_all_the_same() {
    let rig = Rig::new().await;
    let id = rig.send(&rig.file("a.bin", &content(20_000)));
    rig.until(|rig| rig.get(id).at > 5000).await;
    rig.hub.transfers().wish(id, State::Paused).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.stored().await.len(), 1);
    rig.hub.transfers().wish(id, State::Cancelled).unwrap();
    assert!(rig.hub.transfers().forget(id).is_some());
    rig.until(|rig| rig.hub.transfers().of_device(BOARD).is_empty()).await;
    assert_eq!(rig.stored().await, []);
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_and_then_cancelled_at_the_door_is_dropped_on_the_board() {
    let rig = Rig::new().await;
    for number in 0..4 {
        let id = rig.send(&rig.file("a.bin", &content(20_000 + number)));
        rig.until(|rig| rig.get(id).at > 5000).await;
        rig.at_door("PATCH", id, r#"{"state":"paused"}"#).await;
        if number % 2 == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(rig.stored().await.len(), 1);
        }
        rig.at_door("PATCH", id, r#"{"state":"cancelled"}"#).await;
        rig.at_door("DELETE", id, "").await;
        assert_eq!(rig.hub.transfers().list(), []);
        rig.until(|rig| rig.hub.transfers().of_device(BOARD).is_empty()).await;
        assert_eq!(rig.stored().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_is_cancelled_and_forgotten_while_it_runs_leaves_nothing() {
    let rig = Rig::new().await;
    rig.until_over(rig.send(&rig.file("a.bin", &content(20_000)))).await;
    let id = rig.hub.transfers().begin_from(BOARD, "a.bin").unwrap().id;
    rig.until(|rig| rig.get(id).at > 5000).await;
    rig.hub.transfers().wish(id, State::Cancelled).unwrap();
    rig.hub.drop_part(&rig.depot, id);
    assert!(rig.depot.entry(id).is_some(), "the board's task has it");
    assert!(rig.hub.transfers().forget(id).is_some());
    assert_eq!(rig.hub.transfers().to_be_dropped_here(), [id]);
    rig.until(|rig| rig.depot.entry(id).is_none()).await;
    assert_eq!(rig.hub.transfers().to_be_dropped_here(), []);
}
