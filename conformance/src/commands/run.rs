//! `run` and `doctor`: an exporter judged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::{RunArguments, ShownArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::globs::nearest;
use crate::progress;
use crate::record::{Case, RunFilter};
use crate::report::terminal::counted;
use crate::report::{Report, json};
use crate::rig::registry::RegistryChoice;
use crate::run::{self, Options};
use crate::scenario::{self, Scenario};
use crate::shown::{QUICK_TARGETS, Table};
use judge::evidence::{Phase, Target};
use judge::verdict::Answer;

use super::output::conclude;
use super::selection::known;
use super::{
    Failure, controlled, exporter, globs, in_order, is_of_the_place, matches_nothing, not_run, requirements, targets,
    wanted, with_services,
};

pub(super) fn scenarios(folders: &[PathBuf], patterns: &[String]) -> Result<Vec<Scenario>, Failure> {
    let mut found = Vec::new();
    if folders.is_empty() {
        found = scenario::built_in().map_err(Failure::suite)?;
    }
    for folder in folders {
        let absolute = std::fs::canonicalize(folder)
            .map_err(context(format!("read --scenarios {}", folder.display())))
            .map_err(Failure::usage)?;
        found.extend(scenario::from_folder(&absolute).map_err(Failure::usage)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Failure::usage(format!("use two scenarios of the name {}: rename one folder", pair[0].name)));
    }
    let globs = globs("scenario", patterns)?;
    let names: Vec<&str> = found.iter().map(|scenario| scenario.name.as_str()).collect();
    if let Some(pattern) = globs.idle(&names) {
        return Err(matches_nothing("scenario", pattern, nearest(pattern, &names)));
    }
    found.retain(|scenario| globs.matches(&scenario.name));
    if found.is_empty() {
        return Err(Failure::usage("select scenarios: --scenarios has none"));
    }
    Ok(found)
}

pub(super) fn options(arguments: &RunArguments) -> Result<Options, Failure> {
    let conditions = arguments.conditions.clone();
    let requirements = requirements(&conditions.requirement)?;
    let mut scenarios = scenarios(&conditions.scenarios, &conditions.scenario)?;
    if !arguments.faults && conditions.scenario.is_empty() {
        scenarios.retain(|scenario| !scenario.file.with_faults);
    }
    // A quick run goes to those that need no service.
    let targets = if arguments.quick && conditions.target.is_empty() {
        QUICK_TARGETS.to_vec()
    } else {
        targets(conditions.target)
    };
    possible(&conditions.services.require, &targets)?;
    let mut narrowed = RunFilter {
        requirements,
        scenarios: globs("scenario", &conditions.scenario)?,
        only: None,
        shard: arguments.shard,
        fail_fast: arguments.fail_fast,
        quick: arguments.quick,
        left_out: 0,
    };
    let exporter = exporter(&arguments.exporter, conditions.platform_api.as_deref())?;
    if let Some(phase) = arguments.phase {
        scenarios = of_phase(scenarios, phase, &exporter)?;
    }
    if let Some(file) = &arguments.only_failed {
        let only = failed(file)?;
        scenarios = only_failed(scenarios, &only);
        if scenarios.is_empty() {
            let what = file.display();
            return Err(Failure::usage(format!("select scenarios: none of those selected failed in {what}")));
        }
        narrowed.only = Some(only);
    } else {
        let matching = scenarios.len();
        let is_named = !conditions.scenario.is_empty();
        scenarios = telling(scenarios, &narrowed, &targets, is_named)?;
        narrowed.left_out = matching - scenarios.len();
    }
    if let Some(shard) = arguments.shard {
        let all = scenarios.len();
        scenarios = shard.of(scenarios, &targets);
        if scenarios.is_empty() {
            eprintln!("conformance: shard {shard} has nothing to do: {} in all", counted(all, "scenario"));
        }
    }
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let options = Options {
        profile: conditions.profile,
        scenarios,
        targets,
        evidence: arguments.evidence.as_ref().map(absolute),
        keep: arguments.keep.as_ref().map(absolute),
        narrowed,
        jobs: conditions.pace.jobs(),
        timeout: conditions.pace.timeout,
        phase: arguments.phase,
        ..Options::of(exporter)
    };
    let registry = if arguments.quick { RegistryChoice::Embedded } else { RegistryChoice::Auto };
    with_services(options, conditions.services, registry)
}

/// The scenarios of one phase, which must be one that is described.
fn of_phase(scenarios: Vec<Scenario>, phase: Phase, exporter: &Exporter) -> Result<Vec<Scenario>, Failure> {
    if phase == Phase::Rebaser && exporter.rebaser.is_none() {
        return Err(Failure::usage(format!(
            "judge --phase rebaser: the description of exporter {} has no [rebaser]; describe one \
             (conformance docs exporter-description), or give --rebaser PATH",
            exporter.name
        )));
    }
    if phase == Phase::Exporter && exporter.targets.is_empty() {
        return Err(Failure::usage(format!(
            "judge --phase exporter: the description of {} has a rebaser alone; give it a command",
            exporter.name
        )));
    }
    let kept: Vec<Scenario> =
        scenarios.into_iter().filter(|scenario| scenario.file.rebases() == (phase == Phase::Rebaser)).collect();
    if kept.is_empty() {
        return Err(Failure::usage(format!("select scenarios: none of those selected is one of the {phase}")));
    }
    Ok(kept)
}

/// The scenarios that can show what is asked for, of those the most telling where the run is quick. Scenarios that were
/// asked for by name are run, whatever they show.
fn telling(
    scenarios: Vec<Scenario>,
    narrowed: &RunFilter,
    targets: &[Target],
    is_named: bool,
) -> Result<Vec<Scenario>, Failure> {
    if !narrowed.quick && (is_named || narrowed.requirements.set().is_none()) {
        return Ok(scenarios);
    }
    let table = Table::built_in().map_err(Failure::suite)?;
    if narrowed.quick {
        let chosen = table.quick(&scenarios, &narrowed.requirements, targets);
        if chosen.is_empty() {
            return Err(Failure::usage("select scenarios: none shows quickly what is asked for; leave out --quick"));
        }
        return Ok(chosen);
    }
    // Those with faults are here because they were asked for, whatever runs without them have shown.
    let (mut kept, rest): (Vec<_>, Vec<_>) = scenarios.into_iter().partition(|scenario| scenario.file.with_faults);
    kept.extend(table.narrowed(rest, &narrowed.requirements));
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(kept)
}

/// Services that are required belong to targets that are asked for.
fn possible(require: &[String], targets: &[Target]) -> Result<(), Failure> {
    let target = |service: &str| service.split(':').next()?.parse::<Target>().ok();
    match require.iter().find(|service| target(service).is_some_and(|target| !targets.contains(&target))) {
        None => Ok(()),
        Some(service) => Err(Failure::usage(format!(
            "require {service}: --target leaves it out; take it from --require, or its target into --target"
        ))),
    }
}

pub(super) fn judge_exporter(arguments: RunArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let mut options = options(&arguments)?;
    options.known = known(arguments.baseline.as_deref())?;
    let (known, wanted) = (options.known.clone(), wanted(arguments.report)?);
    for (flag, folder) in [("--evidence", &options.evidence), ("--keep", &options.keep)] {
        let is_unknown = folder.as_ref().filter(|folder| folder.to_str().is_none());
        if let Some(folder) = is_unknown {
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "use the folder {folder}: its name is not UTF-8; give {flag} another one"
            )));
        }
    }
    if let Some(folder) = &options.keep {
        ready_to_keep(folder)?;
    }
    conclude(execute(options, shown.quiet)?, known, &wanted, shown)
}

/// The folder for inputs, which must be empty or not there yet: what cannot be kept is better known before the run.
fn ready_to_keep(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::usage(format!("keep inputs in {shown}: it is a file; name a new folder")));
    }
    let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::read_dir(folder));
    match made {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!(
                "keep inputs in {shown}: it is not empty, and nothing is overwritten; name a new folder"
            ))),
        },
        Err(error) => {
            let is_usage = is_of_the_place(error.kind());
            let cause = context(format!("keep inputs in {shown} (--keep chooses the folder)"))(error);
            Err(if is_usage { Failure::usage(cause) } else { Failure::suite(cause) })
        }
    }
}

/// What failed in a report, or could not be judged for the suite's own fault.
fn failed(file: &Path) -> Result<BTreeSet<Case>, Failure> {
    let report = json::read(file).map_err(Failure::usage)?;
    let failed = report.verdicts.iter().filter(|verdict| matches!(verdict.verdict, Answer::Fail | Answer::Error));
    let only: BTreeSet<Case> = failed.map(Case::of).collect();
    if only.is_empty() {
        return Err(Failure::usage(format!("select scenarios: nothing failed in {}", file.display())));
    }
    Ok(only)
}

/// The scenarios of these cases, on their targets; with the registry where a requirement compares with that.
fn only_failed(scenarios: Vec<Scenario>, only: &BTreeSet<Case>) -> Vec<Scenario> {
    let mut kept = Vec::new();
    for mut scenario in scenarios {
        let of_it: Vec<&Case> = only.iter().filter(|case| case.scenario == scenario.name).collect();
        let compares = of_it.iter().any(|case| judge::requirements::compares_with_registry(&case.requirement));
        scenario.file.targets.retain(|target| {
            of_it.iter().any(|case| case.target == *target) || (compares && *target == Target::Registry)
        });
        if !of_it.is_empty() && !scenario.file.targets.is_empty() {
            kept.push(scenario);
        }
    }
    kept
}

pub(super) fn execute(options: Options, quiet: bool) -> Result<Report, Failure> {
    in_order(async |supervisor, cancelled| {
        let options = controlled(options, &supervisor, &cancelled).await?;
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver, quiet));
        let result = Box::pin(run::run(options, supervisor, cancelled, sender)).await;
        let _ = shown.await;
        result.map_err(not_run)
    })
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    use super::*;

    /// The words as a shell reads them.
    fn words(line: &str) -> Vec<String> {
        shlex::split(line).unwrap()
    }

    fn parsed(words: &[String]) -> Options {
        match Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}")).command {
            Command::Run(arguments) => {
                options(&arguments).unwrap_or_else(|failure| panic!("{}", crate::error::chain(&*failure.cause)))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_that_a_report_prints_runs_under_the_conditions_of_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("it's here");
        std::fs::create_dir(&place).unwrap();
        let path = |name: &str| place.join(name).display().to_string();
        std::fs::write(path("own.toml"), "name = 'ours'\nextends = 'core'\n").unwrap();
        let description = "name = 'odd'\ncommand = ['/bin/true']\nplatform-api = '0.13'\n";
        std::fs::write(path("exporter.toml"), description).unwrap();
        let (exporter, profile) = (path("exporter.toml"), path("own.toml"));
        let all = [
            "--platform-api 0.12 --registry http://127.0.0.1:5000/team --timeout 33 --allow-push-from-daemon",
            "--registry embedded --daemon unix:///a.sock --daemon tcp://127.0.0.1:1",
            "--registry executable --platform-api 0.13 --timeout 120",
            "",
        ];
        for conditions in all {
            let mut given =
                ["conformance", "run", "--exporter-file", &exporter, "--profile", &profile].map(str::to_owned).to_vec();
            given.extend(words(conditions));
            let first = parsed(&given);
            let selection = run::selection(&first);
            // Every parse reads all scenarios: some of the catalogue stand for it, on each of their targets.
            for row in judge::requirements::all().step_by(60) {
                for target in row.targets {
                    let line = judge::repeat::command(&selection, &["minimal"], row.id, &[], *target);
                    let again = parsed(&words(&line));
                    assert_eq!(again.platform_api, first.platform_api, "{line}");
                    assert_eq!((&again.registry, &again.daemons), (&first.registry, &first.daemons), "{line}");
                    assert_eq!((again.timeout, again.allow_push), (first.timeout, first.allow_push), "{line}");
                    assert_eq!(again.profile.argument(), first.profile.argument(), "{line}");
                    assert_eq!(again.exporter.program.path, first.exporter.program.path, "{line}");
                    assert_eq!(again.scenarios.len(), 1, "{line}");
                    assert!(again.narrowed.requirements.matches(row.id) && again.targets.contains(target), "{line}");
                }
            }
        }
    }

    #[test]
    fn a_verdict_of_a_report_names_all_of_them() {
        let given = words("conformance run --exporter /bin/true --platform-api 0.9 --scenario minimal --timeout 7");
        let evidence: Vec<judge::evidence::ScenarioEvidence> = vec![judge::evidence::ScenarioEvidence {
            version: judge::evidence::EVIDENCE_VERSION,
            scenario: "minimal".to_owned(),
            exports: Vec::new(),
            rebases: Vec::new(),
            not_run: vec![judge::evidence::NotRun {
                target: Target::Registry,
                service: "registry".to_owned(),
                reason: "it is not here".to_owned(),
                cause: judge::evidence::NotRunCause::NotHere,
                phase: judge::evidence::Phase::Exporter,
            }],
        }];
        let verdicts = judge::judge(&evidence, &run::selection(&parsed(&given))).verdicts;
        assert!(!verdicts.is_empty());
        for verdict in verdicts {
            assert!(verdict.repeat.contains(" --platform-api 0.9 --timeout 7 "), "{}", verdict.repeat);
        }
    }
}
