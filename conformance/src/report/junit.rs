//! `JUnit` XML: one suite for each scenario. A failure of the exporter is `<failure>`, one of the suite `<error>`, what
//! was not judged `<skipped>`, and so is a known failure, with its reason, so that a server that reads this agrees with
//! the exit code; warnings and absent options pass and say so in `<system-out>`. What is not applicable is not a test
//! case.
//!
//! ```xml
//! <testsuites name="rfc-196" tests="2" skipped="0" failures="1" errors="0" time="4.210">
//!     <testsuite name="minimal" tests="2" skipped="0" errors="0" failures="1" timestamp="2026-11-01T10:00:00.000+00:00">
//!         <properties><property name="catalogue" value="9e3633af"/></properties>
//!         <testcase name="base.pair" classname="minimal.registry"/>
//!         <testcase name="source.url" classname="minimal.layout">
//!             <failure message="there is no such annotation" type="MUST">expected: https://git.example/app</failure>
//!         </testcase>
//!     </testsuite>
//! </testsuites>
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use judge::verdict::{Answer, Verdict};
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{
    Report,
    groups::{is_known, known_words},
    terminal::visible,
};
use crate::error::Cause;

/// The report as `JUnit` XML. The whole and every scenario have a time, a case has none: verdicts are judged together.
///
/// # Errors
/// The XML writer's.
pub fn render(report: &Report) -> Result<String, Cause> {
    let mut whole = quick_junit::Report::new(shown(&report.profile));
    whole.set_time(Duration::try_from_secs_f64(report.seconds).unwrap_or_default());
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for verdict in report.verdicts.iter().filter(|verdict| verdict.verdict != Answer::NotApplicable) {
        let own = suites.entry(&verdict.scenario).or_insert_with(|| suite(report, &verdict.scenario));
        own.add_test_case(case(verdict));
    }
    whole.add_test_suites(suites.into_values());
    if !report.troubles.is_empty() {
        whole.add_test_suite(troubles(report));
    }
    Ok(whole.to_string()?)
}

/// A scenario's suite, without its cases.
fn suite(report: &Report, scenario: &str) -> TestSuite {
    let mut suite = TestSuite::new(shown(scenario));
    if let Some(took) = report.scenario_milliseconds.get(scenario) {
        suite.set_time(Duration::from_millis(*took));
    }
    suite.timestamp = report.started.parse().ok();
    let mut property = |name: &str, value: &str| _ = suite.add_property(Property::new(shown(name), shown(value)));
    property("tool", &format!("{} {}", report.tool.name, report.tool.version));
    property("catalogue", &report.tool.catalogue);
    property("profile", &report.profile);
    property("platform-api", &report.platform_api);
    property("exporter", &report.exporter.name);
    property("exporter-sha256", &report.exporter.sha256);
    if let Some(left_out) = report.left_out() {
        property("narrowed", &left_out);
    }
    for service in report.services.iter().filter(|service| service.observed) {
        let value = format!("{} {}", service.kind, service.version);
        property(&format!("service-{}", service.name), value.trim_end());
    }
    suite
}

fn case(verdict: &Verdict) -> TestCase {
    let status = match verdict.verdict {
        _ if is_known(verdict) => {
            let mut skipped = TestCaseStatus::skipped();
            skipped
                .set_type("known")
                .set_message(shown(&format!("known: {}", known_words(verdict).unwrap_or_default())));
            skipped
        }
        Answer::Skipped => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_type("skipped").set_message(shown(&verdict.message));
            skipped
        }
        Answer::Fail => not_passed(NonSuccessKind::Failure, verdict),
        Answer::Error => not_passed(NonSuccessKind::Error, verdict),
        Answer::Pass | Answer::NotApplicable | Answer::Warn | Answer::Absent => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(shown(&verdict.requirement), status);
    case.set_classname(shown(&format!("{}.{}", verdict.scenario, verdict.service)));
    if matches!(verdict.verdict, Answer::Warn | Answer::Absent) {
        case.set_system_out(format!("{}: {}\n{}", verdict.verdict, shown(&verdict.message), details(verdict)));
    }
    case
}

fn not_passed(kind: NonSuccessKind, verdict: &Verdict) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict.level.to_string()).set_message(shown(&verdict.message)).set_description(details(verdict));
    status
}

/// One line for each value that there is.
fn details(verdict: &Verdict) -> String {
    let lines = [
        ("so too", &verdict.followed_by.join(", ")),
        ("expected", &verdict.expected),
        ("found", &verdict.found),
        ("evidence", &verdict.evidence),
        ("source", &verdict.source),
        ("repeat", &verdict.repeat),
    ];
    let kept = lines.into_iter().filter(|(_, value)| !value.is_empty());
    kept.fold(String::new(), |text, (name, value)| text + name + ": " + &shown(value) + "\n")
}

fn troubles(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new("the suite itself");
    for (number, trouble) in (1..).zip(&report.troubles) {
        let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
        error.set_type("trouble").set_message(shown(trouble));
        let mut case = TestCase::new(format!("trouble {number}"), error);
        case.set_classname("suite");
        suite.add_test_case(case);
    }
    suite
}

/// XML 1.0 has no way to write most control characters. The crate leaves them out, and a value that is shown without
/// them would be another value: they are shown as escapes.
fn shown(text: &str) -> String {
    let visible = visible(text);
    visible.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}
