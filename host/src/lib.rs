//! Joins microcontrollers on serial ports to web browsers.
//!
//! ```text
//!                                        .-> client <-> WebSocket: frames, text unchanged
//! port <-> session (the core's Link) <-> hub <-> doors: topics and streams (SockJS), chat (HTTP)
//!                                        '-> history: the chat, committed before anyone is told
//! depot: files, each content once <-> door: uploads that resume, downloads (HTTP)
//! ```
//!
//! One task owns a port and its link. The hub fans out: a frame's text is made once, and every client reads it at its own pace from
//! one bounded ring; doors listen to whole messages of the channels that they name. Nothing a client or a device does stops the host or
//! holds up another.
//!
//! ```no_run
//! # async fn example() -> Result<(), pocketmux::StartError> {
//! let options = pocketmux::Options { ports: vec![pocketmux::PortSpec::Demo], ..Default::default() };
//! let host = pocketmux::serve(options, async { tokio::signal::ctrl_c().await.unwrap() }).await?;
//! println!("{}", host.addresses()[0]);
//! host.finished().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod attached;
mod backlog;
mod client;
mod com_port;
mod demo;
mod depot;
mod device;
pub mod direct;
mod doors;
mod errand;
mod far_end;
mod folder;
mod hello;
mod history;
mod host;
mod hub;
mod inbound;
mod listener;
mod message;
mod names;
mod origin;
mod outgoing;
mod pace;
mod page;
mod port;
mod port_error;
mod rebuild;
mod refusal;
mod registry;
pub mod remote;
mod rfc2217;
mod ring;
mod scribe;
mod server;
mod session;
mod shelf;
mod shutdown;
mod sockjs;
mod table;
mod telnet;
mod text;
mod throttle;
mod transfers;
mod uart;
mod web;

pub use attached::Attached;
pub use doors::Example;
pub use far_end::{DeviceEnd, DeviceOptions, NoDirectory, be_device};
pub use host::{Host, Options, StartError, serve};
pub use origin::{NotAnOrigin, Origin};
pub use pocketmux_core::files::Name as FileName;
pub use port::{NotAPort, PortSpec};
pub use port_error::PortError;
