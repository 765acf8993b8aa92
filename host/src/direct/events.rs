//! What the link tells, as news of the line.

use pocketmux_core::files::{FILE_CHANNEL, Heard, Store, algorithm_of};
use pocketmux_core::{Event, Identity};
use tokio::time::Instant;

use super::line::{Line, News};
use super::trouble::{Exit, Trouble};

impl<S: Store> Line<S> {
    pub(super) fn take_events(&mut self, now_us: u64) {
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Up(peer) => {
                    let Identity { name, serial, .. } = peer.identity;
                    let heard = (name.to_owned(), serial.to_owned());
                    if *self.device.get_or_insert_with(|| heard.clone()) != heard {
                        let words = format!("Another device answered on {}: {}.", self.wire.port, heard.0);
                        self.trouble = Some(Trouble::failed(words));
                        return;
                    }
                    self.away_since = None;
                    self.news.push_back(News::Up);
                }
                Event::Down => self.files.handle_down(),
                Event::Opened { channel, .. } if channel.name == FILE_CHANNEL => {
                    if let Some(algorithm) = algorithm_of(channel.meta) {
                        self.files.set_algorithm(algorithm);
                        self.news.push_back(News::HasFiles);
                    }
                }
                Event::Frame(frame) => {
                    if let Heard::Answer(number) = self.files.handle_frame(&frame, now_us) {
                        self.news.push_back(News::Answer(number, self.files.answer()));
                    }
                }
                Event::Incompatible { min, max } => {
                    let words = format!(
                        "The device speaks versions {min} to {max} of the protocol, and this program version {}: update the older of the two.",
                        pocketmux_core::packet::VERSION
                    );
                    self.trouble = Some(Trouble::failed(words));
                }
                Event::Silent => self.went("Nothing is heard from the device.".into()),
                _ => {}
            }
        }
    }

    /// A device that has not started anew goes on with any packet.
    pub(super) fn note_return(&mut self) {
        let is_heard = self.link.counters().received != self.received && !self.link.is_silent();
        if is_heard && self.link.is_up() && self.away_since.take().is_some() {
            self.news.push_back(News::Back);
        }
    }

    /// The device is not there any more.
    pub(super) fn went(&mut self, words: String) {
        self.received = self.link.counters().received;
        if self.device.is_some() {
            self.away_since.get_or_insert_with(Instant::now);
            self.news.push_back(News::Away(words));
        }
    }

    /// Whether there is still something to wait for.
    pub(super) fn check_patience(&self, now: Instant) -> Result<(), Trouble> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        match (self.away_since, self.wire.timeout) {
            (Some(since), Some(timeout)) if now >= since + timeout => {
                let words = format!("The device on {} was away for {} s.", self.wire.port, timeout.as_secs());
                Err(Trouble::new(Exit::Absent, words))
            }
            _ => Ok(()),
        }
    }
}
