//! Every variation on the embedded registry and on layouts, with the scenarios that show most of what it touches.

use std::collections::BTreeMap;

use super::wrapped::{Judged, Variation, is_no_alarm, judged, variations};

const HERE: [&str; 6] = ["--registry", "embedded", "--target", "registry", "--target", "layout"];

/// Scenarios for the variations whose names begin so; the first that fits counts.
const SCENARIOS: [(&str, &[&str]); 23] = [
    ("base-digest-of-platform", &["run-image-behind-index"]),
    ("base-name-is-mirror", &["several-buildpacks", "run-image-mirror"]),
    ("annotation", &["same-build-twice", "buildpack-annotations", "annotated-run-image"]),
    ("manifest-subject", &["same-build-twice", "docker-run-image"]),
    ("manifest-", &["same-build-twice"]),
    ("docker-", &["same-build-twice", "docker-run-image"]),
    ("json-", &["same-build-twice", "several-buildpacks"]),
    ("created-", &["same-build-twice", "source-date-epoch"]),
    ("layout-", &["same-build-twice", "three-tags", "layout-gate"]),
    ("report-", &["three-tags", "same-build-twice"]),
    ("tar-pax", &["rebuilt-layers-re-used", "extended-attributes", "odd-files", "rebuilt-after-another-exporter"]),
    (
        "tar-pa",
        &["rebuilt-layers-re-used", "extended-attributes", "rebuilt-after-another-exporter", "run-image-extended"],
    ),
    ("tar-gnu", &["several-buildpacks", "extended-attributes", "odd-files"]),
    ("tar-", &["several-buildpacks", "extended-attributes"]),
    ("env-", &["same-build-twice", "run-image-extended"]),
    ("rebasable-", &["several-buildpacks", "run-image-extended-by-config"]),
    ("history-", &["same-build-twice", "annotated-run-image"]),
    ("config-data", &["same-build-twice", "run-image-in-the-app-s-repository"]),
    ("config-", &["same-build-twice", "annotated-run-image"]),
    (
        "zstd-",
        &["rebuilt-layers-re-used", "rebuilt-after-another-exporter", "three-tags", "run-image-extended-in-zstd"],
    ),
    ("lifecycle-label-", &["rebuilt-layers-re-used", "rebuilt-after-another-exporter", "same-build-twice"]),
    ("wire-", &["same-build-twice", "three-tags"]),
    ("", &["several-buildpacks"]),
];

fn scenarios(variation: &Variation) -> &'static [&'static str] {
    SCENARIOS.iter().find(|(start, _)| variation.name.starts_with(start)).unwrap().1
}

/// Those of the variations whose place among all is `turn` of four: tests that run side by side.
fn raise_no_alarm(turn: usize) {
    let mut before: BTreeMap<(&str, &[&str]), Judged> = BTreeMap::new();
    for variation in variations().iter().skip(turn).step_by(4) {
        let profile = if variation.except.as_deref() == Some("core") { "core" } else { "strict" };
        let scenarios = scenarios(variation);
        let unwrapped = before.entry((profile, scenarios)).or_insert_with(|| judged(None, profile, &HERE, scenarios));
        assert!(unwrapped.passes() > 50, "{}", unwrapped.passes());
        is_no_alarm(variation, unwrapped, profile, &HERE, scenarios);
    }
}

#[test]
fn harmless_variations_raise_no_alarm_1_of_4() {
    raise_no_alarm(0);
}

#[test]
fn harmless_variations_raise_no_alarm_2_of_4() {
    raise_no_alarm(1);
}

#[test]
fn harmless_variations_raise_no_alarm_3_of_4() {
    raise_no_alarm(2);
}

#[test]
fn harmless_variations_raise_no_alarm_4_of_4() {
    raise_no_alarm(3);
}
