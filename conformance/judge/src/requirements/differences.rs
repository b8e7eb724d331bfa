//! Whether all that differs between a build's outputs is known (`difference`): shared by daemons and layouts.

use crate::difference::{self, Comparison, Difference, Relation};
use crate::evidence::{Export, Target};
use crate::requirement::{Case, not_applicable, violated};
use crate::verdict::Finding;

/// Judges every comparison that an export of the case is part of. Where a repeat differs already, the registry export is
/// no measure; what became of a daemon's image further on is judged all the same.
pub(super) fn no_difference_is_unknown(case: &Case<'_>) -> Finding {
    let is_of_the_registry = |export: &&&Export| export.target == Target::Registry;
    let exports = case.scenario.exports.iter().collect::<Vec<_>>();
    let registry = exports.iter().filter(is_of_the_registry).copied().collect();
    let elsewhere =
        Case { scenario: case.scenario, target: case.target, service: case.service, exports: registry, run: case.run };
    let is_steady = !super::digest::a_repeat_differs(case) && !super::digest::a_repeat_differs(&elsewhere);
    case.each(|export| {
        let twin = case.registry_twin(export).filter(|_| is_steady);
        known(export, &difference::of_export(export, twin))
    })
}

fn known(export: &Export, comparisons: &[Comparison]) -> Finding {
    if comparisons.is_empty() {
        return not_applicable("there is nothing to compare with, or an identical repeat differs already");
    }
    let unexpected = |comparison: &Comparison| {
        let of_it = comparison.differences.iter().filter(|difference| difference.relation == Relation::Unexpected);
        of_it.cloned().collect::<Vec<Difference>>()
    };
    let all: Vec<(&Comparison, Vec<Difference>)> =
        comparisons.iter().map(|comparison| (comparison, unexpected(comparison))).collect();
    let count: usize = all.iter().map(|(_, found)| found.len()).sum();
    let Some((comparison, first)) = all.iter().find_map(|(comparison, found)| Some((comparison, found.first()?)))
    else {
        return Finding::Holds;
    };
    let more = if count == 1 { String::new() } else { format!(", and {} more", count - 1) };
    let or_nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    violated(
        format!("{} differs between {} and {}{more}", first.field, comparison.left, comparison.right),
        or_nothing(&first.left),
        or_nothing(&first.right),
        place(export, comparison, &first.field),
    )
}

/// Where the right side's value is in the evidence.
fn place(export: &Export, comparison: &Comparison, field: &str) -> String {
    let is_of_the_config = ["config.", "labels/", "history/", "imageID"].iter().any(|start| field.starts_with(start));
    let further = if comparison.right.ends_with(" pushed") {
        "pushed-"
    } else if comparison.right.ends_with(" pulled back") {
        "pulled-back-"
    } else {
        ""
    };
    match field {
        _ if field.starts_with("report.") => export.at("report.toml"),
        _ if is_of_the_config => export.at(&format!("{further}config.json")),
        _ => export.at(&format!("{further}manifest.json")),
    }
}
