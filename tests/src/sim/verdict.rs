//! What must hold of a run besides every single frame.

use super::fault::{Event, Fault};
use super::world::World;

/// A reboot is noticed, and the link is up again, so soon after the first HELLO has arrived.
const NOTICE_NS: u64 = 100_000_000;

/// A silence is told so soon after the time that the side asked for.
const NOTICE_SILENCE_NS: u64 = 1_000_000;

/// What should have happened by the end and has not.
pub fn missing(world: &World) -> Vec<String> {
    let mut missing = Vec::new();
    for number in 0..2 {
        let (side, other) = (&world.sides[number], &world.sides[1 - number]);
        if side.peer != Some(other.epoch) {
            missing.push(format!("side {number} being up with the present boot of the other"));
        }
        if !side.application.is_idle() || side.application.next_ns().is_some() {
            missing.push(format!("the end of the drafts of side {number}: {}", side.application));
        }
        if let Some(session) = world.session_from(number) {
            missing.extend(world.ledger.missing(session));
        }
    }
    missing
}

/// On a clean line, both sides are up and know all channels soon after a new boot's first HELLO has arrived.
///
/// # Errors
///
/// When they are not.
pub fn check_greeting(world: &mut World) -> Result<(), String> {
    if !world.scenario.is_clean() {
        return Ok(());
    }
    for number in 0..2 {
        let Some(hello_ns) = world.hello_ns[number] else { continue };
        let (side, other) = (&world.sides[number], &world.sides[1 - number]);
        let channels = world.scenario.sides.each_ref().map(|plan| plan.channels.len());
        let is_up = side.peer == Some(other.epoch) && other.peer == Some(side.epoch);
        let is_open = side.opened >= channels[1 - number] && other.opened >= channels[number];
        let waited_ns = world.now_ns - hello_ns;
        if is_up && is_open {
            world.greeting_ns = world.greeting_ns.max(waited_ns);
            world.hello_ns[number] = None;
            continue;
        }
        // The answer waits for what the wire has taken already, and the table takes its time, in both directions.
        let wires = world.scenario.wires;
        let wait = |wire: super::wire::WirePlan| {
            2 * wire.delay_us * 1000 + wire.ns_of(wire.queue + wire.chunk as u64 + 2 * 4096 + 8 * 60)
        };
        if waited_ns > NOTICE_NS + wait(wires[0]) + wait(wires[1]) {
            return Err(format!("side {number} said hello at {} us and is not up yet", hello_ns / 1000));
        }
    }
    Ok(())
}

/// A side that has heard nothing for as long as it asked for says so.
///
/// # Errors
///
/// When it does not.
pub fn check_silence(world: &World) -> Result<(), String> {
    for (number, side) in world.sides.iter().enumerate() {
        let patience_ns = u64::from(world.scenario.sides[number].silence_ms) * 1_000_000;
        let quiet_ns = world.now_ns - side.heard_ns.max(side.up_ns);
        let is_quiet = patience_ns > 0 && side.peer.is_some() && quiet_ns > patience_ns + NOTICE_SILENCE_NS;
        if is_quiet && side.runs(world.now_ns) && !side.is_silent {
            return Err(format!("side {number} has heard nothing for {} ms and says nothing", quiet_ns / 1_000_000));
        }
    }
    Ok(())
}

/// The counters tell no tales.
///
/// # Errors
///
/// When they do.
pub fn check_counters(world: &World) -> Result<(), String> {
    for (number, side) in world.sides.iter().enumerate() {
        let counters = side.node.counters();
        // Noise never gives a packet with a right check and wrong fields, and no wire leads back by itself.
        let mut zeros = vec![("malformed", counters.malformed)];
        let is_loop = |fault: &Fault| matches!(fault.event, Event::Loop(_));
        if !world.scenario.faults.iter().any(is_loop) {
            zeros.push(("echoed", counters.echoed));
        }
        if world.scenario.is_clean() && world.scenario.faults.is_empty() {
            zeros.extend([("bad_crc", counters.bad_crc), ("too_long", counters.too_long)]);
            zeros.push(("unknown", counters.unknown));
            // Where no packet takes a good part of the time that a side asked for, nobody is ever silent.
            let plans = &world.scenario.sides;
            let packet = plans[0].shape.packet.max(plans[1].shape.packet) as u64;
            let wire = world.scenario.wires[1 - number];
            if wire.ns_of(3 * packet + wire.queue) < u64::from(plans[number].silence_ms) * 1_000_000 / 2 {
                zeros.push(("silences", side.silences));
            }
        }
        for (name, value) in zeros {
            if value != 0 {
                return Err(format!("side {number} counts {value} as {name}"));
            }
        }
        if counters.dropped != side.application.dropped {
            let dropped = side.application.dropped;
            return Err(format!("side {number} counts {} drops and made {dropped}", counters.dropped));
        }
    }
    Ok(())
}
