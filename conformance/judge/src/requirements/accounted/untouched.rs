//! What was on disk before an export and is not an output of it: it is after the export what it was.

use super::super::platform_written as written;
use crate::evidence::{Aspect, Change, ChangedFile, Export, LayoutFacts};
use crate::requirement::{Source, violated};
use crate::verdict::Finding;
use crate::view;

/// A rule that permits a change of what was there before.
struct Permission {
    name: &'static str,
    source: Source,
    permits: fn(&Export, &ChangedFile) -> bool,
}

/// Every permission, in the order in which they are asked.
const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "the-report",
        source: Source::platform("exporter, Outputs"),
        permits: |export, file| file.path == export.inputs.report,
    },
    Permission {
        name: "caches-and-scratch-files",
        source: Source::platform("exporter, Inputs"),
        permits: |export, file| {
            let places = written::caches_and_scratch(export);
            places.iter().any(|place| file.path == *place || view::is_below(&file.path, place))
        },
    },
    Permission {
        name: "sboms-of-the-lifecycle",
        source: Source::platform("exporter, Outputs"),
        permits: |export, file| file.change == Change::Altered && written::is_of_the_lifecycle(export, file),
    },
    Permission {
        name: "the-layout-of-an-image",
        source: Source::rfc_0119("How it Works"),
        permits: is_of_an_image_s_layout,
    },
];

/// Whether a change is of the layout in which an `<image>` was exported: its index, and blobs that come or go. A blob
/// is named by its hash, so it cannot become another.
fn is_of_an_image_s_layout(export: &Export, file: &ChangedFile) -> bool {
    let (Some(folder), Some(layout)) = (&export.inputs.layout_dir, &export.layout) else { return false };
    let Some(below) = file.path.strip_prefix(folder.as_str()).map(|rest| rest.trim_start_matches('/')) else {
        return false;
    };
    let is_spoiled = file.change == Change::Altered
        && file.aspects.iter().any(|aspect| matches!(aspect, Aspect::Content | Aspect::Kind | Aspect::Link));
    let is_blob = below.split('/').any(|part| part == "blobs");
    is_in_an_image_s_folder(layout, below) && !(is_blob && is_spoiled)
}

/// Where an `<image>` is not at its path, what its port becomes in a path is open, and so is where its layout is.
fn is_in_an_image_s_folder(layout: &LayoutFacts, path: &str) -> bool {
    layout.roots.iter().any(|root| !root.present || path == root.path || view::is_below(path, &root.path))
}

fn in_what(file: &ChangedFile) -> String {
    let names = file.aspects.iter().map(|aspect| match aspect {
        Aspect::Kind => "kind",
        Aspect::Content => "content",
        Aspect::Link => "link target",
        Aspect::Mode => "mode",
        Aspect::Owner => "owner",
        Aspect::Time => "time of modification",
    });
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "kind, mode, size, content or link target".to_owned() } else { names.join(", ") }
}

pub(super) fn nothing_is_changed(export: &Export) -> Finding {
    let Some(changed) = &export.changed_files else {
        return Finding::Skipped("the folders were not listed again after the export".to_owned());
    };
    let is_permitted = |file: &&ChangedFile| PERMISSIONS.iter().any(|one| (one.permits)(export, file));
    let others: Vec<&ChangedFile> =
        changed.iter().filter(|file| file.change != Change::Added && !is_permitted(file)).collect();
    let Some(first) = others.first() else { return Finding::Holds };
    let found = match first.change {
        Change::Removed => "gone".to_owned(),
        Change::Added | Change::Altered => format!("another in its {}", in_what(first)),
    };
    let more = if others.len() == 1 { String::new() } else { format!("; and {} files more", others.len() - 1) };
    let names: Vec<String> = PERMISSIONS.iter().map(|one| format!("{} ({})", one.name, one.source)).collect();
    violated(
        "a file that was there before the export is not what it was",
        format!("unchanged; what may change is: {}", names.join("; ")),
        format!("{} is {found}{more}", view::cut(&first.path)),
        export.at("export.json#/changed_files"),
    )
}
