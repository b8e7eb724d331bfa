//! A registry that wants tokens, and the token server that it names: docker's token authentication, as all large
//! registries have it. A token is good for the repositories and actions that were asked for, and for nothing else.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What the token server is told of whom a token is for.
const SERVICE: &str = "registry.internal";
/// Where it is asked.
const PATH: &str = "/token";
/// For how many seconds it says that a token is good.
const SECONDS: u32 = 300;

pub(super) struct Tokens {
    /// Where the token server is.
    realm: String,
    issued: Mutex<Vec<Issued>>,
}

struct Issued {
    token: String,
    /// For whose credentials.
    of: String,
    /// Repositories, each with an action; none for one that is good for all that these credentials are good for.
    scopes: Option<Vec<(String, String)>>,
    /// Whether a request with it has passed.
    has_passed: bool,
    /// Whether it is good no more.
    is_over: bool,
}

/// The token of someone with this password that is good without the token server: a platform may have got it before.
#[must_use]
pub fn ready_token(password: &str) -> String {
    format!("{password}.ready")
}

/// Whether the token server is asked.
pub(super) fn is_for_the_server(target: &str) -> bool {
    target.split('?').next() == Some(PATH)
}

/// Bytes of a form that are read.
pub(super) const LONGEST_FORM: usize = 1 << 16;

/// What a form asks for, as a query does.
pub(super) fn form(body: &[u8]) -> String {
    format!("{PATH}?{}", String::from_utf8_lossy(body))
}

/// The token that is to be exchanged.
pub(super) fn refresh_token(asked: &str) -> Option<String> {
    let all = parameters(asked);
    let value = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    value("refresh_token").filter(|_| value("grant_type").as_deref() == Some("refresh_token"))
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": "authentication required" }] }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The repository that a path is of.
fn repository(target: &str) -> Option<&str> {
    let rest = target.split('?').next()?.strip_prefix("/v2/")?;
    ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .iter()
        .find_map(|part| rest.rsplit_once(part))
        .map(|(name, _)| name)
}

fn parameters(target: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://localhost{target}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// The repositories and actions of scopes, `repository:NAME:ACTION,ACTION`, several separated by blanks.
fn scopes(parameters: &[(String, String)]) -> Vec<(String, String)> {
    let all = parameters.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split_whitespace());
    let named = all.filter_map(|scope| scope.strip_prefix("repository:")?.rsplit_once(':'));
    named.flat_map(|(name, actions)| actions.split(',').map(|action| (name.to_owned(), action.to_owned()))).collect()
}

/// Whether a repository is one of those that credentials were made up for.
fn is_in(repository: &str, of: &str) -> bool {
    format!("/v2/{repository}/").starts_with(of)
}

fn action(method: &Method) -> &'static str {
    if *method == Method::GET || *method == Method::HEAD { "pull" } else { "push" }
}

impl Tokens {
    pub(super) fn new(host: &str) -> Self {
        Self { realm: format!("http://{host}{PATH}"), issued: Mutex::default() }
    }

    /// From now on the ready token of this password, which was made up for `of`, is good.
    pub(super) fn make_ready(&self, of: &str, password: &str) {
        let (token, of) = (ready_token(password), of.to_owned());
        let mut all = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Issued { token, of, scopes: None, has_passed: false, is_over: false });
    }

    /// Whether a request has a token that is good for it.
    pub(super) fn let_pass(&self, headers: &HeaderMap, method: &Method, target: &str) -> bool {
        self.good(headers, |issued| issued.is_for_request(method, target), |issued| issued.has_passed = true)
    }

    /// Has a request's token expire, where it is good for this request and was for one before: a token that never was
    /// good is not one that has expired. `is_time` is asked of no other.
    pub(super) fn expire<T>(
        &self,
        headers: &HeaderMap,
        (method, target): (&Method, &str),
        is_time: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        let is_it = |issued: &Issued| issued.has_passed && issued.is_for_request(method, target);
        let time = self.good(headers, is_it, |_| ()).then(is_time)??;
        self.good(headers, is_it, |issued| issued.is_over = true);
        Some(time)
    }

    /// Whether a mount, where one is asked for, is of what the token may read.
    pub(super) fn may_mount(&self, headers: &HeaderMap, target: &str) -> bool {
        let from = parameters(target).into_iter().find(|(key, _)| key == "from").map(|(_, name)| name);
        from.is_none_or(|name| self.good(headers, |issued| issued.is_for(&name, "pull"), |_| ()))
    }

    /// Whether a request has a token that is good and enough; what is done to it then.
    fn good(&self, headers: &HeaderMap, is_enough: impl Fn(&Issued) -> bool, done: impl FnOnce(&mut Issued)) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = sent.and_then(|value| value.split_once(' ')) else { return false };
        let mut all = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |issued: &&mut Issued| !issued.is_over && issued.token == token.trim() && is_enough(issued);
        let found = all.iter_mut().find(is_it).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
        found.map(done).is_some()
    }

    /// What is answered to a request without a token that is good for it.
    pub(super) fn challenge(&self, method: &Method, target: &str) -> Response {
        let actions = if action(method) == "pull" { "pull" } else { "pull,push" };
        let scope =
            repository(target).map_or_else(String::new, |name| format!(",scope=\"repository:{name}:{actions}\""));
        let wanted = format!("Bearer realm=\"{}\",service=\"{SERVICE}\"{scope}", self.realm);
        let mut answer = refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
        if let Ok(value) = wanted.parse() {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        answer
    }

    /// What the token server answers to someone with this password, which was made up for `of`. A token begins with it,
    /// so that what looks for the password finds and masks the token as well. Each second token is called
    /// `access_token`, because servers call it so or so, and clients have to take both.
    pub(super) fn answer(&self, method: &Method, target: &str, whose: Option<(String, String)>) -> Response {
        let is_exchange = *method == Method::POST && refresh_token(target).is_some();
        if *method != Method::GET && !is_exchange {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
        }
        let Some((of, password)) = whose else { return refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED") };
        let asked = parameters(target);
        if !asked.iter().any(|(key, value)| key == "service" && value == SERVICE) {
            return refusal(StatusCode::BAD_REQUEST, "UNSUPPORTED");
        }
        let mut all = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.iter().filter(|issued| issued.of == of && issued.scopes.is_some()).count();
        let token = format!("{password}.{count}");
        let scopes = Some(scopes(&asked).into_iter().filter(|(name, _)| is_in(name, &of)).collect());
        let name = if count % 2 == 0 && !is_exchange { "token" } else { "access_token" };
        let body = json!({ name: token, "expires_in": SECONDS }).to_string();
        all.push(Issued { token, of, scopes, has_passed: false, is_over: false });
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl Issued {
    fn is_for_request(&self, method: &Method, target: &str) -> bool {
        repository(target).is_none_or(|name| self.is_for(name, action(method)))
    }

    fn is_for(&self, repository: &str, action: &str) -> bool {
        let Some(scopes) = &self.scopes else { return is_in(repository, &self.of) };
        scopes.iter().any(|(name, asked)| name == repository && (asked == action || asked == "*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose() -> (String, String) {
        ("/v2/team/".to_owned(), "a-password".to_owned())
    }

    async fn issued(tokens: &Tokens, query: &str) -> (u16, serde_json::Value) {
        let answer = tokens.answer(&Method::GET, &format!("/token?{query}"), Some(whose()));
        let status = answer.status().as_u16();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    fn with(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())])
    }

    #[tokio::test]
    async fn a_token_is_good_for_what_was_asked_and_for_nothing_else() {
        let tokens = Tokens::new("127.0.0.1:1");
        let asked = "service=registry.internal&scope=repository%3Ateam/app%3Apull&scope=repository:other/app:pull";
        let (status, body) = issued(&tokens, asked).await;
        let pull = with(body["token"].as_str().unwrap());
        assert_eq!(status, 200);
        assert!(body["token"].as_str().unwrap().starts_with("a-password"), "so that it is found and masked");
        let passes = |headers: &HeaderMap, method: Method, target: &str| tokens.let_pass(headers, &method, target);
        assert!(passes(&pull, Method::GET, "/v2/team/app/manifests/latest") && passes(&pull, Method::GET, "/v2/"));
        assert!(!passes(&pull, Method::PUT, "/v2/team/app/manifests/latest"));
        assert!(!passes(&pull, Method::GET, "/v2/team/run/manifests/latest"));
        assert!(!passes(&pull, Method::GET, "/v2/other/app/manifests/latest"), "for other credentials");
        assert!(!passes(&with("made-up"), Method::GET, "/v2/") && !passes(&HeaderMap::new(), Method::GET, "/v2/"));
        let both = "service=registry.internal&scope=repository:team/app:pull,push+repository:team/run:pull";
        let (_, body) = issued(&tokens, both).await;
        let push = with(body["access_token"].as_str().unwrap());
        assert!(passes(&push, Method::POST, "/v2/team/app/blobs/uploads/?mount=x&from=team/run"));
        assert!(tokens.may_mount(&push, "/v2/team/app/blobs/uploads/?mount=x&from=team/run"));
        assert!(!tokens.may_mount(&pull, "/v2/team/app/blobs/uploads/?mount=x&from=team/run"));
        assert!(tokens.may_mount(&pull, "/v2/team/app/blobs/uploads/"));
    }

    #[tokio::test]
    async fn a_token_that_has_expired_is_good_for_nothing_and_the_next_is_another() {
        let tokens = Tokens::new("127.0.0.1:1");
        let asked = "service=registry.internal&scope=repository:team/app:pull,push";
        let target = "/v2/team/app/manifests/latest";
        let first = with(issued(&tokens, asked).await.1["token"].as_str().unwrap());
        let expires = |headers: &HeaderMap| tokens.expire(headers, (&Method::PUT, target), || Some(7));
        let passes = |headers: &HeaderMap| tokens.let_pass(headers, &Method::PUT, target);
        assert_eq!(expires(&first), None, "it was good for nothing until now");
        assert!(passes(&first));
        assert_eq!(tokens.expire(&first, (&Method::PUT, target), || None::<()>), None);
        assert!(passes(&first));
        assert_eq!(expires(&first), Some(7));
        assert!(!passes(&first));
        let second = with(issued(&tokens, asked).await.1["access_token"].as_str().unwrap());
        assert_ne!(first, second);
        assert!(passes(&second));
    }

    #[tokio::test]
    async fn a_ready_token_is_good_for_all_that_its_credentials_are_good_for() {
        let tokens = Tokens::new("127.0.0.1:1");
        let passes = |headers: &HeaderMap, target: &str| tokens.let_pass(headers, &Method::PUT, target);
        let (ready, target) = (with(&ready_token("a-password")), "/v2/team/app/manifests/latest");
        assert!(!passes(&ready, target));
        tokens.make_ready("/v2/team/", "a-password");
        assert!(passes(&ready, target) && passes(&ready, "/v2/"));
        assert!(tokens.may_mount(&ready, "/v2/team/app/blobs/uploads/?mount=x&from=team/run"));
        assert!(!passes(&ready, "/v2/other/app/manifests/latest") && !passes(&with("a-password"), target));
        let basic = HeaderMap::from_iter([(header::AUTHORIZATION, "Basic a-password.ready".parse().unwrap())]);
        assert!(!passes(&basic, target));
        let (_, body) = issued(&tokens, "service=registry.internal").await;
        assert!(body["token"].is_string(), "it is not counted among those that were asked for");
    }

    #[tokio::test]
    async fn no_token_is_given_without_credentials_or_the_service() {
        let tokens = Tokens::new("127.0.0.1:1");
        assert_eq!(issued(&tokens, "scope=repository:team/app:pull").await.0, 400);
        assert_eq!(issued(&tokens, "service=registry").await.0, 400);
        let asked = "/token?service=registry.internal";
        assert_eq!(tokens.answer(&Method::GET, asked, None).status(), 401);
        assert_eq!(tokens.answer(&Method::POST, asked, Some(whose())).status(), 405);
        let exchanged = form(b"service=registry.internal&grant_type=refresh_token&refresh_token=a-password");
        assert_eq!(refresh_token(&exchanged).as_deref(), Some("a-password"));
        assert_eq!(tokens.answer(&Method::POST, &exchanged, Some(whose())).status(), 200);
        assert_eq!(tokens.answer(&Method::POST, &exchanged, None).status(), 401);
        let challenge = tokens.challenge(&Method::PUT, "/v2/team/app/manifests/latest");
        let expected = "Bearer realm=\"http://127.0.0.1:1/token\",service=\"registry.internal\",\
             scope=\"repository:team/app:pull,push\"";
        assert_eq!(challenge.headers()[header::WWW_AUTHENTICATE], expected);
    }
}
