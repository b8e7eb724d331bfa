//! What a refused export leaves on disk.

use super::super::platform_written as written;
use super::FAULTS;
use crate::evidence::{Aspect, Change, ChangedFile, End, Export, WireRecord};
use crate::requirement::{Case, Needs, REGISTRY, Requirement, Source, UNSEEN, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

/// The row on the files of all refusals.
pub(super) const NOTHING_LEFT: Requirement = Requirement::new(
    Level::Should,
    "errors.nothing-left",
    "a refused export leaves the files of the build, and images in a layout, as they were, and none of its own",
    Source::own("errors"),
    nothing_is_left,
)
.because("the build is tried again with the same files, and what a refusal took or left is in the next image")
.looks_like(
    "after a refusal a file of <app> or <layers> is gone, altered or new, or an image in the layout is another one",
)
.fix("refuse before anything is written, and remove scratch files on every way out")
.when("an export is refused")
.needing(Needs::Process);

/// The row on what of a refused export is at the registry.
pub(super) const NOTHING_SENT: Requirement = Requirement::new(
    Level::Should,
    "errors.nothing-sent",
    "an export that is refused for what it is given sends nothing to a registry",
    Source::own("errors"),
    nothing_is_sent,
)
.because("blobs without a manifest take room until someone collects them, and a build that is tried again leaves more of them")
.looks_like("layers are uploaded before all inputs are read, and then one of these is refused")
.fix("read and check every input before the first upload")
.when("an export is refused for its command line or an input file, and a recorder stood before the registry")
.on(REGISTRY)
.needing(Needs::Process);

/// What is found out only while layers are made or sent.
const FOUND_LATE: [&str; 5] = [
    "errors.doubtful-certificate",
    "errors.report-unwritable",
    "errors.unauthorized",
    "errors.unreachable-registry",
    "errors.unreadable-file",
];

fn nothing_is_sent(case: &Case<'_>) -> Finding {
    let is_of_inputs = |export: &&Export| {
        let slug = export.inputs.expected_failure.as_deref().unwrap_or_default();
        matches!(export.outcome.end, End::Exited(code) if code != 0)
            && FAULTS.iter().any(|fault| fault.slug == slug)
            && !FOUND_LATE.contains(&slug)
    };
    let findings: Vec<Finding> = case
        .exports
        .iter()
        .copied()
        .filter(is_of_inputs)
        .map(|export| {
            let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
            match first_sent(wire) {
                Some(record) => violated(
                    "a refused export has sent something to the registry",
                    "no upload and no manifest",
                    view::cut(&format!("{} {}", record.method, record.path())),
                    export.at("export.json#/wire"),
                ),
                None => case.uncontrolled(export).unwrap_or(Finding::Holds),
            }
        })
        .collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario was refused for what it is given");
    }
    together(findings)
}

/// What was sent first. An upload that is begun and cancelled again, by which a client sees whether it may push, sends
/// nothing.
fn first_sent(wire: &[WireRecord]) -> Option<&WireRecord> {
    let cancels = |record: &&WireRecord| {
        record.method == "DELETE" && record.path().contains("/blobs/uploads/") && (200..300).contains(&record.status)
    };
    let begins = |record: &&WireRecord| record.method == "POST" && record.request_bytes == 0 && record.status == 202;
    let is_probing = wire.iter().filter(begins).count() <= wire.iter().filter(cancels).count();
    wire.iter().find(|record| match record.method.as_str() {
        "POST" => !(is_probing && begins(record)),
        method => matches!(method, "PUT" | "PATCH"),
    })
}

fn nothing_is_left(case: &Case<'_>) -> Finding {
    let is_refused = |export: &&Export| matches!(export.outcome.end, End::Exited(code) if code != 0);
    let findings: Vec<Finding> =
        case.exports.iter().copied().filter(is_refused).map(|export| of_one(case, export)).collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario was refused");
    }
    together(findings)
}

fn of_one(case: &Case<'_>, export: &Export) -> Finding {
    let Some(changed) = &export.changed_files else {
        return Finding::Skipped("the folders were not listed again after the export".to_owned());
    };
    let outputs = written::outputs(export);
    let inputs = written::caches_and_scratch(export).into_iter().chain([export.inputs.report.clone()]);
    let may_change: Vec<String> = inputs.collect();
    let is_other = |file: &&ChangedFile| {
        let permitted = if file.change == Change::Added { &outputs } else { &may_change };
        // The same bytes are the same file, whenever they were written.
        file.aspects != [Aspect::Time]
            && !written::is_permitted(permitted, file)
            && !written::is_of_the_lifecycle(export, file)
    };
    let left = export.outcome.left.iter().flatten().filter(|file| !written::is_permitted(&outputs, file));
    let others: Vec<&ChangedFile> = changed.iter().filter(is_other).chain(left).collect();
    let Some(first) = others.first() else {
        // An exporter that refuses every build shows nothing here.
        return match case.control(export) {
            Some(_) => Finding::Holds,
            None => not_applicable("no build without the fault was accepted here"),
        };
    };
    let what = match first.change {
        Change::Added => "new",
        Change::Altered => "another one",
        Change::Removed => "gone",
    };
    let more = view::and_more(others.len());
    violated(
        "a refused export does not leave files as they were",
        "the files that were there, and no others",
        format!("{} is {what}{more}", view::cut(&first.path)),
        export.at("export.json#/changed_files"),
    )
}
