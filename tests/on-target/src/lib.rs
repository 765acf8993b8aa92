//! What the measured programs have in common.

#![no_std]

mod files;
mod run;

pub use files::{Flash, NoStore, WithFiles};
use pocketmux_core::{Channel, Config, Link};
pub use run::{Work, run};

/// A link of eight channels, with frames of 240 bytes and a pool of eight.
pub type EightChannels = Link<'static, 256, 8, 8>;

/// The smallest that carries frames of 240 bytes: two of them fit beside each other into the smallest board's RAM.
pub type Small = Link<'static, 256, 4, 1>;

/// A side with one channel.
#[must_use]
pub fn side(epoch: u32) -> Small {
    let mut link = Link::new(Config { epoch, ..Config::default() });
    // The table has room for it.
    let _ = link.open(Channel::new("bulk"));
    link
}

/// A value that the compiler cannot know.
pub fn unknown<T: Copy>(value: T) -> T {
    core::hint::black_box(value)
}
