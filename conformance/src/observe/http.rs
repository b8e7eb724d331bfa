//! One request to a registry and its answer: why there is none, what it is about, and how much of a body is read.

use reqwest::{Client, Response, Url};

use crate::limits::{Overdue, Waits};

/// Why a registry could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The base URL is none.
    #[error("read '{url}' as a registry's URL: it must be http:// or https:// and a host")]
    Url {
        /// What was given.
        url: String,
    },
    /// There is no HTTP client to be had.
    #[error("make an HTTP client")]
    Client {
        /// Why.
        source: reqwest::Error,
    },
    /// There is no TLS to be had.
    #[error("set up TLS")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
    /// The request was not answered.
    #[error("ask the registry for '{url}'")]
    Request {
        /// What was asked for.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// An answer began and did not come to its end.
    #[error("read to its end what the registry answers for '{url}'")]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// The registry, or the token realm that it names, is silent.
    #[error(transparent)]
    Silent {
        /// Who, and for how long.
        overdue: Overdue,
    },
    /// The answer is not one that was hoped for.
    #[error("ask the registry for '{url}': it answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer lacks what the protocol promises.
    #[error("ask the registry for '{url}': {reason}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The answer's body is larger than anything sensible.
    #[error("ask the registry for '{url}': it answers more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// docker's `config.json` or its helper gives no usable credentials. What a helper printed is kept out.
    #[error("get the credentials for '{host}' from docker's config.json: {reason}")]
    Credentials {
        /// The registry.
        host: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The Platform API's variable with credentials cannot be used. What it holds is kept out.
    #[error("read CNB_REGISTRY_AUTH: {reason}")]
    RegistryAuth {
        /// What is wrong.
        reason: &'static str,
    },
}

/// What a request is about to do, and where: tokens are granted for one such.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) repository: String,
    pub(super) write: bool,
}

/// A URL for people, without its query: a redirected one's holds a signature.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// An error for the answer of a request that had to succeed.
pub(super) fn refused(response: &Response) -> AccessError {
    AccessError::Status { url: shown(response.url()), status: response.status().as_u16() }
}

/// Sends a request and waits for its answer, as a service is waited for that takes so many bytes of it to do something.
pub(super) async fn executed(
    client: &Client,
    request: reqwest::Request,
    (waits, bytes, doing): (&Waits, u64, &str),
) -> Result<Response, AccessError> {
    let url = shown(request.url());
    let answer = waits.answer_to(bytes, doing, client.execute(request)).await;
    answer
        .map_err(|overdue| AccessError::Silent { overdue })?
        .map_err(|source| AccessError::Request { url, source: source.without_url() })
}

/// The body, if it has at most `limit` bytes.
pub(super) async fn body_within(waits: &Waits, mut response: Response, limit: usize) -> Result<Vec<u8>, AccessError> {
    let url = shown(response.url());
    let doing = format!("send {}", response.url().path());
    let mut bytes = Vec::new();
    loop {
        match waits.answer(&doing, response.chunk()).await.map_err(|overdue| AccessError::Silent { overdue })? {
            Ok(None) => return Ok(bytes),
            Ok(Some(piece)) if bytes.len() + piece.len() > limit => {
                return Err(AccessError::TooLarge { url, limit });
            }
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Err(source) => return Err(AccessError::BrokenOff { url, source: source.without_url() }),
        }
    }
}
