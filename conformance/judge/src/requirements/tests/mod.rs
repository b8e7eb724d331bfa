//! The catalogue as a whole: what has to be in it, and that every row has been seen to fail.

mod annotating;
mod observation;
mod values;

use std::collections::BTreeSet;

use super::trials::{goods, trials};
use super::*;
use crate::harmless::HARMLESS;
use crate::sample::{self, find};
use crate::trial::{Trial, Wanted};
use crate::verdict::Finding;

#[test]
fn the_catalogue_has_every_slug_once() {
    let slugs: Vec<&str> = all().map(|row| row.id).collect();
    let found: BTreeSet<&str> = slugs.iter().copied().collect();
    assert_eq!(slugs.len(), found.len(), "a slug is there twice");
}

#[test]
fn every_row_says_what_why_where_and_what_to_do() {
    for row in all() {
        let texts = [("asks", row.asks), ("why", row.why), ("violation", row.violation), ("remedy", row.remedy)];
        for (what, text) in texts {
            assert!(text.len() > 10, "{} has no {what}: {text:?}", row.id);
            assert!(!text.ends_with('.') && !text.contains("  "), "{} has a blemish in {what}: {text:?}", row.id);
        }
        assert!(!row.source.section.is_empty() && !row.targets.is_empty(), "{}", row.id);
    }
}

#[test]
fn every_row_has_a_mutation_and_a_near_miss() {
    let trials: Vec<Trial> = trials().into_iter().flat_map(|(_, trials)| trials).collect();
    let with = |is_it: &dyn Fn(Wanted) -> bool| -> BTreeSet<&str> {
        trials.iter().filter(|trial| is_it(trial.wanted)).map(|trial| trial.slug.as_str()).collect()
    };
    let (mutated, missed) = (with(&|wanted| wanted == Wanted::Rejected), with(&|wanted| !wanted.is_mutation()));
    let mut missing: Vec<String> = Vec::new();
    for row in all() {
        for (what, of) in [("mutation", &mutated), ("near miss", &missed)] {
            if !of.contains(row.id) {
                missing.push(format!("{} has no {what}; add one to the theme's trials", row.id));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn in_core_an_exporter_that_annotates_nothing_and_is_otherwise_right_is_conformant() {
    let mut failing: BTreeSet<String> = BTreeSet::new();
    let mut judged = 0;
    for (good, _) in goods() {
        let mut evidence = good.clone();
        for export in evidence.exports.iter_mut().filter(|export| export.image.is_some()) {
            if export.image.as_ref().is_some_and(|image| image.manifest.is_some()) {
                sample::edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().remove("annotations")));
            }
            sample::push(export);
        }
        let selection = crate::Selection {
            phase: None,
            profile: crate::profile::Profile::Core,
            requirements: None,
            exporter_argument: String::new(),
            scenario_folders: std::collections::BTreeMap::new(),
            conditions: Vec::new(),
        };
        let fails = |evidence: &crate::evidence::ScenarioEvidence| -> BTreeSet<String> {
            let verdicts = crate::judge(std::slice::from_ref(evidence), &selection).verdicts.into_iter();
            verdicts.filter(|one| one.verdict == crate::verdict::Answer::Fail).map(|one| one.id).collect()
        };
        judged += 1;
        failing.extend(fails(&evidence).difference(&fails(&good)).cloned());
    }
    assert!(judged > 5 && failing.is_empty(), "{failing:?}");
}

#[test]
fn no_row_rejects_what_every_specification_allows() {
    let mut alarms = Vec::new();
    for (good, tried) in goods() {
        let held: Vec<_> = tried.iter().filter(|(slug, on)| find(&good, slug, *on) == Finding::Holds).collect();
        for (name, change) in HARMLESS {
            let mut evidence = good.clone();
            evidence.exports.iter_mut().for_each(change);
            evidence.exports.iter_mut().filter(|export| export.image.is_some()).for_each(crate::sample::push);
            for (slug, target) in &held {
                let after = find(&evidence, slug, *target);
                if !matches!(after, Finding::Holds | Finding::NotApplicable(_)) {
                    alarms.push(format!("{slug} on {target} rejects the harmless '{name}': {after:?}"));
                }
            }
        }
    }
    assert!(alarms.is_empty(), "{} false alarms:\n{}", alarms.len(), alarms.join("\n"));
}
