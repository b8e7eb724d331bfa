//! The registry behind a recorder, and how it is asked: as its address says, with TLS or without, never otherwise, and
//! no redirect is followed.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;

use crate::limits::CONNECT;

/// The registry, and which of its answers lead back to the recorder.
pub(super) struct Upstream {
    base: String,
    client: AnyClient,
    /// The name by which a registry with TLS is asked: others may answer at its address too.
    host: Option<HeaderValue>,
    /// Where the recorder speaks TLS: how places begin that are the registry's, and how they do at the recorder.
    led_back: Option<(Vec<String>, String)>,
}

enum AnyClient {
    Plain(Client<HttpConnector, Body>),
    Tls(Client<HttpsConnector<HttpConnector>, Body>),
}

impl Upstream {
    /// The registry at `url`, whose certificate one of `roots` has signed.
    pub(super) fn new(url: &str, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let base = url.trim_end_matches('/').to_owned();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let builder = Client::builder(TokioExecutor::new());
        let Some(host) = base.strip_prefix("https://") else {
            let client = AnyClient::Plain(builder.build(connector));
            return Ok(Self { base, client, host: None, led_back: None });
        };
        connector.enforce_http(false);
        let tls = crate::tls::client(roots)?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(connector);
        let host = HeaderValue::from_str(host).ok();
        Ok(Self { base, client: AnyClient::Tls(builder.build(connector)), host, led_back: None })
    }

    /// The same behind a recorder that speaks TLS, and whose own name is `own`.
    pub(super) fn behind_tls(mut self, own: &str) -> Self {
        let from = match self.base.strip_prefix("https://") {
            Some(host) => {
                let host = host.strip_suffix(":443").unwrap_or(host);
                vec![format!("https://{host}/"), format!("https://{host}:443/")]
            }
            // Asked by the recorder's name, a registry without TLS takes that for its own.
            None => vec![format!("http://{own}/"), format!("{}/", self.base)],
        };
        self.led_back = Some((from, format!("https://{own}/")));
        self
    }

    /// Where a path of the recorder's is the registry's; none where it is not a path.
    pub(super) fn url(&self, target: &str) -> Option<Uri> {
        format!("{}{target}", self.base).parse().ok()
    }

    pub(super) fn ask(&self, mut request: Request<Body>) -> ResponseFuture {
        if let Some(host) = &self.host {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        match &self.client {
            AnyClient::Plain(client) => client.request(request),
            AnyClient::Tls(client) => client.request(request),
        }
    }

    /// Makes a place of the registry's that an answer leads to the recorder's: what is sent there would not be
    /// recorded.
    pub(super) fn lead_back(&self, headers: &mut HeaderMap) {
        let Some((from, to)) = &self.led_back else { return };
        let place = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let rest = place.and_then(|place| from.iter().find_map(|from| place.strip_prefix(from.as_str())));
        if let Some(value) = rest.and_then(|rest| HeaderValue::from_str(&format!("{to}{rest}")).ok()) {
            headers.insert(header::LOCATION, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_the_registry_is_the_recorder_s_and_another_is_not() {
        let led = |upstream: &str, place: &str| {
            let upstream = Upstream::new(upstream, RootCertStore::empty()).unwrap().behind_tls("127.0.0.1:7");
            let mut headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_str(place).unwrap())]);
            upstream.lead_back(&mut headers);
            headers[header::LOCATION].to_str().unwrap().to_owned()
        };
        for (upstream, place, wanted) in [
            ("https://r.example", "https://r.example/v2/a?b=c", "https://127.0.0.1:7/v2/a?b=c"),
            ("https://r.example", "https://r.example:443/v2/", "https://127.0.0.1:7/v2/"),
            ("https://r.example:443", "https://r.example/v2/", "https://127.0.0.1:7/v2/"),
            ("https://r.example:5000", "https://r.example:5000/v2/", "https://127.0.0.1:7/v2/"),
            ("http://127.0.0.1:5", "http://127.0.0.1:7/v2/", "https://127.0.0.1:7/v2/"),
            ("http://127.0.0.1:5", "http://127.0.0.1:5/v2/", "https://127.0.0.1:7/v2/"),
        ] {
            assert_eq!(led(upstream, place), wanted, "{upstream}");
        }
        for (upstream, place) in [
            ("https://r.example", "/v2/a"),
            ("https://r.example", "http://r.example/v2/a"),
            ("https://r.example", "https://r.example.evil/v2/a"),
            ("https://r.example", "https://storage.example/r.example/"),
            ("http://127.0.0.1:5", "http://127.0.0.1:57/v2/"),
        ] {
            assert_eq!(led(upstream, place), place, "{upstream}");
        }
    }
}
