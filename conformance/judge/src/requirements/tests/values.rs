//! Readings of the build's inputs, and how TOML compares with JSON.

use super::super::*;
use crate::evidence::Target;
use crate::sample::{self, edit_input, on};

#[test]
fn a_row_is_found_by_its_slug() {
    for row in all() {
        assert_eq!(named(row.id).map(|found| found.asks), Some(row.asks));
    }
    assert!(named("base.none").is_none());
}

#[test]
fn what_is_of_daemons_and_layouts_is_compared_with_the_registry() {
    let compared: Vec<&str> = all().map(|row| row.id).filter(|id| compares_with_registry(id)).collect();
    let expected: Vec<&str> = all()
        .map(|row| row.id)
        .filter(|id| id.starts_with("daemon.") || id.starts_with("layout.") || *id == "buildpack.same-on-every-target")
        .collect();
    assert_eq!(compared, expected);
    assert!(
        ["daemon.says-so", "layout.path", "buildpack.same-on-every-target"].into_iter().all(compares_with_registry)
    );
    assert!(!["base.pair", "platform.env", "buildpack.manifest-only"].into_iter().any(compares_with_registry));
}

#[test]
fn only_pairs_of_strings_are_contributed() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    edit_input(
        export,
        "/layers/config/metadata.toml",
        "annotations=[{key='a',value='1'},{key='a',value='2'},{key='b',value=3},{key='c'},{value='4'}]\n\
         labels=[{key='d',value=''}]\n",
    );
    let pairs = |texts: &[(&str, &str)]| -> Vec<(String, String)> {
        texts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(contributed_annotations(export), pairs(&[("a", "1"), ("a", "2")]));
    assert_eq!(contributed_labels(export), pairs(&[("d", "")]));
    export.inputs.files.clear();
    assert_eq!((contributed_annotations(export), contributed_labels(export)), (vec![], vec![]));
}

fn is_same(toml: &str, json: &str) -> bool {
    let table: toml::Table = format!("v = {toml}").parse().unwrap();
    same_value(&table["v"], &Json::parse(json.as_bytes()).unwrap())
}

#[test]
fn a_toml_value_has_one_form_in_json() {
    for (toml, json) in [
        ("'a'", "\"a\""),
        ("1", "1"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1.0", "1"),
        ("true", "true"),
        ("[1, 'a']", "[1, \"a\"]"),
        ("[]", "[]"),
        ("{a=1, b={c=2}}", r#"{"b":{"c":2},"a":1}"#),
        ("{}", "{}"),
    ] {
        assert!(is_same(toml, json), "{toml} {json}");
    }
    for (toml, json) in [
        ("'a'", "\"b\""),
        ("'1'", "1"),
        ("1", "2"),
        ("1", "\"1\""),
        ("1", "1.5"),
        ("1.5", "2.5"),
        ("true", "false"),
        ("true", "\"true\""),
        ("[1]", "[2]"),
        ("[1]", "[1, 1]"),
        ("[1, 2]", "[1]"),
        ("[1, 2]", "[2, 1]"),
        ("[]", "{}"),
        ("{a=1}", r#"{"a":2}"#),
        ("{a=1}", r#"{"b":1}"#),
        ("{a=1}", r#"{"a":1,"b":2}"#),
        ("{a=1, b=2}", r#"{"a":1}"#),
        ("'a'", "null"),
    ] {
        assert!(!is_same(toml, json), "{toml} {json}");
    }
}

#[test]
fn what_json_has_no_number_for_is_null_or_a_text() {
    for toml in ["nan", "inf", "-inf"] {
        assert!(is_same(toml, "null") && is_same(toml, "\"NaN\""), "{toml}");
        assert!(!is_same(toml, "1.5"), "{toml}");
    }
    assert!(!is_same("1.5", "null") && !is_same("1.5", "\"1.5\""));
}

#[test]
fn a_date_is_the_same_instant() {
    for (toml, json) in [
        ("1979-05-27T07:32:00Z", "1979-05-27T07:32:00Z"),
        ("1979-05-27T07:32:00Z", "1979-05-27T08:32:00+01:00"),
        ("1979-05-27T07:32:00.500Z", "1979-05-27T07:32:00.5Z"),
        // A local date has no instant: what it says is in the text.
        ("1979-05-27", "1979-05-27T00:00:00Z"),
        ("07:32:00", "0000-01-01T07:32:00Z"),
        ("1979-05-27T07:32:00", "1979-05-27T07:32:00"),
    ] {
        assert!(is_same(toml, &format!("\"{json}\"")), "{toml} {json}");
    }
    for (toml, json) in [
        ("1979-05-27T07:32:00Z", "1979-05-27T07:32:01Z"),
        ("1979-05-27T07:32:00Z", "1979-05-27T07:32:00+01:00"),
        ("1979-05-27T07:32:00Z", "at 1979-05-27T07:32:00Z"),
        ("1979-05-27", "1979-05-28"),
        ("1979-05-27", "27 May 1979"),
    ] {
        assert!(!is_same(toml, &format!("\"{json}\"")), "{toml} {json}");
    }
}

/// What is told of an export that was changed.
fn told(
    requirement: &str,
    target: Target,
    change: impl FnOnce(&mut crate::evidence::Export),
) -> crate::verdict::Violation {
    let mut evidence = sample::scenario();
    change(on(&mut evidence, target));
    let found = sample::find(&evidence, requirement, target);
    found.violation().cloned().unwrap_or_else(|| panic!("{found:?}"))
}

#[test]
fn a_difference_is_found_in_the_file_that_has_it() {
    let place = |change: fn(&mut crate::evidence::Export)| {
        let found = told("daemon.differences-known", Target::Daemon, change).evidence;
        found.rsplit('/').next().unwrap().to_owned()
    };
    assert_eq!(place(|e| sample::edit_report(e, "app:latest", "app:other")), "report.toml");
    assert_eq!(place(|e| sample::edit_config(e, |c| c["x"] = 1.into())), "config.json");
    let pushed = |e: &mut crate::evidence::Export| {
        let config = &mut e.daemon.as_mut().unwrap().pushed.as_mut().unwrap().config;
        *config = Some(crate::evidence::Document::new(br#"{"x":1}"#.to_vec(), None));
    };
    assert_eq!(place(pushed), "pushed-config.json");
    let more = |e: &mut crate::evidence::Export| sample::annotate(e, "com.example.more", Some("x"));
    let of_layout = told("layout.differences-known", Target::Layout, more).evidence;
    assert!(of_layout.ends_with("/manifest.json"), "{of_layout}");
}

#[test]
fn a_layout_that_is_elsewhere_is_told_by_its_folders_or_that_there_are_none() {
    let found = |folders: &[&str]| {
        let folders: Vec<String> = folders.iter().map(|name| (*name).to_owned()).collect();
        told("layout.path", Target::Layout, |e| {
            let layout = e.layout.as_mut().unwrap();
            layout.folders = folders;
            layout.roots.iter_mut().for_each(|root| root.present = false);
        })
        .found
    };
    assert_eq!(found(&["a/b", "c"]), "layouts in a/b, c");
    assert_eq!(found(&[]), "no layout at all");
}

#[test]
fn what_a_report_says_instead_is_shown() {
    let change = |e: &mut crate::evidence::Export| sample::edit_report(e, "app:latest", "app:other");
    let found = told("digest.report-tags", Target::Registry, change).found;
    assert!(found.contains("app:other"), "{found}");
}
