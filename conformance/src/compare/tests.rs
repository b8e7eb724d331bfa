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
