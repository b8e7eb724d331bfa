//! The binary `project-metadata`: writes `project-metadata.toml` from a project descriptor, version control and
//! overrides.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use reference::failure;
use reference::project::cli::{self, Asked};
use reference::project::{Exit, Options, ProjectError, make, write};

fn main() -> ExitCode {
    match run() {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ERROR: failed to {}", failure::chain(&error));
            error.exit().into()
        }
    }
}

fn run() -> Result<(), ProjectError> {
    match cli::read(std::env::args_os())? {
        Asked::Print(text) => print(&text),
        Asked::Make(options, output) => produce(&options, output.as_deref()),
    }
}

fn produce(options: &Options, output: Option<&Path>) -> Result<(), ProjectError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ProjectError::Runtime)?;
    let made = runtime.block_on(make(options))?;
    for warning in &made.warnings {
        let _ = writeln!(std::io::stderr(), "Warning: {warning}");
    }
    match output {
        Some(path) => write(&made.text, path),
        None => print(&made.text),
    }
}

fn print(text: &str) -> Result<(), ProjectError> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|source| ProjectError::Write { path: "standard output".into(), source })
}
