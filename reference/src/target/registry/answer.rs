//! What an answer means: whether to ask again, what it holds, where it leads.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};
use serde_json::Value;

use super::error::{RegistryError, is_passing};
use super::proxy;
use crate::image_name::ImageName;

/// Without an answer, or without a byte of it, after which a registry has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Manifests and configs larger than this are refused, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 20;

/// How long to wait before another try; none where the answer will not change.
pub(super) fn pause(response: &Response, tries: u32) -> Option<Duration> {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let wait = || asked.map_or_else(|| backoff(tries), |seconds| Duration::from_secs(seconds.min(10)));
    is_passing(response.status().as_u16()).then(wait)
}

pub(super) fn backoff(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.min(5))
}

pub(super) fn unreachable(doing: &'static str, name: &ImageName, error: &reqwest::Error) -> RegistryError {
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    let reason = format!("{reason}{}", proxy::told(error.url()));
    // What did not answer in time once would take as long again.
    RegistryError::Unreachable {
        doing,
        name: name.to_string(),
        reason,
        passing: !error.is_timeout() && !error.is_builder(),
    }
}

pub(super) fn silent(doing: &'static str, name: &ImageName, (url, patience): (&str, Duration)) -> RegistryError {
    let through = proxy::told(Url::parse(url).ok().as_ref());
    let reason = format!("no answer within {} s{through}", patience.as_secs());
    RegistryError::Unreachable { doing, name: name.to_string(), reason, passing: false }
}

pub(super) async fn success(
    doing: &'static str,
    name: &ImageName,
    response: Response,
) -> Result<Response, RegistryError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, through) = (response.status().as_u16(), proxy::told(Some(response.url())));
    let bytes = body(doing, name, response).await.unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let said = json["errors"][0]["message"].as_str().map_or_else(String::new, |message| format!(" ({message})"));
    let said = format!("{through}{said}");
    Err(RegistryError::Status { doing, name: name.to_string(), status, said })
}

/// The next bytes of an answer; none at its end.
pub(super) async fn chunk(
    doing: &'static str,
    name: &ImageName,
    response: &mut Response,
) -> Result<Option<Bytes>, RegistryError> {
    let url = response.url().to_string();
    match tokio::time::timeout(PATIENCE, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| unreachable(doing, name, &error)),
        Err(_) => Err(silent(doing, name, (&url, PATIENCE))),
    }
}

pub(super) async fn body(
    doing: &'static str,
    name: &ImageName,
    mut response: Response,
) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(doing, name, &mut response).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_DOCUMENT {
            return Err(RegistryError::content(name, "the answer is larger than 16 MiB"));
        }
    }
    Ok(bytes)
}

pub(super) fn location(url: &str, response: &Response) -> Option<String> {
    let value = response.headers().get(LOCATION)?.to_str().ok()?;
    Some(Url::parse(url).ok()?.join(value).ok()?.to_string())
}
