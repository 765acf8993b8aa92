//! The hub: who hears what, and who is told of what did not get there.

use super::Hub;
use crate::depot::{Depot, Limits, Name, New};
use crate::message::{By, Message};
use crate::refusal::Refusals;
use crate::registry::{Known, Registry};
use crate::shutdown::Shutdown;
use crate::table::DeviceState;
use crate::transfers::State;
use pocketmux_core::Kind;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Duration;

fn hub() -> Hub {
    let mut registry = Registry::load(None);
    registry.note(Known { name: "pico".into(), ..Known::default() });
    Hub::new(registry)
}

fn message(refusals: &Arc<Refusals>) -> Message {
    Message {
        channel: "chat".into(),
        id: "c-1".into(),
        kind: Kind::Text,
        meta: "".into(),
        data: b"hi".as_slice().into(),
        from: None,
        by: By::Client,
        to: None,
        is_json: false,
        sender: Some(refusals.clone()),
    }
}

#[test]
fn only_sessions_hear_about_devices_first_of_all_those_known() {
    let hub = hub();
    let ((mut session, first), (mut classic, nothing)) = (hub.subscribe(true), hub.subscribe(false));
    assert!(first.len() == 1 && first[0].as_str().contains(r#"\"name\":\"pico\""#) && nothing.is_empty(), "{first:?}");
    let (id, mut device) = hub.open("tty".into(), "/dev/tty".into(), mpsc::channel(1).0);
    device.state = DeviceState::Online;
    hub.set(id, &device);
    hub.set(id, &device);
    let (mut to_session, mut to_classic) = (Vec::new(), Vec::new());
    session.take(&mut to_session).unwrap();
    classic.take(&mut to_classic).unwrap();
    assert!(to_classic.is_empty());
    let words = [r#"\"state\":\"opening\""#, r#"\"state\":\"online\""#];
    assert!(to_session.iter().zip(words).all(|(text, word)| text.as_str().contains(word)), "{to_session:?}");
    assert_eq!(to_session.len(), 2);
}

#[test]
fn a_transfer_that_is_forgotten_is_told_once_more_and_then_in_no_list() {
    let hub = hub();
    let (mut session, _first) = hub.subscribe(true);
    let transfer = hub.transfers().begin_from("pico", "a.bin").unwrap();
    hub.show_transfer(&transfer);
    assert_eq!(hub.transfers().forget(transfer.id), None, "it is not over");
    hub.change_transfer(transfer.id, |transfer| transfer.enter(State::Cancelled, ""));
    let revision = hub.transfers().forget(transfer.id).unwrap();
    hub.show_forgotten(transfer.id, revision);
    let mut told = Vec::new();
    session.take(&mut told).unwrap();
    let words = ["waiting", "cancelled", "forgotten"].map(|state| format!(r#"\"state\":\"{state}\""#));
    assert!(told.len() == 3 && told.iter().zip(&words).all(|(text, word)| text.as_str().contains(word)), "{told:?}");
    assert!(told.iter().all(|text| text.as_str().contains(&transfer.id.to_string())) && revision > transfer.revision);
    assert!(hub.transfers().list().is_empty());
}

#[test]
fn what_a_device_has_of_a_cancelled_file_is_not_dropped_by_the_host() {
    let depot = Depot::open(None, Limits { size_max: 9, files_max: 9 }).unwrap();
    let hub = hub();
    let name = Name::new("a").unwrap();
    let new = New { id: None, name, kind: String::new(), size: 0, from: None, device: None, metadata: None };
    let file = depot.create(new).unwrap().finish().unwrap();
    let to = hub.begin_transfer(|transfers| transfers.begin_to("pico", &file, None)).unwrap().id;
    let from = hub.begin_transfer(|transfers| transfers.begin_from("pico", "b")).unwrap().id;
    for id in [to, from] {
        hub.change_transfer(id, |transfer| transfer.at = 1);
        hub.transfers().wish(id, State::Cancelled).unwrap();
        hub.drop_part(&depot, id);
    }
    let drops = |id| hub.transfers().get(id).unwrap().drops;
    assert_eq!((drops(to), drops(from)), (true, false));
}

#[tokio::test(start_paused = true)]
async fn sessions_hear_that_the_files_of_the_host_have_changed_and_many_changes_at_once_as_one() {
    let depot = Depot::open(None, Limits { size_max: 1, files_max: 9 }).unwrap();
    let hub = Arc::new(hub());
    let ((mut session, _), (mut classic, _)) = (hub.subscribe(true), hub.subscribe(false));
    let (stop, stopping) = Shutdown::new();
    let telling = tokio::spawn(hub.clone().tell_of_files(depot.clone(), stopping));
    tokio::task::yield_now().await;
    let name = Name::new("a").unwrap();
    let new = New { id: None, name, kind: String::new(), size: 0, from: None, device: None, metadata: None };
    let mut told = Vec::new();
    for changes in 1..=3 {
        let made = (0..changes).map(|_| depot.create(new.clone()).unwrap().finish().unwrap().id);
        made.for_each(|id| depot.remove(id).unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.take(&mut told).unwrap();
        assert_eq!(told.len(), changes, "{told:?}");
    }
    assert!(
        told[2].as_str().contains(r#""channel":"depot""#) && told[2].as_str().contains(r#"\"revision\":18"#),
        "{told:?}"
    );
    let mut to_classic = Vec::new();
    classic.take(&mut to_classic).unwrap();
    assert_eq!(to_classic.len(), 0);
    stop.send(true).unwrap();
    telling.await.unwrap();
}

#[test]
fn a_message_goes_to_the_devices_that_have_its_channel_or_its_sender_hears_why_not() {
    let hub = hub();
    let refusals = Arc::new(Refusals::new());
    let (task, mut messages) = mpsc::channel(1);
    let (id, mut device) = hub.open("tty".into(), "/dev/tty".into(), task);
    assert!(!hub.wants("chat"));
    hub.route(&message(&refusals));
    device.channels.push("chat".into());
    for (state, word) in [
        (DeviceState::Opening, Some("has not said hello yet")),
        (DeviceState::Online, None),
        // The queue of one is full now.
        (DeviceState::Online, Some("tty is busy")),
        (DeviceState::Offline, Some("tty is offline")),
    ] {
        device.state = state;
        hub.set(id, &device);
        hub.route(&message(&refusals));
        let mut told = Vec::new();
        refusals.take(&mut told);
        assert_eq!(told.len(), usize::from(word.is_some()), "{told:?}");
        assert!(told.iter().all(|text| text.as_str().contains(word.unwrap_or_default())), "{told:?}");
    }
    assert_eq!(*messages.try_recv().unwrap().into_message().data, *b"hi");
}

#[tokio::test]
async fn a_reader_is_woken_by_what_it_has_not_read() {
    let hub = hub();
    let (mut reader, _) = hub.subscribe(false);
    hub.publish("a".into());
    reader.changed().await;
    let mut batch = Vec::new();
    reader.take(&mut batch).unwrap();
    assert_eq!(batch, ["a"]);
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(20), reader.changed()).await;
    assert!(nothing.is_err());
}
