//! `doctor`: what one minimal export came to, in plain words, for someone whose exporter does not run yet.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

use judge::evidence::Target;
use judge::profile::Profile;
use judge::requirement::EXIT_ZERO;
use judge::requirements;
use judge::verdict::{Answer, Verdict};

use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::report::Report;
use crate::report::headline::under;
use crate::report::terminal::{shorter, visible};
use crate::run::control::ControlResult;

/// Longest value that is shown in full, in characters.
const LONGEST: usize = 200;

/// What is said of an exporter whose control export showed that nothing of it can be judged.
#[must_use]
pub fn cannot_be_run(exporter: &Exporter, reason: &str) -> String {
    let program = exporter.program.path.display().to_string();
    format!("{} ({})\nThe suite failed to {}\n", visible(&exporter.name), visible(&program), visible(reason))
}

/// What was found.
pub struct Found {
    /// In plain words.
    pub text: String,
    /// How the program ends.
    pub exit: Exit,
    /// The description by which the smallest build was exported somewhere.
    pub description: Option<String>,
}

/// What came of the smallest build on everything available: `seen` are the control exports, `obstacles` what kept the
/// exporter from being judged as it was called. The exporters are that of the command line, and that which was judged.
#[must_use]
pub fn diagnosis(
    report: &Report,
    seen: &[ControlResult],
    obstacles: &[String],
    (given, judged): (&Exporter, &Exporter),
) -> Found {
    let mut out = String::new();
    let _ = writeln!(out, "{} ({})", visible(&report.exporter.name), visible(&report.exporter.path));
    for obstacle in obstacles {
        let _ = writeln!(out, "As it was called nothing of it can be judged: {}", visible(obstacle));
    }
    let _ = writeln!(out, "It is told Platform API {}.", report.platform_api);
    at_hand(&mut out, report);
    for (target, reason) in &judged.refused {
        let _ = writeln!(out, "Not on {target}: {}", visible(reason));
    }
    if let Some(reason) = &judged.distrust {
        let _ = writeln!(out, "Under TLS: what it sends is not recorded: {}.", visible(reason));
    }
    let ran = exports(&mut out, report, seen, (given, judged));
    if ran == Ran::Nowhere {
        let failed = report.verdicts.iter().any(|verdict| is_exit(verdict) && verdict.verdict == Answer::Fail);
        let exit = if failed { Exit::NotConformant } else { Exit::SuiteFailed };
        return Found { text: out, exit, description: None };
    }
    findings(&mut out, report);
    profiles(&mut out, report);
    let description = described(report, ran, (given, judged));
    proposal(&mut out, &description, given);
    let exit = match (obstacles, report.totals.fail) {
        ([], 0) => Exit::Conformant,
        ([], _) => Exit::NotConformant,
        _ => Exit::NothingJudged,
    };
    let last = match exit {
        Exit::Conformant => format!("It is ready to be judged: {}", command("run", given)),
        Exit::NothingJudged => "With that it can be judged: conformance run --exporter-file FILE".to_owned(),
        _ => format!(
            "conformance explain REQUIREMENT says what each of these asks, and why. {} looks further.",
            command("run --quick", given)
        ),
    };
    let _ = writeln!(out, "{last}");
    Found { text: out, exit, description: Some(description) }
}

/// A command that concerns the exporter as it was given.
fn command(what: &str, exporter: &Exporter) -> String {
    let words = ["conformance", what, &exporter.argument];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    visible(&words.join(" "))
}

/// The services, and why one is not there.
fn at_hand(out: &mut String, report: &Report) {
    let named: Vec<String> = report
        .services
        .iter()
        .filter(|service| service.kind != "none")
        .map(|service| {
            let kind = format!("{} {}", service.kind, service.version);
            format!("{} ({})", service.name, visible(kind.trim_end()))
        })
        .collect();
    let _ = writeln!(out, "Available: {}.", named.join(", "));
    for service in report.services.iter().filter(|service| service.kind == "none") {
        let _ = writeln!(out, "Not available: {}: {}. So nothing is said of it.", service.name, visible(&service.note));
    }
}

/// Where the smallest build was exported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Everywhere,
    Somewhere,
    Nowhere,
}

fn is_exit(verdict: &Verdict) -> bool {
    EXIT_ZERO.contains(&verdict.requirement.as_str())
}

/// How the exports ended, service by service.
fn exports(out: &mut String, report: &Report, seen: &[ControlResult], (given, judged): (&Exporter, &Exporter)) -> Ran {
    let (mut ran, mut failed) = (0, 0);
    for verdict in report.verdicts.iter().filter(|verdict| is_exit(verdict)) {
        match verdict.verdict {
            Answer::Pass => {
                ran += 1;
                let _ = writeln!(out, "On {}: It ran and exited 0.", verdict.service);
            }
            Answer::Fail => {
                failed += 1;
                // The line that tells most, from whichever stream.
                let told = seen.iter().find(|seen| seen.target == verdict.target && !seen.succeeded);
                let found = told.map_or(verdict.found.as_str(), |seen| &seen.told);
                let service = &verdict.service;
                let _ =
                    writeln!(out, "On {service}: It did not export the smallest build there is: {}", visible(found));
                let _ = writeln!(out, "  {}", hint(found, verdict.target, given));
            }
            Answer::Error => {
                failed += 1;
                let _ =
                    writeln!(out, "On {}: The suite could not run it: {}", verdict.service, visible(&verdict.message));
            }
            _ => {}
        }
    }
    if ran + failed == 0 && judged.refused.is_empty() {
        let reason = report.verdicts.first().map_or("no export was made", |verdict| verdict.message.as_str());
        let _ = writeln!(out, "The suite could not run it: {}", visible(reason));
    }
    match (ran, failed) {
        (0, _) => Ran::Nowhere,
        (_, 0) => Ran::Everywhere,
        _ => Ran::Somewhere,
    }
}

/// Every violated requirement once, with the services on which it is.
fn findings(out: &mut String, report: &Report) {
    let mut found: Vec<(&Verdict, Vec<&str>)> = Vec::new();
    let is_violated = |verdict: &&Verdict| {
        !is_exit(verdict) && matches!(verdict.verdict, Answer::Fail | Answer::Warn | Answer::Absent)
    };
    for verdict in report.verdicts.iter().filter(is_violated) {
        let same = |(one, _): &&mut (&Verdict, Vec<&str>)| {
            one.requirement == verdict.requirement && one.verdict == verdict.verdict && one.message == verdict.message
        };
        match found.iter_mut().find(same) {
            Some((_, services)) => services.push(&verdict.service),
            None => found.push((verdict, vec![&verdict.service])),
        }
    }
    // What every profile wants comes first.
    found.sort_by_key(|(verdict, _)| match verdict.verdict {
        Answer::Fail => 0,
        Answer::Warn => 1,
        _ => 2,
    });
    if !found.is_empty() {
        let _ = writeln!(out, "What is to be fixed:");
    }
    for (verdict, services) in found {
        let word = match verdict.verdict {
            Answer::Fail => "wrong",
            Answer::Warn => "doubtful",
            _ => "not there",
        };
        let (id, message) = (&verdict.requirement, visible(&verdict.message));
        let _ = writeln!(out, "  {word:<9} {id} on {}: {message}", services.join(", "));
        let fix = requirements::named(id).map_or("", |row| row.remedy);
        for (name, value) in [("expected", verdict.expected.as_str()), ("found", &verdict.found), ("fix", fix)] {
            if !value.is_empty() {
                let _ = writeln!(out, "            {name:<8}  {}", visible(&shorter(value, LONGEST)));
            }
        }
    }
}

/// How far it is from each profile, as the smallest build shows it.
fn profiles(out: &mut String, report: &Report) {
    let broken = |profile: &Profile| -> usize {
        let failing = report.verdicts.iter().filter(|verdict| under(profile, verdict) == Answer::Fail);
        failing.map(|verdict| verdict.requirement.as_str()).collect::<BTreeSet<_>>().len()
    };
    let counts: Vec<(&str, usize)> =
        Profile::BUILT_IN.iter().map(|profile| (profile.name(), broken(profile))).collect();
    let near: Vec<&str> = counts.iter().filter(|(_, count)| *count == 0).map(|(name, _)| *name).collect();
    let listed: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(
        out,
        "Requirements of each profile to fix, as far as the smallest build shows: {}.",
        listed.join(", ")
    );
    match (near.last(), counts.iter().min_by_key(|(_, count)| *count)) {
        (Some(most), _) => {
            let _ = writeln!(out, "Nothing is in the way of {most} here.");
        }
        (None, Some((name, _))) => {
            let _ = writeln!(out, "The nearest profile is {name}.");
        }
        (None, None) => {}
    }
}

/// The description of the exporter as it was judged; where it failed on some targets, those that it has as a comment.
/// Where it was seen not to have one, those are listed that it was seen to have, and a comment names what was not
/// tried.
fn described(report: &Report, ran: Ran, (given, judged): (&Exporter, &Exporter)) -> String {
    let ended = |answers: &[Answer]| -> BTreeSet<Target> {
        let of_it = |verdict: &&Verdict| is_exit(verdict) && answers.contains(&verdict.verdict);
        report.verdicts.iter().filter(of_it).map(|verdict| verdict.target).collect()
    };
    let mut comments = String::new();
    let mut known = judged.clone();
    // What the given description lists is the author's own word.
    if !judged.refused.is_empty() && given.targets.len() == Target::ALL.len() {
        let tried = ended(&[Answer::Pass, Answer::Fail]);
        for target in Target::ALL.into_iter().filter(|target| !tried.contains(target)) {
            if let Entry::Vacant(place) = known.refused.entry(target) {
                place.insert("it was not tried".to_owned());
                let _ = writeln!(comments, "# {target} was not tried. Add it to targets if the exporter has it.");
            }
        }
    }
    if ran == Ran::Somewhere {
        let named: Vec<String> = ended(&[Answer::Pass]).iter().map(|target| format!("\"{target}\"")).collect();
        let _ = writeln!(comments, "# If it is not meant to have other targets:\n# targets = [{}]", named.join(", "));
    }
    comments + &known.described()
}

/// The description, where it says what the given one does not.
fn proposal(out: &mut String, description: &str, given: &Exporter) {
    if description == given.described() {
        return;
    }
    let _ = writeln!(out, "A description would say (doctor --write FILE writes it):");
    for line in description.lines() {
        let _ = writeln!(out, "  {}", visible(line));
    }
}

/// What usually helps, told from what the exporter printed.
fn hint(found: &str, target: Target, exporter: &Exporter) -> String {
    let text = found.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let hint = if says(&["exit 11", "platform api"]) {
        "It speaks of the Platform API version: give one that it knows with --platform-api or in its description."
    } else if says(&["exit 12", "buildpack api"]) {
        "It refuses the Buildpack API version of group.toml; the scenario uses 0.10."
    } else if says(&["flag", "unknown option", "unexpected argument", "usage"]) {
        "It may not take a flag of the Platform API: 'leave-out' in its description leaves one away."
    } else if says(&["https", "tls", "certificate"]) {
        "It asks a plain HTTP registry by TLS: -insecure-registry names the registry, and it has to be honoured."
    } else if says(&["denied", "unauthorized", "forbidden"]) {
        "The registry refused it: look at DOCKER_CONFIG and CNB_REGISTRY_AUTH."
    } else if says(&["signal", "ended after"]) {
        "It did not end by itself; run it alone with the evidence's repeat.sh."
    } else {
        return format!(
            "Keep what it printed with: {} --scenario minimal --target {target} --evidence DIR",
            command("run", exporter)
        );
    };
    hint.to_owned()
}
