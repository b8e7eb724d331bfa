use std::collections::BTreeSet;

use super::dimensions::classes;
use super::*;
use crate::scenario;

#[test]
fn every_value_is_shown_by_a_scenario_or_has_a_reason_and_not_both() {
    let shown = shown(&scenario::built_in().unwrap()).unwrap();
    let wrong: Vec<String> = shown
        .values()
        .into_iter()
        .filter(|(_, value, names)| names.is_empty() != value.reason.is_some())
        .map(|(dimension, value, names)| format!("{}: {} {names:?}", dimension.name, value.name))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_key_has_every_class_of_values() {
    let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
    for scenario in &scenario::built_in().unwrap() {
        for seen in step_view::all(scenario).unwrap() {
            for (key, value) in seen.values() {
                let text = value.as_str();
                found
                    .extend(classes().iter().filter(|class| text.is_some_and(class.is)).map(|class| (class.name, key)));
            }
        }
    }
    let missing: Vec<(&str, &str)> = classes()
        .iter()
        .flat_map(|class| scenario::KEYS.map(|(_, key)| (class.name, key)))
        .filter(|pair| !found.contains(pair))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn names_are_told_apart() {
    let dimensions = dimensions();
    let names: BTreeSet<&str> = dimensions.iter().map(|dimension| dimension.name).collect();
    assert_eq!(names.len(), dimensions.len());
    for dimension in &dimensions {
        let values: BTreeSet<&str> = dimension.values.iter().map(|value| value.name.as_str()).collect();
        assert_eq!(values.len(), dimension.values.len(), "{}", dimension.name);
    }
}

#[test]
fn a_value_that_nothing_shows_is_seen() {
    let scenarios = scenario::built_in().unwrap();
    let without: Vec<_> = scenarios.into_iter().filter(|one| one.name != "values-of-addresses").collect();
    let shown = shown(&without).unwrap();
    assert!(shown.values().into_iter().any(|(_, value, names)| value.name == "a scp-like address" && names.is_empty()));
}
