//! The program `pocketmux`: command line, logging, signals. Everything else is in the library.

#![forbid(unsafe_code)]

mod cli;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use pocketmux::direct::Exit;
use pocketmux::{Attached, DeviceEnd, DeviceOptions, Host, Options, StartError};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
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
        Action::Files(job, wire) => files(async |stop| pocketmux::direct::run(job, wire, stop).await, stop_wanted),
        Action::Remote(job, through) => {
            files(async |stop| pocketmux::remote::run(job, through, stop).await, stop_wanted)
        }
        Action::Device(options) => device(options),
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

/// Ends at once when it is done: no thread of the runtime is waited for.
#[tokio::main(flavor = "current_thread")]
async fn files<S: Future<Output = ()>>(run: impl AsyncFnOnce(S) -> Exit, stop: impl FnOnce() -> S) -> ExitCode {
    let exit = run(stop()).await;
    std::process::exit(exit as i32)
}

#[tokio::main(flavor = "current_thread")]
async fn device(options: DeviceOptions) -> ExitCode {
    let once = options.once;
    let stop = stop_wanted();
    let exit = match pocketmux::be_device(options, stop).await {
        Ok(DeviceEnd::Stopped) if once => Exit::Interrupted,
        Ok(DeviceEnd::Crossed | DeviceEnd::Stopped) => Exit::Done,
        Ok(DeviceEnd::Failed) => Exit::Failed,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pocketmux: {error}");
            Exit::Failed
        }
    };
    std::process::exit(exit as i32)
}

async fn start(options: Options) -> Result<Host, StartError> {
    let stop = stop_wanted();
    let shutdown = async move {
        stop.await;
        info!("Stopping; once more stops at once.");
    };
    pocketmux::serve(options, shutdown).await
}

/// Waits for a signal to stop, which is listened for from now on; another one after it ends the program at once.
///
/// A thread of its own listens, because the others may be in the middle of something that does not end.
fn stop_wanted() -> impl Future<Output = ()> + Send + 'static {
    let listener = Builder::new_current_thread().enable_io().build().expect("a thread can wait for signals");
    let (mut terminate, mut interrupt) = {
        let _inside = listener.enter();
        (listen_for(SignalKind::terminate()), listen_for(SignalKind::interrupt()))
    };
    let (stop, wanted) = oneshot::channel();
    std::thread::spawn(move || {
        listener.block_on(async {
            either(&mut terminate, &mut interrupt).await;
            // Whoever was to hear it may be done.
            let _ = stop.send(());
            either(&mut terminate, &mut interrupt).await;
            std::process::exit(INTERRUPTED);
        })
    });
    async move {
        let _ = wanted.await;
    }
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
