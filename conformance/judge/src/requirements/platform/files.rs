//! Single files of the image: launcher, processes, build metadata, SBOMs.

use std::collections::BTreeMap;

use super::inputs;
use super::slices::absolute;
use crate::digest::Digest;
use crate::evidence::{Entry, EntryKind, Export, FileFact, Image};
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

fn layers(export: &Export) -> String {
    export.at("export.json#/image/layers")
}

/// The content of a file in the image, whatever links lie between.
fn content<'a>(files: &BTreeMap<String, &'a Entry>, path: &str) -> Option<&'a Entry> {
    files.get(path).map(|entry| view::resolved(files, entry)).filter(|entry| entry.kind == EntryKind::File)
}

/// Holds when the image has a file of this content at `path`.
fn has(export: &Export, image: &Image, path: &str, expected: Option<&Digest>, what: &str) -> Finding {
    let files = view::new_files(export, image);
    let found = content(&files, path).and_then(|entry| entry.content.as_ref());
    holds_when(found.is_some() && found == expected, || {
        let expected = expected.map_or_else(|| path.to_owned(), |digest| format!("{path} with {digest}"));
        let found = match (files.get(path), found) {
            (_, Some(digest)) => digest.to_string(),
            (Some(entry), None) => format!("a {:?}", entry.kind).to_lowercase(),
            (None, None) => "nothing".to_owned(),
        };
        violated(format!("{what} is not in the image as it should be"), expected, found, layers(export))
    })
}

/// The launcher that `-launcher` names, whatever links lead to it; none where it is not among the inputs.
fn launcher(export: &Export) -> Option<&FileFact> {
    /// As many links as Linux follows.
    const LONGEST: usize = 40;
    let mut found = export.inputs.file(&export.inputs.launcher)?;
    for _ in 0..LONGEST {
        let Some(link) = &found.link else { return Some(found) };
        let folder = found.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        found = export.inputs.file(&absolute(folder, link))?;
    }
    None
}

pub(super) fn the_launcher_is_there(export: &Export, image: &Image) -> Finding {
    let Some(launcher) = launcher(export) else {
        return not_applicable("there is no launcher");
    };
    has(export, image, "/cnb/lifecycle/launcher", launcher.content.as_ref(), "the launcher")
}

pub(super) fn every_process_has_its_symlink(export: &Export, image: &Image) -> Finding {
    let types = inputs::process_types(export);
    if types.is_empty() {
        return not_applicable("no buildpack contributes a process");
    }
    let files = view::new_files(export, image);
    for name in types {
        let path = format!("/cnb/process/{name}");
        let entry = files.get(&path).copied();
        let is_it = entry.is_some_and(|entry| {
            entry.kind == EntryKind::Symlink && entry.link.as_deref() == Some("/cnb/lifecycle/launcher")
        });
        if !is_it {
            let found = entry.map_or_else(
                || "nothing".to_owned(),
                |entry| {
                    let to = entry.link.as_ref().map_or_else(String::new, |link| format!(" to {link}"));
                    format!("a {}{to}", format!("{:?}", entry.kind).to_lowercase())
                },
            );
            return violated(
                format!("{path} is not a symlink to the launcher"),
                "/cnb/lifecycle/launcher",
                found,
                layers(export),
            );
        }
    }
    Finding::Holds
}

pub(super) fn the_build_metadata_is_there(export: &Export, image: &Image) -> Finding {
    let path = format!("{}/config/metadata.toml", export.inputs.layers);
    // An exporter may write the file anew; that it is there is what is asked.
    let files = view::new_files(export, image);
    holds_when(content(&files, &path).is_some(), || {
        violated("the build metadata is not in the image", path, "nothing", layers(export))
    })
}

/// SBOMs of the launcher that lie in the folder that describes it.
fn launcher_sboms(export: &Export) -> Vec<(String, &FileFact)> {
    let folder = &export.inputs.launcher_sbom;
    let extension = |file: &FileFact| {
        file.path
            .strip_prefix(&format!("{folder}/launcher.sbom."))
            .filter(|rest| matches!(*rest, "cdx.json" | "spdx.json" | "syft.json"))
            .map(str::to_owned)
    };
    export.inputs.below(folder).filter_map(|file| Some((extension(file)?, file))).collect()
}

pub(super) fn launch_sboms_are_at_their_paths(export: &Export, image: &Image) -> Finding {
    let folder = format!("{}/sbom/launch", export.inputs.layers);
    let expected: Vec<(String, Option<&Digest>)> =
        inputs::leaves(export, &folder).map(|file| (file.path.clone(), file.content.as_ref())).collect();
    let of_the_launcher = launcher_sboms(export);
    if expected.is_empty() && of_the_launcher.is_empty() {
        return not_applicable("there is no SBOM for launch");
    }
    for (path, digest) in expected {
        let finding = has(export, image, &path, digest, "an SBOM");
        if finding != Finding::Holds {
            return finding;
        }
        let files = view::new_files(export, image);
        let is_open = export.inputs.file(&path).is_some_and(|file| file.mode & 0o004 != 0);
        if let Some(entry) = files.get(&path).filter(|entry| is_open && entry.mode & 0o444 == 0) {
            let place = export.at("export.json#/image/layers");
            let message = format!("{path} can be read by no user of the image");
            return violated(message, "a mode with which it is read", format!("{:o}", entry.mode), place);
        }
    }
    let folder = format!("{folder}/buildpacksio_lifecycle/launcher");
    for (extension, file) in of_the_launcher {
        let is_anywhere = !is_the_usual_folder(export) && holds_sbom(export, image, &folder, &extension, file);
        let path = format!("{folder}/sbom.{extension}");
        let finding = has(export, image, &path, file.content.as_ref(), "an SBOM of the launcher");
        if finding != Finding::Holds && !is_anywhere {
            return finding;
        }
    }
    Finding::Holds
}

/// The MUST on the name of the launcher's SBOM speaks of those "present in the `/cnb/lifecycle` directory"; of names in
/// another `<launcher-sbom>` nothing is specified.
fn is_the_usual_folder(export: &Export) -> bool {
    export.inputs.launcher_sbom == "/cnb/lifecycle"
}

/// Whether the folder has the SBOM under a name of the same extension: `sbom.<ext>` or any that ends in `.sbom.<ext>`.
fn holds_sbom(export: &Export, image: &Image, folder: &str, extension: &str, file: &FileFact) -> bool {
    let files = view::new_files(export, image);
    let ending = format!(".sbom.{extension}");
    let is_named = |path: &str| {
        let name = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| !name.contains('/') && format!(".{name}").ends_with(&ending))
    };
    files.keys().filter(|path| is_named(path)).any(|path| {
        let found = content(&files, path).and_then(|entry| entry.content.as_ref());
        found.is_some() && found == file.content.as_ref()
    })
}

pub(super) fn build_sboms_stay_on_disk(export: &Export) -> Finding {
    let folder = format!("{}/sbom/build", export.inputs.layers);
    let expected: Vec<&FileFact> = inputs::leaves(export, &folder).collect();
    if expected.is_empty() {
        return not_applicable("there is no SBOM for build");
    }
    for file in expected {
        let found = export.build_sboms.iter().find(|found| found.path == file.path);
        if found.map(|found| &found.content) != Some(&file.content) {
            let seen = found.map_or("nothing", |_| "other content");
            return violated(
                "a build SBOM is not where it was",
                &file.path,
                seen,
                export.at("export.json#/build_sboms"),
            );
        }
    }
    Finding::Holds
}
