//! What answers a challenge: the credentials themselves, or a token that they buy (docker's token authentication).

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use super::answer::{PATIENCE, body, success};
use super::challenge::Challenge;
use super::credentials::{Credential, Credentials};
use super::error::RegistryError;
use super::proxy::Clients;
use super::request::{Request, Spent, TRIES, retried};
use super::secrets;
use crate::failure::Reason;

/// The Authorization header that a challenge asks for; none where there is nothing to offer.
pub(super) async fn authorization(
    http: &Clients,
    credentials: &Credentials,
    spent: &Spent,
    insecure: bool,
    request: &Request<'_>,
    challenges: &[Challenge],
) -> Result<Option<String>, RegistryError> {
    let credential = credentials.of(&request.name.registry).await;
    if let Some(Credential::Header(header) | Credential::IdentityToken(header)) = &credential {
        secrets::remember(header);
    }
    let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") else {
        return Ok(match credential {
            Some(Credential::Header(header)) => Some(header),
            _ => None,
        });
    };
    if let Some(Credential::Header(header)) = &credential
        && header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
    {
        return Ok(Some(header.clone()));
    }
    let Some(realm) = bearer.parameters.get("realm").and_then(|realm| Url::parse(realm).ok()) else {
        return Ok(None);
    };
    if realm.scheme() != "https" && !insecure {
        return Err(RegistryError::content(request.name, "the registry names a token server without TLS"));
    }
    let server = realm.host_str().unwrap_or_default().to_owned();
    let server = realm.port().map_or_else(|| server.clone(), |port| format!("{server}:{port}"));
    let service = bearer.parameters.get("service");
    let asking = asking(http.of(realm.as_str())?, request, realm, service, credential)?;
    let unending = || RegistryError::Broken(Reason::new("a request that cannot be sent twice"));
    let own = Request::new("get a token for", request.name, request.method.clone(), request.url);
    let by = |error: RegistryError| error.of_token_server(&server);
    let answer =
        retried(&own, spent, TRIES, PATIENCE, |_| asking.try_clone().ok_or_else(unending)).await.map_err(by)?;
    let answer = success(own.doing, own.name, answer).await.map_err(by)?;
    let bytes = body(own.doing, own.name, answer).await.map_err(by)?;
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let token = json["token"].as_str().or_else(|| json["access_token"].as_str());
    Ok(token.map(|token| format!("Bearer {token}")))
}

fn asking(
    http: &reqwest::Client,
    request: &Request<'_>,
    mut realm: Url,
    service: Option<&String>,
    credential: Option<Credential>,
) -> Result<RequestBuilder, RegistryError> {
    let service = service.map(|service| ("service", service.clone()));
    if let Some(Credential::IdentityToken(token)) = credential {
        let mut query = vec![
            // OAuth2 takes all scopes in one value.
            ("scope", scopes(request).join(" ")),
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", "reference-exporter".to_owned()),
            ("refresh_token", token),
        ];
        query.extend(service);
        let form = Url::parse_with_params("http://form", &query);
        let form = form.map_err(|error| RegistryError::broken(&error))?;
        let asking = http.post(realm).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        return Ok(asking.body(form.query().unwrap_or_default().to_owned()));
    }
    let scopes = scopes(request).into_iter().map(|scope| ("scope", scope));
    realm.query_pairs_mut().extend_pairs(scopes.chain(service));
    Ok(match credential {
        Some(Credential::Header(header)) => http.get(realm).header(AUTHORIZATION, header),
        _ => http.get(realm),
    })
}

fn is_reading(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// What a token has to allow.
fn scopes(request: &Request<'_>) -> Vec<String> {
    let actions = if is_reading(&request.method) { "pull" } else { "pull,push" };
    let mut scopes = vec![format!("repository:{}:{actions}", request.name.repository)];
    scopes.extend(request.from.map(|from| format!("repository:{}:pull", from.repository)));
    scopes
}

/// What a header is good for.
pub(super) fn key(request: &Request<'_>) -> String {
    let from = request.from.map_or("", |from| from.repository.as_str());
    format!("{} {} {from} {}", request.name.registry, request.name.repository, is_reading(&request.method))
}
