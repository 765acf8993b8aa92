//! The doors: ways in to the hub for clients that people already have.
//!
//! Each is a translation and nothing else, between the hub's whole messages and what those clients speak; a file each. Pocket frames are no
//! door in this sense: their text goes through unchanged (see `client`).

mod body;
pub(crate) mod chat;
pub(crate) mod files;
mod reply;
mod sharing;
mod streams;
mod topics;
pub(crate) mod transfers;

use std::sync::Arc;

use crate::hub::Hub;
use crate::sockjs::{Options, Room, Service};

pub use topics::Example;

/// The doors over SockJS, at their prefixes.
pub(crate) fn services(hub: &Arc<Hub>, room: &Room, example: Option<Example>) -> Vec<Service> {
    let of_topics = hub.clone();
    let mut services = vec![Service::new("/multiplex", Options::default(), room.clone(), move |session| {
        topics::serve(session, of_topics.clone(), example)
    })];
    services.extend(streams::services(hub, room));
    services
}
