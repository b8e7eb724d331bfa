//! A run image that image extensions extended (`cnb-platform.md`, exporter, Outputs): the app image is based on what
//! they left in `<extended>/run`.

use crate::evidence::{Export, ExtendedImage, Image};
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

const REBASABLE: &str = "io.buildpacks.rebasable";

/// The requirement that the app image is based on it.
pub(super) const BASED: &str = "platform.based-on-extended";

fn lacks(extended: &ExtendedImage, image: &Image) -> Option<(usize, String, String)> {
    let (expected, found) = (view::diff_ids(Some(&extended.config)), view::diff_ids(image.config.as_ref()));
    let index = (0..expected.len()).find(|index| expected.get(*index) != found.get(*index))?;
    let found = found.get(index).cloned().unwrap_or_else(|| "nothing".to_owned());
    Some((index, expected[index].clone(), found))
}

/// What was found of something that the base brings: where the base is not what extensions left, it follows from that.
pub(super) fn of_the_base(export: &Export, image: &Image, finding: Finding) -> Finding {
    let is_another = export.run_image.extension.as_ref().is_some_and(|extended| lacks(extended, image).is_some());
    if is_another { finding.following(&[BASED]) } else { finding }
}

pub(super) fn the_image_is_based_on_it(export: &Export, image: &Image) -> Finding {
    let Some(extended) = &export.run_image.extension else {
        return not_applicable("the run image was not extended");
    };
    lacks(extended, image).map_or(Finding::Holds, |(index, expected, found)| {
        let place = export.at(&format!("config.json#/rootfs/diff_ids/{index}"));
        violated(format!("layer {index} is not the extended run image's"), expected, found, place)
    })
}

pub(super) fn rebasable_is_its(export: &Export, image: &Image) -> Finding {
    let Some(extended) = &export.run_image.extension else {
        return not_applicable("the run image was not extended");
    };
    let of_it = view::labels_of(Some(&extended.config));
    let expected = if of_it.get(REBASABLE).is_some_and(|value| value == "true") { "true" } else { "false" };
    let labels = view::labels(image);
    let found = labels.get(REBASABLE).map(String::as_str);
    let finding = holds_when(found == Some(expected), || {
        let place = export.at(&format!("config.json#/config/Labels/{REBASABLE}"));
        violated(
            "the label does not say whether extensions may be kept in a rebase",
            expected,
            found.unwrap_or("nothing"),
            place,
        )
    });
    of_the_base(export, image, finding)
}
