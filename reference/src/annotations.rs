//! The annotations of RFC 196 (`rfc-196-oci-annotations.md`, buildpacks/rfcs pull request 196, ffa7354), made from the
//! exporter's inputs and from nothing else.
//!
//! | annotation | input |
//! |---|---|
//! | `org.opencontainers.image.base.name` | `run-image.image` of `analyzed.toml`, fully qualified |
//! | `org.opencontainers.image.base.digest` | the digest in `run-image.reference` of `analyzed.toml`, or the daemon's |
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
//!   another image by now. A reference without a digest (a daemon's image ID) gives no `base.digest`, unless the daemon
//!   knows under which digest the repository of `run-image.image` has that image.
//! - **A run image that lives in a daemon** has such a digest where the daemon pulled or pushed it. A classic store
//!   says so by a repository digest, and only then has one. containerd's and Podman's make one of name and manifest for
//!   whatever was loaded, imported or committed there: in containerd's it counts where the store's record of the
//!   content's source names the repository, in Podman's, which has no such record, never. Of two digests of one
//!   repository none is chosen. An image ID never stands in for a digest, also where containerd's is one.
//! - **The name comes with its digest.** Without a `base.digest` there is no `base.name` either: a name alone says
//!   which image it would be today, not which it is.
//! - **A run image that was named by digest** keeps that digest in `base.name`; there is no tag to give.
//! - **The run image's own annotations are not inherited**: its source is not the app's source.
//! - **A rebase** moves `base.name` and `base.digest` to the new run image where the app image has them, and changes no
//!   other annotation: they speak of the app, which is the same. An annotation that the app image lacks is not added.
//!   Where a daemon does not know the new run image's digest, both are removed: what they say is not true any more.
//!
//! The review of the RFC would rather let buildpacks contribute annotations, in the way of RFC 0034 for labels:
//! `[[annotations]]` with `key` and `value` in `<layers>/config/metadata.toml`, in buildpack order. Both are done:
//! - **The last definition wins**, as for labels; an earlier one is not worth a warning.
//! - **A buildpack wins over project metadata.** It has seen the source that the platform only describes, the review
//!   wants these keys to come from buildpacks alone, and a platform that wants its own value leaves the buildpack out.
//!   A warning names the key.
//! - **No buildpack wins over `base.*`.** They say what the image is made of, which the exporter knows and a buildpack
//!   does not: rebasing tools and scanners act on them. The buildpack's value is left out, with a warning, also where
//!   there is no `base.*` to protect: then nothing is known, and nothing must be said.
//! - **An empty key** is refused: an annotation without a key cannot be read. An empty value is what the buildpack
//!   wrote.
//! - **Keys of `org.opencontainers.*` that no OCI specification defines** for a manifest are passed on with a warning:
//!   the namespace is reserved, but the pair is the buildpack's to answer for.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::image_name::ImageName;
use crate::inputs::{Annotation, ProjectMetadata, RunImage};

/// What every key of the RFC begins with.
const PREFIX: &str = "org.opencontainers.image.";

/// Keys below [`PREFIX`] that say what the image is made of.
const BASE: [&str; 2] = ["base.digest", "base.name"];
/// Keys that OCI specifications define below [`PREFIX`] for a manifest (`oci-image-annotations.md`, Pre-Defined
/// Annotation Keys; `ref.name` is for descriptors of an index).
const DEFINED: [&str; 13] = [
    "created",
    "authors",
    "url",
    "documentation",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "title",
    "description",
    "base.digest",
    "base.name",
];

/// A buildpack's annotation has no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use an annotation of {}: its key is empty (its value is '{value}'); give it a key", file.display())]
pub struct NoKey {
    /// The file.
    pub file: std::path::PathBuf,
    /// The annotation's value.
    pub value: String,
}

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

/// The annotations of an image with this run image, this project metadata, and these pairs of buildpacks.
#[must_use]
pub fn annotations(run_image: &RunImage, project: &ProjectMetadata, buildpacks: &[Annotation]) -> Annotations {
    let mut found = Annotations::default();
    base(run_image, &mut found);
    from_project_metadata(project, &mut found);
    from_buildpacks(buildpacks, &mut found);
    found
}

fn from_project_metadata(project: &ProjectMetadata, found: &mut Annotations) {
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
}

fn from_buildpacks(pairs: &[Annotation], found: &mut Annotations) {
    let last: BTreeMap<&str, &str> = pairs.iter().map(|pair| (pair.key.as_str(), pair.value.as_str())).collect();
    for (key, value) in last {
        let name = key.strip_prefix(PREFIX);
        if name.is_some_and(|name| BASE.contains(&name)) {
            found
                .warnings
                .push(format!("a buildpack's annotation {key} is left out: the exporter says what the base is"));
            continue;
        }
        let reserved = key == "org.opencontainers" || key.starts_with("org.opencontainers.");
        if reserved && !name.is_some_and(|name| DEFINED.contains(&name)) {
            found.warnings.push(format!(
                "a buildpack's annotation {key} is in a reserved namespace, which does not define it for a manifest"
            ));
        }
        if let Some(replaced) = found.map.insert(key.to_owned(), value.to_owned())
            && replaced != value
        {
            found.warnings.push(format!("a buildpack's annotation {key} replaces that of project metadata"));
        }
    }
}

/// Refuses pairs of buildpacks that cannot be annotations; `file` is where they are from.
///
/// # Errors
/// [`NoKey`].
pub fn check(pairs: &[Annotation], file: &std::path::Path) -> Result<(), NoKey> {
    match pairs.iter().find(|pair| pair.key.is_empty()) {
        Some(pair) => Err(NoKey { file: file.to_path_buf(), value: pair.value.clone() }),
        None => Ok(()),
    }
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

/// Moves the base of an image's annotations to another run image, each value in its place; gives the keys that had to
/// be removed, because nothing true can be said.
pub fn rebase(annotations: &mut serde_json::Map<String, serde_json::Value>, run_image: &RunImage) -> Vec<String> {
    let mut found = Annotations::default();
    base(run_image, &mut found);
    let mut removed = Vec::new();
    for key in BASE.map(|name| format!("{PREFIX}{name}")) {
        if !annotations.contains_key(&key) {
            continue;
        }
        if let Some(value) = found.map.remove(&key) {
            annotations.insert(key, value.into());
        } else {
            annotations.shift_remove(&key);
            removed.push(key);
        }
    }
    removed
}

/// Keys that an export to a registry would have: those available, and those of the run image, whose digest a daemon
/// does not tell.
#[must_use]
pub fn left_out(annotations: &BTreeMap<String, String>) -> Vec<String> {
    let mut keys: Vec<String> = annotations.keys().cloned().collect();
    keys.extend(BASE.map(|name| format!("{PREFIX}{name}")));
    keys.sort();
    keys.dedup();
    keys
}

/// The digest in a run image's reference: `registry/repository@digest`, or `path@digest` in a layout.
#[must_use]
pub fn pinned(reference: &str) -> Option<Digest> {
    Digest::of_reference(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_image(image: &str, reference: &str) -> RunImage {
        RunImage { image: image.to_owned(), reference: reference.to_owned(), extend: false, target: None }
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
        let found = annotations(&run_image("run", &pinned_reference()), &project, &[]);
        assert_eq!(found.warnings, Vec::<String>::new());
        insta::assert_debug_snapshot!(found.map);
    }

    #[test]
    fn values_are_taken_byte_for_byte() {
        let text = "e\\u0301 é  \\\"<>&\\u2028\\t\\n ";
        let found = annotations(
            &run_image("run", "sha256:id"),
            &project(&format!("[source.metadata]\nname=\"{text}\"\n")),
            &[],
        );
        assert_eq!(found.map["org.opencontainers.image.title"], "e\u{301} é  \"<>&\u{2028}\t\n ");
    }

    #[test]
    fn what_is_no_string_or_empty_is_named_in_a_warning() {
        let project =
            project("[source.metadata]\nname=['x']\nlicenses=''\nversion=1\n[source.version]\ncommit=2026-01-01\n");
        let found = annotations(&run_image("run", "sha256:id"), &project, &[]);
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
            assert!(annotations(&run_image("run", reference), &ProjectMetadata::default(), &[]).map.is_empty());
        }
        let layout = format!("/layout/run.example/run/sha256/0@{}", Digest::of(b"run"));
        let found = annotations(&run_image("run.example/run:1", &layout), &ProjectMetadata::default(), &[]);
        assert_eq!(found.map["org.opencontainers.image.base.name"], "run.example/run:1");
        assert_eq!(found.map["org.opencontainers.image.base.digest"], Digest::of(b"run").to_string());
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Annotation> {
        pairs.iter().map(|(key, value)| Annotation { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
    }

    #[test]
    fn the_last_buildpack_wins_and_buildpacks_win_over_project_metadata() {
        let project = project("[source.metadata]\nname='platform'\nversion='1'\n");
        let given = pairs(&[
            ("com.example.k", "first"),
            ("org.opencontainers.image.title", "buildpack"),
            ("com.example.k", " last "),
            ("com.example.empty", ""),
        ]);
        let found = annotations(&run_image("run", "sha256:id"), &project, &given);
        let of = |key: &str| found.map[key].as_str();
        assert_eq!((of("com.example.k"), of("com.example.empty")), (" last ", ""));
        assert_eq!(of("org.opencontainers.image.title"), "buildpack");
        assert_eq!(of("org.opencontainers.image.version"), "1");
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert!(found.warnings[0].contains("org.opencontainers.image.title"));
    }

    #[test]
    fn no_buildpack_says_what_the_base_is() {
        let given =
            pairs(&[("org.opencontainers.image.base.name", "liar"), ("org.opencontainers.image.base.digest", "liar")]);
        for (reference, keys) in [(pinned_reference().as_str(), 2), ("sha256:id", 0)] {
            let found = annotations(&run_image("run", reference), &ProjectMetadata::default(), &given);
            assert_eq!((found.map.len(), found.warnings.len()), (keys, 2));
            assert!(found.map.values().all(|value| value != "liar"));
        }
    }

    #[test]
    fn a_rebase_moves_the_base_in_its_place_and_adds_and_changes_nothing_else() {
        let text =
            r#"{"z":"e+ <&>","org.opencontainers.image.base.name":"old","a":"","org.opencontainers.image.title":"t"}"#;
        let text = text.replace('+', "\u{301}");
        let mut map = serde_json::from_str(&text).unwrap();
        assert_eq!(rebase(&mut map, &run_image("new", &pinned_reference())), Vec::<String>::new());
        let expected = text.replace("old", "index.docker.io/library/new:latest");
        let expected: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&expected).unwrap();
        assert_eq!(serde_json::to_string(&map).unwrap(), serde_json::to_string(&expected).unwrap());
        // Nothing is known of the new one.
        assert_eq!(rebase(&mut map, &run_image("new", "sha256:id")), ["org.opencontainers.image.base.name"]);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["z", "a", "org.opencontainers.image.title"]);
        let mut none = serde_json::Map::new();
        rebase(&mut none, &run_image("new", &pinned_reference()));
        assert!(none.is_empty());
    }

    #[test]
    fn reserved_keys_are_passed_on_with_a_warning_and_defined_ones_without() {
        let given = pairs(&[
            ("org.opencontainers.image.url", "u"),
            ("org.opencontainers.image.made-up", "x"),
            ("org.opencontainers.other", "y"),
            ("org.opencontainers.image.ref.name", "r"),
            ("org.opencontainersx", "z"),
        ]);
        let found = annotations(&run_image("run", "sha256:id"), &ProjectMetadata::default(), &given);
        assert_eq!((found.map.len(), found.warnings.len()), (5, 3), "{:?}", found.warnings);
        assert!(found.warnings.iter().any(|warning| warning.contains("made-up")));
    }

    #[test]
    fn an_annotation_without_a_key_is_refused_by_its_file() {
        let file = std::path::Path::new("/layers/config/metadata.toml");
        let error = check(&pairs(&[("", "v")]), file).unwrap_err().to_string();
        assert!(error.contains("metadata.toml") && error.contains("'v'"), "{error}");
        assert!(check(&pairs(&[("k", "")]), file).is_ok());
    }
}
