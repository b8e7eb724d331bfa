//! Input that an exporter may refuse: special files, and run images of forms that no specification makes it take.

use super::{named, refusal};
use crate::evidence::{EntryKind, Export};
use crate::requirement::{Case, Needs, Requirement, Source, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

use super::super::platform_inputs as build;

const SLUG: &str = "errors.special-file";
const RUN_IMAGE_FORM_SLUG: &str = "errors.run-image-form";

/// The row of the theme that has two good ends.
pub(super) const SPECIAL_FILE: Requirement = Requirement::new(
    Level::Should,
    SLUG,
    "a socket or fifo is refused by name with nothing written, or the image holds every other file and no regular file \
     in its place",
    Source::own("errors"),
    special_files_do_no_harm,
)
.because(
    "a socket is not content, so it can be left out or refused; what must not happen is that it hangs the exporter, takes \
     other files with it, or turns into an empty file",
)
.looks_like(
    "a fifo that the exporter waits for until the time limit, an image that lacks files next to the socket, or an empty \
     regular file where the socket was",
)
.fix("look at a file's type before opening it; refuse what is neither file, folder nor link, or skip \
it with a warning")
.when("a scenario has a socket or fifo among the files and lets the exporter refuse it")
.needing(Needs::Process);

fn special_files_do_no_harm(case: &Case<'_>) -> Finding {
    let exports = case.exports.iter().filter(|export| export.inputs.may_refuse.as_deref() == Some(SLUG));
    let findings: Vec<Finding> = exports.map(|export| does_no_harm(case, export)).collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario has special files");
    }
    together(findings)
}

/// A run image that an exporter takes, or refuses as everything else that it refuses.
pub(super) const RUN_IMAGE_FORM: Requirement = Requirement::new(
    Level::Should,
    RUN_IMAGE_FORM_SLUG,
    "a run image of a form that no specification makes an exporter take is taken, or refused by name with nothing written",
    Source::own("errors"),
    a_form_is_taken_or_refused,
)
.because(
    "an index in an index, or a layer of a media type that Docker's schema does not list, is not every exporter's to \
     take; half an image of it is worth less than a clear refusal",
)
.looks_like("a refusal that does not name the run image or what it is, or one after the tag was moved")
.fix("look at the media types of the run image's documents and layers before anything is written")
.when("a scenario has such a run image, and lets the exporter refuse it")
.needing(Needs::Process);

fn a_form_is_taken_or_refused(case: &Case<'_>) -> Finding {
    let exports = case.exports.iter().filter(|export| export.inputs.may_refuse.as_deref() == Some(RUN_IMAGE_FORM_SLUG));
    let findings: Vec<Finding> = exports
        .map(|export| match export.troubles.first() {
            Some(trouble) => Finding::Error(trouble.clone()),
            None if export.outcome.succeeded() => Finding::Holds,
            None => is_well_refused(case, export, &named::run_image_s_form(export)),
        })
        .collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario has a run image of such a form");
    }
    together(findings)
}

/// What a refusal has to be, where the same exporter accepts a build without what is refused.
fn is_well_refused(case: &Case<'_>, export: &Export, names: &[String]) -> Finding {
    let Some(control) = case.control(export) else {
        return case.uncontrolled(export).unwrap_or(Finding::Holds);
    };
    together([
        refusal::exits_with(export, None),
        refusal::is_no_crash(export),
        refusal::moves_nothing(export, false),
        refusal::claims_no_success(export),
        refusal::says_what_is_wrong(export, control, names),
    ])
}

fn does_no_harm(case: &Case<'_>, export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    if !export.outcome.succeeded() {
        return is_well_refused(case, export, &named::special_files(export));
    }
    let Some(image) = &export.image else {
        return Finding::Skipped("the exporter exited 0, yet no image is there".to_owned());
    };
    let files = view::new_files(export, image);
    let place = export.at("export.json#/image/layers");
    for path in named::special(export) {
        let entry = files.get(&path).map(|entry| view::resolved(&files, entry));
        if entry.is_some_and(|entry| entry.kind == EntryKind::File) {
            return violated(format!("{path} has become a regular file"), "nothing, or what it is", "a file", place);
        }
    }
    let launch = build::layers(export).into_iter().filter(|layer| layer.types.launch && layer.has_folder);
    let folders = launch.map(|layer| layer.folder).chain([export.inputs.app.clone()]);
    for folder in folders {
        if let Some(lost) = build::leaves(export, &folder).find(|file| !files.contains_key(&file.path)) {
            return violated("a file next to the special one is missing", &lost.path, "nothing", place);
        }
    }
    Finding::Holds
}
