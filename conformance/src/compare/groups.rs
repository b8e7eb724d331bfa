//! Equal changes put together: a requirement that changed in fifty scenarios is one change, and so is a label's field
//! that has another value in every image.

use std::collections::{BTreeMap, BTreeSet};

use judge::difference;
use judge::verdict::Answer;

use super::{Change, DigestChange};

/// Verdicts on one requirement that changed in the same way.
pub(super) struct Group<'a> {
    pub(super) requirement: &'a str,
    pub(super) old: Option<Answer>,
    pub(super) new: Answer,
    pub(super) changes: Vec<&'a Change>,
}

/// The changes by requirement and way, in the order in which the first of each was found.
pub(super) fn of(changes: &[Change]) -> Vec<Group<'_>> {
    let mut found: Vec<Group<'_>> = Vec::new();
    for change in changes {
        let (.., requirement) = parts(&change.id);
        let is_it = |group: &&mut Group<'_>| {
            group.requirement == requirement && group.old == change.old && group.new == change.new
        };
        match found.iter_mut().find(is_it) {
            Some(group) => group.changes.push(change),
            None => found.push(Group { requirement, old: change.old, new: change.new, changes: vec![change] }),
        }
    }
    found
}

/// A field that changed in some exports.
pub(super) struct FieldGroup<'a> {
    /// Its name, with `*` for places in lists.
    pub(super) field: String,
    /// The old and the new value; those of the first export where they are many.
    pub(super) values: (&'a str, &'a str),
    /// How many pairs of values there are.
    pub(super) kinds: usize,
    pub(super) exports: Vec<&'a str>,
}

/// The fields, those of most exports first. Digests are others in every image: more than a few values of one field are
/// one group.
pub(super) fn of_fields(changes: &[DigestChange]) -> Vec<FieldGroup<'_>> {
    const FEW: usize = 3;
    let mut fields: BTreeMap<String, BTreeMap<(&str, &str), Vec<&str>>> = BTreeMap::new();
    for change in changes {
        for field in &change.fields {
            let pairs = fields.entry(difference::without_numbers(&field.field)).or_default();
            pairs.entry((&field.old, &field.new)).or_default().push(&change.export);
        }
    }
    let mut groups = Vec::new();
    for (field, pairs) in fields {
        let kinds = pairs.len();
        if kinds <= FEW {
            let group = |(values, exports)| FieldGroup { field: field.clone(), values, kinds: 1, exports };
            groups.extend(pairs.into_iter().map(group));
            continue;
        }
        let Some(values) = pairs.keys().next().copied() else { continue };
        let exports: BTreeSet<&str> = pairs.into_values().flatten().collect();
        groups.push(FieldGroup { field, values, kinds, exports: exports.into_iter().collect() });
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.exports.len()));
    groups
}

/// How many, on which services, and the first few of the scenarios: `50: registry 49, layout 1 (minimal, three-tags,
/// …)`.
pub(super) fn places(ids: &[&str]) -> String {
    const NAMED: usize = 3;
    let mut services: BTreeMap<&str, usize> = BTreeMap::new();
    let mut scenarios: Vec<&str> = Vec::new();
    for id in ids {
        let (scenario, service, _) = parts(id);
        *services.entry(service).or_default() += 1;
        if !scenarios.contains(&scenario) {
            scenarios.push(scenario);
        }
    }
    let counts: Vec<String> = services.iter().map(|(service, count)| format!("{service} {count}")).collect();
    let more = scenarios.len().saturating_sub(NAMED);
    let named = scenarios.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}: {} ({named}{more})", ids.len(), counts.join(", "))
}

/// Scenario, service and the rest of an id.
fn parts(id: &str) -> (&str, &str, &str) {
    let (scenario, rest) = id.split_once('/').unwrap_or((id, ""));
    let (service, rest) = rest.split_once('/').unwrap_or((rest, ""));
    (scenario, service, rest)
}
