//! How a registry is spoken to: one HTTP client, its challenges answered, credentials sent to that registry and to the
//! token realm that it names, nowhere else. What is asked for is left to others.
//!
//! `oci-client` gives parsed manifests; here the bytes, status and headers of every answer count, also of broken ones.

use std::collections::HashMap;
use std::sync::Mutex;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use super::again;
use super::challenge::Challenge;
use super::credentials::Credentials;
use super::http::{AccessError, Scope, executed, shown};
use super::trust::Trust;
use crate::limits::{CONNECT, Patience, Waits};
use crate::locked::locked;

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
        let granted = locked(&self.granted).get(scope).cloned();
        let response = self.send_once(&make, granted).await?;
        // Authentication challenges of redirect targets are ignored.
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(response.url()) {
            return Ok(response);
        }
        let Some(grant) = self.answer(response.headers(), scope).await? else { return Ok(response) };
        locked(&self.granted).insert(scope.clone(), grant.clone());
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
                Challenge::Bearer(realm) => {
                    realm.token((&self.client, &self.base, &self.waits), credentials, scope).await?
                }
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
    let tls = crate::tls::client(roots).map_err(|source| AccessError::Tls { source })?;
    Ok(Client::builder().tls_backend_preconfigured(tls).referer(false))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
