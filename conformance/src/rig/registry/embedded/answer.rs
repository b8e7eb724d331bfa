//! Answers in the form that the distribution specification gives them (Error Codes).

use crate::error::chain;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use strum::IntoStaticStr;

/// Error codes of the specification.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unsupported,
}

impl Code {
    fn name(self) -> &'static str {
        self.into()
    }
}

/// An answer with headers and a body.
pub(super) fn answer(status: StatusCode, headers: &[(header::HeaderName, String)], body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
    response.headers_mut().insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}

/// An error.
pub(super) fn refusal(status: StatusCode, code: Code, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code.name(), "message": message, "detail": null }] }).to_string();
    answer(status, &[(header::CONTENT_TYPE, "application/json".to_owned())], Body::from(body))
}

/// A failure of this machine.
pub(super) fn broken(error: &std::io::Error) -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, Code::Unsupported, &chain(error))
}

/// `/v2/` itself.
pub(super) fn base() -> Response {
    answer(StatusCode::OK, &[(header::CONTENT_TYPE, "application/json".to_owned())], Body::from("{}"))
}

/// A parameter of a query, percent-decoded.
pub(super) fn parameter(uri: &axum::http::Uri, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://localhost{}", uri.path_and_query()?)).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
