//! The turn of one side, on the wire that leads away from it.

use super::ledger::Ledger;
use super::side::Side;
use super::trace::Trace;
use super::wire::Wire;

/// When a side is to run next if nothing arrives.
pub(super) fn next_ns(side: &Side, wire: &Wire, now_ns: u64) -> u64 {
    let room_ns = if side.has_more { wire.room_at_ns() } else { u64::MAX };
    let wants_ns = side.next_ns().unwrap_or(u64::MAX);
    if side.runs(now_ns) { wants_ns.min(room_ns) } else { side.awake_ns() }
}

/// Lets a side run, and takes what it has to send as far as its wire has room; returns how many bytes that was.
pub(super) fn run(
    side: &mut Side,
    wire: &mut Wire,
    ledger: &mut Ledger,
    trace: &mut Trace,
    now_ns: u64,
) -> Result<usize, String> {
    let mut all = 0;
    loop {
        side.run(ledger, trace, now_ns)?;
        let sent = fill(wire, side, trace, now_ns)?;
        all += sent;
        // The application may have waited for the room that there is now.
        if sent == 0 || side.has_more || side.application.is_idle() {
            return Ok(all);
        }
    }
}

/// Takes what a side has to send as far as its wire has room; returns how many bytes that was.
fn fill(wire: &mut Wire, side: &mut Side, trace: &mut Trace, now_ns: u64) -> Result<usize, String> {
    let mut sent = 0;
    loop {
        side.has_more = wire.room_at_ns() > now_ns;
        if side.has_more {
            return Ok(sent);
        }
        let (bytes, ends_hello) = side.transmit(wire.chunk(), now_ns)?;
        if bytes.is_empty() {
            return Ok(sent);
        }
        sent += bytes.len();
        trace.note(now_ns, side.number, || format!("sends {} {:02x?}", bytes.len(), &bytes));
        wire.put(bytes, ends_hello.then_some(side.boot), now_ns);
    }
}
