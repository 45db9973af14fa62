//! The `latentia` program.
#![forbid(unsafe_code)]

mod args;
mod output;
mod progress;
mod signals;
mod sink;
mod stream;
mod verbs;

use std::{
    panic,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use latentia::Error;
use tracing_subscriber::EnvFilter;

use args::{Cli, Global};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a verb can end with besides success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A fault with something to say.
    Error(Error),
    /// Someone asked to stop, and the work did.
    Interrupted,
    /// Whoever read our output has stopped reading: `latentia encode … | head`.
    Unread,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Interrupted,
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => Self::Unread,
            other => Self::Error(other),
        }
    }
}

/// The result of a verb.
pub(crate) type Outcome = Result<(), Failure>;

/// Exit code when a signal stopped the program, as shells count it for Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let (cli, assignments) = match args::parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            // Nothing is lost when the text cannot be shown: the exit code says what it said.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    start_log(&cli.global);
    report_panics();
    let result = panic::catch_unwind(|| run(cli, assignments));
    match result {
        Ok(Ok(())) | Ok(Err(Failure::Unread)) => ExitCode::SUCCESS,
        Ok(Err(Failure::Interrupted)) => ExitCode::from(INTERRUPTED),
        Ok(Err(Failure::Error(error))) => {
            anstream::eprintln!("\x1b[1;31merror:\x1b[0m {error}");
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(cli: Cli, assignments: Vec<args::Assignment>) -> Outcome {
    if let Some(threads) = cli.global.threads {
        limit_threads(usize::from(threads));
    }
    let context = verbs::Context::new(cli.global)?;
    verbs::run(cli.verb, &context, assignments)
}

/// Limits the team of the kernels and the pool of the tensor library; neither has started yet.
fn limit_threads(threads: usize) {
    let team =
        latentia_kernels::threads::set_count(threads).map_err(|started| format!("{started} run already"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|e| e.to_string());
    if let Err(why) = team.and(pool) {
        tracing::warn!("the number of threads could not be set: {why}");
    }
}

/// Sends what libraries and verbs have to say to standard error: warnings, more with `-v`, or by RUST_LOG.
fn start_log(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        (_, 2) => "debug",
        _ => "trace",
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(rules) if !rules.is_empty() => EnvFilter::new(rules),
        _ => EnvFilter::new(level),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .without_time()
        .with_target(false);
    log.init();
}

/// A panic is a fault of this program: one sentence says so, once, however many threads it takes down.
fn report_panics() {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    panic::set_hook(Box::new(|fault| {
        if REPORTED.swap(true, Ordering::SeqCst) {
            return;
        }
        let what = fault.payload_as_str().unwrap_or("no message");
        let place = fault.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        anstream::eprintln!(
            "\x1b[1;31merror:\x1b[0m latentia {} has a fault of its own, please report it with this line and the \
             command that led to it: {what}{place}",
            env!("CARGO_PKG_VERSION")
        );
    }));
}
