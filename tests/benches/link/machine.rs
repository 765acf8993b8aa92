//! How much of the machine's time others took: on a shared machine a thread may stand still for longer than a line's queue lasts.

/// A run during which less than this part of the time was taken counts as undisturbed.
const UNDISTURBED: f64 = 0.05;
/// From this part on it is worth a remark.
const REMARKABLE: f64 = 0.01;

/// Ticks of all processors since the start of the machine.
struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    /// Those of now; none where the system does not tell.
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let all = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user already.
        let ticks: Vec<u64> = all.take(8).filter_map(|ticks| ticks.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }
}

/// Runs `measure`, once more if the machine was disturbed and `again` allows it; gives the least disturbed result, and the part of the
/// machine's time that others took during it.
pub fn undisturbed<T, E>(again: bool, mut measure: impl FnMut() -> Result<T, E>) -> Result<(T, f64), E> {
    let mut once = || {
        let before = Ticks::now();
        let result = measure()?;
        let after = Ticks::now();
        Ok((result, (after.stolen - before.stolen) as f64 / (after.all - before.all).max(1) as f64))
    };
    let first = once()?;
    if !again || first.1 < UNDISTURBED {
        return Ok(first);
    }
    let second = once()?;
    Ok(if second.1 < first.1 { second } else { first })
}

/// A remark on a disturbed result, and on one that was given more of the machine than its share.
pub fn remark(stolen: f64) -> String {
    let mut remark = String::new();
    if stolen >= REMARKABLE {
        remark += &format!("; {:.0} % of the machine's time stolen", 100.0 * stolen);
    }
    match nice() {
        0 => {}
        nice => remark += &format!("; at nice {nice}"),
    }
    remark
}

/// How little of the machine's time this program and those that it starts ask for; 0 where the system does not tell.
fn nice() -> i32 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in parentheses, and may have spaces; behind it the state is the first.
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    behind.split(' ').nth(16).and_then(|nice| nice.parse().ok()).unwrap_or(0)
}
