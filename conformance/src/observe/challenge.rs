//! A registry's challenges (RFC 7235) and the exchange of credentials for a token at the realm that one names.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Url};
use serde::Deserialize;

use super::credentials::Credentials;
use super::http::{AccessError, Scope, body_within, executed, refused};
use crate::limits::Waits;

/// Most bytes of a token server's answer.
const MAX_TOKEN: usize = 1 << 20;

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token.
    Bearer(Realm),
}

/// Where tokens are given out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Realm {
    url: String,
    service: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// Reads the first challenge of a `WWW-Authenticate` value; none where it is of another kind.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (kind, parameters) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if kind.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !kind.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut realm = Realm { url: String::new(), service: None, scope: None };
        for (key, value) in parameters_of(parameters) {
            match key.to_ascii_lowercase().as_str() {
                "realm" => realm.url = value,
                "service" => realm.service = Some(value),
                "scope" => realm.scope = Some(value),
                _ => {}
            }
        }
        Some(Self::Bearer(realm))
    }
}

/// `key="value"` or `key=value`, separated by commas that may also stand inside the quotes.
fn parameters_of(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((key, rest)) = text.split_once('=') {
        let key = key.trim_matches([' ', ',']).to_owned();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.push((key, value.trim().to_owned()));
        text = after;
    }
    found
}

impl Realm {
    /// The value of the `Authorization` header that the realm grants, with the credentials or anonymously; none where
    /// it grants nothing. A realm in plain text is told no credentials, unless the registry itself is plain.
    pub(super) async fn token(
        &self,
        (client, registry, waits): (&Client, &Url, &Waits),
        credentials: Option<&Credentials>,
        scope: &Scope,
    ) -> Result<Option<String>, AccessError> {
        let bad = || AccessError::Protocol { url: registry.to_string(), reason: "its token realm is not a URL" };
        let mut url = Url::parse(&self.url).map_err(|_| bad())?;
        let safe = url.scheme() == "https" || url.scheme() == registry.scheme();
        let credentials = credentials.filter(|_| safe);
        let actions = if scope.write { "pull,push" } else { "pull" };
        let wanted = self.scope.clone().unwrap_or_else(|| format!("repository:{}:{actions}", scope.repository));
        let asked = url.clone();
        url.query_pairs_mut().append_pair("service", self.service.as_deref().unwrap_or_default());
        url.query_pairs_mut().append_pair("scope", &wanted);
        let request = if let Some(Credentials::IdentityToken(token)) = credentials {
            let pairs = [("grant_type", "refresh_token"), ("client_id", "conformance"), ("refresh_token", token)];
            url.query_pairs_mut().extend_pairs(pairs);
            let form = "application/x-www-form-urlencoded";
            client.post(asked).header(CONTENT_TYPE, form).body(url.query().unwrap_or_default().to_owned())
        } else {
            let basic = credentials.and_then(Credentials::basic);
            let request = client.get(url);
            if let Some(basic) = basic { request.header(AUTHORIZATION, basic) } else { request }
        };
        let request = request.build().map_err(|source| AccessError::Client { source: source.without_url() })?;
        let response = executed(client, request, (waits, 0, "grant a token")).await?;
        if matches!(response.status().as_u16(), 401 | 403) {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refused(&response));
        }
        let body = body_within(waits, response, MAX_TOKEN).await?;
        let granted: Option<Granted> = serde_json::from_slice(&body).ok();
        let token = granted.and_then(|granted| granted.token.or(granted.access_token));
        Ok(token.filter(|token| !token.is_empty()).map(|token| format!("Bearer {token}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_commas_inside_quotes() {
        let value =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let realm = Realm {
            url: "https://auth.example/token".to_owned(),
            service: Some("registry.example".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::parse(value), Some(Challenge::Bearer(realm)));
        assert_eq!(Challenge::parse("basic realm=x"), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("Negotiate"), None);
    }
}
