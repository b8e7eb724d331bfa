//! What an exporter wrote into a registry, from what it sent: the app image under the names that it was given, and
//! nothing else.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::evidence::{Export, WireRecord};
use crate::reference::Reference;
use crate::requirement::{UNSEEN, violated};
use crate::verdict::Finding;

/// Where an exporter may write.
struct Named {
    repositories: BTreeSet<String>,
    /// Repository and tag.
    tags: BTreeSet<(String, String)>,
    /// Repositories of a cache image, which has whatever manifests it has.
    caches: BTreeSet<String>,
    digests: BTreeSet<String>,
}

impl Named {
    fn of(export: &Export) -> Self {
        let given = &export.inputs;
        let parsed: Vec<Reference> = given.images.iter().filter_map(|image| Reference::parse(image).ok()).collect();
        let tags = parsed.iter().filter_map(|one| Some((one.repository.clone(), one.tag.clone()?))).collect();
        let served = export.tags.iter().filter_map(|tag| tag.digest.clone());
        let manifest = export.manifest_digest().map(ToString::to_string);
        let caches = cache_repositories(export);
        let repositories = parsed.iter().map(|one| one.repository.clone()).chain(caches.clone()).collect();
        Self { repositories, tags, caches, digests: served.chain(manifest).collect() }
    }
}

/// The repository of `<cache-image>`, where there is one.
pub(super) fn cache_repositories(export: &Export) -> BTreeSet<String> {
    let named = cache_image(export).and_then(|name| Reference::parse(&name).ok());
    named.map(|reference| reference.repository).into_iter().collect()
}

/// `<cache-image>` (`cnb-platform.md`, exporter, Inputs).
fn cache_image(export: &Export) -> Option<String> {
    let argv = &export.inputs.argv;
    let inline = argv.iter().find_map(|word| word.strip_prefix("-cache-image=").map(str::to_owned));
    let after = argv.iter().position(|word| word == "-cache-image").and_then(|at| argv.get(at + 1).cloned());
    inline.or(after).or_else(|| export.inputs.environment.get("CNB_CACHE_IMAGE").cloned())
}

/// A request that changes something: in which repository, and what.
enum Write<'a> {
    Manifest { repository: &'a str, reference: &'a str },
    Blob { repository: &'a str },
    Deletion { repository: &'a str, what: &'a str },
}

/// What a request changes, where it does and the registry did it.
fn write(record: &WireRecord) -> Option<Write<'_>> {
    let path = record.path().strip_prefix("/v2/")?;
    let is_upload = path.contains("/blobs/uploads");
    match record.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => None,
        _ if !record.is_done() => None,
        // An upload that is given up leaves nothing.
        "DELETE" if is_upload => None,
        "DELETE" => {
            let at = path.rfind("/manifests/").or_else(|| path.rfind("/blobs/"))?;
            Some(Write::Deletion { repository: &path[..at], what: &path[at + 1..] })
        }
        "PUT" if !is_upload => {
            let (repository, reference) = path.rsplit_once("/manifests/")?;
            Some(Write::Manifest { repository, reference })
        }
        _ => Some(Write::Blob { repository: path.split("/blobs/uploads").next()? }),
    }
}

pub(in super::super) fn nothing_else_is_written(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let named = Named::of(export);
    let tags: Vec<String> = named.tags.iter().map(|(repository, tag)| format!("{repository}:{tag}")).collect();
    let repositories: Vec<&str> = named.repositories.iter().map(String::as_str).collect();
    for record in wire {
        let Some(write) = write(record) else { continue };
        let (message, expected) = match write {
            Write::Deletion { repository, what } => {
                (format!("{what} was deleted from {repository}"), "no deletion".to_owned())
            }
            Write::Manifest { repository, .. } | Write::Blob { repository }
                if !named.repositories.contains(repository) =>
            {
                (
                    format!("something was written to {repository}, which is not the repository of an <image>"),
                    repositories.join(", "),
                )
            }
            Write::Manifest { repository, reference } if !is_named(&named, repository, reference) => {
                (format!("a manifest was put as {reference} to {repository}, which no <image> names"), tags.join(", "))
            }
            Write::Manifest { .. } | Write::Blob { .. } => continue,
        };
        let found = format!("{} {} ({})", record.method, record.target, record.status);
        return violated(message, expected, found, export.at("export.json#/wire"));
    }
    Finding::Holds
}

/// Whether a manifest's reference is a tag that was asked for, or the app image's own digest.
fn is_named(named: &Named, repository: &str, reference: &str) -> bool {
    let tag = (repository.to_owned(), reference.to_owned());
    let is_own = Digest::parse(reference).is_ok() && named.digests.contains(reference);
    named.tags.contains(&tag) || is_own || named.caches.contains(repository)
}
