//! How a registry is spoken to: one HTTP client, its challenges answered, credentials sent to that registry and to the
//! token realm that it names, nowhere else. What is asked for is left to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use super::again;
use super::challenge::Challenge;
use super::credentials::Credentials;
use super::trust::Trust;
use crate::limits::{CONNECT, Overdue, Patience, Waits};

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
    #[error("{overdue}")]
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

/// One registry and what it granted so far.
pub(super) struct Access {
    client: Client,
    base: Url,
    credentials: Option<Credentials>,
    granted: Mutex<HashMap<Scope, HeaderValue>>,
    waits: Waits,
}

impl Access {
    pub(super) fn new(
        base_url: &str,
        credentials: Option<Credentials>,
        (trust, patience): (&Trust, &Patience),
    ) -> Result<Self, AccessError> {
        let bad = || AccessError::Url { url: base_url.to_owned() };
        let base = Url::parse(base_url).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(bad());
        }
        let client = client(&base, trust)?;
        let waits = patience.with(format!("the registry at {}", shown(&base)));
        Ok(Self { client, base, credentials, granted: Mutex::default(), waits })
    }

    /// How it is waited for.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// `path` below the registry's root, for example `v2/<name>/manifests/<tag>`.
    pub(super) fn url(&self, path: &str) -> Result<Url, AccessError> {
        self.base.join(path).map_err(|_| AccessError::Url { url: path.to_owned() })
    }

    /// The registry's host, with its port where it is not the scheme's.
    pub(super) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Sends what `make` makes; once more where the registry challenges and there is an answer.
    pub(super) async fn send(
        &self,
        scope: &Scope,
        make: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, AccessError> {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner).get(scope).cloned();
        let response = self.send_once(&make, granted).await?;
        // A challenge of whom the registry redirected to is none of the registry's.
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(response.url()) {
            return Ok(response);
        }
        let Some(grant) = self.answer(response.headers(), scope).await? else { return Ok(response) };
        self.granted.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), grant.clone());
        self.send_once(&make, Some(grant)).await
    }

    /// Sends what `make` makes, and again where the registry stumbles.
    async fn send_once(
        &self,
        make: &impl Fn(&Client) -> RequestBuilder,
        grant: Option<HeaderValue>,
    ) -> Result<Response, AccessError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.attempt(make, grant.clone()).await;
            match again::after(&answer, tries).filter(|_| !self.waits.is_hurried()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return answer,
            }
        }
    }

    async fn attempt(
        &self,
        make: &impl Fn(&Client) -> RequestBuilder,
        grant: Option<HeaderValue>,
    ) -> Result<Response, AccessError> {
        let mut request = make(&self.client).build().map_err(|source| AccessError::Client { source })?;
        if let Some(grant) = grant.filter(|_| self.is_own(request.url())) {
            request.headers_mut().insert(AUTHORIZATION, grant);
        }
        let bytes = request.body().and_then(reqwest::Body::as_bytes).map_or(0, |body| body.len() as u64);
        let doing = format!("answer {} {}", request.method(), request.url().path());
        executed(&self.client, request, (&self.waits, bytes, &doing)).await
    }

    /// The client and the registry's URL, for who asks elsewhere.
    pub(super) fn asking(&self) -> (&Client, &Url) {
        (&self.client, &self.base)
    }

    /// Gets a path of the registry without credentials.
    pub(super) async fn ask(&self, path: &str) -> Result<Response, AccessError> {
        let mut url = self.base.clone();
        url.set_path(path);
        self.send_once(&|client: &Client| client.get(url.clone()), None).await
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    async fn answer(&self, headers: &HeaderMap, scope: &Scope) -> Result<Option<HeaderValue>, AccessError> {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut answer = None;
        for challenge in challenges.filter_map(Challenge::parse) {
            let credentials = self.credentials.as_ref();
            answer = match challenge {
                Challenge::Basic => credentials.and_then(Credentials::basic),
                Challenge::Bearer(realm) => realm.token(self, credentials, scope).await?,
            };
            if answer.is_some() {
                break;
            }
        }
        Ok(answer.and_then(|answer| HeaderValue::from_str(&answer).ok()).map(|mut answer| {
            answer.set_sensitive(true);
            answer
        }))
    }
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

fn client(base: &Url, trust: &Trust) -> Result<Client, AccessError> {
    // A machine without certificates can still speak to a plain registry.
    let roots = if base.scheme() == "https" { trust.roots() } else { rustls::RootCertStore::empty() };
    let mut builder = client_trusting(roots)?.redirect(reqwest::redirect::Policy::limited(5)).connect_timeout(CONNECT);
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|source| AccessError::Client { source })
}

/// A client to be, on `ring`, that trusts these certificates only.
pub(super) fn client_trusting(roots: rustls::RootCertStore) -> Result<ClientBuilder, AccessError> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| AccessError::Tls { source })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Client::builder().tls_backend_preconfigured(tls).referer(false))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
