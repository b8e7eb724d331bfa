//! Manifests and tags: bytes and Content-Type are kept verbatim; a manifest whose blobs are not there is refused
//! (`oci-distribution.md`, Pulling manifests, Pushing Manifests, Listing Tags, Content Management).

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use judge::digest::Digest;
use judge::json::Json;
use serde_json::json;

use super::answer::{Code, answer, parameter, refusal};
use super::store::{Manifest, Repository, Store};

/// A manifest may be so large, in bytes.
const LARGEST: usize = 4 << 20;

const DIGEST: header::HeaderName = header::HeaderName::from_static("docker-content-digest");

fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, Code::ManifestUnknown, "the repository has no such manifest")
}

/// What a reference, tag or digest, names in a repository.
fn resolve(repository: &Repository, reference: &str) -> Option<Digest> {
    match Digest::parse(reference) {
        Ok(digest) => repository.manifests.contains_key(&digest).then_some(digest),
        Err(_) => repository.tags.get(reference).cloned(),
    }
}

pub(super) fn get(store: &Store, repository: &str, reference: &str, method: &Method) -> Response {
    let contents = store.contents();
    let found = contents
        .repositories
        .get(repository)
        .and_then(|repository| Some((resolve(repository, reference)?, repository)))
        .and_then(|(digest, repository)| Some((repository.manifests.get(&digest)?.clone(), digest)));
    let Some((manifest, digest)) = found else { return unknown() };
    let headers = [
        (header::CONTENT_TYPE, manifest.content_type),
        (header::CONTENT_LENGTH, manifest.bytes.len().to_string()),
        (DIGEST, digest.to_string()),
    ];
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(manifest.bytes) };
    answer(StatusCode::OK, &headers, body)
}

pub(super) async fn put(store: &Store, repository: &str, reference: &str, parts: &Parts, body: Body) -> Response {
    let Ok(bytes) = axum::body::to_bytes(body, LARGEST).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, "a manifest may have 4 MiB");
    };
    let digest = Digest::of(&bytes);
    let by_digest = reference.contains(':');
    if by_digest && reference != digest.as_str() {
        return refusal(StatusCode::BAD_REQUEST, Code::DigestInvalid, "the digest is not that of the manifest");
    }
    if !by_digest && !is_tag(reference) {
        return refusal(StatusCode::BAD_REQUEST, Code::ManifestInvalid, "the tag is malformed");
    }
    let Ok(json) = Json::parse(&bytes) else {
        return refusal(StatusCode::BAD_REQUEST, Code::ManifestInvalid, "the manifest is not JSON");
    };
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Parameters are to be ignored (`oci-distribution.md`, Pushing Manifests).
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let declared = json.get("mediaType").and_then(Json::as_str);
    let known =
        content_type.starts_with("application/vnd.oci.image.") || content_type.starts_with("application/vnd.docker.");
    if !known || declared.is_some_and(|declared| declared != content_type) {
        return refusal(StatusCode::BAD_REQUEST, Code::ManifestInvalid, "Content-Type and mediaType do not agree");
    }
    let manifest = Manifest { content_type: content_type.to_owned(), bytes };
    keep(store, repository, (!by_digest).then_some(reference), digest, manifest, &json)
}

fn is_tag(text: &str) -> bool {
    judge::reference::Reference::parse(&format!("host.example/a:{text}")).is_ok()
}

fn keep(store: &Store, name: &str, tag: Option<&str>, digest: Digest, manifest: Manifest, json: &Json) -> Response {
    let mut contents = store.contents();
    let repository = contents.repositories.entry(name.to_owned()).or_default();
    if let Some(missing) = missing(repository, json) {
        let message = format!("the manifest names {missing}, which the repository does not have");
        return refusal(StatusCode::BAD_REQUEST, Code::ManifestBlobUnknown, &message);
    }
    if let Some(tag) = tag {
        repository.tags.insert(tag.to_owned(), digest.clone());
    }
    let headers = [(header::LOCATION, format!("/v2/{name}/manifests/{digest}")), (DIGEST, digest.to_string())];
    repository.manifests.insert(digest, manifest);
    answer(StatusCode::CREATED, &headers, Body::empty())
}

/// The first blob or manifest that a manifest names and that is not there; layers with `urls` lie elsewhere.
fn missing(repository: &Repository, json: &Json) -> Option<String> {
    let digest = |descriptor: &Json| descriptor.get("digest").and_then(Json::as_str).unwrap_or_default().to_owned();
    let has_blob = |name: &String| Digest::parse(name).is_ok_and(|digest| repository.blobs.contains(&digest));
    let has_manifest = |name: &String| Digest::parse(name).is_ok_and(|d| repository.manifests.contains_key(&d));
    let config = json.get("config").into_iter();
    let layers = json.get("layers").and_then(Json::items).unwrap_or_default().iter();
    let blobs = config.chain(layers.filter(|layer| layer.get("urls").is_none())).map(digest);
    let children = json.get("manifests").and_then(Json::items).unwrap_or_default().iter().map(digest);
    let mut absent = blobs.filter(|name| !has_blob(name)).chain(children.filter(|name| !has_manifest(name)));
    absent.next()
}

pub(super) fn delete(store: &Store, repository: &str, reference: &str) -> Response {
    let mut contents = store.contents();
    let Some(repository) = contents.repositories.get_mut(repository) else { return unknown() };
    let removed = if let Ok(digest) = Digest::parse(reference) {
        repository.tags.retain(|_, named| *named != digest);
        repository.manifests.remove(&digest).is_some()
    } else {
        repository.tags.remove(reference).is_some()
    };
    if removed { answer(StatusCode::ACCEPTED, &[], Body::empty()) } else { unknown() }
}

pub(super) fn tags(store: &Store, name: &str, parts: &Parts) -> Response {
    let contents = store.contents();
    let Some(repository) = contents.repositories.get(name) else {
        return refusal(StatusCode::NOT_FOUND, Code::NameUnknown, "there is no such repository");
    };
    let last = parameter(&parts.uri, "last").unwrap_or_default();
    let limit = parameter(&parts.uri, "n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let rest: Vec<&String> = repository.tags.keys().filter(|tag| last.is_empty() || **tag > last).collect();
    let shown = &rest[..rest.len().min(limit)];
    let mut headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
    if let (Some(end), true) = (shown.last(), shown.len() < rest.len()) {
        headers.push((header::LINK, format!("</v2/{name}/tags/list?n={limit}&last={end}>; rel=\"next\"")));
    }
    let body: Bytes = json!({ "name": name, "tags": shown }).to_string().into();
    answer(StatusCode::OK, &headers, Body::from(body))
}
