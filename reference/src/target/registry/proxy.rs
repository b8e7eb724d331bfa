//! Through which proxy a registry is asked (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). A registry on this machine
//! is asked directly, as by all clients that are written in Go.

use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, ClientBuilder, Url};

/// A client for each way.
pub(super) struct Clients {
    usual: Client,
    direct: Client,
}

impl Clients {
    pub(super) fn new(make: impl Fn() -> ClientBuilder) -> Result<Self, reqwest::Error> {
        Ok(Self { usual: make().build()?, direct: make().no_proxy().build()? })
    }

    /// The one for a URL.
    pub(super) fn of(&self, url: &str) -> &Client {
        if Url::parse(url).is_ok_and(|url| is_loopback(&url)) { &self.direct } else { &self.usual }
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What a message says of the proxy that a URL is asked through; empty where there is none.
pub(super) fn told(url: Option<&Url>) -> String {
    let proxy = url.filter(|url| !is_loopback(url)).and_then(|url| {
        let asked = url.as_str().parse().ok()?;
        let proxy = Matcher::from_env().intercept(&asked)?;
        // The address alone: a proxy's URL may have credentials.
        proxy.uri().host().map(|host| match proxy.uri().port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    });
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
