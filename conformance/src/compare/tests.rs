use judge::evidence::End;

use super::*;
use crate::record::{Case, RunFilter};
use crate::report::sample;

fn side(change: impl FnOnce(&mut Report)) -> Side {
    let mut report = sample::report();
    change(&mut report);
    Side { report, evidence: None }
}

fn set(report: &mut Report, requirement: &str, answer: Answer) {
    report.verdicts.iter_mut().filter(|v| v.requirement == requirement).for_each(|v| v.verdict = answer);
}

#[test]
fn a_run_against_itself_shows_nothing() {
    let changes = compare(&side(|_| ()), &side(|_| ()));
    assert_eq!(changes.exit(), Exit::Conformant);
    assert!(changes.text().ends_with("no regression\n") && changes.changed.is_empty(), "{}", changes.text());
}

#[test]
fn only_what_fails_now_and_was_judged_before_is_a_regression() {
    let worse = compare(&side(|_| ()), &side(|report| set(report, "platform.exit-zero", Answer::Fail)));
    assert_eq!((worse.exit(), worse.newly_failing.len()), (Exit::NotConformant, 1));
    assert!(worse.text().contains("minimal/registry/platform.exit-zero  pass → fail"), "{}", worse.text());
    let better = compare(&side(|_| ()), &side(|report| set(report, "base.digest-present", Answer::Pass)));
    assert_eq!((better.exit(), better.fixed.len()), (Exit::Conformant, 1));
    let unseen = compare(&side(|_| ()), &side(|report| set(report, "base.digest-present", Answer::Error)));
    assert_eq!((unseen.fixed.len(), unseen.changed.len()), (0, 1));
    let younger = compare(&side(|report| report.verdicts.retain(|v| v.verdict != Answer::Fail)), &side(|_| ()));
    assert_eq!((younger.exit(), younger.failing_and_new.len()), (Exit::Conformant, 1));
    let fewer = compare(&side(|_| ()), &side(|report| report.scenarios.clear()));
    assert_eq!(fewer.removed_scenarios.changed, ["minimal"]);
}

#[test]
fn both_runs_stand_side_by_side_in_every_form() {
    let same = compare(&side(|_| ()), &side(|_| ()));
    assert_eq!(same.beside.rows, []);
    let worse = compare(&side(|_| ()), &side(|report| set(report, "platform.exit-zero", Answer::Fail)));
    let row = &worse.beside.rows[0];
    assert_eq!(
        (row.requirement.as_str(), row.standings.each_ref().map(String::as_str)),
        ("platform.exit-zero", ["holds", "broken"])
    );
    assert!(worse.text().contains("  platform.exit-zero  holds        broken\n"), "{}", worse.text());
    assert!(worse.markdown().contains("| `platform.exit-zero` | holds | broken |"), "{}", worse.markdown());
    let page = worse.html();
    assert!(page.contains("<td class=\"good\">holds</td><td class=\"bad\">broken</td>"), "{page}");
    assert!(page.contains("<li>minimal/registry/platform.exit-zero") && !page.contains("{{"), "{page}");
    let hostile = compare(&side(|_| ()), &side(|report| "<b>&".clone_into(&mut report.exporter.name)));
    assert!(hostile.html().contains("&lt;b&gt;&amp;") && !hostile.html().contains("<b>"), "{}", hostile.html());
    let narrowed = side(|report| report.verdicts.retain(|verdict| verdict.requirement == "platform.exit-zero"));
    assert_eq!(compare(&side(|_| ()), &narrowed).beside.rows, []);
}

#[test]
fn what_was_not_judged_before_is_no_regression_and_what_is_not_judged_now_no_fix() {
    let is = |answer| side(|report| set(report, "platform.exit-zero", answer));
    for judged in [Answer::Pass, Answer::Warn, Answer::Absent] {
        let (worse, better) = (compare(&is(judged), &is(Answer::Fail)), compare(&is(Answer::Fail), &is(judged)));
        assert_eq!((worse.exit(), worse.newly_failing.len()), (Exit::NotConformant, 1), "{judged}");
        assert_eq!((worse.failing_and_new.len(), better.fixed.len()), (0, 1), "{judged}");
    }
    for unseen in [Answer::NotApplicable, Answer::Skipped, Answer::Error] {
        let (worse, better) = (compare(&is(unseen), &is(Answer::Fail)), compare(&is(Answer::Fail), &is(unseen)));
        assert_eq!((worse.exit(), worse.newly_failing.len()), (Exit::Conformant, 0), "{unseen}");
        assert_eq!((worse.failing_and_new.len(), better.fixed.len(), better.changed.len()), (1, 0, 1), "{unseen}");
        assert!(worse.text().contains("failing, and not judged before (1)"), "{}", worse.text());
    }
}

#[test]
fn what_a_narrowed_run_was_not_asked_for_is_not_removed() {
    let less = |change: fn(&mut RunFilter)| {
        side(|report| {
            report.tool.catalogue = "1".to_owned();
            report.verdicts.retain(|verdict| verdict.requirement == "platform.exit-zero");
            report.scenarios = vec!["other".to_owned()];
            let mut narrowed = RunFilter::default();
            change(&mut narrowed);
            report.narrowed = Some(narrowed);
        })
    };
    let whole = compare(&side(|_| ()), &less(|_| ()));
    assert!(whole.removed_requirements.changed.contains(&"base.digest-present".to_owned()), "{whole:?}");
    assert_eq!(whole.removed_scenarios.changed, ["minimal"]);
    for (number, change) in [
        (|narrowed: &mut RunFilter| {
            narrowed.requirements = vec!["platform.exit-*".to_owned()].try_into().unwrap();
            narrowed.scenarios = vec!["oth*".to_owned()].try_into().unwrap();
        }) as fn(&mut RunFilter),
        |narrowed| {
            let case = Case {
                scenario: "other".to_owned(),
                requirement: "platform.exit-zero".to_owned(),
                target: Target::Registry,
            };
            narrowed.only = Some([case].into());
        },
    ]
    .into_iter()
    .enumerate()
    {
        let changes = compare(&side(|_| ()), &less(change));
        assert!(changes.removed_requirements.changed.is_empty(), "{number}: {changes:?}");
        assert!(changes.removed_scenarios.changed.is_empty(), "{number}");
        assert_eq!(changes.removed_scenarios.not_asked, ["minimal"]);
        assert!(changes.text().contains("scenarios that the new run was not asked for: 1"), "{}", changes.text());
        assert!(!changes.text().contains("removed"), "{}", changes.text());
        let other_way = compare(&less(change), &side(|_| ()));
        assert_eq!(other_way.added_scenarios.not_asked, ["minimal"]);
    }
    let shard = side(|report| {
        report.shard = Some("1/2".parse().unwrap());
        report.scenarios.clear();
    });
    assert_eq!(compare(&side(|_| ()), &shard).removed_scenarios.not_asked, ["minimal"]);
    let target = side(|report| {
        report.tool.catalogue = "1".to_owned();
        report.targets = vec![Target::Layout];
        report.verdicts.clear();
    });
    assert!(compare(&side(|_| ()), &target).removed_requirements.changed.is_empty());
}

#[test]
fn within_one_catalogue_no_requirement_comes_or_goes() {
    let fewer = side(|report| report.verdicts.retain(|verdict| verdict.verdict != Answer::Fail));
    let changes = compare(&side(|_| ()), &fewer);
    assert_eq!(changes.removed_requirements.not_asked, ["base.digest-present"], "an older report does not say why");
}

/// One run of one export; its one requirement has this answer.
fn run_of(export: Export, answer: Answer) -> Side {
    let mut side = side(|report| {
        set(report, "platform.exit-zero", answer);
        report.verdicts.retain(|verdict| verdict.requirement == "platform.exit-zero");
        report.verdicts.iter_mut().for_each(|verdict| verdict.exports = vec![export.id.clone()]);
    });
    let scenario = ScenarioEvidence {
        version: 2,
        scenario: "minimal".to_owned(),
        exports: vec![export],
        rebases: Vec::new(),
        not_run: Vec::new(),
    };
    side.evidence = Some(vec![scenario]);
    side
}

#[test]
fn only_an_exporter_that_acted_otherwise_has_a_regression() {
    use super::sample::{export, of_version, with_host};
    let worse = |new: Export| compare(&run_of(export(), Answer::Pass), &run_of(new, Answer::Fail));
    for same in [export(), with_host("127.0.0.1:50000")] {
        let changes = worse(same);
        assert_eq!((changes.exit(), changes.judged_differently.len()), (Exit::Conformant, 1));
        assert!(
            changes.text().contains("judged differently, though the exporter did the same (1)"),
            "{}",
            changes.text()
        );
    }
    let mut says_more = export();
    says_more.outcome.stderr = "ERROR: something\n".to_owned();
    for other in [of_version("0.2"), says_more] {
        let changes = worse(other);
        assert_eq!((changes.newly_failing.len(), changes.judged_differently.len()), (1, 0));
    }
    let better = compare(&run_of(export(), Answer::Fail), &run_of(export(), Answer::Pass));
    assert_eq!((better.fixed.len(), better.judged_differently.len()), (0, 1));
}

#[test]
fn a_refused_export_has_no_digest_and_what_changed_alike_is_one_line() {
    use super::sample::{export, of_version};
    let refused = |export: Export| {
        let mut export = export;
        export.outcome.end = End::Exited(1);
        run_of(export, Answer::Pass)
    };
    let changes = compare(&refused(export()), &refused(of_version("0.2")));
    assert!(changes.digests_compared && changes.digests.is_empty(), "{changes:?}");
    let many = |version: &str| {
        let mut side = run_of(of_version(version), Answer::Pass);
        let all = &mut side.evidence.as_mut().unwrap()[0].exports;
        for number in 2..=5 {
            all.push(Export { id: format!("other-{number}/registry/1"), ..all[0].clone() });
        }
        side
    };
    let changes = compare(&many("0.1"), &many("0.2"));
    let text = changes.text();
    assert_eq!(changes.digests.len(), 5);
    assert_eq!(text.matches("0.1 → 0.2").count(), 1, "{text}");
    assert!(text.contains("5: registry 5 (minimal, other-2, other-3 and 2 more)"), "{text}");
    assert!(
        changes.markdown().contains("- `labels/io.buildpacks.lifecycle.metadata#launcher.version: 0.1 → 0.2"),
        "{}",
        changes.markdown()
    );
}

#[test]
fn one_requirement_that_changed_everywhere_is_one_line() {
    let many = |answer: Answer| {
        side(|report| {
            set(report, "platform.exit-zero", answer);
            let one =
                report.verdicts.iter().find(|verdict| verdict.requirement == "platform.exit-zero").unwrap().clone();
            let other = |number: usize| {
                let id = format!("s{number}/registry/platform.exit-zero");
                Verdict { id, scenario: format!("s{number}"), ..one.clone() }
            };
            report.verdicts.extend((1..=9).map(other));
        })
    };
    let changes = compare(&many(Answer::Pass), &many(Answer::Fail));
    let text = changes.text();
    assert_eq!((changes.newly_failing.len(), text.matches("platform.exit-zero  pass").count()), (10, 1), "{text}");
    assert!(text.contains("platform.exit-zero  pass → fail  10: registry 10 (minimal, s1, s2 and 7 more)"), "{text}");
    assert!(
        text.contains("newly failing (1, in all 10)") && text.ends_with("regressions: 1 (verdicts: 10)\n"),
        "{text}"
    );
    assert!(changes.markdown().starts_with("**regressions: 1 (verdicts: 10)**"), "{}", changes.markdown());
}
