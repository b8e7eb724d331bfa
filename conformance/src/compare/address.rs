//! A registry of the suite's own has another port in every run, and repositories have other names; both are part of
//! names in the image. What differs by that alone is not a change of the exporter.

use judge::evidence::{Document, Export};

use crate::alike::hosts;

/// The text with one word for every address of its own.
fn without_address(text: &str, export: &Export) -> String {
    let text =
        hosts(export).into_iter().fold(text.to_owned(), |text, host| text.replace(&format!("{host}/"), "REGISTRY/"));
    match &export.inputs.project {
        Some(project) => text.replace(&format!("/{project}/"), &format!("/{}/", export.scenario)),
        None => text,
    }
}

/// Manifest and config without addresses and without the digest that follows from the config.
fn documents(export: &Export) -> Option<(String, String)> {
    let image = export.image.as_ref()?;
    let text = |document: &Option<Document>| {
        let text = document.as_ref().map_or(Some(""), Document::text)?;
        Some(without_address(text, export))
    };
    let (manifest, config) = (text(&image.manifest)?, text(&image.config)?);
    let id = export.image_id().map(ToString::to_string).unwrap_or_default();
    Some((if id.is_empty() { manifest } else { manifest.replace(&id, "CONFIG") }, config))
}

/// Whether two images are the same to the byte, except for the addresses and what follows from them.
pub(super) fn alone_differs(old: &Export, new: &Export) -> bool {
    let is_elsewhere = hosts(old) != hosts(new) || old.inputs.project != new.inputs.project;
    is_elsewhere && documents(old).is_some_and(|old| Some(old) == documents(new))
}

/// Whether two values are the same except for the addresses.
pub(super) fn is_the_same((old, was): (&Export, &str), (new, is): (&Export, &str)) -> bool {
    without_address(was, old) == without_address(is, new)
}
