//! What differs between two outputs of one build: registry, layout, a daemon, and what a daemon pushed. Every
//! difference is held by a named class that permits it, or it is unexpected.

mod classes;
mod fields;
mod output;
mod predicates;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::{Export, ScenarioEvidence, Target};
use crate::view;
use classes::{Class, Contents, Pair};
pub use fields::without_numbers;
pub use output::{Output, Place, Side, Stage};

/// Two outputs of the same step of a scenario, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The scenario.
    pub scenario: String,
    /// The step, from 1.
    pub step: usize,
    /// One side, such as `registry`.
    pub left: Side,
    /// The other side, such as `daemon:classic` or `daemon:classic pushed`.
    pub right: Side,
    /// Fields that are the same on both sides, for example `config.config.Env`; `layers/*.size` stands for that of
    /// every layer.
    pub identical: Vec<String>,
    /// Fields that differ; `layers/*.size` stands for that of every layer where one class permits them all.
    pub differences: Vec<Difference>,
}

/// One field that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field, for example `manifest.annotations/org.opencontainers.image.title`.
    pub field: String,
    /// Whether a class permits it.
    pub relation: Relation,
    /// The class that permits it; empty when none does.
    pub class: String,
    /// Where that is written or was measured; empty when nothing permits it.
    pub source: String,
    /// The value on the left, cut to a readable length; empty when absent. Of a list, the first and how many more.
    pub left: String,
    /// The value on the right; likewise.
    pub right: String,
}

/// How a difference is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A class permits it.
    Expected,
    /// No class permits it.
    Unexpected,
}

/// Every comparison of the scenarios' outputs, by scenario, step, then sides.
#[must_use]
pub fn all(evidence: &[ScenarioEvidence]) -> Vec<Comparison> {
    let mut found = Vec::new();
    for scenario in evidence {
        let steps: BTreeSet<usize> = scenario.exports.iter().map(|export| export.step).collect();
        for step in steps {
            let of_step = || scenario.exports.iter().filter(move |export| export.step == step);
            let registry = of_step().find(|export| export.target == Target::Registry);
            for export in of_step().filter(|export| export.target != Target::Registry) {
                found.extend(of_export(export, registry));
            }
        }
    }
    found
}

/// The comparisons that an export elsewhere is part of: with the registry export of its step, where there is one, and
/// of a daemon's image with what became of it further on. None where either is not a good build that succeeded.
#[must_use]
pub fn of_export(export: &Export, registry: Option<&Export>) -> Vec<Comparison> {
    let registry = registry.and_then(Output::stored);
    let Some(stored) = Output::stored(export) else { return Vec::new() };
    let (pushed, pulled) = (Output::pushed(export), Output::pulled_back(export));
    let pairs = [
        (registry.as_ref(), Some(&stored)),
        (Some(&stored), pushed.as_ref()),
        (registry.as_ref(), pushed.as_ref()),
        (pushed.as_ref(), pulled.as_ref()),
    ];
    pairs.into_iter().filter_map(|(left, right)| Some(compare(left?, right?))).collect()
}

/// Compares two outputs of one step.
#[must_use]
pub fn compare(left: &Output<'_>, right: &Output<'_>) -> Comparison {
    // An exporter reports on what it stored, not on what became of that.
    let with_report = left.is_stored() && right.is_stored();
    let (one, two) = (fields::of(left, with_report), fields::of(right, with_report));
    let names: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    let (same, other): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|name| one.get(*name) == two.get(*name));
    let contents = Contents::of(&other);
    let pair = Pair { left, right, one: &one, two: &two };
    let differences = other.iter().map(|field| {
        let class = classes::permitting(pair, field, contents);
        let (left, right) = shown(one.get(*field), two.get(*field));
        Difference {
            field: (*field).clone(),
            relation: if class.is_some() { Relation::Expected } else { Relation::Unexpected },
            class: class.map_or_else(String::new, |class| class.name.to_owned()),
            source: class.map_or_else(String::new, Class::source),
            left,
            right,
        }
    });
    Comparison {
        scenario: left.export.scenario.clone(),
        step: left.export.step,
        left: left.side(),
        right: right.side(),
        identical: gathered(&same, &other),
        differences: together(&differences.collect::<Vec<_>>(), &same),
    }
}

/// Expected differences in all members of a list that have one class, as one; what is unexpected stays by itself.
fn together(differences: &[Difference], same: &[&String]) -> Vec<Difference> {
    let alike: BTreeSet<String> = same.iter().map(|field| fields::without_numbers(field)).collect();
    let mut found: Vec<(Difference, usize)> = Vec::new();
    let classes = |general: &str| -> BTreeSet<&str> {
        let of_it = differences.iter().filter(|one| fields::without_numbers(&one.field) == general);
        of_it.map(|one| one.class.as_str()).collect()
    };
    for one in differences {
        let general = fields::without_numbers(&one.field);
        let is_one = !alike.contains(&general) && one.relation == Relation::Expected && classes(&general).len() == 1;
        let field = if is_one { general } else { one.field.clone() };
        match found.iter_mut().find(|(known, _)| known.field == field) {
            Some((_, more)) => *more += 1,
            None => found.push((Difference { field, ..one.clone() }, 0)),
        }
    }
    let counted = |(mut one, more): (Difference, usize)| {
        for value in [&mut one.left, &mut one.right] {
            if more > 0 && !value.is_empty() {
                *value = format!("{value}, and {more} more");
            }
        }
        one
    };
    found.into_iter().map(counted).collect()
}

/// The names of fields that are the same; where no number of a list differs in a field, they are one name.
fn gathered(same: &[&String], other: &[&String]) -> Vec<String> {
    let unlike: BTreeSet<String> = other.iter().map(|field| fields::without_numbers(field)).collect();
    let name = |field: &&String| {
        let general = fields::without_numbers(field);
        if unlike.contains(&general) { (*field).clone() } else { general }
    };
    same.iter().map(name).collect::<BTreeSet<String>>().into_iter().collect()
}

/// Both values as text: a string without quotation marks, unless it could then be taken for nothing or for the other.
fn shown(left: Option<&Value>, right: Option<&Value>) -> (String, String) {
    let plain = |value: Option<&Value>| match value {
        None => String::new(),
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(value) => value.to_string(),
    };
    let quoted = |value: Option<&Value>| value.map_or_else(String::new, ToString::to_string);
    let (mut one, mut two) = (plain(left), plain(right));
    if one == two {
        (one, two) = (quoted(left), quoted(right));
    }
    (view::cut(&one), view::cut(&two))
}
