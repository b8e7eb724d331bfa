//! The binary: reads command line and environment, exports, prints the cause of a failure, and exits with a code of
//! the Platform API. Called as `exporter` through a link, as platforms do, it does the same.

use std::io::Write;
use std::process::ExitCode;

use reference::cli::{self, CliError, Environment};
use reference::exit::Exit;
use reference::export::export;
use reference::log::Log;

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
    match runtime.block_on(export(&options, Log::new(options.log_level))) {
        Ok(()) => Exit::Success.into(),
        Err(error) => fail(&error, error.exit()),
    }
}

/// The message and its causes, in one line.
fn fail(error: &dyn std::error::Error, exit: Exit) -> ExitCode {
    // Whoever closed standard error has the exit code.
    let _ = writeln!(std::io::stderr(), "ERROR: failed to {error}");
    exit.into()
}
