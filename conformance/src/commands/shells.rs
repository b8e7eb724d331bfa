//! `man` and `completions`: what is made of the command line itself.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::Cli;
use crate::error::context;
use crate::exit::Exit;
use clap::CommandFactory;
use clap_complete::Shell;

use super::{Failure, print};

/// Man pages, of section 1.
pub(super) fn man(folder: &Path) -> Result<Exit, Failure> {
    if !folder.is_dir() {
        return Err(Failure::usage(format!("write man pages to {}: give a folder that exists", folder.display())));
    }
    clap_mangen::generate_to(Cli::command(), folder)
        .map_err(context(format!("write man pages to {}", folder.display())))
        .map_err(Failure::suite)?;
    print(&format!("{}\n", folder.display()))
}

pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    print(&completions_of(shell))
}

fn completions_of(shell: Shell) -> String {
    let mut command = Cli::command();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "conformance", &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    if shell == Shell::Fish { text + &values_for_fish(&command) } else { text }
}

/// What the generated text for fish lacks: the values of arguments that have no name, such as what `list` lists.
fn values_for_fish(command: &clap::Command) -> String {
    let mut lines = String::new();
    for subcommand in command.get_subcommands() {
        for argument in subcommand.get_positionals() {
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            if !values.is_empty() {
                let condition = format!("__fish_conformance_using_subcommand {}", subcommand.get_name());
                let _ = writeln!(lines, "complete -c conformance -n \"{condition}\" -f -a \"{}\"", values.join(" "));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;

    use super::*;

    /// What a shell prints when it has loaded its completions and does what `script` says; none where it is not
    /// installed.
    fn said_by(shell: Shell, program: &str, arguments: &[&str], script: &str) -> Option<Vec<String>> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("completions");
        std::fs::write(&file, completions_of(shell)).unwrap();
        let script = script.replace("FILE", &format!("'{}'", file.display()));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = match command.args(arguments).args(["-c", &script]).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            other => other.unwrap(),
        };
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{program}: {}: {errors}", output.status);
        Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    #[test]
    fn bash_loads_its_completions_and_completes_commands_options_and_values() {
        const SCRIPT: &str = "source FILE || exit 9
            complete_after() { COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); COMPREPLY=()
                _conformance conformance \"${@: -1}\" \"${@: -2:1}\"; echo \"${COMPREPLY[@]}\"; }
            complete_after conformance compl
            complete_after conformance run --only-
            complete_after conformance compare --target l
            complete_after conformance list sc
            complete_after conformance baseline u";
        let Some(said) = said_by(Shell::Bash, "bash", &["--norc"], SCRIPT) else { return };
        assert_eq!(said, ["completions", "--only-failed", "layout", "scenarios", "update"]);
    }

    #[test]
    fn zsh_loads_its_completions_and_has_every_command() {
        const SCRIPT: &str = "autoload -Uz compinit && compinit -u -D && source FILE || exit 9
            print -r -- $_comps[conformance]
            _describe() { print -rl -- ${(P)4} }
            _conformance_commands";
        let Some(said) = said_by(Shell::Zsh, "zsh", &["-f"], SCRIPT) else { return };
        assert_eq!(said.first().map(String::as_str), Some("_conformance"));
        for command in Cli::command().get_subcommands() {
            let line = format!("{}:", command.get_name());
            assert!(said.iter().any(|said| said.starts_with(&line)), "{line} {said:?}");
        }
    }

    #[test]
    fn fish_loads_its_completions_and_completes_commands_options_and_values() {
        const SCRIPT: &str = "source FILE; or exit 9
            for line in 'compl' 'run --only-' 'compare --target l' 'list sc' 'baseline u'
                complete -C \"conformance $line\"
            end";
        let Some(said) = said_by(Shell::Fish, "fish", &["--no-config"], SCRIPT) else { return };
        let names: Vec<&str> = said.iter().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(names, ["completions", "--only-failed", "layout", "scenarios", "update"]);
    }
}
