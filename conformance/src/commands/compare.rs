//! `compare`: two stored runs, or two exporters that are run one after the other.

use std::path::Path;

use crate::cli::{CompareArguments, CompareFormat, ExporterArguments, ProjectArguments, RunArguments, ShownArguments};
use crate::compare::{self, Side};
use crate::error::context;
use crate::evidence::bundle;
use crate::evidence::reader::Stored;
use crate::exit::Exit;
use crate::held::Held;
use crate::report::json;
use crate::report::terminal::{visible, wrapped};

use super::evidence::failure;
use super::run::{execute, options};
use super::selection::profile_named;
use super::{Failure, deliver, wanted};

/// `beside` is the exporter that a single one is compared with.
pub(super) fn compare(
    arguments: &CompareArguments,
    beside: Option<ExporterArguments>,
    shown: ShownArguments,
) -> Result<Exit, Failure> {
    let wanted = wanted(arguments.report.clone())?;
    let (old, new, exit) = match arguments.stored.as_slice() {
        [old, new] => (stored(old)?, stored(new)?, Exit::Conformant),
        _ => match two_runs(arguments, beside, shown.quiet)? {
            Some((old, new)) => {
                let exit = unjudged(&old).or(unjudged(&new));
                (old, new, exit)
            }
            None => return Ok(Exit::Interrupted),
        },
    };
    if old.report.profile != new.report.profile {
        let (old, new) = (&old.report.profile, &new.report.profile);
        return Err(Failure::usage(format!("compare: the old run is of profile {old}, the new one of {new}")));
    }
    let changes = compare::compare(&old, &new);
    for argument in &wanted {
        let text = match argument.format {
            CompareFormat::Json => {
                serde_json::to_string_pretty(&changes).map_err(context("write a report")).map_err(Failure::suite)?
                    + "\n"
            }
            CompareFormat::Terminal => wrapped(&changes.text(), shown.style(argument.file.is_some()).width),
            CompareFormat::Html => changes.html(),
            CompareFormat::Markdown => changes.markdown(),
        };
        deliver(&text, argument.file.as_deref())?;
    }
    Ok(changes.exit().or(exit))
}

fn stored(path: &Path) -> Result<Side, Failure> {
    if !path.exists() {
        let path = path.display();
        return Err(Failure::usage(format!(
            "compare {path}: it is not there; give a JSON report, a folder that run --evidence made, or a bundle"
        )));
    }
    if path.is_file() && !bundle::is_meant(path) {
        return Ok(Side { report: json::read(path).map_err(Failure::usage)?, evidence: None });
    }
    let Stored { facts, scenarios } = bundle::read(path).map_err(failure)?;
    let profile = profile_named(None, &facts.profile)?;
    Ok(Side { report: facts.judge(&scenarios, &profile), evidence: Some(scenarios) })
}

/// What a run that was made for this says beyond its changes: that the suite failed, or that nothing was judged.
fn unjudged(side: &Side) -> Exit {
    match side.report.exit_code {
        exit @ (Exit::SuiteFailed | Exit::NothingJudged) => exit,
        Exit::Conformant | Exit::NotConformant | Exit::Usage | Exit::Interrupted => Exit::Conformant,
    }
}

/// Both exporters run, the old one first; none where that was interrupted.
fn two_runs(
    arguments: &CompareArguments,
    beside: Option<ExporterArguments>,
    quiet: bool,
) -> Result<Option<(Side, Side)>, Failure> {
    let paths = arguments.exporter.iter().map(|path| (Some(path.clone()), None));
    let files = arguments.exporter_file.iter().map(|file| (None, Some(file.clone())));
    let mut exporters: Vec<ExporterArguments> = paths
        .chain(files)
        .map(|(exporter, exporter_file)| ExporterArguments {
            exporter,
            exporter_file,
            rebaser: None,
            unreachable_limit: None,
        })
        .collect();
    if exporters.len() == 1 {
        exporters.splice(0..0, beside);
    }
    let [old, new] = exporters.as_slice() else {
        return Err(Failure::usage(
            "compare: give two exporters, by --exporter or --exporter-file, or two stored runs",
        ));
    };
    let folder =
        Held::temporary().map_err(context("make a temporary folder for the evidence")).map_err(Failure::suite)?;
    // What is wrong with the new exporter's description is known before the old one runs.
    let (old, new) =
        (run_of(arguments, old, &folder.path().join("old")), run_of(arguments, new, &folder.path().join("new")));
    let (old, new) = (options(&old)?, options(&new)?);
    let mut sides = Vec::new();
    for (which, options) in [("old", old), ("new", new)] {
        eprintln!("conformance: the {which} exporter, {}", options.exporter.name);
        let report = execute(options, quiet)?;
        if report.exit_code == Exit::Interrupted {
            return Ok(None);
        }
        for trouble in &report.troubles {
            eprintln!("conformance: the {which} run: {}", visible(trouble));
        }
        let evidence = bundle::read(&folder.path().join(which)).map_err(failure)?.scenarios;
        sides.push(Side { report, evidence: Some(evidence) });
    }
    let new = sides.pop();
    Ok(sides.pop().zip(new))
}

/// The run of one exporter whose evidence goes to a folder.
fn run_of(arguments: &CompareArguments, exporter: &ExporterArguments, evidence: &Path) -> RunArguments {
    RunArguments {
        project: ProjectArguments::default(),
        phase: None,
        exporter: exporter.clone(),
        conditions: arguments.conditions.clone(),
        report: Vec::new(),
        baseline: None,
        shard: None,
        fail_fast: false,
        quick: false,
        faults: false,
        only_failed: None,
        evidence: Some(evidence.to_path_buf()),
        keep: None,
    }
}
