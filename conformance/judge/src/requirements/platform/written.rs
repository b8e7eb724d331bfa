//! What an export leaves on disk next to the image. What becomes of files that were there before is asked by
//! `inputs.untouched`.

use std::collections::BTreeMap;

use crate::evidence::{Change, ChangedFile, Export};
use crate::requirement::{Case, violated};
use crate::verdict::Finding;
use crate::view;

/// Flags and variables that name what an export may write to.
const OUTPUTS: [(&str, &str); 2] = [("cache-dir", "CNB_CACHE_DIR"), ("launch-cache", "CNB_LAUNCH_CACHE_DIR")];
/// Variables that name folders for whatever a process likes.
const SCRATCH: [&str; 2] = ["TMPDIR", "HOME"];

/// Places for caches and for scratch files, with all that is below them.
pub(in super::super) fn caches_and_scratch(export: &Export) -> Vec<String> {
    let inputs = &export.inputs;
    let variable = |name: &str| inputs.environment.get(name).cloned();
    let caches = OUTPUTS.iter().filter_map(|(flag, name)| {
        super::inputs::given(&inputs.argv, flag).map(str::to_owned).or_else(|| variable(name))
    });
    let places = caches.chain(SCRATCH.into_iter().filter_map(variable));
    let mut places: Vec<String> = places.map(|place| view::cleaned(&place, &inputs.app)).collect();
    // A working folder that is the place of scratch files is not a place to be kept clean; the build's folders are.
    places.retain(|place| *place != inputs.app && *place != inputs.layers);
    places
}

/// Places that an export may write to, with all that is below them.
pub(in super::super) fn outputs(export: &Export) -> Vec<String> {
    let inputs = &export.inputs;
    let mut places = caches_and_scratch(export);
    places.push(inputs.report.clone());
    let layers = &inputs.layers;
    let ids = super::inputs::buildpacks(export).into_iter().map(|buildpack| super::inputs::escaped(&buildpack.id));
    for own in ids.chain(["buildpacksio_lifecycle".to_owned(), "sbom.legacy.json".to_owned()]) {
        places.extend(["build", "launch"].map(|kind| format!("{layers}/sbom/{kind}/{own}")));
    }
    places.extend(inputs.layout_dir.clone());
    places
}

/// Whether a file is an SBOM of lifecycle or launcher, which an export copies before anything else.
pub(in super::super) fn is_of_the_lifecycle(export: &Export, file: &ChangedFile) -> bool {
    let own = |kind: &str| format!("{}/sbom/{kind}/buildpacksio_lifecycle", export.inputs.layers);
    ["build", "launch"].iter().any(|kind| view::is_below(&file.path, &own(kind)))
}

/// Whether what was added is an output, or a folder that was made on the way to one.
pub(in super::super) fn is_permitted(places: &[String], file: &ChangedFile) -> bool {
    let is_on_the_way = |place: &String| view::is_below(place, &file.path);
    places.iter().any(|place| file.path == *place || view::is_below(&file.path, place) || is_on_the_way(place))
}

pub(super) fn nothing_else_is_written(export: &Export) -> Finding {
    let Some(changed) = &export.changed_files else {
        return Finding::Skipped("the folders were not listed again after the export".to_owned());
    };
    let places = outputs(export);
    let is_other = |file: &&ChangedFile| file.change == Change::Added && !is_permitted(&places, file);
    let others: Vec<&ChangedFile> = changed.iter().filter(is_other).collect();
    let Some(first) = others.first() else { return Finding::Holds };
    let more = view::and_more(others.len());
    violated(
        "the export leaves a file that was not there",
        "more files in the folders of <layers>/sbom that are a buildpack's or the lifecycle's, caches, the report and a layout alone",
        format!("{}{more}", view::cut(&first.path)),
        export.at("export.json#/changed_files"),
    )
}

/// What an exporter is free in: where it says what of a good build, and who may read what it leaves.
pub(super) fn observations(case: &Case<'_>, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good().filter(|export| export.image.is_some()) {
        let says = |text: &str| !text.trim().is_empty();
        let answer = match (says(&export.outcome.stdout), says(&export.outcome.stderr)) {
            (true, true) => "on both streams",
            (true, false) => "on standard output",
            (false, true) => "on standard error",
            (false, false) => "nowhere",
        };
        see(export, "what-is-said-of-a-good-build", answer.to_owned(), "stdout.txt");
        let modes: BTreeMap<&str, u32> = export.output_modes.iter().map(|(path, mode)| (kind(path), *mode)).collect();
        if !modes.is_empty() {
            let told: Vec<String> = modes.iter().map(|(kind, mode)| format!("{kind} {mode:o}")).collect();
            see(export, "modes-of-outputs", told.join(", "), "export.json#/output_modes");
        }
    }
}

/// What an output is, by its path.
fn kind(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("index.json") => "index.json",
        Some("oci-layout") => "oci-layout",
        _ if path.contains("/blobs/") => "blobs",
        _ => "report",
    }
}

pub(super) fn nothing_is_left(export: &Export) -> Finding {
    let Some(left) = &export.outcome.left else {
        return Finding::Skipped("the exporter had no folders for scratch files of its own".to_owned());
    };
    let places = outputs(export);
    let others: Vec<&ChangedFile> = left.iter().filter(|file| !is_permitted(&places, file)).collect();
    let Some(first) = others.first() else { return Finding::Holds };
    let more = view::and_more(others.len());
    violated(
        "the export leaves a file next to its build",
        "nothing in folders for scratch files but TMPDIR and HOME",
        format!("{}{more}", view::cut(&first.path)),
        export.at("export.json#/outcome/left"),
    )
}
