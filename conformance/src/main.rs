//! The binary: reads the command line, runs the library, prints, and ends with a documented exit code.

mod commands;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use conformance::cli::Cli;
use conformance::exit::Exit;
use conformance::exporter::supervise;
use conformance::rig::engine::keeper;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if let [_, first, spec] = arguments.as_slice()
        && first == supervise::ARGUMENT
    {
        // Before any thread is there: a user namespace can be entered by a single-threaded process only.
        return if supervise::supervise(Path::new(spec)) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if arguments.as_slice() == [supervise::NAME] {
        return if supervise::first() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let [_, first, spec] = arguments.as_slice()
        && first == keeper::ARGUMENT
    {
        return if keeper::keep(Path::new(spec)) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let read = Cli::command().try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let exit = match read {
        Ok((cli, matches)) => commands::dispatch(cli, &matches),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Conformant }
        }
    };
    exit.into()
}
