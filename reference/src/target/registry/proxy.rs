//! Through which proxy a registry is asked (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). A registry on this
//! machine is asked directly, as by all clients that are written in Go.

use std::net::IpAddr;

use std::sync::OnceLock;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, ClientBuilder, Url};

use super::error::RegistryError;
use crate::failure::Reason;

/// A client for each way. Each is made when it is first needed: one that can speak TLS reads and parses all
/// certificates of the system, which takes longer than a small export.
pub(super) struct Clients {
    make: fn() -> ClientBuilder,
    /// Through the proxies of the environment.
    usual: OnceLock<Client>,
    /// Without them.
    direct: OnceLock<Client>,
    /// Without them and without TLS: it trusts no certificate.
    plain: OnceLock<Client>,
}

impl Clients {
    pub(super) fn new(make: fn() -> ClientBuilder) -> Self {
        Self { make, usual: OnceLock::new(), direct: OnceLock::new(), plain: OnceLock::new() }
    }

    /// The one for a URL.
    pub(super) fn of(&self, url: &str) -> Result<&Client, RegistryError> {
        let make = self.make;
        let Ok(url) = Url::parse(url) else { return made(&self.usual, make) };
        let is_direct = is_loopback(&url) || proxy(&url).is_none();
        match (is_direct, url.scheme()) {
            (true, "http") => made(&self.plain, || make().no_proxy().tls_certs_only([])),
            (true, _) => made(&self.direct, || make().no_proxy()),
            (false, _) => made(&self.usual, make),
        }
    }
}

fn made(place: &OnceLock<Client>, make: impl FnOnce() -> ClientBuilder) -> Result<&Client, RegistryError> {
    if let Some(client) = place.get() {
        return Ok(client);
    }
    let client =
        make().build().map_err(|error| RegistryError::Broken(Reason::innermost(&error).with(&certificates())))?;
    // Where another thread was faster, its client is used, and so are its connections.
    Ok(place.get_or_init(|| client))
}

/// What a message says of the places of certificates that the environment names and that are not there.
fn certificates() -> String {
    let missing = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|variable| {
        let path = std::path::PathBuf::from(std::env::var_os(variable)?);
        let error = std::fs::metadata(&path).err()?;
        Some(format!("; {variable} names {}: {error}", path.display()))
    });
    missing.collect()
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What a message says of the proxy that a URL is asked through; empty where there is none.
pub(super) fn told(url: Option<&Url>) -> String {
    let proxy = url.filter(|url| !is_loopback(url)).and_then(proxy);
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

/// The proxy that the environment names for a URL. Its address alone: its own URL may have credentials.
fn proxy(url: &Url) -> Option<String> {
    let asked = url.as_str().parse().ok()?;
    let proxy = Matcher::from_env().intercept(&asked)?;
    let host = proxy.uri().host().unwrap_or("without a host").to_owned();
    Some(proxy.uri().port_u16().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> Clients {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Clients::new(Client::builder)
    }

    #[test]
    fn certificates_are_read_once_tls_is_spoken_and_not_before() {
        let clients = clients();
        clients.of("http://127.0.0.1:5000/v2/").unwrap();
        clients.of("http://localhost/v2/").unwrap();
        assert!(clients.plain.get().is_some() && clients.direct.get().is_none() && clients.usual.get().is_none());
        clients.of("https://127.0.0.1:5000/v2/").unwrap();
        assert!(clients.direct.get().is_some());
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for (url, is_own) in [
            ("http://localhost:5000/", true),
            ("http://127.0.0.1:5000/", true),
            ("http://127.8.0.1/", true),
            ("http://[::1]:5000/", true),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), is_own, "{url}");
        }
    }
}
