//! From the command line of a process to its exit code.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::exporter::supervise;
use crate::masked::without_credentials;
use crate::rig::engine::keeper;
use clap::{CommandFactory as _, FromArgMatches as _};

/// Does what the command line says, or what a process of this program is started for by another one.
#[must_use]
pub fn start() -> ExitCode {
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
        Ok((cli, matches)) => super::dispatch(cli, &matches),
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
