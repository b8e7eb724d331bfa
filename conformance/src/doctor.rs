//! `doctor`: what one minimal export came to, in plain words, for somebody whose exporter does not run yet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use judge::evidence::Target;
use judge::verdict::Answer;

use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::report::Report;
use crate::report::terminal::visible;
use crate::run::control::Seen;

/// What is said of an exporter whose control export showed that nothing of it can be judged.
#[must_use]
pub fn cannot_be_run(exporter: &Exporter, reason: &str) -> String {
    let program = exporter.program.display().to_string();
    format!("{} ({})\nThe suite failed to {}\n", visible(&exporter.name), visible(&program), visible(reason))
}

/// The report of a run of the scenario `minimal`, what the control exports showed and the targets that the exporter
/// does not have, in plain words, and how the program ends.
#[must_use]
pub fn diagnosis(report: &Report, seen: &[Seen], refused: &BTreeMap<Target, String>) -> (String, Exit) {
    let mut out = String::new();
    let _ = writeln!(out, "{} ({})", visible(&report.exporter.name), visible(&report.exporter.path));
    let _ = writeln!(out, "It is told Platform API {}.", report.platform_api);
    for (target, reason) in refused {
        let _ = writeln!(out, "Not on {target}: {}", visible(reason));
    }
    let judged = report.targets.first().copied();
    for other in seen.iter().filter(|seen| !refused.contains_key(&seen.target) && Some(seen.target) != judged) {
        let how = if other.succeeded { "It ran and exited 0".to_owned() } else { visible(&other.told) };
        let _ = writeln!(out, "On {}: {how}", other.target);
    }
    let find = |id: &str| report.verdicts.iter().find(|verdict| verdict.requirement == id);
    let process = find("platform.exit-zero");
    match process.map(|verdict| verdict.verdict) {
        Some(Answer::Pass) => {
            let _ = writeln!(out, "It ran and exited 0.");
        }
        Some(Answer::Fail) => {
            // The line that tells most, from whichever stream.
            let told = seen.iter().find(|seen| Some(seen.target) == judged && !seen.succeeded);
            let found = told.map_or_else(|| process.map_or("", |verdict| verdict.found.as_str()), |seen| &seen.told);
            let _ = writeln!(out, "It did not export the smallest build there is: {}", visible(found));
            let _ = writeln!(out, "{}", hint(found));
            return (out, Exit::NotConformant);
        }
        _ => {
            let reason = report.verdicts.first().map_or("no export was made", |verdict| verdict.message.as_str());
            let _ = writeln!(out, "The suite could not run it: {}", visible(reason));
            return (out, Exit::SuiteFailed);
        }
    }
    for verdict in &report.verdicts {
        if matches!(verdict.verdict, Answer::Fail | Answer::Warn | Answer::Absent) {
            let word = match verdict.verdict {
                Answer::Fail => "wrong",
                Answer::Warn => "doubtful",
                _ => "not there",
            };
            let _ = writeln!(out, "  {word:<9} {}: {}", verdict.requirement, visible(&verdict.message));
        }
    }
    let exit = if report.totals.fail > 0 { Exit::NotConformant } else { Exit::Conformant };
    let last = match exit {
        Exit::Conformant => "It is ready to be judged: conformance run.",
        _ => "conformance explain REQUIREMENT says what each of these asks.",
    };
    let _ = writeln!(out, "{last}");
    (out, exit)
}

/// What usually helps, told from what the exporter printed.
fn hint(found: &str) -> &'static str {
    let text = found.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["exit 11", "platform api"]) {
        "It speaks of the Platform API version: give one that it knows with --platform-api or in its description."
    } else if says(&["exit 12", "buildpack api"]) {
        "It refuses the Buildpack API version of group.toml; the scenario uses 0.10."
    } else if says(&["flag", "unknown option", "unexpected argument", "usage"]) {
        "It does not take a flag of the Platform API: 'leave-out' in its description leaves one away."
    } else if says(&["https", "tls", "certificate"]) {
        "It asks a plain HTTP registry by TLS: -insecure-registry names the registry, and it has to be honoured."
    } else if says(&["denied", "unauthorized", "forbidden"]) {
        "The registry refused it: look at DOCKER_CONFIG and CNB_REGISTRY_AUTH."
    } else if says(&["signal", "ended after"]) {
        "It did not end by itself; run it alone with the evidence's repeat.sh."
    } else {
        "Keep what it printed with: conformance run --scenario minimal --target registry --evidence DIR"
    }
}
