//! Many message channels over one byte stream, in fixed memory.
//!
//! A microcontroller has one UART; its user wants chat, presence, files and logs over it. This crate cuts messages into labelled
//! frames, shares the wire fairly, and rebuilds every channel on the other side. It is a state machine: bytes, messages and the time
//! go in; bytes, events and deadlines come out. It never reads a clock, allocates, waits, logs or panics, and has no `unsafe`.
//!
//! ```text
//! bytes -> Deframer -> decode -> Link (numbers, places, credit) -> Demux -> messages
//! messages -> Mux (pool, turns) -> Link (window, repair) -> encode -> bytes
//! ```
//!
//! # The run loop
//!
//! ```
//! use pocketmux_core::{Channel, Config, Demux, Event, Identity, Link, Message};
//!
//! const CHAT: Channel = Channel::new("chat");
//!
//! // Two sides of one wire: frames of 256 bytes, a pool of 8, up to 4 channels.
//! let side = |name, epoch| Link::<256, 8, 4>::new(Config { identity: Identity { name, ..Identity::default() }, epoch, ..Config::default() });
//! let (mut host, mut board) = (side("host", 1), side("board", 2));
//! let chat = board.open(CHAT).unwrap();
//! host.open(CHAT).unwrap();
//! let mut messages = Demux::<_, _, 2>::new(|| [0; 128]);
//! let mut heard = String::new();
//!
//! for now_us in (0..).step_by(1000).take(10) {
//!     // Every side, every turn: what is due, what goes out, what came in.
//!     board.handle_timeout(now_us);
//!     host.handle_timeout(now_us);
//!     let mut wire = Vec::new(); // here a UART would take the bytes
//!     while !board.poll_transmit(now_us).is_empty() {
//!         wire.extend_from_slice(board.poll_transmit(now_us));
//!         board.consume(usize::MAX);
//!     }
//!     let mut input = &wire[..];
//!     while !input.is_empty() {
//!         input = &input[host.handle_input(input, now_us)..];
//!         while let Some(event) = host.poll_event() {
//!             if let Event::Frame(frame) = event
//!                 && let Ok(Some(message)) = messages.insert((frame.channel, frame.message), &frame)
//!             {
//!                 heard.push_str(message.text().unwrap());
//!             }
//!         }
//!     }
//!     // The same the other way round.
//!     let mut wire = Vec::new();
//!     while !host.poll_transmit(now_us).is_empty() {
//!         wire.extend_from_slice(host.poll_transmit(now_us));
//!         host.consume(usize::MAX);
//!     }
//!     let mut input = &wire[..];
//!     while !input.is_empty() {
//!         input = &input[board.handle_input(input, now_us)..];
//!         while let Some(event) = board.poll_event() {
//!             if let Event::Up(_) = event {
//!                 board.send(chat, &Message::text("hello multiplexing")).unwrap();
//!                 break;
//!             }
//!         }
//!     }
//! }
//! assert_eq!(heard, "hello multiplexing");
//! ```
//!
//! With an `embedded-io` UART the inner loops are one call: see `io`, behind the feature `embedded-io-07`.
//!
//! # Limits
//!
//! | what | limit |
//! |---|---|
//! | frame | `FRAME` of [`Link`], 133 to 4096 bytes on the wire |
//! | packet | `P` of [`Link`], up to 4096 bytes and [`packet::RUN_MAX`] frames |
//! | channels of a side | `CHANNELS`, at most 128 |
//! | channel name, content type, meta | [`channel::NAME_MAX`] bytes each |
//! | name, firmware, serial of an identity | [`packet::IDENTITY_MAX`] bytes each |
//! | frames waiting, on their way, or held | `BLOCKS` |
//! | frames on their way | 32 packets; of a channel what its receiver grants, at most 64 |
//! | reason of a reset | [`packet::REASON_MAX`] bytes |
//! | messages rebuilt at once, their size | the parameters of [`Demux`] |

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod acks;
mod assembly;
mod buffer;
mod bytes;
pub mod channel;
pub mod cobs;
mod counters;
pub mod crc;
mod cut;
pub mod deframe;
mod demux;
mod event;
pub mod files;
mod frame;
mod greeting;
#[cfg(feature = "embedded-io-07")]
pub mod io;
#[cfg(feature = "json")]
pub mod json;
mod lane;
mod line;
mod link;
pub mod mux;
mod output;
pub mod packet;
mod pool;
mod repair;
mod rtt;
mod stats;
mod stream;
mod window;
pub mod wtf8;

pub use assembly::{AssembleError, STRETCHES};
pub use buffer::Buffer;
pub use channel::{Channel, ChannelId, Delivery, OpenError, Priority};
pub use counters::Counters;
pub use cut::{Cut, Message};
pub use demux::{CLOSED, Demux, Rebuilt};
pub use event::{Event, Peer, PeerChannel};
pub use frame::{Frame, Kind, MessageId, Position};
pub use greeting::{ASK_INTERVAL_US, HASTY_HELLOS, HELLO_HASTE_US, HELLO_INTERVAL_US};
pub use link::{Config, Link};
pub use mux::{Mux, SendError};
pub use packet::Identity;
pub use pool::Slot;
pub use stats::{STATS_CHANNEL, Stats};
pub use stream::Stream;

/// The wire specification.
#[doc = include_str!("../PROTOCOL.md")]
pub mod protocol {}
