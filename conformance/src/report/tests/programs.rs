//! Reports that programs read: JSON, `JUnit`, `in-toto`, commands of a workflow.

use std::collections::BTreeSet;

use judge::verdict::Verdict;

use crate::exit::Exit;
use crate::report::sample::report;
use crate::report::{Report, Totals, github, in_toto, json, junit};

#[test]
fn the_json_report_reads_back_and_meets_its_schema() {
    let text = json::render(&report()).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
    let schema = serde_json::from_str(include_str!("../../../../docs/report.schema.json")).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::is_valid(&schema, &value));
    // As earlier versions wrote it.
    let old = json::plain(text.as_bytes()).unwrap();
    assert!(old["verdicts"].is_array() && jsonschema::is_valid(&schema, &old));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, old.to_string()).unwrap();
    assert_eq!(json::read(&file).unwrap(), report());
    std::fs::write(
        &file,
        text.replacen("\"schema\": 2", "\"schema\": 3", 1).replacen("\"schema\":2", "\"schema\":3", 1),
    )
    .unwrap();
    assert!(crate::error::chain(&json::read(&file).unwrap_err()).contains("its schema is 3"));
}

#[test]
fn a_report_that_has_no_times_of_scenarios_is_read_and_its_suites_have_none() {
    let mut value = serde_json::to_value(report()).unwrap();
    value.as_object_mut().unwrap().remove("scenario_milliseconds");
    let report: Report = serde_json::from_value(value).unwrap();
    let text = junit::render(&report).unwrap();
    assert_eq!(text.matches(" time=").count(), 1, "the whole's: {text}");
}

#[test]
fn the_junit_report_reads_back_with_equal_counts() {
    let report = report();
    let text = junit::render(&report).unwrap();
    insta::assert_snapshot!(text);
    let document = roxmltree::Document::parse(&text).unwrap();
    let count = |tag: &str| document.descendants().filter(|node| node.has_tag_name(tag)).count();
    let totals = report.totals;
    assert_eq!(count("testcase"), report.verdicts.len() - totals.not_applicable + report.troubles.len());
    assert_eq!(count("failure"), totals.fail);
    assert_eq!(count("error"), totals.error + report.troubles.len());
    assert_eq!(count("skipped"), totals.skipped);
    assert_eq!(count("system-out"), totals.warn + totals.absent);
    for suite in document.descendants().filter(|node| matches!(node.tag_name().name(), "testsuite" | "testsuites")) {
        for (attribute, tag) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let within = suite.descendants().filter(|node| node.has_tag_name(tag)).count();
            assert_eq!(suite.attribute(attribute), Some(within.to_string().as_str()), "{attribute}");
        }
    }
}

#[test]
fn every_character_makes_valid_xml() {
    let mut report = report();
    report.verdicts[0].found = (0..=0x2_ffff).filter_map(char::from_u32).collect();
    roxmltree::Document::parse(&junit::render(&report).unwrap()).unwrap();
}

#[test]
fn workflow_commands_are_escaped_and_few() {
    let mut report = report();
    let text = github::render(&report);
    insta::assert_snapshot!(text);
    report.verdicts[0].message = "100%\n::error::forged".to_owned();
    let failed = report.verdicts[0].clone();
    let of = |number: usize| Verdict {
        requirement: format!("base.r{}", number % 25),
        found: number.to_string(),
        ..failed.clone()
    };
    report.verdicts = (0..50).map(of).collect();
    let text = github::render(&report);
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10, "{text}");
    let named: BTreeSet<&str> = errors.iter().filter_map(|line| line.split("::").nth(1)).collect();
    assert_eq!(named.len(), 10, "one for each requirement: {text}");
    assert!(text.lines().all(|line| !line.starts_with("::error::")) && text.contains("100%25"), "{text}");
    assert!(text.contains("and 17 more") && text.contains(" and 1 more case:"), "{text}");
}

#[test]
fn the_in_toto_statement_names_what_was_tested() {
    let mut report = report();
    let text = in_toto::render(&report).unwrap();
    insta::assert_snapshot!(text);
    let result = |report: &Report| -> serde_json::Value {
        let text = in_toto::render(report).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["predicate"]["result"].clone()
    };
    assert_eq!(result(&report), "FAILED");
    report.exit_code = Exit::Conformant;
    assert_eq!(result(&report), "WARNED");
    report.totals = Totals::of(&[]);
    assert_eq!(result(&report), "PASSED");
}
