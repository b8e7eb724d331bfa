use super::*;
use crate::exit::Exit;
use crate::report::sample;

const TODAY: Date = jiff::civil::date(2030, 6, 15);

/// A report in which one requirement fails and one passes, and nothing else stands in the way.
fn report() -> Report {
    let mut report = sample::report();
    report.verdicts.retain(|verdict| matches!(verdict.verdict, Answer::Fail | Answer::Pass));
    report.totals = crate::report::Totals::of(&report.verdicts);
    report.troubles.clear();
    report.settle(false);
    assert_eq!(report.exit_code, Exit::NotConformant);
    report
}

fn after(text: &str) -> Report {
    let mut report = report();
    Baseline::parse(text, "known.toml").unwrap().apply(&mut report, TODAY);
    report
}

fn known(requirement: &str, more: &str) -> String {
    format!("[[known]]\nrequirement = \"{requirement}\"\nreason = \"upstream\"\n{more}\n")
}

fn problems(report: &Report) -> Vec<String> {
    report.baseline.as_ref().unwrap().problems.clone()
}

#[test]
fn a_known_failure_keeps_its_verdict_and_does_not_decide() {
    for more in ["", "until = 2030-06-15", "until = \"2031-01-01\"", "scenario = \"min*\"\nservice = \"registry\""] {
        let report = after(&known("base.digest-present", more));
        assert_eq!(report.exit_code, Exit::Conformant, "{more}: {:?}", problems(&report));
        let failed = report.verdicts.iter().find(|verdict| verdict.verdict == Answer::Fail).unwrap();
        assert_eq!(failed.known.as_ref().unwrap().reason, "upstream");
        assert!(report.headlines.iter().any(|headline| headline.text.ends_with("; 1 known")));
    }
}

#[test]
fn what_it_does_not_name_decides_as_ever() {
    for more in ["scenario = \"other\"", "service = \"layout\""] {
        let report = after(&known("base.digest-present", more));
        assert_eq!(report.exit_code, Exit::NotConformant, "{more}");
        assert!(report.verdicts.iter().all(|verdict| verdict.known.is_none()));
    }
}

#[test]
fn a_date_that_has_gone_by_and_a_failure_that_passes_again_fail_the_run() {
    let late = after(&known("base.digest-present", "until = 2030-06-14"));
    assert_eq!(late.exit_code, Exit::NotConformant);
    assert!(problems(&late)[0].contains("expired on 2030-06-14"), "{:?}", problems(&late));
    let text = known("base.digest-present", "") + &known("platform.exit-zero", "");
    let again = after(&text);
    assert_eq!(again.exit_code, Exit::NotConformant);
    assert!(problems(&again)[0].starts_with("platform.exit-zero in * on *: it passes now"), "{:?}", problems(&again));
}

#[test]
fn what_is_no_baseline_is_refused_with_the_entry() {
    for (text, words) in [
        (known("base.digest-presnt", ""), "base.digest-presnt"),
        (known("base.pair", "until = 2030-13-01"), "TOML parse error"),
        (known("base.pair", "until = \"soon\""), "until is a date"),
        (known("base.pair", "until = 2030-01-01T00:00:00Z"), "until is a date"),
        (known("base.pair", "scenario = \"[\""), "known failure 1"),
        (known("base.pair", "more = 1"), "more"),
        ("[[known]]\nrequirement = \"base.pair\"\n".to_owned(), "reason"),
        ("[[known]]\nrequirement = \"base.pair\"\nreason = \" \"\n".to_owned(), "needs a reason"),
    ] {
        let error = crate::error::chain(&Baseline::parse(&text, "known.toml").unwrap_err());
        assert!(error.contains(words) && error.contains("known.toml"), "{words}: {error}");
    }
}

#[test]
fn an_update_adds_and_strikes_off_and_keeps_what_people_wrote() {
    let text = format!(
        "# Ours.\n\n# Waits for a release.\n{}\n{}",
        known("base.pair", "until = 2029-01-01"),
        known("platform.exit-zero", "")
    );
    let new = updated(&text, "known.toml", &report()).unwrap();
    assert_eq!(new.struck, ["platform.exit-zero in * on *"]);
    assert_eq!(new.added, ["base.digest-present in * on *"]);
    assert!(new.text.starts_with("# Ours.\n\n# Waits for a release.\n[[known]]"), "{}", new.text);
    assert!(new.text.contains("until = 2029-01-01") && !new.text.contains("exit-zero"), "{}", new.text);
    let again = updated(&new.text, "known.toml", &report()).unwrap();
    assert!(again.added.is_empty() && again.struck.is_empty() && again.text == new.text);
    assert_eq!(updated("", "known.toml", &report()).unwrap().added.len(), 1);
}

#[test]
fn the_schema_takes_what_is_read_and_refuses_what_is_not() {
    let schema = serde_json::from_str(include_str!("../../../docs/baseline.schema.json")).unwrap();
    let value = |text: &str| -> serde_json::Value { toml::from_str(text).unwrap() };
    assert!(jsonschema::is_valid(&schema, &value(&known("base.pair", "until = \"2030-01-01\"\nservice = \"*\""))));
    for wrong in [known("base.pair", "more = 1"), known("base.pair", "until = \"soon\""), "known = 1".to_owned()] {
        assert!(!jsonschema::is_valid(&schema, &value(&wrong)), "{wrong}");
    }
}
