//! The two sides of a run: a link each, on a thread each.

use std::io;
use std::time::Duration;

use pocketmux_core::{Buffer, Channel, Config, Link};

use crate::driver::{Application, Driver, Run};

/// Frames that may wait to be sent. They have to cover what is on its way over a late line, 3 KiB at 921600 baud and 16 ms each way.
pub const BLOCKS: usize = 64;
/// Channels of a side.
pub const CHANNELS: usize = 8;
/// Bytes of a frame with all that is around it; about 240 are data.
const FRAME: usize = 256;
/// One frame in a packet.
pub type Small = [u8; FRAME];
/// Up to 1 KiB of frames in a packet.
pub type Large = [u8; 1100];

/// A link whose packets are as long as `P`.
pub type Side<P> = Link<'static, FRAME, BLOCKS, CHANNELS, P>;

/// A side with these channels open, numbered in their order. The epochs of two sides have to differ.
pub fn side<P: Buffer>(epoch: u32, channels: &[Channel<'static>]) -> Side<P> {
    let mut side = Side::new(Config { epoch, ..Config::default() });
    for channel in channels {
        side.open(*channel).expect("there are few channels, and their names are short");
    }
    side
}

/// Runs a link with these channels at the end of each driver, until one of the applications is done or time is up.
pub fn run<P: Buffer>(
    mut drivers: [Driver; 2],
    channels: &[Channel<'static>],
    a: &mut (impl Application<P> + Send),
    b: &mut (impl Application<P> + Send),
    limit: Duration,
) -> io::Result<()> {
    let run = Run::new(limit);
    let [at_a, at_b] = &mut drivers;
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ended(&run, at_a.drive(&mut side(1, channels), a, &run)));
        let second = ended(&run, at_b.drive(&mut side(2, channels), b, &run));
        first.join().expect("a side does not panic").and(second)
    })
}

/// A side that fails ends the run for the other as well.
fn ended(run: &Run, result: io::Result<()>) -> io::Result<()> {
    run.end();
    result
}
