//! Faults of a registry: what a recorder does to requests in place of passing them, as a scenario's step declares it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use globset::GlobMatcher;
use judge::digest::Digest;
use judge::evidence::{FaultKind, WireFault};

use crate::globs;

/// Longest answer that is changed: what is longer passes as it is.
const LONGEST: usize = 64 << 20;
/// In how many pieces the beginning of a body trickles.
const PIECES: u32 = 20;

/// A connection that is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed, as the scenario wants it")]
pub(super) struct Closed;

/// The faults that are in force, each for the requests of one scenario.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Armed>>);

struct Armed {
    prefix: String,
    index: usize,
    fault: WireFault,
    path: GlobMatcher,
    met: u32,
    analysed: Option<Digest>,
}

/// A fault that a request meets.
pub(super) struct Met {
    /// Its place among those of its step.
    pub(super) index: usize,
    pub(super) fault: WireFault,
    /// What the run image's tag named at the analysis.
    pub(super) analysed: Option<Digest>,
}

/// Whether a fault speaks of such a request at all.
fn is_of(fault: &WireFault, method: &Method, target: &str) -> bool {
    let has_method = fault.method.as_ref().is_none_or(|wanted| wanted == method.as_str());
    has_method
        && match fault.kind {
            FaultKind::MountDeclined | FaultKind::MountRefused => {
                method == Method::POST && parameter(target, "mount").is_some()
            }
            FaultKind::Cut | FaultKind::OtherBytes | FaultKind::Short | FaultKind::Trickle => method == Method::GET,
            FaultKind::Redirect => method == Method::GET || method == Method::HEAD,
            FaultKind::ResetDuring => method == Method::PUT || method == Method::PATCH,
            FaultKind::UploadElsewhere => method == Method::POST && parameter(target, "mount").is_none(),
            FaultKind::TagMoves => (method == Method::GET || method == Method::HEAD) && is_read_by_tag(target),
            // They are not answers to one request: see [`Faults::want_credentials`] and [`Faults::expire_tokens`].
            FaultKind::WantsCredentials | FaultKind::TokenExpires => false,
            _ => true,
        }
}

fn is_read_by_tag(target: &str) -> bool {
    target.rsplit_once("/manifests/").is_some_and(|(_, reference)| !reference.contains(':'))
}

fn parameter<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl Faults {
    /// From now on requests whose path begins with `prefix` meet `faults`, and none that they met before. `analysed` is
    /// what the run image's tag named at the analysis.
    pub(super) fn arm(&self, prefix: &str, faults: &[WireFault], analysed: Option<&Digest>) {
        let armed = faults.iter().enumerate().filter_map(|(index, fault)| {
            let path = globs::of_paths(&fault.path).ok()?;
            let (prefix, analysed) = (prefix.to_owned(), analysed.cloned());
            Some(Armed { prefix, index, fault: fault.clone(), path, met: 0, analysed })
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.prefix != prefix);
        all.extend(armed);
    }

    /// Whether a request has to have credentials.
    pub(super) fn want_credentials(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|one| {
            one.fault.kind == FaultKind::WantsCredentials
                && path.strip_prefix(&one.prefix).is_some_and(|rest| one.path.is_match(rest))
        })
    }

    /// The first fault that a request meets.
    pub(super) fn met(&self, method: &Method, target: &str) -> Option<Met> {
        self.first(target, |fault| is_of(fault, method, target))
    }

    /// Whether the token of a request expires now, by the fault's place among those of its step.
    pub(super) fn expire_tokens(&self, method: &Method, target: &str) -> Option<usize> {
        let has_method = |fault: &WireFault| fault.method.as_ref().is_none_or(|wanted| wanted == method.as_str());
        let expires = |fault: &WireFault| fault.kind == FaultKind::TokenExpires && has_method(fault);
        self.first(target, expires).map(|met| met.index)
    }

    fn first(&self, target: &str, is_meant: impl Fn(&WireFault) -> bool) -> Option<Met> {
        let path = target.split('?').next().unwrap_or_default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.iter_mut().find(|one| {
            let is_left = one.fault.times.is_none_or(|times| one.met < times);
            let is_here = path.strip_prefix(&one.prefix).is_some_and(|rest| one.path.is_match(rest));
            is_left && is_here && is_meant(&one.fault)
        })?;
        one.met += 1;
        Some(Met { index: one.index, fault: one.fault.clone(), analysed: one.analysed.clone() })
    }
}

/// What a fault does before the registry is asked: an answer in its place, no answer, or none of this. `elsewhere` is
/// how the URL of the other host begins.
pub(super) async fn instead(
    fault: &WireFault,
    target: &str,
    digest: Option<String>,
    elsewhere: Option<&str>,
) -> Option<Result<Response, Closed>> {
    match fault.kind {
        FaultKind::Status | FaultKind::MountRefused => Some(Ok(refusal(fault))),
        FaultKind::ResetBefore | FaultKind::ResetDuring => Some(Err(Closed)),
        FaultKind::Stall => {
            tokio::time::sleep(Duration::from_secs(fault.seconds.unwrap_or_default())).await;
            Some(Err(Closed))
        }
        FaultKind::NotStored => Some(Ok(stored(target, digest))),
        FaultKind::Redirect => Some(Ok(led_to(elsewhere?, target))),
        _ => None,
    }
}

/// An answer that leads to the same on another host.
fn led_to(host: &str, target: &str) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, format!("{host}{target}"))]).into_response()
}

fn refusal(fault: &WireFault) -> Response {
    let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let code = match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "BLOB_UPLOAD_UNKNOWN",
        405 => "UNSUPPORTED",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    };
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"the registry does not do that now"}}]}}"#);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(value) = fault.retry_after.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    (status, headers, body).into_response()
}

/// What a registry answers that has stored a document.
fn stored(target: &str, digest: Option<String>) -> Response {
    let mut headers = HeaderMap::new();
    let named = [(header::LOCATION, Some(target.to_owned())), (DIGEST, digest)];
    for (name, value) in named {
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    (StatusCode::CREATED, headers, ()).into_response()
}

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The target that the registry is asked for in place of the exporter's.
pub(super) fn asked_instead(met: &Met, target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    match (met.fault.kind, &met.analysed, path.rsplit_once('/')) {
        (FaultKind::MountDeclined, ..) => path.to_owned(),
        (FaultKind::TagMoves, Some(analysed), Some((repository, _))) => format!("{repository}/{analysed}"),
        _ => target.to_owned(),
    }
}

/// The begin of an upload that goes on at another host.
fn moved(mut answer: Response, elsewhere: Option<&str>) -> Response {
    let place = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    // Absolute or not, it is the registry's own path.
    let path =
        place.map(|place| place.split_once("://").map_or(place, |(_, rest)| &rest[rest.find('/').unwrap_or(0)..]));
    let url = elsewhere.zip(path).map(|(host, path)| format!("{host}{path}"));
    if let Some(value) = url.and_then(|url| HeaderValue::from_str(&url).ok()) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
    answer
}

/// A request's body that the registry gets within some seconds, each part of it after a wait of its share.
pub(super) fn slowed<E>(
    seconds: u64,
    length: u64,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> impl Stream<Item = Result<Bytes, E>> {
    body.then(move |chunk| async move {
        let share = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64 * 1000 * seconds / length.max(1));
        tokio::time::sleep(Duration::from_millis(share.min(1000 * seconds))).await;
        chunk
    })
}

/// How long nothing comes between two pieces of a body.
fn pause(fault: &WireFault) -> Duration {
    Duration::from_secs(fault.seconds.unwrap_or_default()) / PIECES
}

/// An answer that names other bytes than those of which it tells.
fn misnamed(mut answer: Response) -> Response {
    if answer.status().is_success()
        && let Ok(value) = HeaderValue::from_str(Digest::of(b"other bytes").as_str())
    {
        answer.headers_mut().insert(DIGEST, value);
    }
    answer
}

/// What becomes of the registry's answer.
pub(super) async fn spoiled(fault: &WireFault, answer: Response, elsewhere: Option<&str>) -> Result<Response, Closed> {
    if fault.kind == FaultKind::UploadElsewhere {
        return Ok(moved(answer, elsewhere));
    }
    if fault.kind == FaultKind::ResetAfter {
        let _ = axum::body::to_bytes(answer.into_body(), LONGEST).await;
        return Err(Closed);
    }
    if fault.kind == FaultKind::WrongDigest {
        return Ok(misnamed(answer));
    }
    if !matches!(
        fault.kind,
        FaultKind::Slow | FaultKind::Cut | FaultKind::OtherBytes | FaultKind::Short | FaultKind::Trickle
    ) {
        return Ok(answer);
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, LONGEST).await else { return Err(Closed) };
    let half = bytes.slice(..bytes.len() / 2);
    let body = match fault.kind {
        FaultKind::Cut => {
            let ends: [Result<Bytes, Closed>; 2] = [Ok(half), Err(Closed)];
            // What was said of the length stays, so that it is seen to be cut.
            let later = futures_util::stream::iter(ends).then(async |part| {
                tokio::task::yield_now().await;
                part
            });
            return Ok(Response::from_parts(parts, Body::from_stream(later)));
        }
        FaultKind::Trickle | FaultKind::Slow => {
            let slowly = if fault.kind == FaultKind::Slow { bytes.clone() } else { half };
            let size = slowly.len().div_ceil(PIECES as usize).max(1);
            let rest = bytes.slice(slowly.len()..);
            let pause = pause(fault);
            let pieces: Vec<Bytes> = slowly.chunks(size).map(Bytes::copy_from_slice).collect();
            let later = futures_util::stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(pause).await;
                piece
            });
            let all = later.chain(futures_util::stream::iter([rest])).map(Ok::<_, Closed>);
            return Ok(Response::from_parts(parts, Body::from_stream(all)));
        }
        FaultKind::Short => half,
        _ => altered(&bytes),
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Other bytes of the same meaning where they are a JSON document, so that nothing but their digest tells; else other
/// ones of the same length.
fn altered(bytes: &Bytes) -> Bytes {
    let mut other = bytes.to_vec();
    if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        other.push(b' ');
    } else if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    other.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> WireFault {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_is_met_by_method_path_and_so_many_times() {
        let faults = Faults::default();
        let twice = fault("method='PUT'\npath='app/manifests/*'\ntimes=2\nkind='status'\nstatus=503");
        faults.arm("/v2/x/", &[twice], None);
        let met = |method: Method, target: &str| faults.met(&method, target).map(|met| met.index);
        assert_eq!(met(Method::GET, "/v2/x/app/manifests/latest"), None);
        assert_eq!(met(Method::PUT, "/v2/x/run/manifests/latest"), None);
        assert_eq!(met(Method::PUT, "/v2/y/app/manifests/latest"), None);
        assert_eq!(met(Method::PUT, "/v2/x/app/manifests/latest?a=b"), Some(0));
        assert_eq!(met(Method::PUT, "/v2/x/app/manifests/2"), Some(0));
        assert_eq!(met(Method::PUT, "/v2/x/app/manifests/latest"), None);
        faults.arm("/v2/x/", &[], None);
        assert!(faults.0.lock().unwrap().is_empty());
    }

    #[test]
    fn mounts_alone_are_declined_and_reads_alone_are_spoiled() {
        let faults = Faults::default();
        let both = [fault("path='*'\nkind='mount-declined'"), fault("path='*'\nkind='other-bytes'")];
        faults.arm("/v2/x/", &both, None);
        let met = |method: Method, target: &str| faults.met(&method, target).map(|met| met.index);
        assert_eq!(met(Method::POST, "/v2/x/app/blobs/uploads/"), None);
        assert_eq!(met(Method::POST, "/v2/x/app/blobs/uploads/?from=a&mount=sha256:0"), Some(0));
        assert_eq!(met(Method::HEAD, "/v2/x/app/manifests/latest"), None);
        assert_eq!(met(Method::GET, "/v2/x/app/manifests/latest"), Some(1));
    }

    #[test]
    fn a_tag_names_what_was_analysed_until_it_was_read_so_often() {
        let faults = Faults::default();
        let analysed = Digest::of(b"analysed");
        faults.arm("/v2/x/", &[fault("path='run/*'\ntimes=2\nkind='tag-moves'")], Some(&analysed));
        let asked = |method: Method, target: &str| faults.met(&method, target).map(|met| asked_instead(&met, target));
        let before = Some(format!("/v2/x/run/manifests/{analysed}"));
        assert_eq!(asked(Method::GET, &format!("/v2/x/run/manifests/{analysed}")), None);
        assert_eq!(asked(Method::GET, "/v2/x/run/blobs/base"), None);
        assert_eq!(asked(Method::PUT, "/v2/x/run/manifests/base"), None);
        assert_eq!(asked(Method::HEAD, "/v2/x/run/manifests/base"), before);
        assert_eq!(asked(Method::GET, "/v2/x/run/manifests/base"), before);
        assert_eq!(asked(Method::GET, "/v2/x/run/manifests/base"), None);
    }

    #[tokio::test]
    async fn a_slow_answer_is_whole_and_one_that_is_misnamed_keeps_its_body() {
        let of = |kind: &str| fault(&format!("path='*'\nkind='{kind}'"));
        for kind in ["slow", "wrong-digest"] {
            let own = ([(DIGEST, "sha256:own")], "twenty-six bytes of a body").into_response();
            let fault = of(kind);
            let answer = spoiled(&fault, own, None).await.unwrap();
            let named = answer.headers()[DIGEST].to_str().unwrap().to_owned();
            assert_eq!(named == "sha256:own", kind == "slow", "{named}");
            let body = axum::body::to_bytes(answer.into_body(), LONGEST).await.unwrap();
            assert_eq!(body, "twenty-six bytes of a body");
        }
    }

    #[test]
    fn a_document_keeps_its_meaning_and_a_blob_its_length() {
        assert_eq!(altered(&Bytes::from_static(b"{\"a\":1}")), "{\"a\":1} ");
        assert_eq!(altered(&Bytes::from_static(b"\x1f\x8b0")), &b"\x1f\x8b1"[..]);
    }
}
