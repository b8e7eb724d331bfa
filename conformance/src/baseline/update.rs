//! A baseline brought up to a report: what fails and is not named is added, what passes again is removed. Reasons,
//! dates and comments of what stays are kept.

use std::collections::{BTreeMap, BTreeSet};

use judge::verdict::{Answer, Verdict};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{Baseline, BaselineError, any};
use crate::error::Cause;
use crate::record::is_daemon;
use crate::report::Report;

/// The reason of what was added; a person writes the true one.
const REASON: &str = "not looked into yet";

/// A baseline's new text, and what changed.
#[derive(Debug)]
pub struct Updated {
    /// The text.
    pub text: String,
    /// Names of what was added.
    pub added: Vec<String>,
    /// Names of removed entries.
    pub struck: Vec<String>,
}

/// The text of a baseline after a report. Expired entries stay: to extend them is a person's decision.
///
/// # Errors
/// [`BaselineError::Format`] when the text is not a baseline.
pub fn updated(text: &str, file: &str, report: &Report) -> Result<Updated, BaselineError> {
    let baseline = Baseline::parse(text, file)?;
    let fail = |source: Cause| BaselineError::Format { file: file.to_owned(), source };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fail(error.into()))?;
    let item = document.entry("known").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = item.as_array_of_tables_mut() else {
        return Err(fail("write each known failure as a table of its own: [[known]]".into()));
    };
    let mut struck = Vec::new();
    for (index, entry) in baseline.entries.iter().enumerate().rev() {
        // What a quick run did not look at may still fail.
        if !report.is_quick() && entry.passes_again(&report.verdicts) {
            tables.remove(index);
            struck.push(entry.name());
        }
    }
    struck.reverse();
    let is_known = |verdict: &Verdict| baseline.entries.iter().any(|entry| entry.matches(verdict));
    let unknown = report.verdicts.iter().filter(|verdict| verdict.verdict == Answer::Fail && !is_known(verdict));
    let requirements: BTreeSet<&str> = unknown.map(|verdict| verdict.requirement.as_str()).collect();
    let mut added = Vec::new();
    for requirement in requirements {
        let own: Vec<&Verdict> = report.verdicts.iter().filter(|verdict| verdict.requirement == requirement).collect();
        for place in places(&own, &is_known) {
            added.push(format!("{requirement} in {} on {}", place.scenario, place.service));
            tables.push(place.table(requirement));
        }
    }
    Ok(Updated { text: document.to_string(), added, struck })
}

/// Where a requirement fails: two globs.
#[derive(Debug, PartialEq, Eq)]
struct FailureScope {
    scenario: String,
    service: String,
}

impl FailureScope {
    fn table(&self, requirement: &str) -> Table {
        let mut table = Table::new();
        table["requirement"] = value(requirement);
        for (key, glob) in [("scenario", &self.scenario), ("service", &self.service)] {
            if *glob != any() {
                table[key] = value(glob);
            }
        }
        table["reason"] = value(REASON);
        table.decor_mut().set_prefix("\n");
        table
    }
}

/// The fewest places that name the failures which are not known, and nothing that holds: everywhere, throughout one
/// service, or in certain scenarios.
fn places(own: &[&Verdict], is_known: &impl Fn(&Verdict) -> bool) -> Vec<FailureScope> {
    let judged =
        |verdict: &&&Verdict| matches!(verdict.verdict, Answer::Pass | Answer::Fail | Answer::Warn | Answer::Absent);
    let mut services: BTreeMap<&str, Failures<'_>> = BTreeMap::new();
    for verdict in own.iter().filter(judged) {
        let of = services.entry(&verdict.service).or_default();
        if verdict.verdict != Answer::Fail {
            of.holds_somewhere = true;
        } else if !is_known(verdict) {
            of.scenarios.insert(&verdict.scenario);
        }
    }
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (service, failures) in services.iter().filter(|(_, failures)| !failures.scenarios.is_empty()) {
        let scenario = if failures.holds_somewhere { one_of(failures.scenarios.iter().copied()) } else { any() };
        alike.entry(scenario).or_default().push(service);
    }
    alike
        .into_iter()
        .map(|(scenario, failing)| {
            let service =
                if failing.len() == services.len() { any() } else { named(&failing, services.keys().copied()) };
            FailureScope { scenario, service }
        })
        .collect()
}

/// The failures of one requirement on one service.
#[derive(Default)]
struct Failures<'a> {
    /// Scenarios in which it fails and is not known to.
    scenarios: BTreeSet<&'a str>,
    holds_somewhere: bool,
}

/// A glob over these services: `daemon:*` where every daemon is among them.
fn named<'a>(failing: &[&'a str], all: impl Iterator<Item = &'a str>) -> String {
    let daemons: Vec<&str> = all.filter(|service| is_daemon(service)).collect();
    if daemons.len() < 2 || !daemons.iter().all(|daemon| failing.contains(daemon)) {
        return one_of(failing.iter().copied());
    }
    let others = failing.iter().filter(|service| !is_daemon(service)).map(|service| globset::escape(service));
    alternatives(&std::iter::once("daemon:*".to_owned()).chain(others).collect::<Vec<_>>())
}

/// A glob over these names alone.
fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    alternatives(&names.map(globset::escape).collect::<Vec<_>>())
}

fn alternatives(globs: &[String]) -> String {
    match globs {
        [one] => one.clone(),
        several => format!("{{{}}}", several.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Verdicts on one requirement: scenario, service, whether it fails.
    fn verdicts(all: &[(&str, &str, bool)]) -> Vec<Verdict> {
        let sample = sample::report().verdicts.remove(0);
        let verdict = |(scenario, service, fails): &(&str, &str, bool)| Verdict {
            requirement: "base.pair".to_owned(),
            scenario: (*scenario).to_owned(),
            service: (*service).to_owned(),
            verdict: if *fails { Answer::Fail } else { Answer::Pass },
            ..sample.clone()
        };
        all.iter().map(verdict).collect()
    }

    fn of(all: &[(&str, &str, bool)]) -> Vec<(String, String)> {
        let all = verdicts(all);
        let own: Vec<&Verdict> = all.iter().collect();
        places(&own, &|_| false).into_iter().map(|place| (place.scenario, place.service)).collect()
    }

    fn pair(scenario: &str, service: &str) -> (String, String) {
        (scenario.to_owned(), service.to_owned())
    }

    #[test]
    fn what_fails_wherever_it_is_judged_is_one_entry() {
        let everywhere = [("a", "registry", true), ("b", "registry", true), ("a", "layout", true)];
        assert_eq!(of(&everywhere), [pair("*", "*")]);
        let one_service = [("a", "registry", true), ("b", "registry", true), ("a", "layout", false)];
        assert_eq!(of(&one_service), [pair("*", "registry")]);
        let daemons = [("a", "registry", false), ("a", "daemon:classic", true), ("a", "daemon:podman", true)];
        assert_eq!(of(&daemons), [pair("*", "daemon:*")]);
        let one_daemon = [("a", "registry", false), ("a", "daemon:classic", true), ("a", "daemon:podman", false)];
        assert_eq!(of(&one_daemon), [pair("*", "daemon:classic")]);
    }

    #[test]
    fn what_holds_elsewhere_is_named_by_its_scenarios_and_matches_nothing_that_holds() {
        let some = [("a", "registry", true), ("b", "registry", true), ("c", "registry", false), ("a", "layout", false)];
        assert_eq!(of(&some), [pair("{a,b}", "registry")]);
        let alike = [("a", "registry", true), ("b", "registry", false), ("a", "layout", true), ("b", "layout", false)];
        assert_eq!(of(&alike), [pair("a", "*")]);
        let mut report = sample::report();
        report.verdicts = verdicts(&some);
        let new = updated("", "known.toml", &report).unwrap();
        let baseline = Baseline::parse(&new.text, "known.toml").unwrap();
        for verdict in &report.verdicts {
            let is_named = baseline.entries.iter().any(|entry| entry.matches(verdict));
            assert_eq!(is_named, verdict.verdict == Answer::Fail, "{}: {}", verdict.scenario, new.text);
        }
    }

    #[test]
    fn what_a_person_wrote_stays_as_it_is_and_is_not_named_again() {
        let mut report = sample::report();
        report.verdicts = verdicts(&[("a", "registry", true), ("b", "registry", true), ("c", "registry", true)]);
        let text =
            "[[known]]\nrequirement = \"base.pair\"\nscenario = \"a\"\nreason = \"upstream\"\nuntil = 2031-01-01\n";
        let new = updated(text, "known.toml", &report).unwrap();
        assert!(new.text.starts_with(text), "{}", new.text);
        assert_eq!(new.added, ["base.pair in * on *"]);
        assert!(updated(&new.text, "known.toml", &report).unwrap().added.is_empty());
    }
}
