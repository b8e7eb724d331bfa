//! `run` and `doctor`: an exporter judged.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use conformance::baseline::Baseline;
use conformance::cli::{ExporterArguments, ReportArgument, ReportFormat, RunArguments};
use conformance::doctor;
use conformance::exit::Exit;
use conformance::progress;
use conformance::report::{self, Report, github, json, terminal};
use conformance::rig::registry::RegistryChoice;
use conformance::run::{self, Case, Narrowed, Options};
use conformance::scenario::{self, Scenario};
use jiff::civil::Date;
use judge::evidence::Target;
use judge::profile::Profile;
use judge::verdict::Answer;

use super::reports::known;
use super::{Failure, deliver, exit_with, exporter, globs, in_order, not_run, print, requirements, wanted};

fn scenarios(folders: &[PathBuf], patterns: &[String]) -> Result<Vec<Scenario>, Failure> {
    let mut found = Vec::new();
    if folders.is_empty() {
        found = scenario::built_in().map_err(Failure::suite)?;
    }
    for folder in folders {
        let absolute = std::fs::canonicalize(folder)
            .map_err(|error| Failure::usage(format!("read --scenarios {}: {error}", folder.display())))?;
        found.extend(scenario::from_folder(&absolute).map_err(Failure::usage)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Failure::usage(format!("use two scenarios of the name {}: rename one folder", pair[0].name)));
    }
    let globs = globs("scenario", patterns)?;
    found.retain(|scenario| globs.matches(&scenario.name));
    if found.is_empty() {
        return Err(Failure::usage("select scenarios: none matches --scenario; see conformance list scenarios"));
    }
    Ok(found)
}

pub(super) fn options(arguments: &RunArguments) -> Result<Options, Failure> {
    let conditions = arguments.conditions.clone();
    let requirements = requirements(&conditions.requirement)?;
    let mut scenarios = scenarios(&conditions.scenarios, &conditions.scenario)?;
    let targets = if conditions.target.is_empty() { Target::ALL.to_vec() } else { conditions.target };
    let mut narrowed = Narrowed { requirements, only: None, shard: arguments.shard, fail_fast: arguments.fail_fast };
    if let Some(file) = &arguments.only_failed {
        let only = failed(file)?;
        scenarios = only_failed(scenarios, &only);
        if scenarios.is_empty() {
            let what = file.display();
            return Err(Failure::usage(format!("select scenarios: none of those selected failed in {what}")));
        }
        narrowed.only = Some(only);
    }
    if let Some(shard) = arguments.shard {
        let all = scenarios.len();
        scenarios = shard.of(scenarios, &targets);
        if scenarios.is_empty() {
            eprintln!("conformance: shard {shard} has nothing to do: {all} scenarios are selected");
        }
    }
    let exporter = exporter(&arguments.exporter)?;
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    Ok(Options {
        platform_api: conditions
            .platform_api
            .or_else(|| exporter.platform_api.clone())
            .unwrap_or_else(|| "0.15".to_owned()),
        exporter,
        profile: conditions.profile,
        scenarios,
        targets,
        registry: conditions.services.registry.unwrap_or(RegistryChoice::Auto),
        daemons: conditions.services.daemon,
        allow_push: conditions.services.allow_push_from_daemon,
        require: conditions.services.require,
        known: None,
        evidence: arguments.evidence.as_ref().map(absolute),
        keep: arguments.keep.as_ref().map(absolute),
        narrowed,
        jobs: super::jobs(conditions.jobs),
        timeout: conditions.timeout,
        service_limit: conditions.services.service_limit,
    })
}

pub(super) fn judge_exporter(arguments: RunArguments) -> Result<Exit, Failure> {
    let mut options = options(&arguments)?;
    options.known = known(arguments.baseline.as_deref())?;
    let (known, wanted) = (options.known.clone(), wanted(arguments.report)?);
    conclude(execute(options)?, known, &wanted)
}

/// Marks what is known in a report, writes it where it was asked for, and gives its exit code.
pub(super) fn conclude(
    mut report: Report,
    known: Option<(Baseline, Date)>,
    wanted: &[ReportArgument],
) -> Result<Exit, Failure> {
    if let Some((known, today)) = known {
        known.apply(&mut report, today);
    }
    for argument in wanted {
        write_report(&report, argument)?;
    }
    Ok(exit_with(report.exit_code))
}

/// What failed in a report, or could not be judged for the suite's own fault.
fn failed(file: &Path) -> Result<BTreeSet<Case>, Failure> {
    let report = json::read(file).map_err(Failure::usage)?;
    let failed = report.verdicts.into_iter().filter(|verdict| matches!(verdict.verdict, Answer::Fail | Answer::Error));
    let only: BTreeSet<Case> = failed.map(|v| (v.scenario, v.requirement, v.target)).collect();
    if only.is_empty() {
        return Err(Failure::usage(format!("select scenarios: nothing failed in {}", file.display())));
    }
    Ok(only)
}

/// The scenarios of these cases, on their targets; with the registry where a requirement compares with that.
fn only_failed(scenarios: Vec<Scenario>, only: &BTreeSet<Case>) -> Vec<Scenario> {
    let mut kept = Vec::new();
    for mut scenario in scenarios {
        let of_it: Vec<&Case> = only.iter().filter(|(name, _, _)| *name == scenario.name).collect();
        let compares = of_it.iter().any(|(_, requirement, _)| judge::requirements::compares_with_registry(requirement));
        scenario
            .file
            .targets
            .retain(|target| of_it.iter().any(|(_, _, of)| of == target) || (compares && *target == Target::Registry));
        if !of_it.is_empty() && !scenario.file.targets.is_empty() {
            kept.push(scenario);
        }
    }
    kept
}

/// Writes a report where it was asked for; `github` also appends to the job's summary where there is one.
fn write_report(report: &Report, argument: &ReportArgument) -> Result<(), Failure> {
    let to_terminal = argument.file.is_none() && std::io::stdout().is_terminal();
    let colour = to_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = report::render(report, argument.format, terminal::Style { colour })
        .map_err(|error| Failure::suite(format!("write a report: {error}")))?;
    if argument.format == ReportFormat::Github
        && let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty())
    {
        append(&github::summary(report), Path::new(&file))?;
    }
    deliver(&text, argument.file.as_deref())
}

fn append(text: &str, file: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|error| Failure::suite(format!("append to GITHUB_STEP_SUMMARY {}: {error}", file.display())))
}

pub(super) fn execute(options: Options) -> Result<Report, Failure> {
    in_order(async |supervisor, cancelled| {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver));
        let result = Box::pin(run::run(options, supervisor, cancelled, sender)).await;
        let _ = shown.await;
        result.map_err(not_run)
    })
}

pub(super) fn examine(arguments: &ExporterArguments) -> Result<Exit, Failure> {
    let exporter = exporter(arguments)?;
    let platform_api = exporter.platform_api.clone().unwrap_or_else(|| "0.15".to_owned());
    let options = Options {
        exporter,
        profile: Profile::Rfc196,
        scenarios: scenarios(&[], &["minimal".to_owned()])?,
        targets: vec![Target::Registry],
        registry: RegistryChoice::Embedded,
        daemons: Vec::new(),
        allow_push: false,
        require: Vec::new(),
        platform_api,
        known: None,
        evidence: None,
        keep: None,
        narrowed: conformance::run::Narrowed::default(),
        jobs: 1,
        timeout: 120,
        service_limit: conformance::limits::SERVICE_LIMIT,
    };
    let report = execute(options)?;
    let (text, exit) = doctor::diagnosis(&report);
    print(&text)?;
    Ok(if report.exit_code == Exit::Interrupted.code() { Exit::Interrupted } else { exit })
}
