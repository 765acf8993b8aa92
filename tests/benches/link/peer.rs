//! The programs of others beside the link itself: what they make of the wire between their first byte and their last.

use std::io;

use pocketmux_tests::End;

use crate::course::Course;
use crate::pair::Pair;
use crate::program::{Mover, Stage};
use crate::transfer::{Outcome, Transfer};

/// Moves the course's file by two programs.
pub fn transfer(course: &Course, mover: &dyn Mover) -> io::Result<Transfer> {
    let stage = Stage::new(course, mover)?;
    let mut pair = Pair::start(mover, &stage, course.time_limit())?;
    pair.until(|| false)?;
    let outcome = Outcome::of(&pair, &stage, course);
    let forward = stage.wire.traffic(End::A);
    // A program that waits before it ends, after the last byte, does not make the transfer slower.
    let end = if outcome == Outcome::Whole { forward.last } else { stage.wire.elapsed() };
    Ok(Transfer::over(&stage.wire, outcome, end))
}
