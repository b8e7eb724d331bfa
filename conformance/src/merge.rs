//! Reports of the shards of one run put together: the verdicts are those of the whole.

use std::collections::BTreeSet;

use judge::observation::{ANNOTATES, NOTHING, Observation};
use judge::profile::Profile;

use crate::record::{ServiceFacts, is_service};
use crate::report::{Report, Totals, headline, unobserved};

/// Why reports are not the shards of one run. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("merge reports: none was given")]
    None,
    /// A report is not a shard's.
    #[error("merge {file}: it is not a report of a shard; give reports of conformance run --shard K/N")]
    NoShard {
        /// The file.
        file: String,
    },
    /// Two reports are of different runs.
    #[error("merge {file}: its {what} is {other}, and that of {first} is {one}")]
    Differs {
        /// What differs.
        what: &'static str,
        /// The first file.
        first: String,
        /// Its value.
        one: String,
        /// The other file.
        file: String,
        /// Its value.
        other: String,
    },
    /// A shard is there twice.
    #[error("merge {file}: it is shard {shard}, as is {first}")]
    Doubled {
        /// The shard.
        shard: String,
        /// The first file.
        first: String,
        /// The other file.
        file: String,
    },
    /// A scenario is in two shards.
    #[error("merge {file}: scenario {scenario} is in {first} as well; run all shards with the same options")]
    Overlap {
        /// The scenario.
        scenario: String,
        /// The first file.
        first: String,
        /// The other file.
        file: String,
    },
    /// Shards are not there.
    #[error("merge reports: {missing} missing")]
    Missing {
        /// Which.
        missing: String,
    },
}

/// One report of all shards. `seconds` is the sum of what the shards took.
///
/// # Errors
/// [`MergeError`] naming the file that does not belong.
pub fn merge(mut reports: Vec<(String, Report)>, profile: &Profile) -> Result<Report, MergeError> {
    belong(&reports)?;
    reports.sort_by_key(|(_, report)| report.shard);
    let mut rest = reports.into_iter().map(|(_, report)| report);
    let mut whole = rest.next().ok_or(MergeError::None)?;
    for report in rest {
        whole.started = whole.started.min(report.started);
        whole.seconds += report.seconds;
        whole.exports += report.exports;
        whole.scenarios.extend(report.scenarios);
        whole.scenario_milliseconds.extend(report.scenario_milliseconds);
        whole.verdicts.extend(report.verdicts);
        whole.observations.extend(report.observations);
        whole.differences.extend(report.differences);
        whole.left_behind.extend(report.left_behind);
        whole.troubles.extend(report.troubles);
        report.services.into_iter().for_each(|service| add(&mut whole.services, service));
    }
    // A scenario is in one shard with all its services, so that the order within it is kept.
    whole.scenarios.sort();
    whole.verdicts.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    whole.observations.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    say_once_whether_it_annotates(&mut whole.observations);
    whole.differences.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    settle(&mut whole, profile);
    Ok(whole)
}

/// Each part has an answer of its own to whether the exporter annotates: of all of them it is one, at the first place.
fn say_once_whether_it_annotates(observations: &mut Vec<Observation>) {
    let is_it = |seen: &Observation| seen.question == ANNOTATES;
    let Some(mut one) = observations.iter().find(|seen| is_it(seen)).cloned() else { return };
    if let Some(other) = observations.iter().find(|seen| is_it(seen) && seen.answer != NOTHING) {
        one.answer.clone_from(&other.answer);
    }
    observations.retain(|seen| !is_it(seen));
    observations.insert(0, one);
}

fn settle(whole: &mut Report, profile: &Profile) {
    let seen: Vec<String> = whole.services.iter().filter(|service| service.observed).map(|s| s.name.clone()).collect();
    let is_solved = |trouble: &String| {
        let wanted = trouble.strip_prefix("--require ").and_then(|rest| rest.split_once(": ")).map(|(name, _)| name);
        wanted.is_some_and(|wanted| *trouble == unobserved(wanted) && seen.iter().any(|name| is_service(name, wanted)))
    };
    whole.troubles.retain(|trouble| !is_solved(trouble));
    let mut once = BTreeSet::new();
    whole.troubles.retain(|trouble| once.insert(trouble.clone()));
    whole.shard = None;
    whole.narrowed.iter_mut().for_each(|narrowed| narrowed.shard = None);
    whole.evidence = None;
    whole.baseline = None;
    whole.verdicts.iter_mut().for_each(|verdict| verdict.known = None);
    whole.totals = Totals::of(&whole.verdicts);
    whole.headlines =
        headline::headlines(&whole.verdicts, &whole.targets, profile, headline::Extent::of_run(whole.is_quick()));
    whole.settle(false);
}

fn add(services: &mut Vec<ServiceFacts>, service: ServiceFacts) {
    match services.iter_mut().find(|known| known.name == service.name) {
        Some(known) => known.observed |= service.observed,
        None => services.push(service),
    }
}

fn belong(reports: &[(String, Report)]) -> Result<(), MergeError> {
    let (first, one) = reports.first().ok_or(MergeError::None)?;
    let mut parts: Vec<(usize, &String)> = Vec::new();
    let mut scenarios: Vec<(&String, &String)> = Vec::new();
    for (file, report) in reports {
        let shard = report.shard.ok_or_else(|| MergeError::NoShard { file: file.clone() })?;
        same((first, one), (file, report))?;
        if let Some((_, earlier)) = parts.iter().find(|(index, _)| *index == shard.index) {
            let (first, file) = ((*earlier).clone(), file.clone());
            return Err(MergeError::Doubled { shard: shard.to_string(), first, file });
        }
        parts.push((shard.index, file));
        for scenario in &report.scenarios {
            if let Some((_, earlier)) = scenarios.iter().find(|(name, _)| *name == scenario) {
                let (first, file) = ((*earlier).clone(), file.clone());
                return Err(MergeError::Overlap { scenario: scenario.clone(), first, file });
            }
            scenarios.push((scenario, file));
        }
    }
    let of = one.shard.map_or(0, |shard| shard.of);
    let missing: Vec<String> = (1..=of)
        .filter(|index| parts.iter().all(|(there, _)| there != index))
        .map(|index| format!("{index}/{of}"))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(MergeError::Missing { missing: missing.join(", ") }) }
}

fn same((first, one): (&String, &Report), (file, other): (&String, &Report)) -> Result<(), MergeError> {
    let shards = |report: &Report| report.shard.map_or_else(String::new, |shard| shard.of.to_string());
    let targets = |report: &Report| report.targets.iter().map(|target| target.name()).collect::<Vec<_>>().join(", ");
    for (what, a, b) in [
        ("exporter", one.exporter.sha256.clone(), other.exporter.sha256.clone()),
        ("profile", one.profile.clone(), other.profile.clone()),
        ("catalogue", one.tool.catalogue.clone(), other.tool.catalogue.clone()),
        ("version of conformance", one.tool.version.clone(), other.tool.version.clone()),
        ("Platform API", one.platform_api.clone(), other.platform_api.clone()),
        ("list of targets", targets(one), targets(other)),
        ("number of shards", shards(one), shards(other)),
    ] {
        if a != b {
            return Err(MergeError::Differs { what, first: first.clone(), one: a, file: file.clone(), other: b });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::shard::Shard;

    fn shard(index: usize, of: usize) -> (String, Report) {
        let mut report = sample::report();
        report.shard = Some(Shard { index, of });
        report.scenarios = vec![format!("scenario-{}", of - index)];
        report.scenario_milliseconds = [(format!("scenario-{}", of - index), 7 * index as u64)].into();
        report.verdicts.iter_mut().for_each(|verdict| verdict.scenario = format!("scenario-{}", of - index));
        (format!("{index}.json"), report)
    }

    #[test]
    fn whether_it_annotates_is_said_once_of_all_parts() {
        let told = |answers: &[&str]| {
            let mut reports: Vec<(String, Report)> =
                (1..=answers.len()).map(|index| shard(index, answers.len())).collect();
            for ((_, report), answer) in reports.iter_mut().zip(answers) {
                let said = Observation {
                    question: ANNOTATES.to_owned(),
                    answer: (*answer).to_owned(),
                    scenario: report.scenarios[0].clone(),
                    ..report.observations[0].clone()
                };
                report.observations.insert(0, said);
            }
            let whole = merge(reports, &Profile::Core).unwrap();
            let all = whole.observations.into_iter().filter(|seen| seen.question == ANNOTATES);
            all.map(|seen| (seen.scenario, seen.answer)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[NOTHING, "yes"]), [("scenario-0".to_owned(), "yes".to_owned())]);
        assert_eq!(told(&["yes", NOTHING]), [("scenario-0".to_owned(), "yes".to_owned())]);
        assert_eq!(told(&[NOTHING, NOTHING]), [("scenario-0".to_owned(), NOTHING.to_owned())]);
    }

    #[test]
    fn shards_in_any_order_are_one_report_in_the_order_of_the_whole() {
        let whole = merge(vec![shard(2, 2), shard(1, 2)], &Profile::Rfc196).unwrap();
        assert_eq!(whole.scenarios, ["scenario-0", "scenario-1"]);
        assert_eq!(whole.scenario_milliseconds, [("scenario-0".to_owned(), 14), ("scenario-1".to_owned(), 7)].into());
        let one = sample::report();
        assert_eq!(whole.totals.fail, 2 * one.totals.fail);
        assert!(whole.verdicts.is_sorted_by_key(|verdict| &verdict.scenario));
        assert_eq!((whole.shard, whole.services.len(), whole.exports), (None, one.services.len(), 2 * one.exports));
    }

    #[test]
    fn what_does_not_belong_together_is_refused_by_name() {
        let changed = |change: fn(&mut Report)| {
            let mut other = shard(2, 2);
            change(&mut other.1);
            merge(vec![shard(1, 2), other], &Profile::Rfc196).unwrap_err().to_string()
        };
        for (error, words) in [
            (
                changed(|report| report.exporter.sha256 = "sha256:other".to_owned()),
                "2.json: its exporter is sha256:other",
            ),
            (changed(|report| report.profile = "core".to_owned()), "profile"),
            (changed(|report| report.tool.catalogue = "9".to_owned()), "catalogue"),
            (changed(|report| report.shard = None), "not a report of a shard"),
            (changed(|report| report.shard = Some(Shard { index: 1, of: 2 })), "shard 1/2, as is 1.json"),
            (changed(|report| report.shard = Some(Shard { index: 3, of: 3 })), "number of shards"),
            (changed(|report| report.scenarios = vec!["scenario-1".to_owned()]), "scenario-1 is in 1.json"),
            (merge(vec![shard(1, 3), shard(3, 3)], &Profile::Rfc196).unwrap_err().to_string(), "2/3 missing"),
            (merge(Vec::new(), &Profile::Rfc196).unwrap_err().to_string(), "none was given"),
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
