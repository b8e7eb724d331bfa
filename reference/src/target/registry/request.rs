//! A request to a registry, and how often and how long an answer is waited for.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response};

use super::answer::{backoff, pause, silent, unreachable};
use super::error::RegistryError;
use crate::image_name::ImageName;

/// Times that a request is sent before it has failed.
pub(super) const TRIES: u32 = 4;
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
    most: u32,
    patience: Duration,
    make: impl Fn(&Arc<AtomicU64>) -> Result<RequestBuilder, RegistryError>,
) -> Result<Response, RegistryError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let taken = Arc::new(AtomicU64::new(0));
        let answer = watched(request, make(&taken)?, &taken, patience).await;
        let wait = match &answer {
            Ok(response) => pause(response, tries),
            Err(error) => error.is_worth_another(tries).then(|| backoff(tries)),
        };
        match wait {
            Some(wait) if tries < most => tokio::time::sleep(wait).await,
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
