//! Blobs: pulling, pushing in one request or in chunks, mounting, deleting (`oci-distribution.md`, Pulling blobs,
//! Pushing blobs, Mounting a blob from another repository, Content Management).

use std::io::{self, Write};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use judge::digest::Digest;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::answer::{Code, answer, broken, parameter, refusal};
use super::store::{Store, Upload};

const DIGEST: header::HeaderName = header::HeaderName::from_static("docker-content-digest");
/// The parameter of an upload's place.
const STATE: &str = "_state";
const UPLOAD: header::HeaderName = header::HeaderName::from_static("docker-upload-uuid");

fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, Code::BlobUnknown, "the repository has no such blob")
}

fn no_upload() -> Response {
    refusal(StatusCode::NOT_FOUND, Code::BlobUploadUnknown, "there is no such upload")
}

fn malformed() -> Response {
    refusal(StatusCode::BAD_REQUEST, Code::DigestInvalid, "the digest is malformed or is not that of the bytes")
}

pub(super) async fn get(store: &Store, repository: &str, digest: &str, parts: &Parts) -> Response {
    let Ok(digest) = Digest::parse(digest) else { return malformed() };
    if !store.contents().repositories.get(repository).is_some_and(|found| found.blobs.contains(&digest)) {
        return unknown();
    }
    match send(store, &digest, parts).await {
        Ok(response) => response,
        Err(error) => broken(&error),
    }
}

async fn send(store: &Store, digest: &Digest, parts: &Parts) -> io::Result<Response> {
    let mut file = tokio::fs::File::open(store.path(digest)).await?;
    let size = file.metadata().await?.len();
    let asked = parts.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = asked.and_then(|text| range(text, size));
    if asked.is_some() && range.is_none() {
        let headers = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok(answer(StatusCode::RANGE_NOT_SATISFIABLE, &headers, Body::empty()));
    }
    let (start, end) = range.unwrap_or((0, size.saturating_sub(1)));
    let length = if size == 0 { 0 } else { end - start + 1 };
    let mut headers = vec![
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (DIGEST, digest.to_string()),
    ];
    if range.is_some() {
        headers.push((header::CONTENT_RANGE, format!("bytes {start}-{end}/{size}")));
    }
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    if parts.method == Method::HEAD {
        return Ok(answer(status, &headers, Body::empty()));
    }
    file.seek(io::SeekFrom::Start(start)).await?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), 256 * 1024));
    Ok(answer(status, &headers, body))
}

/// The first and last byte of a `bytes=` range.
fn range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = size.checked_sub(1)?;
    let (start, end) = match (start.parse().ok(), end.parse().ok()) {
        (Some(start), Some(end)) => (start, last.min(end)),
        (Some(start), None) if end.is_empty() => (start, last),
        (None, Some(length)) if start.is_empty() => (size.saturating_sub(length), last),
        _ => return None,
    };
    (start <= end).then_some((start, end))
}

pub(super) fn delete(store: &Store, repository: &str, digest: &str) -> Response {
    let Ok(digest) = Digest::parse(digest) else { return malformed() };
    let mut contents = store.contents();
    let removed = contents.repositories.get_mut(repository).is_some_and(|found| found.blobs.remove(&digest));
    if removed { answer(StatusCode::ACCEPTED, &[], Body::empty()) } else { unknown() }
}

/// Begins an upload, mounts a blob from another repository, or takes a whole blob in one request.
pub(super) async fn begin(store: &Store, repository: &str, parts: &Parts, body: Body) -> Response {
    if let Some(mounted) = mount(store, repository, parts) {
        return mounted;
    }
    let mut upload = match store.new_upload(repository) {
        Ok(upload) => upload,
        Err(error) => return broken(&error),
    };
    if let Some(digest) = parameter(&parts.uri, "digest") {
        return match receive(&mut upload, body).await {
            Ok(()) => commit(store, upload, &digest),
            Err(error) => broken(&error),
        };
    }
    let id = store.park(None, upload);
    accepted(repository, &id, 0)
}

fn mount(store: &Store, repository: &str, parts: &Parts) -> Option<Response> {
    let digest = Digest::parse(&parameter(&parts.uri, "mount")?).ok()?;
    let from = parameter(&parts.uri, "from")?;
    let mut contents = store.contents();
    let has = contents.repositories.get(&from).is_some_and(|found| found.blobs.contains(&digest));
    // Where it cannot be mounted, an ordinary upload begins.
    has.then(|| {
        contents.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest.clone());
        created(repository, &digest)
    })
}

fn created(repository: &str, digest: &Digest) -> Response {
    let headers = [(header::LOCATION, format!("/v2/{repository}/blobs/{digest}")), (DIGEST, digest.to_string())];
    answer(StatusCode::CREATED, &headers, Body::empty())
}

/// What the query of an upload's place says, so that it has to come back: other than that of the place before, as with
/// registries that write there how far it is.
fn state(id: &str, size: u64) -> String {
    Digest::of(format!("{id} {size}").as_bytes()).encoded().chars().take(16).collect()
}

/// Whether a request came to the place that was given last.
fn is_at_its_place(store: &Store, id: &str, parts: &Parts) -> bool {
    let size = store.contents().uploads.get(id).map(|upload| upload.size);
    size.is_some_and(|size| parameter(&parts.uri, STATE) == Some(state(id, size)))
}

/// How far an upload is, and where it goes on: without a host, because it does not know what stands before it.
fn progress(status: StatusCode, repository: &str, id: &str, size: u64) -> Response {
    let headers = [
        (header::LOCATION, format!("/v2/{repository}/blobs/uploads/{id}?{STATE}={}", state(id, size))),
        (header::RANGE, format!("0-{}", size.saturating_sub(1))),
        (UPLOAD, id.to_owned()),
    ];
    answer(status, &headers, Body::empty())
}

fn accepted(repository: &str, id: &str, size: u64) -> Response {
    progress(StatusCode::ACCEPTED, repository, id, size)
}

async fn receive(upload: &mut Upload, body: Body) -> io::Result<()> {
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        upload.sha256.update(&chunk);
        upload.sha512.update(&chunk);
        upload.file.write_all(&chunk)?;
        upload.size += chunk.len() as u64;
    }
    Ok(())
}

/// Whether a chunk begins where the upload stands, and is as long as it says.
fn continues(parts: &Parts, size: u64) -> bool {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::CONTENT_RANGE) else { return true };
    let Some((Ok(first), Ok(last))) =
        range.split_once('-').map(|(first, last)| (first.parse::<u64>(), last.parse::<u64>()))
    else {
        return false;
    };
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    first == size && length.is_none_or(|length| first.checked_add(length) == last.checked_add(1))
}

pub(super) async fn append(store: &Store, repository: &str, id: &str, parts: &Parts, body: Body) -> Response {
    let upload = if is_at_its_place(store, id, parts) { store.take(repository, id) } else { None };
    let Some(mut upload) = upload else { return no_upload() };
    let size = upload.size;
    if !continues(parts, size) {
        store.park(Some(id.to_owned()), upload);
        return progress(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, size);
    }
    if let Err(error) = receive(&mut upload, body).await {
        return broken(&error);
    }
    let size = upload.size;
    store.park(Some(id.to_owned()), upload);
    accepted(repository, id, size)
}

pub(super) async fn finish(store: &Store, repository: &str, id: &str, parts: &Parts, body: Body) -> Response {
    let Some(digest) = parameter(&parts.uri, "digest") else {
        return refusal(StatusCode::BAD_REQUEST, Code::DigestInvalid, "the query has no digest");
    };
    let upload = if is_at_its_place(store, id, parts) { store.take(repository, id) } else { None };
    let Some(mut upload) = upload else { return no_upload() };
    if !continues(parts, upload.size) {
        return refusal(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, "the chunk begins elsewhere");
    }
    match receive(&mut upload, body).await {
        Ok(()) => commit(store, upload, &digest),
        Err(error) => broken(&error),
    }
}

fn commit(store: &Store, upload: Upload, digest: &str) -> Response {
    let Ok(digest) = Digest::parse(digest) else { return malformed() };
    let repository = upload.repository.clone();
    match store.commit(upload, &digest) {
        Ok(true) => created(&repository, &digest),
        Ok(false) => malformed(),
        Err(error) => broken(&error),
    }
}

/// Also asked at a place of before: who lost an answer learns by it where the upload goes on.
pub(super) fn status(store: &Store, repository: &str, id: &str) -> Response {
    let size = store.contents().uploads.get(id).filter(|upload| upload.repository == repository).map(|u| u.size);
    size.map_or_else(no_upload, |size| progress(StatusCode::NO_CONTENT, repository, id, size))
}

pub(super) fn cancel(store: &Store, id: &str) -> Response {
    match store.contents().uploads.remove(id) {
        Some(_) => answer(StatusCode::NO_CONTENT, &[], Body::empty()),
        None => no_upload(),
    }
}
