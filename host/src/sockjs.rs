//! SockJS: what a browser uses as a WebSocket where it may not be able to open one, made of HTTP requests where need be.
//!
//! A [`Service`] lies at a prefix and is given a `Session` for each client: messages come out of it and go into it, whatever carries
//! them. Which of the protocol's transports that is, the client chooses:
//!
//! ```text
//! path -> Route -> WebSocket, or a stream or poll of frames (Receiver) + posts of messages
//!                      \                                           /
//!                       `------- Line: two bounded queues --------'  <-> Session <-> the service
//! ```
//!
//! Both queues press back. A service whose client takes nothing waits, and after ten seconds the client is let go; a client that
//! sends faster than the service reads is read from more slowly. Nothing here knows the hub.

mod form;
mod frame;
mod iframe;
mod line;
mod message;
mod poll;
mod queue;
mod receiver;
mod reply;
mod route;
mod send;
mod service;
mod session;
mod suite;
mod table;
mod websocket;
mod wrap;

#[cfg(test)]
pub(crate) use {frame::Frame, line::Line};

pub(crate) use message::Message;
pub(crate) use service::{Options, Room, Service};
pub(crate) use session::{Closed, Session};
pub(crate) use suite::services as suite_services;
