//! The program `pocketmux`: command line, logging, signals. Everything else is in the library.

#![forbid(unsafe_code)]

mod cli;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use pocketmux::{Attached, Host, Options, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::cli::{Action, Cli};

/// A command line that cannot be acted on, as clap has it too.
const USAGE: u8 = 2;
/// What a shell shows for a program that a second Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let action = Cli::action();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("pocketmux=info,warn"));
    let is_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(is_terminal)
        .with_env_filter(filter)
        .with_target(false)
        .init();
    match action {
        Action::Ports => list_ports(),
        Action::Serve(options) => run(options),
    }
}

fn list_ports() -> ExitCode {
    let all = Attached::list();
    let text = match all.as_slice() {
        [] => "No serial device is attached.\n".to_owned(),
        all => Attached::table(all),
    };
    // A reader such as `head` may have gone already.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

#[tokio::main]
async fn run(options: Options) -> ExitCode {
    match start(options).await {
        Ok(host) => {
            for address in host.addresses() {
                let _ = writeln!(io::stdout(), "{address}");
            }
            host.finished().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "pocketmux: {error}");
            match error {
                StartError::Several(_) | StartError::Twice(_) => USAGE.into(),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn start(options: Options) -> Result<Host, StartError> {
    let (mut terminate, mut interrupt) = (listen_for(SignalKind::terminate()), listen_for(SignalKind::interrupt()));
    let shutdown = async move {
        either(&mut terminate, &mut interrupt).await;
        info!("Stopping; once more stops at once.");
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            std::process::exit(INTERRUPTED);
        });
    };
    pocketmux::serve(options, shutdown).await
}

fn listen_for(kind: SignalKind) -> Signal {
    signal(kind).expect("the system has this signal")
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
