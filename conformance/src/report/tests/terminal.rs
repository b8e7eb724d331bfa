//! The report in a terminal: safe, of any width, no more than was asked for.

use judge::verdict::Verdict;

use super::{PLAIN, VERBOSE};
use crate::exit::Exit;
use crate::record::RunFilter;
use crate::report::Report;
use crate::report::sample::report;
use crate::report::terminal::{self, Detail, Style, wrapped};

#[test]
fn the_terminal_report_is_safe_and_says_everything() {
    let text = terminal::render(&report(), PLAIN);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    insta::assert_snapshot!(text);
    let whole = terminal::render(&report(), VERBOSE);
    assert!(!whole.chars().any(|c| c.is_control() && c != '\n'), "{whole:?}");
    insta::assert_snapshot!(whole);
    let coloured = terminal::render(&report(), terminal::Style { colour: true, ..VERBOSE });
    insta::assert_debug_snapshot!(coloured);
    let interrupted = terminal::render(&Report { exit_code: Exit::Interrupted, ..report() }, PLAIN);
    assert!(interrupted.ends_with("\ninterrupted (exit 130)\n"), "{interrupted}");
}

#[test]
fn a_terminal_of_any_width_gets_lines_that_fit_and_commands_that_can_be_copied() {
    for width in [40, 80, 140, 200] {
        let text = terminal::render(&report(), Style { width: Some(width), ..VERBOSE });
        let free = |line: &&str| !line.contains("repeat    ") && !line.contains("evidence ");
        for line in text.lines().filter(free).filter(|line| line.split_whitespace().all(|word| word.len() < 20)) {
            assert!(console::measure_text_width(line) <= width, "{width}: {line:?}");
        }
        assert!(text.contains("repeat    conformance run --scenario minimal\n"), "{text}");
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        let whole = terminal::render(&report(), VERBOSE);
        assert_eq!(letters(&text), letters(&whole), "wrapping changes nothing but blanks");
    }
}

#[test]
fn a_digest_is_not_broken_and_columns_are_kept() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let mut report = report();
    report.verdicts[0].expected.clone_from(&digest);
    for width in [40, 80, 140] {
        let text = terminal::render(&report, Style { width: Some(width), ..VERBOSE });
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
        let coloured = terminal::render(&report(), Style { colour: true, ..style });
        assert_ne!(plain(&coloured), coloured);
        assert_eq!(plain(&coloured), terminal::render(&report(), style), "{width}");
    }
}

#[test]
fn a_part_of_a_run_is_not_called_the_whole() {
    let answer = |change: &dyn Fn(&mut RunFilter)| {
        let mut narrowed = RunFilter::default();
        change(&mut narrowed);
        let whole = Report { exit_code: Exit::Conformant, narrowed: Some(narrowed), ..report() };
        let text = terminal::render(&whole, PLAIN);
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
    let text = terminal::render(&report, PLAIN);
    assert_eq!(text.matches("        repeat    ").count(), 3, "{text}");
    assert!(text.contains("  and 15 more requirements; --verbose"), "{text}");
    assert_eq!(terminal::render(&report, VERBOSE).matches("        repeat    ").count(), 30);
    let quiet = terminal::render(&report, Style { detail: Detail::Quiet, ..PLAIN });
    assert!(quiet.lines().count() < 14 && !quiet.contains("base.r1"), "{quiet}");
    assert!(quiet.contains("requirements  0 hold, 30 broken\n"), "{quiet}");
}
