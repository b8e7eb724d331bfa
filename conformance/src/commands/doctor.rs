//! `doctor`: the smallest build exported to whatever is available, and what came of it in plain words.

use std::io::Write as _;
use std::path::Path;

use crate::cli::{DoctorArguments, ShownArguments};
use crate::doctor::{self, Found};
use crate::error::chain;
use crate::exit::Exit;
use crate::exporter::process::Supervisor;
use crate::progress;
use crate::report::terminal::wrapped;
use crate::rig::registry::RegistryChoice;
use crate::run::control::Controlled;
use crate::run::{self, Options, RunError, control};
use judge::evidence::Phase;
use tokio_util::sync::CancellationToken;

use super::run::scenarios;
use super::{Failure, exporter, in_order, not_run, print, targets, with_services};

/// How often an exporter that cannot be judged as it is called is tried in another way.
const REMEDIES: usize = 4;

pub(super) fn examine(arguments: &DoctorArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    if let Some(file) = &arguments.write {
        super::writable("a description", file)?;
        if std::fs::symlink_metadata(file).is_ok() {
            return Err(there(file));
        }
    }
    let options = options(arguments)?;
    let quiet = shown.quiet;
    let found = in_order(async |supervisor, cancelled| found(options, &supervisor, &cancelled, quiet).await)?;
    print(&wrapped(&found.text, shown.style(false).width))?;
    if let Some((file, description)) = arguments.write.as_ref().zip(found.description) {
        write(file, &description)?;
        print(&format!("{} is written: conformance run --exporter-file {0}\n", file.display()))?;
    }
    Ok(found.exit)
}

fn options(arguments: &DoctorArguments) -> Result<Options, Failure> {
    let exporter = exporter(&arguments.exporter, arguments.platform_api.as_deref())?;
    let options = with_services(Options::of(exporter), arguments.services.clone(), RegistryChoice::Embedded)?;
    Ok(Options {
        scenarios: scenarios(&[], &["minimal".to_owned()])?,
        targets: targets(arguments.target.clone()),
        jobs: 1,
        phase: Some(Phase::Exporter),
        ..options
    })
}

/// What is found of the exporter.
async fn found(
    options: Options,
    supervisor: &Supervisor,
    cancelled: &CancellationToken,
    quiet: bool,
) -> Result<Found, Failure> {
    let mut obstacles = Vec::new();
    let given = options.clone();
    let mut options = options;
    let Controlled { options, seen } = loop {
        let error = match Box::pin(control::control(options.clone(), supervisor, cancelled)).await {
            Ok(controlled) => break controlled,
            Err(error) => error,
        };
        match error {
            RunError::NotJudged { remedy: Some(remedy), reason, .. } if obstacles.len() < REMEDIES => {
                obstacles.push(reason);
                options = remedy.applied(options);
            }
            RunError::NotJudged { .. } | RunError::NotStarted { .. } => {
                let Failure { exit, cause } = not_run(error);
                let message = chain(&*cause);
                let text = doctor::cannot_be_run(&options.exporter, &message);
                return Ok(Found { text, exit, description: None });
            }
            other => return Err(not_run(other)),
        }
    };
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let shown = tokio::spawn(progress::show(receiver, quiet));
    let result = Box::pin(run::run(options.clone(), supervisor.clone(), cancelled.clone(), sender)).await;
    let _ = shown.await;
    let report = result.map_err(not_run)?;
    let mut found = doctor::diagnosis(&report, &seen, &obstacles, (&given.exporter, &options.exporter));
    if report.exit_code == Exit::Interrupted {
        found.exit = Exit::Interrupted;
    }
    Ok(found)
}

fn there(file: &Path) -> Failure {
    Failure::usage(format!("write {}: it is there; name another file", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    match opened.and_then(|mut opened| opened.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(there(file)),
        Err(error) => Err(super::not_written("a description", file, error)),
    }
}
