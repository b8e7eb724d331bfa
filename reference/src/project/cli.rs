//! The command line of `project-metadata`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::{Dirty, KeySource, Options, ProjectError};

/// Keys that have a short name: `commit` is of `source.version`, the others of `source.metadata`.
const SHORT: [&str; 8] = ["commit", "repository", "authors", "version", "documentation-url", "name", "licenses", "id"];

const AFTER: &str = "Exit codes: 0 the file is written, 2 the command line, 3 the project descriptor, 4 version control, \
5 the work tree is changed and --dirty refuse was given, 6 the file cannot be written. Warnings go to standard error.";

/// Writes project-metadata.toml from a project descriptor, version control and overrides (docs/project-metadata.md).
#[derive(Debug, Parser)]
#[command(name = "project-metadata", version, after_help = AFTER)]
struct Cli {
    /// The app's source
    #[arg(long, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// A project descriptor, which has to be there (default: project.toml of the source, where there is one)
    #[arg(long, value_name = "FILE")]
    descriptor: Option<PathBuf>,
    /// Where to write; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "project-metadata.toml")]
    output: PathBuf,
    /// A value that replaces all others, such as version=1.2; an empty one removes; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Do not look at version control
    #[arg(long, conflicts_with_all = ["remote", "dirty"])]
    no_git: bool,
    /// The remote whose address is taken (default: the branch's, else origin, else the only one)
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// What is done with a work tree that is not what its commit has
    #[arg(long, value_enum, default_value_t = Dirty::Keep)]
    dirty: Dirty,
    /// Seconds that one call of git may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    git_limit: u64,
}

/// What to do.
#[derive(Debug)]
pub enum Asked {
    /// Make the document, and write it there; none is standard output.
    Make(Options, Option<PathBuf>),
    /// Print this and succeed.
    Print(String),
}

/// Reads the command line, the program's name first.
///
/// # Errors
/// [`ProjectError::Usage`].
pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Asked, ProjectError> {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(answer) if !answer.use_stderr() => return Ok(Asked::Print(answer.render().to_string())),
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            return Err(ProjectError::Usage(line));
        }
    };
    let mut overrides = Vec::new();
    for given in &cli.overrides {
        let wrong = |reason: &str| ProjectError::Usage(format!("--set '{}' {reason}", shown(given)));
        let (key, value) = given.split_once('=').ok_or_else(|| wrong("takes KEY=VALUE"))?;
        let known = SHORT.join(", ");
        let place = place(key).ok_or_else(|| {
            wrong(&format!("names no key: there are {known}, and source.type, source.version.KEY, source.metadata.KEY"))
        })?;
        overrides.push((place, value.to_owned()));
    }
    let options = Options {
        source: cli.source,
        descriptor: cli.descriptor,
        overrides,
        git: !cli.no_git,
        remote: cli.remote,
        dirty: cli.dirty,
        limit: Duration::from_secs(cli.git_limit),
    };
    Ok(Asked::Make(options, (cli.output.as_os_str() != "-").then_some(cli.output)))
}

/// The key of an override without its value, which may be secret.
fn shown(given: &str) -> &str {
    given.split('=').next().unwrap_or_default()
}

/// Where a key of `--set` stands.
pub(super) fn place(key: &str) -> Option<KeySource> {
    let is_key = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if key == "source.type" {
        return Some(KeySource::Type);
    }
    if let Some(key) = key.strip_prefix("source.version.") {
        return is_key(key).then(|| KeySource::Version(key.to_owned()));
    }
    if let Some(key) = key.strip_prefix("source.metadata.") {
        return is_key(key).then(|| KeySource::Metadata(key.to_owned()));
    }
    match key {
        "commit" => Some(KeySource::Version(key.to_owned())),
        _ if SHORT.contains(&key) => Some(KeySource::Metadata(key.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_places_and_what_is_wrong_is_named_without_its_value() {
        assert_eq!(place("commit"), Some(KeySource::Version("commit".to_owned())));
        assert_eq!(place("source.metadata.x-y"), Some(KeySource::Metadata("x-y".to_owned())));
        assert_eq!(place("source.type"), Some(KeySource::Type));
        for key in ["", "source", "source.version.", "source.metadata.a.b", "authors.x"] {
            assert_eq!(place(key), None, "{key}");
        }
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, reason) in [
            ("x --set repo=https://u:secret@h", "--set 'repo' names no key"),
            ("x --set name", "--set 'name' takes KEY=VALUE"),
            ("x --unheard-of", "unexpected argument"),
            ("x --no-git --remote origin", "cannot be used with"),
            ("x --dirty never", "invalid value 'never'"),
        ] {
            let error = read(words(line)).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("secret") && !error.contains('\n'), "{error}");
        }
        assert!(matches!(read(words("x --help")), Ok(Asked::Print(text)) if text.contains("Exit codes")));
        assert!(matches!(read(words("x -o -")), Ok(Asked::Make(_, None))));
    }
}
