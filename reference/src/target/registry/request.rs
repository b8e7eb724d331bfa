//! A request to a registry, and how often and how long an answer is waited for.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response};

use super::answer::{backoff, pause, silent, unreachable};
use super::error::RegistryError;
use crate::image_name::ImageName;

/// Times that a request is sent before it has failed.
pub(super) const TRIES: u32 = 4;
/// For how long in all an export may try again: failed tries and the waits after them.
const TOTAL: Duration = Duration::from_mins(5);

/// The time that one export has spent on trying again. Times that requests spend side by side count once.
pub(super) struct Spent {
    most: Duration,
    so_far: Mutex<SoFar>,
}

#[derive(Default)]
struct SoFar {
    time: Duration,
    /// Up to when it is counted.
    until: Option<Instant>,
}

impl Default for Spent {
    fn default() -> Self {
        Self { most: TOTAL, so_far: Mutex::default() }
    }
}

impl Spent {
    /// Counts a try that began at `from`, together with the wait that ends at `until`; counts nothing and is false
    /// where that is more than there is left.
    fn permits(&self, from: Instant, until: Instant) -> bool {
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = so_far.until.map_or(from, |counted| counted.max(from));
        let time = so_far.time + until.saturating_duration_since(counted);
        if time > self.most {
            return false;
        }
        *so_far = SoFar { time, until: Some(counted.max(until)) };
        true
    }
}

/// A body that can be made again for another try.
pub(super) enum Content<'a> {
    None,
    Bytes(&'a Bytes, &'static str),
    File(&'a File, u64),
}

/// What is asked of a registry.
pub(super) struct Request<'a> {
    /// In words, for messages.
    pub(super) doing: &'static str,
    /// The image that it is about.
    pub(super) name: &'a ImageName,
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) content: Content<'a>,
    /// Another repository of the registry that has to be read for it.
    pub(super) from: Option<&'a ImageName>,
}

impl<'a> Request<'a> {
    pub(super) fn new(doing: &'static str, name: &'a ImageName, method: Method, url: &'a str) -> Self {
        Self { doing, name, method, url, content: Content::None, from: None }
    }
}

/// Sends what `make` makes, again where the failure may pass.
pub(super) async fn retried(
    request: &Request<'_>,
    spent: &Spent,
    most: u32,
    patience: Duration,
    make: impl Fn(&Arc<AtomicU64>) -> Result<RequestBuilder, RegistryError>,
) -> Result<Response, RegistryError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let began = Instant::now();
        let taken = Arc::new(AtomicU64::new(0));
        let answer = watched(request, make(&taken)?, &taken, patience).await;
        let wait = match &answer {
            Ok(response) => pause(response, tries),
            Err(error) => error.is_worth_another(tries).then(|| backoff(tries)),
        };
        match wait {
            Some(wait) if tries < most && spent.permits(began, Instant::now() + wait) => tokio::time::sleep(wait).await,
            _ => return answer,
        }
    }
}

/// Sends; ends when `patience` has passed without an answer and without a byte of the body taken.
async fn watched(
    request: &Request<'_>,
    builder: RequestBuilder,
    taken: &AtomicU64,
    patience: Duration,
) -> Result<Response, RegistryError> {
    let sending = builder.send();
    tokio::pin!(sending);
    let mut seen = 0;
    loop {
        if let Ok(answer) = tokio::time::timeout(patience, &mut sending).await {
            return answer.map_err(|error| unreachable(request.doing, request.name, &error));
        }
        let now = taken.load(Ordering::Relaxed);
        if now == seen {
            return Err(silent(request.doing, request.name, (request.url, patience)));
        }
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_again_has_one_bound_for_all_requests() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let spent = Spent { most: Duration::from_secs(100), ..Spent::default() };
        // Ten requests that wait side by side, as a registry asks that is too busy for all of them.
        for _ in 0..10 {
            assert!(spent.permits(at(0), at(60)));
        }
        assert!(spent.permits(at(30), at(90)));
        // What went well in between is not counted.
        assert!(!spent.permits(at(1000), at(1011)));
        assert!(spent.permits(at(1000), at(1010)));
        assert!(!spent.permits(at(2000), at(2001)));
    }
}
