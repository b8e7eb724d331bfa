//! From the command line of a process to its exit code.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::exporter::supervise;
use crate::masked::without_credentials;
use crate::rig::engine::supervisor;
use clap::{CommandFactory as _, FromArgMatches as _};

/// The variable that names the folder of temporary files.
const TMPDIR: &str = "TMPDIR";
/// Arenas of the allocator: scenarios run on a thread each, and what one frees is then there for another.
const ARENAS: u16 = 2;

/// Does what the command line says, or what a process of this program is started for by another one.
#[must_use]
pub fn start() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    begin_again_with_a_whole_tmpdir(&arguments);
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
        && first == supervisor::ARGUMENT
    {
        return if supervisor::keep(Path::new(spec)) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    arenas::bound(ARENAS);
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

/// Temporary files are named in other folders and by other processes, too: a `TMPDIR` that is relative is made
/// absolute, and an empty one is none. A process cannot safely change a variable of its own, so it begins again with
/// another one.
fn begin_again_with_a_whole_tmpdir(arguments: &[OsString]) {
    let Some(given) = std::env::var_os(TMPDIR).filter(|given| !Path::new(given).is_absolute()) else { return };
    let whole = std::path::absolute(&given).ok().filter(|_| !given.is_empty());
    if whole.is_none() && !given.is_empty() {
        return;
    }
    let (Ok(program), [name, rest @ ..]) = (std::env::current_exe(), arguments) else { return };
    let mut again = Command::new(program);
    again.arg0(name).args(rest);
    match whole {
        Some(folder) => again.env(TMPDIR, folder),
        None => again.env_remove(TMPDIR),
    };
    // It comes back only where it could not begin; then the variable stays what it was.
    let _ = again.exec();
}
