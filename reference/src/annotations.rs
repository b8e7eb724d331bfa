//! The annotations of RFC 196 (`rfc-196-oci-annotations.md`, buildpacks/rfcs pull request 196, ffa7354), made from the
//! exporter's inputs and from nothing else.
//!
//! | annotation | input |
//! |---|---|
//! | `org.opencontainers.image.base.name` | `run-image.image` of `analyzed.toml`, fully qualified |
//! | `org.opencontainers.image.base.digest` | the digest in `run-image.reference` of `analyzed.toml` |
//! | `org.opencontainers.image.source` | `source.metadata.repository` of `project-metadata.toml` |
//! | `org.opencontainers.image.revision` | `source.version.commit` |
//! | `org.opencontainers.image.authors` | `source.metadata.authors` |
//! | `org.opencontainers.image.version` | `source.metadata.version` |
//! | `org.opencontainers.image.documentation` | `source.metadata.documentation-url` |
//! | `org.opencontainers.image.title` | `source.metadata.name` |
//! | `org.opencontainers.image.licenses` | `source.metadata.licenses` |
//!
//! What the RFC leaves open, and what is done here:
//! - **A value that is not a string** (project metadata is arbitrary data) gives no annotation and a warning that names
//!   its key: any rendering of an array or table would be one that no reader of the annotation expects.
//! - **An empty string** gives no annotation and a warning: an empty annotation says nothing that its absence does not.
//! - **Strings** are taken byte for byte: neither trimmed, nor normalised, nor checked for being a URL or a licence.
//! - **The digest is never looked up.** `base.digest` is the digest that the analysis phase pinned; the tag may name
//!   another image by now. A reference without a digest (a daemon's image ID) gives no `base.digest`.
//! - **The name comes with its digest.** Without a `base.digest` there is no `base.name` either: a name alone says
//!   which image it would be today, not which it is.
//! - **A run image that was named by digest** keeps that digest in `base.name`; there is no tag to give.
//! - **The run image's own annotations are not inherited**: its source is not the app's source.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::image_name::ImageName;
use crate::inputs::{ProjectMetadata, RunImage};

/// What every key of the RFC begins with.
const PREFIX: &str = "org.opencontainers.image.";

/// Annotation, table below `source`, key.
const FROM_PROJECT_METADATA: [(&str, &str, &str); 7] = [
    ("source", "metadata", "repository"),
    ("revision", "version", "commit"),
    ("authors", "metadata", "authors"),
    ("version", "metadata", "version"),
    ("documentation", "metadata", "documentation-url"),
    ("title", "metadata", "name"),
    ("licenses", "metadata", "licenses"),
];

/// Annotations in the order of their keys, and warnings about inputs that gave none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Key → value.
    pub map: BTreeMap<String, String>,
    /// One sentence for each input that is there and gives no annotation.
    pub warnings: Vec<String>,
}

/// The annotations of an image with this run image and this project metadata.
#[must_use]
pub fn annotations(run_image: &RunImage, project: &ProjectMetadata) -> Annotations {
    let mut found = Annotations::default();
    base(run_image, &mut found);
    for (name, table, key) in FROM_PROJECT_METADATA {
        let reason = match project.source(table, key) {
            None => continue,
            Some(toml::Value::String(text)) if !text.is_empty() => {
                found.map.insert(format!("{PREFIX}{name}"), text.clone());
                continue;
            }
            Some(toml::Value::String(_)) => "is empty",
            Some(_) => "is not a string",
        };
        found.warnings.push(format!("source.{table}.{key} {reason}, so there is no annotation {PREFIX}{name}"));
    }
    found
}

fn base(run_image: &RunImage, found: &mut Annotations) {
    let Some(digest) = pinned(&run_image.reference) else { return };
    found.map.insert(format!("{PREFIX}base.digest"), digest.to_string());
    match ImageName::parse(&run_image.image) {
        Ok(name) => {
            found.map.insert(format!("{PREFIX}base.name"), name.to_string());
        }
        Err(error) => {
            found.warnings.push(format!("run-image.image: {error}, so there is no annotation {PREFIX}base.name"));
        }
    }
}

/// Keys that an export to a registry would have: those at hand, and those of the run image, whose digest a daemon does
/// not tell.
#[must_use]
pub fn left_out(annotations: &BTreeMap<String, String>) -> Vec<String> {
    let mut keys: Vec<String> = annotations.keys().cloned().collect();
    keys.extend(["base.digest", "base.name"].map(|name| format!("{PREFIX}{name}")));
    keys.sort();
    keys.dedup();
    keys
}

/// The digest in a run image's reference: `registry/repository@digest`, or `path@digest` in a layout.
#[must_use]
pub fn pinned(reference: &str) -> Option<Digest> {
    reference.rsplit_once('@').and_then(|(_, digest)| Digest::parse(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_image(image: &str, reference: &str) -> RunImage {
        RunImage { image: image.to_owned(), reference: reference.to_owned(), extend: false }
    }

    fn project(text: &str) -> ProjectMetadata {
        toml::from_str(text).unwrap()
    }

    fn pinned_reference() -> String {
        format!("host.example/run@{}", Digest::of(b"run"))
    }

    #[test]
    fn all_nine_come_from_their_inputs() {
        let project = project(
            "[source.version]\ncommit='c'\n[source.metadata]\nrepository='r'\nauthors='a'\nversion='v'\n\
             documentation-url='d'\nname='n'\nlicenses='l'\nother='o'\n",
        );
        let found = annotations(&run_image("run", &pinned_reference()), &project);
        assert_eq!(found.warnings, Vec::<String>::new());
        insta::assert_debug_snapshot!(found.map);
    }

    #[test]
    fn values_are_taken_byte_for_byte() {
        let text = "e\\u0301 é  \\\"<>&\\u2028\\t\\n ";
        let found =
            annotations(&run_image("run", "sha256:id"), &project(&format!("[source.metadata]\nname=\"{text}\"\n")));
        assert_eq!(found.map["org.opencontainers.image.title"], "e\u{301} é  \"<>&\u{2028}\t\n ");
    }

    #[test]
    fn what_is_no_string_or_empty_is_named_in_a_warning() {
        let project =
            project("[source.metadata]\nname=['x']\nlicenses=''\nversion=1\n[source.version]\ncommit=2026-01-01\n");
        let found = annotations(&run_image("run", "sha256:id"), &project);
        assert!(found.map.is_empty());
        for key in
            ["source.metadata.name", "source.metadata.licenses", "source.metadata.version", "source.version.commit"]
        {
            assert!(found.warnings.iter().any(|warning| warning.starts_with(key)), "{key}");
        }
    }

    #[test]
    fn without_a_pinned_digest_there_is_no_base() {
        for reference in ["sha256:0123", "host.example/run:tag", "host.example/run@sha256:short"] {
            assert!(annotations(&run_image("run", reference), &ProjectMetadata::default()).map.is_empty());
        }
        let layout = format!("/layout/run.example/run/sha256/0@{}", Digest::of(b"run"));
        let found = annotations(&run_image("run.example/run:1", &layout), &ProjectMetadata::default());
        assert_eq!(found.map["org.opencontainers.image.base.name"], "run.example/run:1");
        assert_eq!(found.map["org.opencontainers.image.base.digest"], Digest::of(b"run").to_string());
    }
}
