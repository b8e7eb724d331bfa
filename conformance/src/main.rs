//! The binary: reads the command line, runs the library, prints, and ends with a documented exit code.

mod commands;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use conformance::cli::Cli;
use conformance::exit::Exit;
use conformance::exporter::supervise;
use conformance::masked::without_credentials;
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
            if !error.use_stderr() {
                let _ = error.print();
                return Exit::Conformant.into();
            }
            // It shows the word that it does not take, which may hold a password.
            let rendered = error.render();
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let text = if is_terminal { rendered.ansi().to_string() } else { rendered.to_string() };
            eprint!("{}", without_credentials(&text));
            Exit::Usage
        }
    };
    exit.into()
}
