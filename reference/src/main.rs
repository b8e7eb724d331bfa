//! The binary: reads command line and environment, exports or rebases, prints the cause of a failure, and exits with a
//! code of the Platform API. Called as `exporter` through a link, as platforms do, it exports; called as `rebaser`, or
//! with `rebaser` as its first word, it rebases.

use std::io::Write;
use std::process::ExitCode;

use reference::cli::{self, CliError, Environment, Phase};
use reference::exit::Exit;
use reference::export::{ExportError, export};
use reference::failure::chain;
use reference::log::Log;
use reference::rebase::{RebaseError, rebase};
use reference::target::registry::Uploads;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let environment: Environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    let uploads = Uploads::default();
    let (phase, words) = Phase::of(std::env::args_os());
    match phase {
        Phase::Exporter => match cli::read(words, &environment) {
            Ok(options) => {
                let work = export(&options, Log::new(options.log_level), &uploads);
                run("export", Exit::Export, work, &uploads, ExportError::exit)
            }
            Err(error) => refused(&error),
        },
        Phase::Rebaser => match cli::rebaser::read(words, &environment) {
            Ok(options) => {
                let work = rebase(&options, Log::new(options.log_level), &uploads);
                run("rebase", Exit::Rebase, work, &uploads, RebaseError::exit)
            }
            Err(error) => refused(&error),
        },
    }
}

/// Says what is wrong with the command line, or what was asked of it.
fn refused(error: &CliError) -> ExitCode {
    match error {
        CliError::Answer(answer) => {
            let _ = answer.print();
            Exit::Success.into()
        }
        CliError::PlatformApi(..) => fail(&chain(error), Exit::PlatformApi),
        _ => fail(&chain(error), Exit::BadInput),
    }
}

/// Does the work, unless a signal ends it, and cancels what uploads it leaves; `broken` is the code for a signal.
fn run<E: std::error::Error + 'static>(
    doing: &str,
    broken: Exit,
    work: impl Future<Output = Result<(), E>>,
    uploads: &Uploads,
    code: impl Fn(&E) -> Exit,
) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("{doing}: {error}"), broken),
    };
    let result = runtime.block_on(async {
        let result = tokio::select! {
            // Asked first, so that signals are watched for before anything is done.
            biased;
            signal = ended() => Err(signal),
            result = work => Ok(result),
        };
        if !matches!(result, Ok(Ok(()))) {
            uploads.cancel().await;
        }
        result
    });
    // Threads that write a layout remove what they have not finished.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(Ok(())) => Exit::Success.into(),
        Ok(Err(error)) => fail(&chain(&error), code(&error)),
        Err(signal) => fail(&format!("{doing}: ended by {signal}"), broken),
    }
}

/// Waits until someone wants this process to end; gives the signal's name.
async fn ended() -> &'static str {
    let watch = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut stream) => stream.recv().await,
            // Without a handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = watch(SignalKind::interrupt()) => "SIGINT",
        _ = watch(SignalKind::terminate()) => "SIGTERM",
        _ = watch(SignalKind::hangup()) => "SIGHUP",
    }
}

/// The message, in one line.
fn fail(message: &str, exit: Exit) -> ExitCode {
    // Whoever closed standard error has the exit code.
    let _ = writeln!(std::io::stderr(), "ERROR: failed to {message}");
    exit.into()
}
