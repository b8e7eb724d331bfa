//! What is asked, when, and how it is reported.

mod causes;
mod repeats;

use std::collections::BTreeSet;

use globset::{Glob, GlobSetBuilder};

use super::*;
use crate::evidence::{End, Phase};
use crate::profile::Profile;
use crate::requirement::{EVERYWHERE, Needs};
use crate::sample::{self, on};
use crate::verdict::{Answer, Level};

fn selection(profile: Profile) -> Selection {
    Selection {
        phase: None,
        profile,
        requirements: None,
        exporter_argument: "--exporter mine".to_owned(),
        scenario_folders: std::collections::BTreeMap::new(),
        conditions: Vec::new(),
    }
}

fn judged(evidence: &ScenarioEvidence) -> Vec<Verdict> {
    judge(std::slice::from_ref(evidence), &selection(Profile::Core)).verdicts
}

fn one<'a>(verdicts: &'a [Verdict], requirement: &str, target: Target) -> &'a Verdict {
    let mut found = verdicts.iter().filter(|verdict| verdict.requirement == requirement && verdict.target == target);
    let first = found.next().unwrap_or_else(|| panic!("no verdict on {requirement} on {target}"));
    assert!(found.next().is_none(), "{requirement} on {target} is judged twice");
    first
}

/// The requirements of exports.
fn of_exports() -> impl Iterator<Item = &'static Requirement> {
    requirements::all().filter(|row| row.phase == Phase::Exporter)
}

#[test]
fn rebases_are_judged_by_what_speaks_of_them_and_by_nothing_else() {
    let rebases = sample::rebased_twice();
    let slugs = |evidence: &ScenarioEvidence, selection: &Selection| -> BTreeSet<String> {
        judge(std::slice::from_ref(evidence), selection).verdicts.into_iter().map(|one| one.requirement).collect()
    };
    let all = selection(Profile::Core);
    let of_rebases: BTreeSet<String> =
        requirements::all().filter(|row| row.phase == Phase::Rebaser).map(|row| row.id.to_owned()).collect();
    assert!(of_rebases.iter().all(|slug| slug.starts_with("rebase.")) && of_rebases.len() > 40);
    assert_eq!(slugs(&rebases, &all), of_rebases);
    let bad = |answer| matches!(answer, Answer::Fail | Answer::Warn | Answer::Skipped | Answer::Error);
    let verdicts = judged(&rebases);
    assert!(!verdicts.iter().any(|one| bad(one.verdict)), "{verdicts:#?}");
    let mut both = sample::scenario();
    both.rebases = rebases.rebases;
    let of_exports: BTreeSet<String> = of_exports().map(|row| row.id.to_owned()).collect();
    assert_eq!(slugs(&both, &all), of_exports.union(&of_rebases).cloned().collect());
    for (phase, expected) in [(Phase::Exporter, of_exports), (Phase::Rebaser, of_rebases)] {
        assert_eq!(slugs(&both, &Selection { phase: Some(phase), ..selection(Profile::Core) }), expected);
    }
}

#[test]
fn a_rebaser_that_is_not_described_is_not_judged_and_says_so() {
    let mut evidence = sample::scenario();
    evidence.exports.clear();
    evidence.not_run.push(NotRun {
        target: Target::Registry,
        service: "registry".to_owned(),
        reason: "not described".to_owned(),
        cause: NotRunCause::NotDescribed,
        phase: Phase::Rebaser,
    });
    let verdicts = judged(&evidence);
    assert!(verdicts.len() > 40);
    for verdict in verdicts {
        assert!(verdict.requirement.starts_with("rebase."), "{verdict:?}");
        assert_eq!((verdict.verdict, verdict.message.as_str()), (Answer::NotApplicable, "not described"));
    }
}

#[test]
fn evidence_of_before_rebasers_were_judged_reads_as_exports() {
    let mut value = serde_json::to_value(sample::scenario()).unwrap();
    let members = value.as_object_mut().unwrap();
    members.shift_remove("rebases");
    members["not_run"] =
        serde_json::json!([{ "target": "layout", "service": "layout", "reason": "x", "harness_failed": false }]);
    let read: ScenarioEvidence = serde_json::from_value(value).unwrap();
    assert!(read.rebases.is_empty() && read.exports.iter().all(|export| export.phase() == Phase::Exporter));
    assert_eq!((read.not_run[0].phase, read.not_run[0].cause), (Phase::Exporter, NotRunCause::NotHere));
}

#[test]
fn every_requirement_is_judged_once_on_each_of_its_targets() {
    let verdicts = judged(&sample::repeated());
    let expected: BTreeSet<(String, Target)> =
        of_exports().flat_map(|row| row.targets.iter().map(|target| (row.id.to_owned(), *target))).collect();
    let found: BTreeSet<(String, Target)> = verdicts.iter().map(|v| (v.requirement.clone(), v.target)).collect();
    assert_eq!(found, expected);
    let ids: BTreeSet<&str> = verdicts.iter().map(|verdict| verdict.id.as_str()).collect();
    assert_eq!(ids.len(), verdicts.len());
    let bad: Vec<&Verdict> = verdicts
        .iter()
        .filter(|verdict| matches!(verdict.verdict, Answer::Fail | Answer::Warn | Answer::Skipped | Answer::Error))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let first = one(&verdicts, "digest.descriptors-true", Target::Registry);
    assert_eq!((first.verdict, first.message.as_str()), (Answer::Pass, ""));
    assert_eq!(first.exports, ["sample/registry/1", "sample/registry/2"]);
    assert_eq!(first.id, "sample/registry/digest.descriptors-true");
}

#[test]
fn services_of_one_target_are_cases_of_their_own() {
    let mut evidence = sample::scenario();
    let mut podman = on(&mut evidence, Target::Daemon).clone();
    podman.service = "daemon:podman".to_owned();
    podman.outcome.end = End::Exited(1);
    evidence.exports.push(podman);
    let verdicts = judged(&evidence);
    let answers: Vec<(&str, Answer)> = verdicts
        .iter()
        .filter(|verdict| verdict.requirement == "platform.exit-zero" && verdict.target == Target::Daemon)
        .map(|verdict| (verdict.service.as_str(), verdict.verdict))
        .collect();
    assert_eq!(answers, [("daemon:classic", Answer::Pass), ("daemon:podman", Answer::Fail)]);
}

#[test]
fn a_glob_selects_requirements() {
    let globs = GlobSetBuilder::new().add(Glob::new("base.p*").unwrap()).build().unwrap();
    let selection = Selection { requirements: Some(globs), ..selection(Profile::Core) };
    let found: BTreeSet<String> =
        judge(&[sample::scenario()], &selection).verdicts.into_iter().map(|verdict| verdict.requirement).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["base.pair"]);
}

#[test]
fn a_failed_export_leaves_how_it_ended_to_be_judged() {
    let mut evidence = sample::scenario();
    on(&mut evidence, Target::Registry).outcome.end = End::Exited(1);
    let verdicts = judged(&evidence);
    for row in of_exports().filter(|row| row.targets.contains(&Target::Registry)) {
        let verdict = one(&verdicts, row.id, Target::Registry);
        if row.needs == Needs::Process {
            // Of a refusal alone some say nothing.
            let is_judged = verdict.verdict != Answer::Skipped || verdict.follows_from.is_some();
            assert!(is_judged, "{}: {verdict:?}", row.id);
        } else {
            let expected = (Answer::Skipped, "follows from platform.exit-zero: the export failed");
            assert_eq!((verdict.verdict, verdict.message.as_str()), expected, "{}", row.id);
            assert_eq!(verdict.follows_from.as_deref(), Some("sample/registry/platform.exit-zero"));
        }
    }
    let cause = one(&verdicts, "platform.exit-zero", Target::Registry);
    // What was not judged weighs nothing.
    assert_eq!((cause.verdict, cause.followed_by.as_slice()), (Answer::Fail, [].as_slice()));
    assert_eq!(one(&verdicts, "platform.exit-zero", Target::Layout).verdict, Answer::Pass);
}

#[test]
fn a_refusal_is_not_asked_for_an_image() {
    let verdicts = judged(&sample::refused("errors.missing-analyzed", "no analyzed.toml"));
    for target in Target::ALL {
        // Nor does it say anything where no build is seen to be accepted.
        assert_eq!(one(&verdicts, "errors.missing-analyzed", target).verdict, Answer::Skipped);
        let verdict = one(&verdicts, "platform.env", target);
        assert_eq!(verdict.verdict, Answer::NotApplicable);
        assert_eq!(verdict.message, "no export of this scenario is meant to succeed");
    }
    // Next to a good build it takes nothing from what that one is asked for.
    let mut evidence = sample::refused("errors.missing-analyzed", "no analyzed.toml");
    evidence.exports.extend(sample::scenario().exports.into_iter().map(|export| {
        let inputs = export.inputs.clone();
        crate::evidence::Export { id: export.id.replace("/1", "/2"), step: 2, inputs, ..export }
    }));
    let verdicts = judged(&evidence);
    for id in ["errors.missing-analyzed", "platform.env", "platform.report-written"] {
        assert_eq!(one(&verdicts, id, Target::Registry).verdict, Answer::Pass, "{id}");
    }
}

#[test]
fn what_the_harness_could_not_observe_is_its_own_error() {
    let mut evidence = sample::scenario();
    on(&mut evidence, Target::Registry).troubles = vec!["the registry is gone".to_owned(), "more".to_owned()];
    let verdicts = judged(&evidence);
    let errors: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.verdict == Answer::Error).collect();
    let [error] = errors.as_slice() else { panic!("one trouble, {} errors", errors.len()) };
    assert_eq!(error.message, "the registry is gone");
    let verdict = one(&verdicts, "platform.env", Target::Registry);
    assert_eq!((verdict.verdict, verdict.follows_from.as_ref()), (Answer::Skipped, Some(&error.id)));
    assert_eq!(verdict.message, format!("follows from {}: the registry is gone", error.requirement));
    assert_eq!(one(&verdicts, "platform.exit-zero", Target::Registry).verdict, Answer::Pass);
    assert_eq!(one(&verdicts, "platform.env", Target::Layout).verdict, Answer::Pass);
}

#[test]
fn a_manifest_that_is_too_large_is_said_to_be_that() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    (export.image, export.tags[0].digest, export.tags[0].status) = (None, None, 200);
    let export = on(&mut evidence, Target::Layout);
    export.image = None;
    let digest = export.tags[0].digest.clone().unwrap();
    let path = format!("blobs/{}", digest.replace(':', "/"));
    let blobs = &mut export.layout.as_mut().unwrap().roots[0].blobs;
    blobs.iter_mut().find(|blob| blob.path == path).unwrap().size = (16 << 20) + 1;
    let verdicts = judged(&evidence);
    let tags = one(&verdicts, "digest.all-tags-same", Target::Registry);
    for target in [Target::Registry, Target::Layout] {
        let of = |verdict: &&Verdict| verdict.target == target;
        let gone = verdicts.iter().filter(of).filter(|verdict| verdict.message.contains("no image is there"));
        assert_eq!(gone.count(), 0, "{target:?}");
        let told =
            verdicts.iter().filter(of).filter(|verdict| verdict.message.contains("too large to be read (16 MiB)"));
        assert!(told.count() > 20, "{target:?}");
    }
    assert!(tags.message.contains("is too large to be read"), "{tags:?}");
}

#[test]
fn an_index_of_a_layout_that_is_too_large_is_said_to_be_that() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Layout);
    (export.image, export.tags[0].digest) = (None, None);
    let root = &mut export.layout.as_mut().unwrap().roots[0];
    (root.index, root.unread) = (None, vec![("index.json".to_owned(), (16 << 20) + 1)]);
    let verdicts = judged(&evidence);
    let own = || verdicts.iter().filter(|verdict| verdict.target == Target::Layout);
    assert_eq!(own().filter(|verdict| verdict.message.contains("no image is there")).count(), 0);
    let told = own().filter(|verdict| verdict.message.contains("index.json of its layout is too large"));
    assert!(told.count() > 20);
    let path = one(&verdicts, "layout.path", Target::Layout);
    assert!(path.verdict == Answer::Fail && path.found.contains("16777217 bytes, which is too large"), "{path:?}");
}

#[test]
fn without_an_image_only_what_needs_none_is_judged() {
    let mut evidence = sample::scenario();
    on(&mut evidence, Target::Registry).image = None;
    let verdicts = judged(&evidence);
    for row in of_exports().filter(|row| row.targets.contains(&Target::Registry)) {
        let verdict = one(&verdicts, row.id, Target::Registry);
        let is_skipped = verdict.message == "the exporter exited 0, yet no image is there";
        assert_eq!(is_skipped, row.needs == Needs::Image, "{}: {verdict:?}", row.id);
        assert!(!is_skipped || verdict.verdict == Answer::Skipped, "{}", row.id);
    }
}

#[test]
fn a_requirement_holds_from_its_platform_api_on() {
    let at = |api: &str| {
        let mut evidence = sample::scenario();
        on(&mut evidence, Target::Registry).platform_api = api.to_owned();
        one(&judged(&evidence), "platform.env", Target::Registry).clone()
    };
    let early = at("0.11");
    assert_eq!(early.verdict, Answer::NotApplicable);
    assert_eq!(early.message, "it holds from Platform API 0.12, and 0.11 was used");
    // Versions are numbers, not texts.
    assert_eq!(at("0.9").verdict, Answer::NotApplicable);
    for api in ["0.12", "0.13", "1.0", "none"] {
        assert_eq!(at(api).verdict, Answer::Pass, "{api}");
    }
}

#[test]
fn a_violation_is_weighed_by_the_profile_and_told_whole() {
    let mut evidence = sample::scenario();
    sample::annotate(on(&mut evidence, Target::Registry), "org.opencontainers.image.base.digest", None);
    let answer = |profile: Profile| {
        let verdicts = judge(std::slice::from_ref(&evidence), &selection(profile)).verdicts;
        one(&verdicts, "base.digest-present", Target::Registry).clone()
    };
    let core = answer(Profile::Core);
    assert_eq!((core.level, core.base_level, core.verdict), (Level::Optional, Level::Optional, Answer::Absent));
    let raised = answer(Profile::Rfc196);
    assert_eq!((raised.level, raised.base_level, raised.verdict), (Level::Must, Level::Optional, Answer::Fail));
    assert_eq!(raised.found, "nothing");
    assert!(!raised.message.is_empty() && !raised.expected.is_empty());
    assert!(raised.evidence.starts_with("sample/registry/1/manifest.json#"), "{}", raised.evidence);
    let row = requirements::named("base.digest-present").unwrap();
    assert_eq!(raised.source, format!("{}, {} ({})", row.source.file, row.source.section, row.source.revision));
    assert_eq!(raised.known, None);
}

#[test]
fn a_service_that_was_not_run_is_reported_with_the_reason() {
    let missing = |cause| NotRun {
        target: Target::Layout,
        service: "layout".to_owned(),
        reason: "no room".to_owned(),
        cause,
        phase: Phase::Exporter,
    };
    for (cause, answer) in [(NotRunCause::NotHere, Answer::Skipped), (NotRunCause::HarnessFailed, Answer::Error)] {
        let mut evidence = sample::scenario();
        evidence.exports.retain(|export| export.target != Target::Layout);
        evidence.not_run.push(missing(cause));
        let found: Vec<Verdict> =
            judged(&evidence).into_iter().filter(|verdict| verdict.target == Target::Layout).collect();
        let rows = requirements::all().filter(|row| row.targets.contains(&Target::Layout)).count();
        assert_eq!(found.len(), rows);
        assert_eq!((found[0].verdict, found[0].message.as_str()), (answer, "no room"));
        for verdict in found {
            // The harness's failure is told once.
            let is_it = verdict.verdict == answer && verdict.message == "no room";
            let follows = verdict.verdict == Answer::Skipped && verdict.follows_from.is_some();
            assert!(is_it != (cause == NotRunCause::HarnessFailed && follows), "{verdict:?}");
            assert_eq!((verdict.service.as_str(), verdict.exports.len()), ("layout", 0));
        }
    }
}

#[test]
fn observations_are_made_of_every_case() {
    let judgement = judge(&[sample::scenario()], &selection(Profile::Core));
    let seen: BTreeSet<(Target, &str)> = judgement
        .observations
        .iter()
        .filter(|seen| seen.question == "rebasable")
        .map(|seen| (seen.target, seen.scenario.as_str()))
        .collect();
    assert_eq!(seen, EVERYWHERE.iter().map(|target| (*target, "sample")).collect());
}
