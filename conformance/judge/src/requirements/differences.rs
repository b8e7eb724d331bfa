//! Whether all that differs between a build's outputs is known (`difference`): shared by daemons and layouts.

use crate::difference::{self, Comparison, Difference, Relation, Stage};
use crate::evidence::{Export, Target};
use crate::requirement::{Case, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Judges every comparison that an export of the case is part of. Where a repeat differs already, the registry export
/// is no measure; what became of a daemon's image further on is judged all the same.
pub(super) fn no_difference_is_unknown(case: &Case<'_>) -> Finding {
    let is_of_the_registry = |export: &&&Export| export.target == Target::Registry;
    let exports = case.scenario.exports.iter().collect::<Vec<_>>();
    let registry = exports.iter().filter(is_of_the_registry).copied().collect();
    let elsewhere =
        Case { scenario: case.scenario, target: case.target, service: case.service, exports: registry, run: case.run };
    let is_steady = !super::digest::a_repeat_differs(case) && !super::digest::a_repeat_differs(&elsewhere);
    case.each(|export| {
        let twin = case.registry_twin(export).filter(|_| is_steady);
        known(case, export, &difference::of_export(export, twin))
    })
}

/// Requirements that speak of a field: where one of them is violated, what differs there is known.
const SPOKEN_OF: &[(&str, &[&str])] = &[
    ("labels/io.buildpacks.lifecycle.metadata#runImage", &["platform.label-run-image"]),
    (
        "labels/io.buildpacks.lifecycle.metadata#stack.runImage",
        &["platform.label-run-image", "platform.label-stack-agrees"],
    ),
    ("labels/io.buildpacks.project.metadata", &["platform.label-project-metadata"]),
    ("labels/io.buildpacks.build.metadata", &["platform.label-build-metadata"]),
    ("config.config.Entrypoint", &["platform.entrypoint"]),
    ("config.config.WorkingDir", &["platform.working-dir"]),
    ("report.image.tags", &["layout.report-tags", "digest.report-tags"]),
    ("report.image.image-id", &["daemon.report-image-id"]),
    ("report.image.imageID", &["daemon.report-image-id"]),
    ("report.image.run-image", &["report.run-image-true", "platform.label-run-image"]),
];

/// What of the case speaks of the field and is violated.
fn causes(case: &Case<'_>, field: &str) -> Option<&'static [&'static str]> {
    let (_, slugs) = SPOKEN_OF.iter().find(|(start, _)| field.starts_with(start))?;
    let is_violated = |slug: &&&str| {
        let row = super::named(slug).filter(|row| row.targets.contains(&case.target));
        row.is_some_and(|row| crate::ask::ask(case, row).violation().is_some())
    };
    slugs.iter().find(is_violated).map(|_| *slugs)
}

fn known(case: &Case<'_>, export: &Export, comparisons: &[Comparison]) -> Finding {
    if comparisons.is_empty() {
        return not_applicable("there is nothing to compare with, or an identical repeat differs already");
    }
    let unexpected = |comparison: &Comparison| {
        let of_it = comparison.differences.iter().filter(|difference| difference.relation == Relation::Unexpected);
        of_it.cloned().collect::<Vec<Difference>>()
    };
    let all: Vec<(&Comparison, Vec<Difference>)> =
        comparisons.iter().map(|comparison| (comparison, unexpected(comparison))).collect();
    let each = || all.iter().flat_map(|(comparison, found)| found.iter().map(move |one| (*comparison, one)));
    let count = each().count();
    // What has no cause is told; where all of it has one, the first follows from that.
    let of_itself = each().find(|(_, one)| causes(case, &one.field).is_none());
    let Some((comparison, first)) = of_itself.or_else(|| each().next()) else { return Finding::Holds };
    let more = view::and_more(count);
    let or_nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    violated(
        format!("{} differs between {} and {}{more}", first.field, comparison.left, comparison.right),
        or_nothing(&first.left),
        or_nothing(&first.right),
        place(export, comparison, &first.field),
    )
    .following(causes(case, &first.field).unwrap_or_default())
}

/// Where the right side's value is in the evidence.
fn place(export: &Export, comparison: &Comparison, field: &str) -> String {
    let is_of_the_config = ["config.", "labels/", "history/", "imageID"].iter().any(|start| field.starts_with(start));
    let further = match comparison.right.stage {
        Stage::Stored => "",
        Stage::Pushed => "pushed-",
        Stage::PulledBack => "pulled-back-",
    };
    match field {
        _ if field.starts_with("report.") => export.at("report.toml"),
        _ if is_of_the_config => export.at(&format!("{further}config.json")),
        _ => export.at(&format!("{further}manifest.json")),
    }
}
