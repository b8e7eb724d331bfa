//! One report with every verdict and hostile text, for the snapshots of every format.

use judge::difference::{Comparison, Difference, Relation};
use judge::evidence::Target;
use judge::observation::Observation;
use judge::profile::Profile;
use judge::verdict::{Answer, Level, Verdict};

use super::terminal::{Detail, Style};
use super::{Report, SCHEMA_VERSION, Totals, headline};
use crate::exit::Exit;
use crate::record::{ExporterFacts, PathFacts, ServiceFacts, Tool};

const VERBOSE: Style = Style { colour: false, width: None, detail: Detail::Verbose };
const PLAIN: Style = Style { colour: false, width: None, detail: Detail::Normal };

/// Markup, quotes, an escape sequence, a bell, a direction override, a line end.
const HOSTILE: &str = "<b>&\"'</b>\u{1b}[31mred\u{7}\u{202e}txt\n\u{2028}";

fn verdict(requirement: &str, answer: Answer, base: Level, level: Level) -> Verdict {
    let tells = !matches!(answer, Answer::Pass);
    let text = |name: &str| if tells { format!("{name} {HOSTILE}") } else { String::new() };
    Verdict {
        id: format!("minimal/registry/{requirement}"),
        scenario: "minimal".to_owned(),
        target: Target::Registry,
        service: "registry".to_owned(),
        exports: vec!["minimal/registry/1".to_owned()],
        requirement: requirement.to_owned(),
        level,
        base_level: base,
        verdict: answer,
        known: None,
        follows_from: None,
        followed_by: Vec::new(),
        message: text("message"),
        expected: text("expected"),
        found: text("found"),
        evidence: text("evidence"),
        source: "rfc-196-oci-annotations.md, How it Works (revision)".to_owned(),
        repeat: "conformance run --scenario minimal".to_owned(),
    }
}

fn difference(relation: Relation) -> Difference {
    let permitted = relation == Relation::Expected;
    let when = |text: &str| if permitted { text.to_owned() } else { String::new() };
    Difference {
        field: format!("manifest.annotations/{HOSTILE}"),
        relation,
        class: when("annotations-lost"),
        source: when("daemons.md"),
        left: HOSTILE.to_owned(),
        right: String::new(),
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let verdicts = vec![
        verdict("base.digest-present", Answer::Fail, Level::Optional, Level::Must),
        verdict("base.pair", Answer::Warn, Level::Should, Level::Should),
        verdict("base.name-present", Answer::Absent, Level::Optional, Level::Optional),
        verdict("base.digest-pinned", Answer::NotApplicable, Level::Must, Level::Must),
        verdict("platform.exit-zero", Answer::Pass, Level::Must, Level::Must),
        verdict("platform.env", Answer::Skipped, Level::Must, Level::Must),
        verdict("digest.report-tags", Answer::Error, Level::Must, Level::Must),
    ];
    Report {
        schema: SCHEMA_VERSION,
        tool: Tool { name: "conformance".to_owned(), version: "0.0.0".to_owned(), catalogue: "0".to_owned() },
        exporter: ExporterFacts {
            name: format!("name {HOSTILE}"),
            path: "/exporter".to_owned(),
            sha256: format!("sha256:{}", "0".repeat(64)),
        },
        platform_api: "0.15".to_owned(),
        profile: Profile::Rfc196.name().to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        seconds: 1.25,
        paths: PathFacts {
            build: "/build".to_owned(),
            isolated: false,
            reason: Some("no namespace".to_owned()),
            exposed: None,
        },
        targets: Target::ALL.to_vec(),
        shard: None,
        narrowed: None,
        services: vec![ServiceFacts {
            name: "registry".to_owned(),
            kind: "embedded".to_owned(),
            version: HOSTILE.to_owned(),
            store: None,
            observed: true,
            note: "no container".to_owned(),
        }],
        scenarios: vec!["minimal".to_owned()],
        scenario_milliseconds: [("minimal".to_owned(), 1_042)].into(),
        exports: 1,
        headlines: headline::headlines(&verdicts, &Target::ALL, &Profile::Rfc196, false),
        totals: Totals::of(&verdicts),
        verdicts,
        observations: vec![Observation {
            question: "created".to_owned(),
            scenario: "minimal".to_owned(),
            target: Target::Registry,
            service: "registry".to_owned(),
            answer: HOSTILE.to_owned(),
            evidence: "minimal/registry/1/config.json".to_owned(),
        }],
        differences: vec![Comparison {
            scenario: "minimal".to_owned(),
            step: 1,
            left: "registry".to_owned(),
            right: "daemon:classic".to_owned(),
            identical: vec!["config.Env".to_owned()],
            differences: vec![difference(Relation::Expected), difference(Relation::Unexpected)],
        }],
        left_behind: vec!["host.example/app:1 (405)".to_owned()],
        evidence: None,
        baseline: None,
        troubles: vec!["--require daemon: it was not observed".to_owned()],
        exit_code: Exit::SuiteFailed,
    }
}

#[test]
fn the_terminal_report_is_safe_and_says_everything() {
    let text = super::terminal::render(&report(), PLAIN);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    insta::assert_snapshot!(text);
    let whole = super::terminal::render(&report(), VERBOSE);
    assert!(!whole.chars().any(|c| c.is_control() && c != '\n'), "{whole:?}");
    insta::assert_snapshot!(whole);
    let coloured = super::terminal::render(&report(), super::terminal::Style { colour: true, ..VERBOSE });
    insta::assert_debug_snapshot!(coloured);
    let interrupted = super::terminal::render(&Report { exit_code: Exit::Interrupted, ..report() }, PLAIN);
    assert!(interrupted.ends_with("\ninterrupted (exit 130)\n"), "{interrupted}");
}

#[test]
fn a_terminal_of_any_width_gets_lines_that_fit_and_commands_that_can_be_copied() {
    for width in [40, 80, 140, 200] {
        let text = super::terminal::render(&report(), Style { width: Some(width), ..VERBOSE });
        let free = |line: &&str| !line.contains("repeat    ") && !line.contains("evidence ");
        for line in text.lines().filter(free).filter(|line| line.split_whitespace().all(|word| word.len() < 20)) {
            assert!(console::measure_text_width(line) <= width, "{width}: {line:?}");
        }
        assert!(text.contains("repeat    conformance run --scenario minimal\n"), "{text}");
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        let whole = super::terminal::render(&report(), VERBOSE);
        assert_eq!(letters(&text), letters(&whole), "wrapping changes nothing but blanks");
    }
}

#[test]
fn a_digest_is_not_broken_and_columns_are_kept() {
    use super::terminal::wrapped;
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let mut report = report();
    report.verdicts[0].expected.clone_from(&digest);
    for width in [40, 80, 140] {
        let text = super::terminal::render(&report, Style { width: Some(width), ..VERBOSE });
        assert!(text.lines().any(|line| line.trim().ends_with(&digest)), "{width}: {text}");
        assert!(width != 80 || text.contains(&format!("expected\n    {digest}\n")), "{text}");
        assert!(wrapped(&format!("            expected  {digest}\n"), Some(width)).contains(&digest));
    }
    let listed = "base.digest-present      MUST  one two three four five six seven eight nine ten eleven\n";
    let below = format!("\n{}nine ten", " ".repeat(25));
    assert!(wrapped(listed, Some(74)).contains(&below), "{}", wrapped(listed, Some(74)));
    assert!(wrapped(listed, Some(40)).lines().all(|line| line.len() <= 40), "{}", wrapped(listed, Some(40)));
    let ragged = "  base.digest-present  fail → pass  3: layout 1, registry 2 (minimal, three-tags)\n";
    assert!(wrapped(ragged, Some(60)).contains("\n    (minimal, three-tags)"), "{}", wrapped(ragged, Some(60)));
    assert!(wrapped("A sentence of words  with a gap\n", Some(20)).contains("\n  with a gap"));
}

#[test]
fn colour_takes_no_room() {
    let plain = |text: &str| {
        ["31", "32", "33", "1", "0"]
            .iter()
            .fold(text.to_owned(), |text, code| text.replace(&format!("\u{1b}[{code}m"), ""))
    };
    for (width, detail) in [(40, Detail::Verbose), (80, Detail::Normal), (140, Detail::Verbose)] {
        let style = Style { colour: false, width: Some(width), detail };
        let coloured = super::terminal::render(&report(), Style { colour: true, ..style });
        assert_ne!(plain(&coloured), coloured);
        assert_eq!(plain(&coloured), super::terminal::render(&report(), style), "{width}");
    }
}

#[test]
fn a_part_of_a_run_is_not_called_the_whole() {
    let answer = |change: &dyn Fn(&mut crate::record::Narrowed)| {
        let mut narrowed = crate::record::Narrowed::default();
        change(&mut narrowed);
        let whole = Report { exit_code: Exit::Conformant, narrowed: Some(narrowed), ..report() };
        let text = super::terminal::render(&whole, PLAIN);
        text.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(answer(&|_| ()), "conformant to rfc-196 (exit 0)");
    let part = "conformant to rfc-196 in the part that was run (exit 0)";
    assert_eq!(answer(&|narrowed| narrowed.scenarios = vec!["minimal".to_owned()].try_into().unwrap()), part);
    assert_eq!(answer(&|narrowed| narrowed.requirements = vec!["base.*".to_owned()].try_into().unwrap()), part);
    assert_eq!(answer(&|narrowed| narrowed.only = Some([].into())), part);
    assert_eq!(answer(&|narrowed| narrowed.left_out = 1), part);
}

#[test]
fn little_is_shown_where_little_is_asked_for() {
    let mut report = report();
    let failed = report.verdicts[0].clone();
    report.verdicts = (1..=30)
        .map(|number| Verdict {
            requirement: format!("base.r{number}"),
            message: format!("about {number}"),
            ..failed.clone()
        })
        .collect();
    let text = super::terminal::render(&report, PLAIN);
    assert_eq!(text.matches("        repeat    ").count(), 3, "{text}");
    assert!(text.contains("  and 15 more requirements; --verbose"), "{text}");
    assert_eq!(super::terminal::render(&report, VERBOSE).matches("        repeat    ").count(), 30);
    let quiet = super::terminal::render(&report, Style { detail: Detail::Quiet, ..PLAIN });
    assert!(quiet.lines().count() < 14 && !quiet.contains("base.r1"), "{quiet}");
    assert!(quiet.contains("requirements  0 hold, 30 broken\n"), "{quiet}");
}

#[test]
fn known_failures_are_told_apart_in_every_format() {
    let mut report = report();
    report.verdicts[0].known = Some(serde_json::json!({ "reason": "mended next week", "until": "2030-01-31" }));
    report.verdicts.push(verdict("base.digest-pinned", Answer::Fail, Level::Must, Level::Must));
    let text = super::terminal::render(&report, PLAIN);
    let (before, after) = text.split_once("\nknown failures\n").unwrap();
    assert!(before.contains("FAIL  base.digest-pinned") && !before.contains("base.digest-present"), "{text}");
    assert!(
        after.starts_with("  KNOWN base.digest-present  (1 case)  mended next week (until 2030-01-31)\n"),
        "{text}"
    );
    let text = super::markdown::render(&report, super::markdown::COMMENT);
    let (before, after) = text.split_once("### Known failures (1)").unwrap();
    assert!(before.contains("base&#46;digest-pinned") && !before.contains("base&#46;digest-present"), "{text}");
    assert!(after.contains("- known <code>mended next week"), "{text}");
    let text = super::github::render(&report);
    assert!(text.contains("::notice title=known failures::1 requirement; see the summary"), "{text}");
    assert!(!text.contains("base.digest-present"), "{text}");
    let text = super::junit::render(&report).unwrap();
    assert!(
        text.contains("<skipped message=\"known: mended next week (until 2030-01-31)\" type=\"known\"/>"),
        "{text}"
    );
    assert_eq!(text.matches("<failure").count(), 1, "{text}");
    let statement: serde_json::Value = serde_json::from_str(&super::in_toto::render(&report).unwrap()).unwrap();
    let named = |list: &str| statement["predicate"][list].to_string().contains("base.digest-present");
    assert!(named("warnedTests") && !named("failedTests"), "{statement}");
}

#[test]
fn what_follows_is_told_under_its_cause() {
    let mut report = report();
    report.verdicts[0].followed_by = vec!["base.pair".to_owned(), "base.name-is-tag".to_owned()];
    let cause = report.verdicts[0].id.clone();
    report.verdicts[1].verdict = Answer::Skipped;
    report.verdicts[1].follows_from = Some(cause);
    "follows from base.digest-present: words of its own".clone_into(&mut report.verdicts[1].message);
    let names = "2 more follow from it: base.pair, base.name-is-tag";
    let text = super::terminal::render(&report, PLAIN);
    assert!(text.contains(names) && !text.contains("words of its own"), "{text}");
    // The other skipped one is still told.
    assert!(text.contains("\nskipped\n"), "{text}");
    let text = super::markdown::render(&report, super::markdown::COMMENT);
    assert!(text.contains("- 2 more follow from it: <code>base"), "{text}");
    assert!(super::github::render(&report).contains(names));
    let text = super::junit::render(&report).unwrap();
    assert!(
        text.contains("<skipped message=\"follows from base.digest-present: words of its own\" type=\"skipped\"/>"),
        "{text}"
    );
    assert!(text.contains("so too: base.pair, base.name-is-tag"), "{text}");
    // Under every profile the cause is as heavy as what follows from it.
    let core = super::headline::under(&Profile::Core, &report.verdicts[0]);
    assert_eq!(core, Answer::Warn);
    report.verdicts[0].followed_by = vec!["base.digest-is-run-image".to_owned()];
    assert_eq!(super::headline::under(&Profile::Core, &report.verdicts[0]), Answer::Fail);
}

#[test]
fn one_is_counted_as_one() {
    let mut report = report();
    let failed = report.verdicts[0].clone();
    report.verdicts = (1..=9).map(|number| Verdict { scenario: format!("s{number}"), ..failed.clone() }).collect();
    let text = super::terminal::render(&report, PLAIN);
    assert!(text.contains("s8 and 1 more scenario on registry\n") && text.contains("1 differs as expected"), "{text}");
    report.verdicts.push(Verdict { scenario: "t".to_owned(), ..failed });
    report.differences.push(report.differences[0].clone());
    let text = super::terminal::render(&report, PLAIN);
    assert!(text.contains("s8 and 2 more scenarios on registry\n") && text.contains("2 differ as expected"), "{text}");
}

#[test]
fn the_json_report_reads_back_and_meets_its_schema() {
    let text = super::json::render(&report()).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
    let schema = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::is_valid(&schema, &value));
    // As earlier versions wrote it.
    let old = super::json::plain(text.as_bytes()).unwrap();
    assert!(old["verdicts"].is_array() && jsonschema::is_valid(&schema, &old));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, old.to_string()).unwrap();
    assert_eq!(super::json::read(&file).unwrap(), report());
    std::fs::write(
        &file,
        text.replacen("\"schema\": 2", "\"schema\": 3", 1).replacen("\"schema\":2", "\"schema\":3", 1),
    )
    .unwrap();
    assert!(crate::error::chain(&super::json::read(&file).unwrap_err()).contains("its schema is 3"));
}

#[test]
fn a_report_that_has_no_times_of_scenarios_is_read_and_its_suites_have_none() {
    let mut value = serde_json::to_value(report()).unwrap();
    value.as_object_mut().unwrap().remove("scenario_milliseconds");
    let report: Report = serde_json::from_value(value).unwrap();
    let text = super::junit::render(&report).unwrap();
    assert_eq!(text.matches(" time=").count(), 1, "the whole's: {text}");
}

#[test]
fn the_junit_report_reads_back_with_equal_counts() {
    let report = report();
    let text = super::junit::render(&report).unwrap();
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
    roxmltree::Document::parse(&super::junit::render(&report).unwrap()).unwrap();
}

#[test]
fn the_markdown_report_is_safe_and_fits_a_comment() {
    let mut report = report();
    let text = super::markdown::render(&report, super::markdown::COMMENT);
    insta::assert_snapshot!(text);
    report.verdicts[0].message = "@someone | `x` <img src=x> https://host.example [a](b) \n# top".repeat(50);
    let many = (0..3000).map(|number| {
        let requirement = format!("theme.row-{number}");
        Verdict { requirement, found: number.to_string(), ..report.verdicts[0].clone() }
    });
    report.verdicts = many.collect();
    let text = super::markdown::render(&report, super::markdown::COMMENT);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("more requirements"), "what is left out is counted");
    for hostile in ["@someone", "`", "<img", "https://", "](", "\n# top"] {
        assert!(!text.contains(hostile), "{hostile}");
    }
}

#[test]
fn workflow_commands_are_escaped_and_few() {
    let mut report = report();
    let text = super::github::render(&report);
    insta::assert_snapshot!(text);
    report.verdicts[0].message = "100%\n::error::forged".to_owned();
    let failed = report.verdicts[0].clone();
    let of = |number: usize| Verdict {
        requirement: format!("base.r{}", number % 25),
        found: number.to_string(),
        ..failed.clone()
    };
    report.verdicts = (0..50).map(of).collect();
    let text = super::github::render(&report);
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10, "{text}");
    let named: std::collections::BTreeSet<&str> = errors.iter().filter_map(|line| line.split("::").nth(1)).collect();
    assert_eq!(named.len(), 10, "one for each requirement: {text}");
    assert!(text.lines().all(|line| !line.starts_with("::error::")) && text.contains("100%25"), "{text}");
    assert!(text.contains("and 17 more") && text.contains(" and 1 more case:"), "{text}");
}

#[test]
fn the_in_toto_statement_names_what_was_tested() {
    let mut report = report();
    let text = super::in_toto::render(&report).unwrap();
    insta::assert_snapshot!(text);
    let result = |report: &Report| -> serde_json::Value {
        let text = super::in_toto::render(report).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["predicate"]["result"].clone()
    };
    assert_eq!(result(&report), "FAILED");
    report.exit_code = Exit::Conformant;
    assert_eq!(result(&report), "WARNED");
    report.totals = Totals::of(&[]);
    assert_eq!(result(&report), "PASSED");
}

#[test]
fn nothing_ends_the_pages_data_and_the_policy_permits_its_own_parts() {
    let mut report = report();
    report.verdicts[0].found = "</script><script>alert(1)</script><!-- {{style}}".to_owned();
    let page = super::html::render(&report).unwrap();
    assert_eq!(page.matches("</script>").count(), 2, "the data's and the script's");
    assert!(!page.contains("<b>&"), "hostile markup is text");
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let packed: serde_json::Value = serde_json::from_str(data).unwrap();
    let places = &packed["verdicts"][0];
    let text = |at: usize| packed["texts"][usize::try_from(places[at].as_u64().unwrap()).unwrap()].as_str().unwrap();
    assert_eq!((text(0), text(2), text(6)), ("minimal", "fail", report.verdicts[0].found.as_str()));
    assert_eq!(page.matches("'sha256-").count(), 2);
    insta::assert_snapshot!(page.split_once("<section id=\"verdicts\"").unwrap().0.split_once("<body>").unwrap().1);
}
