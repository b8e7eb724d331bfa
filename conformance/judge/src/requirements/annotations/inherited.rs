//! Values that are not the build's: those of the run image, and labels in place of annotations.

use super::at;
use crate::evidence::{Export, Image};
use crate::requirement::{absent_for, not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, PREFIX, RFC_KEYS};

/// What is wrong with a value that leaked from the run image follows from the leak.
pub(in super::super) const LEAK: &[&str] = &["annotations.not-inherited"];

/// The finding on the value of a key, as one that follows from the leak where the value is the run image's.
pub(in super::super) fn of_value(finding: Finding, export: &Export, name: &str) -> Finding {
    if view::is_leaked(export, name) { finding.following(LEAK) } else { finding }
}

/// The absence of a value of the build's where the run image's stands instead.
pub(in super::super) fn leaked(name: &str, expected: &str, found: &str, evidence: String) -> Finding {
    let message = format!("{name} is the run image's, and the build's own is not there");
    absent_for(message, expected, view::cut(found), evidence).following(LEAK)
}

pub(super) fn nothing_is_inherited_from_the_run_image(export: &Export, image: &Image) -> Finding {
    if export.run_image.sentinels.is_empty() {
        return not_applicable("the run image carries neither annotations nor labels");
    }
    let leaked = view::leaked(export, image);
    let names: Vec<&str> = leaked.iter().map(|(key, _)| key.strip_prefix(PREFIX).unwrap_or(key)).collect();
    let place = match leaked.as_slice() {
        [] => return Finding::Holds,
        [(key, _)] => at(export, key),
        _ => export.at("manifest.json#/annotations"),
    };
    let found: Vec<String> =
        names.iter().zip(&leaked).map(|(name, (_, value))| format!("{name} '{}'", view::cut_to(value, 80))).collect();
    violated(
        format!("the app image claims the run image's {} as its own", names.join(", ")),
        "values of the build's inputs, or no annotations",
        found.join(", "),
        place,
    )
}

pub(super) fn labels_do_not_stand_in_for_annotations(export: &Export, image: &Image) -> Finding {
    let labels = view::labels(image);
    let inherited = view::labels_of(Some(export.run_image.base_config()));
    let contributed = super::super::contributed_labels(export);
    for name in RFC_KEYS {
        let key = format!("{PREFIX}{name}");
        let Some(found) = labels.get(&key) else { continue };
        let explained = view::annotation(image, &key).as_ref() == Some(found)
            || inherited.get(&key) == Some(found)
            || contributed.iter().any(|(label, value)| *label == key && value == found);
        if !explained {
            return violated(
                format!("a label {key} stands where an annotation belongs"),
                "no such label, or one equal to the annotation",
                view::cut(found),
                export.at(&format!("config.json#/config/Labels/{key}")),
            );
        }
    }
    Finding::Holds
}
