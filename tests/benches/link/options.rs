//! What the command line asks for.

/// The parts of the benchmark, in the order in which they run.
pub const PARTS: [&str; 7] = ["zmodem", "kermit", "ours", "urgent", "fairness", "overhead", "programs"];

pub const HELP: &str = "cargo bench -p pocketmux-tests --bench link -- [OPTIONS]

  --quick       everything in a short form, a minute and a half: that it runs and that no byte changes
  --only NAME   only this part (repeat for more): zmodem, kermit, ours, urgent, fairness, overhead,
                or programs, which is the same file by `pocketmux put` and `get`, ZMODEM and Kermit
  --line NAME   only transfers over lines whose name contains this: clean, 1e-6, 1e-5, 1e-4, 1e-3, 921600
  --seed N      another seed for the noise and the file
  --write       also write the table to tests/benches/link/REPORT.md; with --only or --line, what is not measured stays there

The program `pocketmux` is the one in POCKETMUX_BIN, or else it is built.

Exit code 1: a transfer that has to succeed did not, a byte changed, or a program is missing.";

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub quick: bool,
    pub write: bool,
    pub seed: u64,
    only: Vec<String>,
    line: String,
}

impl Options {
    /// Reads the arguments; an `Err` is to be shown.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { quick: false, write: false, seed: 1, only: vec![], line: String::new() };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value\n\n{HELP}"));
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                "--only" => options.only.push(value()?),
                "--line" => options.line = value()?,
                "--seed" => options.seed = value()?.parse().map_err(|error| format!("--seed: {error}"))?,
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => return Err(HELP.into()),
            }
        }
        match options.only.iter().find(|name| !PARTS.contains(&name.as_str())) {
            Some(unknown) => Err(format!("there is no part {unknown}\n\n{HELP}")),
            None => Ok(options),
        }
    }

    /// Whether a part is asked for.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    /// Whether everything is asked for.
    pub fn wants_all(&self) -> bool {
        self.only.is_empty() && self.line.is_empty()
    }

    /// Whether transfers over the line of this name are asked for.
    pub fn wants_line(&self, name: &str) -> bool {
        name.contains(&self.line)
    }
}
