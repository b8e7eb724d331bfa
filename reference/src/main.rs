//! The binary: reads command line and environment, exports, prints the cause of a failure, and exits with a code of
//! the Platform API. Called as `exporter` through a link, as platforms do, it does the same.

use std::io::Write;
use std::process::ExitCode;

use reference::cli::{self, CliError, Environment};
use reference::exit::Exit;
use reference::export::export;
use reference::log::Log;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let environment: Environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    let options = match cli::read(std::env::args_os().skip(1), &environment) {
        Ok(options) => options,
        // The answer to -help and -version.
        Err(CliError::Flags(error)) if !error.use_stderr() => {
            let _ = error.print();
            return Exit::Success.into();
        }
        Err(error) => {
            return fail(
                &error,
                if matches!(error, CliError::PlatformApi(_)) { Exit::PlatformApi } else { Exit::BadInput },
            );
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, Exit::Export),
    };
    let result = runtime.block_on(async {
        tokio::select! {
            // Asked first, so that signals are watched for before anything is done.
            biased;
            signal = ended() => Err(signal),
            result = export(&options, Log::new(options.log_level)) => Ok(result),
        }
    });
    // Threads that write a layout remove what they have not finished.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(Ok(())) => Exit::Success.into(),
        Ok(Err(error)) => fail(&error, error.exit()),
        Err(signal) => fail(&format_args!("export: ended by {signal}"), Exit::Export),
    }
}

/// Waits until somebody wants this process to end; gives the signal's name.
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
fn fail(error: &dyn std::fmt::Display, exit: Exit) -> ExitCode {
    // Whoever closed standard error has the exit code.
    let _ = writeln!(std::io::stderr(), "ERROR: failed to {error}");
    exit.into()
}
