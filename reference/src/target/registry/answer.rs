//! What an answer means: whether to ask again, what it holds, where it leads.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};
use serde_json::Value;

use super::error::{RegistryError, is_passing};
use super::proxy;
use super::secrets::shown;
use crate::failure::Reason;
use crate::image_name::ImageName;
use crate::target::LARGEST_DOCUMENT;

/// Without an answer, or without a byte of it, after which a registry has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a registry's `Retry-After` is waited for.
const LONGEST: Duration = Duration::from_mins(1);
/// For so long an answer may come as slowly as it likes.
const GRACE: Duration = Duration::from_secs(30);
/// Bytes of an answer that must come in a second, on average.
const SLOWEST: u64 = 1024;

/// How long to wait before another try; none where the answer will not change.
pub(super) fn pause(response: &Response, tries: u32) -> Option<Duration> {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| asked_for(value.to_str().ok()?, Timestamp::now()));
    // What asks for no wait at all is not asked at once, nor by all who wait at the same time.
    let wait = || asked.map_or_else(|| backoff(tries), |asked| asked.min(LONGEST).max(backoff(tries)));
    is_passing(response.status().as_u16()).then(wait)
}

/// What `Retry-After` asks for: seconds, or a time.
fn asked_for(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// A longer wait after each try, and not the same one for all who were refused at the same time.
pub(super) fn backoff(tries: u32) -> Duration {
    let whole = 100 << tries.min(5);
    let clock = u64::from(Timestamp::now().subsec_nanosecond().unsigned_abs());
    Duration::from_millis(whole + clock % (whole / 2))
}

/// How fast an answer comes. One that trickles would never end, and each of its bytes would be a sign of life.
pub(super) struct Pace {
    begun: Instant,
    bytes: u64,
}

impl Pace {
    /// Of an answer that begins now.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), bytes: 0 }
    }

    /// Whether it is too slow to be waited for, after so many bytes more.
    fn is_too_slow(&mut self, more: usize, now: Instant) -> bool {
        self.bytes += more as u64;
        let passed = now.duration_since(self.begun);
        passed > GRACE && self.bytes < passed.as_secs() * SLOWEST
    }
}

pub(super) fn unreachable(doing: &'static str, name: &ImageName, error: &reqwest::Error) -> RegistryError {
    // What did not connect in time once would take as long again.
    RegistryError::Unreachable {
        doing,
        name: name.to_string(),
        source: Reason::innermost(error).with(&proxy::told(error.url())),
        passing: !error.is_timeout() && !error.is_builder(),
        silent: false,
    }
}

pub(super) fn silent(doing: &'static str, name: &ImageName, (url, patience): (&str, Duration)) -> RegistryError {
    let through = proxy::told(Url::parse(url).ok().as_ref());
    let source = Reason::new(&format!("no answer within {} s{through}", patience.as_secs()));
    RegistryError::Unreachable { doing, name: name.to_string(), source, passing: false, silent: true }
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
    let said =
        json["errors"][0]["message"].as_str().map_or_else(String::new, |message| format!(" ({})", shown(message)));
    let said = format!("{through}{said}");
    Err(RegistryError::Status { doing, name: name.to_string(), status, said })
}

/// The next bytes of an answer; none at its end.
pub(super) async fn chunk(
    doing: &'static str,
    name: &ImageName,
    response: &mut Response,
    pace: &mut Pace,
) -> Result<Option<Bytes>, RegistryError> {
    let url = response.url().to_string();
    let chunk = match tokio::time::timeout(PATIENCE, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| unreachable(doing, name, &error))?,
        Err(_) => return Err(silent(doing, name, (&url, PATIENCE))),
    };
    if let Some(bytes) = &chunk
        && pace.is_too_slow(bytes.len(), Instant::now())
    {
        let source = Reason::new(&format!("its answer comes at less than {SLOWEST} bytes in a second"));
        return Err(RegistryError::Unreachable {
            doing,
            name: name.to_string(),
            source,
            passing: false,
            silent: false,
        });
    }
    Ok(chunk)
}

pub(super) async fn body(
    doing: &'static str,
    name: &ImageName,
    mut response: Response,
) -> Result<Vec<u8>, RegistryError> {
    let (mut bytes, mut pace) = (Vec::new(), Pace::new());
    while let Some(chunk) = chunk(doing, name, &mut response, &mut pace).await? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-28T18:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("7", Some(7)),
            ("Sat, 28 Nov 2026 18:00:04 GMT", Some(4)),
            ("Sat, 28 Nov 2026 17:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            assert_eq!(asked_for(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn an_answer_that_trickles_is_ended_and_one_that_is_slow_is_not() {
        let (mut trickle, mut slow) = (Pace::new(), Pace::new());
        let after = |seconds| trickle.begun + Duration::from_secs(seconds);
        let (first, later) = (after(29), after(31));
        assert!(!trickle.is_too_slow(1, first) && trickle.is_too_slow(1, later));
        let at = slow.begun + Duration::from_secs(100);
        assert!(!slow.is_too_slow(64 * 1024 * 100, at));
    }

    #[test]
    fn waits_grow_and_differ_within_bounds() {
        for tries in 1..8 {
            let wait = backoff(tries).as_millis();
            let whole = 100_u128 << tries.min(5);
            assert!(wait >= whole && wait < whole + whole / 2, "{tries}: {wait}");
        }
    }
}
