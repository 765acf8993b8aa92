use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::extract::ws::Utf8Bytes;
use pocketmux_core::Kind;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, timeout};

use super::{CHAT, Draft, Entry, FILE, History, Query, Row, Store, Written};
use crate::errand::Errand;
use crate::hub::Hub;
use crate::inbound::Inbound;
use crate::listener::Listener;
use crate::message::{By, Message};
use crate::refusal::Refusals;
use crate::registry::Registry;
use crate::table::DeviceState;
use crate::transfers::Transfers;

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that goes away with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pocketmux-history-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn draft(id: &str, timestamp: Option<&str>) -> Draft {
    let [id, sender, content] = [id, "Ann", "hi"].map(str::to_owned);
    Draft { id, sender, content, timestamp: timestamp.map(str::to_owned) }
}

fn message(kind: Kind, text: &str) -> Message {
    let [channel, id, meta] = [CHAT, "c-1", ""].map(Into::into);
    Message {
        channel,
        id,
        kind,
        meta,
        data: text.as_bytes().into(),
        from: None,
        by: By::Client,
        to: None,
        is_json: false,
        sender: None,
    }
}

/// The ids that a query finds, in their order.
fn ids(store: &Store, query: Query) -> Option<Vec<String>> {
    let mut range = store.range(&query).unwrap()?;
    let mut ids = Vec::new();
    loop {
        let rows = store.read(&mut range).unwrap();
        if rows.is_empty() {
            return Some(ids);
        }
        ids.extend(rows.into_iter().map(|row| row.id));
    }
}

/// What was told: the frame, and the content of the row.
type Told = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Tells into a list, and makes sure that what it is told can be read by everyone.
fn teller(store: &Store) -> (Told, impl Fn(&Entry, Option<&Row>) + Send + 'static) {
    let (told, store) = (Told::default(), store.clone());
    let list = told.clone();
    let tell = move |entry: &Entry, row: Option<&Row>| {
        if let Some(row) = row {
            assert!(ids(&store, Query::default()).unwrap().contains(&row.id), "told before it was committed");
        }
        list.lock().unwrap().push((entry.frame.to_string(), row.map(|row| row.content.clone())));
    };
    (told, tell)
}

#[tokio::test]
async fn everything_is_told_in_its_order_and_text_only_once_it_is_committed() {
    let directory = Directory::new();
    let history = History::open(Some(&directory.0));
    let (told, tell) = teller(&history.store);
    let mut expected = Vec::new();
    for n in 0..600 {
        let text = format!("line {n}");
        let (message, content) = match n % 3 {
            0 => (Some(message(Kind::Text, &text)), Some(text.clone())),
            1 => (Some(message(Kind::Binary, &text)), None),
            _ => (None, None),
        };
        history.put(Entry::heard(text.clone().into(), message)).unwrap();
        expected.push((text, content));
    }
    history.start(tell).finish().await;
    assert_eq!(*told.lock().unwrap(), expected);
    assert!(history.put(Entry::heard("late".into(), None)).unwrap_err().contains("stopping"));
    drop(history);
    let rows = ids(&Store::in_file(&directory.0.join(FILE)).unwrap(), Query::default()).unwrap();
    assert_eq!(rows.len(), 200);
}

#[tokio::test]
async fn when_nothing_can_be_committed_the_sender_hears_why_and_nobody_else_anything() {
    for history in [History::open(None), History::open(Some(&Directory::new().0))] {
        history.store.make_read_only();
        let (told, tell) = teller(&history.store);
        let refusals = Arc::new(Refusals::new());
        let said = Message { sender: Some(refusals.clone()), ..message(Kind::Text, "hi") };
        history.put(Entry::heard("part".into(), None)).unwrap();
        history.put(Entry::heard("whole".into(), Some(said))).unwrap();
        let (answer, answered) = oneshot::channel();
        let posted = Entry { answer: Some(answer), ..Entry::heard("post".into(), Some(message(Kind::Text, "hi"))) };
        history.put(posted).unwrap();
        history.start(tell).finish().await;
        assert_eq!(*told.lock().unwrap(), [("part".to_owned(), None)]);
        assert!(answered.await.unwrap().unwrap_err().contains("nobody got this"));
        let mut sentences = Vec::new();
        refusals.take(&mut sentences);
        assert!(sentences.len() == 1 && sentences[0].contains("could not be written"), "{sentences:?}");
    }
}

#[test]
fn a_known_id_gives_what_is_stored_and_a_timestamp_is_kept_as_it_was_given() {
    let store = Store::in_memory().unwrap();
    let [given, other] = ["2024-05-01T12:00:00+02:00", "2020-01-01T00:00:00Z"].map(|time| draft("a", Some(time)));
    let [none, never, now] = [None, Some("2024-13-01T00:00:00Z"), Some("now")].map(|time| draft("b", time));
    let written = store.write(&[&given, &other, &never, &now, &none]).unwrap();
    let Written::New(first) = &written[0] else { panic!("{written:?}") };
    assert_eq!(first.timestamp, "2024-05-01T12:00:00+02:00");
    assert_eq!(written[1..4], [Written::Known(first.clone()), Written::NotATime, Written::NotATime]);
    let Written::New(Row { timestamp, .. }) = &written[4] else { panic!("{written:?}") };
    assert!(timestamp.len() == "2024-05-01T12:00:00.000Z".len() && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!(store.write(&[&given]).unwrap(), [Written::Known(first.clone())]);
}

#[test]
fn what_is_asked_for_is_found_by_time_or_by_the_order_of_commitment() {
    let store = Store::in_memory().unwrap();
    // Committed in this order; the times are mixed, one is in another zone, and two are the same.
    let drafts = [("d", "04:00Z"), ("a", "03:00+02:00"), ("c", "03:00Z"), ("b", "02:00Z"), ("c2", "03:00Z")]
        .map(|(id, time)| draft(id, Some(&format!("2024-05-01T{time}"))));
    store.write(&drafts.iter().collect::<Vec<_>>()).unwrap();
    let found = |since: &str, before: &str, limit| {
        let [since, before] = [since, before].map(|text| (!text.is_empty()).then(|| text.to_owned()));
        ids(&store, Query { since, before, limit }).map(|ids| ids.join(" "))
    };
    for (since, before, limit, expected) in [
        ("", "", None, Some("a b c c2 d")),
        ("d", "", None, Some("a c b c2")),
        ("a", "", Some(2), Some("c b")),
        ("c2", "", None, Some("")),
        ("2024-05-01T02:00:00Z", "", None, Some("c c2 d")),
        ("2024-05-01T04:00:00+02:00", "", Some(1), Some("c")),
        ("2024-05-01T03:00Z", "", None, Some("d")),
        ("", "", Some(2), Some("c2 d")),
        ("", "c2", Some(2), Some("b c")),
        ("", "b", Some(2), Some("a")),
        ("", "a", Some(2), Some("")),
        ("", "c", None, Some("a b")),
        ("", "", Some(1000), Some("a b c c2 d")),
        ("nobody", "", None, None),
        ("now", "", None, None),
        ("", "nobody", Some(2), None),
    ] {
        assert_eq!(found(since, before, limit).as_deref(), expected, "since {since} before {before} limit {limit:?}");
    }
}

#[test]
fn a_long_list_is_read_in_parts_and_without_what_is_committed_meanwhile() {
    let store = Store::in_memory().unwrap();
    let write = |ids: std::ops::Range<u32>| {
        let drafts: Vec<Draft> =
            ids.map(|n| Draft { content: "x".repeat(1000), ..draft(&n.to_string(), None) }).collect();
        store.write(&drafts.iter().collect::<Vec<_>>()).unwrap();
    };
    write(0..1000);
    let mut range = store.range(&Query::default()).unwrap().unwrap();
    let first = store.read(&mut range).unwrap();
    assert!((100..=256).contains(&first.len()), "{}", first.len());
    write(1000..1100);
    let mut count = first.len();
    while let rows @ [_, ..] = store.read(&mut range).unwrap().as_slice() {
        count += rows.len();
    }
    assert_eq!(count, 1000);
    let newest = ids(&store, Query { limit: Some(700), ..Query::default() }).unwrap();
    assert!(newest.into_iter().eq((400..1100).map(|n| n.to_string())));
}

#[test]
fn a_file_that_cannot_be_used_is_left_as_it_is() {
    let directory = Directory::new();
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join(FILE);
    let nonsense = "not a database ".repeat(100);
    std::fs::write(&path, &nonsense).unwrap();
    let history = History::open(Some(&directory.0));
    assert!(matches!(history.store.write(&[&draft("a", None)]).unwrap()[..], [Written::New(_)]));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), nonsense);
}

/// A hub with a history, a device and a listener that have the chat.
struct Rig {
    hub: Arc<Hub>,
    store: Store,
    device: mpsc::Receiver<Errand>,
    listener: Listener,
}

impl Rig {
    fn new() -> Self {
        let history = History::open(None);
        let store = history.store.clone();
        let (hub, _writer) = Hub::with_history(Registry::load(None), history, Transfers::open(None));
        let (task, device) = mpsc::channel(8);
        let (id, mut row) = hub.open("tty".into(), "/dev/tty".into(), task);
        (row.state, row.channels) = (DeviceState::Online, vec![CHAT.into()]);
        hub.set(id, &row);
        let listener = Listener::new(hub.clone());
        listener.add(CHAT);
        Self { hub, store, device, listener }
    }
}

#[tokio::test]
async fn a_line_of_a_page_is_seen_by_nobody_before_its_commit_and_then_by_everyone() {
    let mut rig = Rig::new();
    let ((mut page, _), (mut feed, welcome)) = (rig.hub.subscribe(false), rig.hub.subscribe_to_feed());
    assert_eq!(welcome, [r#"{"type":"system","content":"Connected to real-time chat"}"#]);
    let refusals = Arc::new(Refusals::new());
    let mut inbound = Inbound::new(&rig.hub, refusals.clone());
    let frame = |channel: &str, sequence, data: &str| {
        format!(r#"{{"channel":"{channel}","messageId":"c-1","sequence":{sequence},"total":2,"data":"{data}"}}"#)
    };
    let mut read = Vec::<Utf8Bytes>::new();
    {
        let held = rig.store.hold();
        [frame(CHAT, 0, "hel"), frame(CHAT, 1, "lo"), frame("other", 0, "x")]
            .iter()
            .for_each(|text| inbound.take(text));
        // What is no chat does not wait; the first half of the line may be on its way, the message is not.
        page.take(&mut read).unwrap();
        assert!(read.iter().any(|text| text.contains("other")), "{read:?}");
        assert!(!read.iter().any(|text| text.contains("\"lo\"")), "{read:?}");
        assert!(rig.device.try_recv().is_err());
        drop(held);
    }
    while !read.iter().any(|text| text.contains("\"lo\"")) {
        timeout(PATIENCE, page.changed()).await.expect("the line comes");
        page.take(&mut read).unwrap();
    }
    let at = |word: &str| read.iter().position(|text| text.contains(word)).unwrap();
    assert!(read.len() == 3 && at("\"hel\"") < at("\"lo\""), "{read:?}");
    assert_eq!(*timeout(PATIENCE, rig.device.recv()).await.unwrap().unwrap().into_message().data, *b"hello");
    assert_eq!(*timeout(PATIENCE, rig.listener.recv()).await.unwrap().unwrap().data, *b"hello");
    timeout(PATIENCE, feed.changed()).await.expect("the feed tells of it");
    let mut news = Vec::new();
    while news.is_empty() {
        feed.changed().await;
        feed.take(&mut news).unwrap();
    }
    assert!(news[0].starts_with(r#"{"type":"new_message","data":{"id":""#), "{news:?}");
    assert!(news[0].contains(r#""sender":"browser","content":"hello","timestamp":""#), "{news:?}");
    assert_eq!(ids(&rig.store, Query::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_history_cannot_have_whole_nobody_has() {
    let rig = Rig::new();
    let (mut page, _) = rig.hub.subscribe(false);
    let refusals = Arc::new(Refusals::new());
    let mut inbound = Inbound::new(&rig.hub, refusals.clone());
    let long = "x".repeat(17 << 10);
    let frame = format!(r#"{{"channel":"chat","messageId":"c-1","sequence":0,"total":2,"data":"{long}"}}"#);
    inbound.take(&frame);
    let mut told = Vec::new();
    refusals.take(&mut told);
    assert!(told[0].contains("Nobody has this whole") && told[0].contains("16384"), "{told:?}");
    // In one frame it has room, though no device does.
    inbound.take(&frame.replace("\"total\":2", "\"total\":1"));
    let mut read = Vec::new();
    while read.is_empty() {
        timeout(PATIENCE, page.changed()).await.expect("it comes");
        page.take(&mut read).unwrap();
    }
    assert_eq!(ids(&rig.store, Query::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn of_more_messages_under_way_than_there_is_room_for_nobody_has_the_rest() {
    let rig = Rig::new();
    let (mut page, _) = rig.hub.subscribe(false);
    let refusals = Arc::new(Refusals::new());
    let mut inbound = Inbound::new(&rig.hub, refusals.clone());
    // As a client does that takes turns between its messages.
    for sequence in 0..2 {
        for n in 0..10 {
            inbound.take(&format!(
                r#"{{"channel":"chat","messageId":"c-{n}","sequence":{sequence},"total":2,"data":"x"}}"#
            ));
        }
    }
    let mut told = Vec::new();
    refusals.take(&mut told);
    assert_eq!(told.iter().filter(|text| text.contains("Nobody got this: 8 messages")).count(), 2, "{told:?}");
    let mut read = Vec::new();
    // Of the last two, the second frames are the beginning of something that never becomes whole.
    while read.len() < 18 {
        timeout(PATIENCE, page.changed()).await.expect("they come");
        page.take(&mut read).unwrap();
    }
    let frames = |n: usize| read.iter().filter(|text| text.contains(&format!("\"c-{n}\""))).count();
    assert_eq!((0..10).map(frames).collect::<Vec<_>>(), [2, 2, 2, 2, 2, 2, 2, 2, 1, 1]);
    assert_eq!(ids(&rig.store, Query::default()).unwrap().len(), 8);
}

#[tokio::test]
async fn the_thread_ends_with_the_hub() {
    let history = History::open(None);
    let (hub, writer) = Hub::with_history(Registry::load(None), history, Transfers::open(None));
    drop(hub);
    let ended = tokio::task::spawn_blocking(move || writer.join());
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
}
