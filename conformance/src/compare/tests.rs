use super::*;
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
    assert_eq!(younger.added_requirements, ["base.digest-present"]);
    let fewer = compare(&side(|_| ()), &side(|report| report.scenarios.clear()));
    assert_eq!(fewer.removed_scenarios, ["minimal"]);
}
