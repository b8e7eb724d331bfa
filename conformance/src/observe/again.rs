//! When the suite asks a registry once more: a registry that stumbles for a moment is not a failure of the suite, and
//! one that is broken must not be waited for.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::blobs::BlobError;
use super::error::RegistryError;
use super::http::AccessError;
use crate::limits::{Waits, overdue};

/// How often a request is sent at most.
const TRIES: u32 = 4;
/// The longest that a registry's `Retry-After` is waited for.
const LONGEST: Duration = Duration::from_secs(20);

/// How long to wait before a request is sent once more; none where that would not help. `tries` were made.
pub(super) fn after(answer: &Result<Response, AccessError>, tries: u32) -> Option<Duration> {
    if tries >= TRIES {
        return None;
    }
    match answer {
        Ok(response) if is_passing(response.status().as_u16()) => {
            Some(asked_for(response.headers(), Timestamp::now()).unwrap_or_else(|| backoff(tries)).min(LONGEST))
        }
        Err(AccessError::Request { .. }) => Some(backoff(tries)),
        _ => None,
    }
}

/// Statuses that say that the registry, and not the request, is at fault for a moment.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` asks for: seconds, or a time.
fn asked_for(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

fn backoff(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.min(5))
}

/// Does what reads an answer to its end; anew where the answer broke off.
pub(super) async fn whole<T>(
    waits: &Waits,
    mut work: impl AsyncFnMut() -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match work().await {
            Err(error) if tries < TRIES && broke_off(&error) && !waits.is_hurried() => {
                tokio::time::sleep(backoff(tries)).await;
            }
            result => return result,
        }
    }
}

/// Whether an answer began and did not come to its end. Silence is none of it: that was waited for already.
fn broke_off(error: &(dyn Error + 'static)) -> bool {
    if overdue(error).is_some() {
        return false;
    }
    matches!(
        error.downcast_ref::<RegistryError>(),
        Some(RegistryError::Access(AccessError::BrokenOff { .. }) | RegistryError::Blob(BlobError::Source { .. }))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-28T18:00:00Z".parse().unwrap();
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            asked_for(&headers, now)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sat, 28 Nov 2026 18:00:04 GMT"), Some(Duration::from_secs(4)));
        assert_eq!(of("Sat, 28 Nov 2026 17:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        assert_eq!(asked_for(&HeaderMap::new(), now), None);
    }
}
