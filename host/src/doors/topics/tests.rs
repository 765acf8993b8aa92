//! Topics over the line of a session, without a socket.

use std::sync::Arc;

use pocketmux_core::Kind;

use super::{Client, Example, TOPICS_MAX};
use crate::hub::Hub;
use crate::listener::Listener;
use crate::registry::Registry;

fn client(hub: &Arc<Hub>, example: Option<Example>) -> Client {
    Client { listener: Listener::new(hub.clone()), topics: Vec::new(), example }
}

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new(Registry::load(None)))
}

fn take(client: &mut Client, text: &str) -> Vec<String> {
    client.take(text.as_bytes())
}

#[tokio::test]
async fn a_payload_is_all_after_the_second_comma_and_may_be_empty() {
    let hub = hub();
    let (mut ann, mut bob) = (client(&hub, None), client(&hub, None));
    for one in [&mut ann, &mut bob] {
        assert!(take(one, "sub,a%2Cb").is_empty());
    }
    for (text, payload) in [("msg,a%2Cb,x,y,,z", "x,y,,z"), ("msg,a%2Cb,", ""), ("msg,a%2Cb", "")] {
        assert!(take(&mut ann, text).is_empty());
        let heard = bob.listener.recv().await.unwrap();
        assert_eq!((&*heard.channel, heard.text().unwrap().as_str()), ("a,b", payload));
    }
}

#[test]
fn what_makes_no_sense_is_passed_over() {
    let hub = hub();
    let mut ann = client(&hub, None);
    for text in ["", "sub", "msg,t,x", "uns,t", "nonsense,t", ",", ",,", "sub;t", "constructor,t,x"] {
        assert!(take(&mut ann, text).is_empty(), "{text}");
    }
    assert!(ann.topics.is_empty());
    take(&mut ann, "sub,constructor");
    take(&mut ann, "sub,constructor");
    assert_eq!(ann.topics.len(), 1);
    take(&mut ann, "uns,constructor,x");
    assert!(ann.topics.is_empty() && !hub.is_heard("constructor"));
}

#[test]
fn a_topic_that_cannot_be_had_is_refused_with_its_end() {
    let mut ann = client(&hub(), None);
    let long = "x".repeat(129);
    for topic in ["", "error", "device", "%uD83D", &long] {
        assert_eq!(take(&mut ann, &format!("sub,{topic}")), [format!("uns,{topic}")]);
    }
    for n in 0..TOPICS_MAX {
        assert!(take(&mut ann, &format!("sub,t{n}")).is_empty());
    }
    assert_eq!(take(&mut ann, "sub,more"), ["uns,more"]);
    take(&mut ann, "uns,t7");
    assert!(take(&mut ann, "sub,more").is_empty());
}

#[test]
fn two_spellings_of_a_channel_are_two_topics() {
    let hub = hub();
    let mut ann = client(&hub, None);
    ["sub,a%20b", "sub,a b"].iter().for_each(|text| assert!(take(&mut ann, text).is_empty()));
    take(&mut ann, "uns,a b");
    assert!(hub.is_heard("a b"));
    take(&mut ann, "uns,a%20b");
    assert!(!hub.is_heard("a b"));
}

#[test]
fn the_services_of_the_example_greet_and_answer() {
    let hub = hub();
    let mut client = client(&hub, Some(Example::AnnBobCarl));
    assert_eq!(take(&mut client, "sub,ann"), ["msg,ann,Ann says hi!"]);
    assert_eq!(take(&mut client, "sub,bob"), ["msg,bob,Bob doesn't agree."]);
    assert_eq!(take(&mut client, "sub,carl"), ["msg,carl,Carl says goodbye!", "uns,carl"]);
    assert_eq!(take(&mut client, "msg,ann,a,b"), ["msg,ann,Ann nods: a,b"]);
    assert_eq!(take(&mut client, "msg,bob,x"), ["msg,bob,Bob says no to: x"]);
    assert!(take(&mut client, "msg,carl,x").is_empty() && take(&mut client, "sub,dora").is_empty());
    assert!(!hub.is_heard("ann") && hub.is_heard("dora"));
    take(&mut client, "uns,ann");
    assert!(take(&mut client, "msg,ann,x").is_empty());
}

#[tokio::test]
async fn bytes_are_told_as_base64() {
    let hub = hub();
    let (mut ann, bob) = (client(&hub, None), Listener::new(hub));
    take(&mut ann, "sub,file");
    bob.say("file", None, Kind::Binary, &[0xff, 0xff]).unwrap();
    assert_eq!(ann.listener.recv().await.unwrap().base64(), "//8=");
}
