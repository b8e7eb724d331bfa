//! Basic authentication before a registry.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Basic authentication, for one user and a password that no other run has.
pub struct Guard {
    pub(super) user: String,
    pub(super) password: String,
    expected: String,
}

impl Guard {
    /// A guard that lets `user` pass with `password`.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self { user: user.to_owned(), password: password.to_owned(), expected }
    }

    /// A guard whose password no other run has; none where the system gives no randomness. A password may have colons,
    /// of which the first ends the user (RFC 7617, 2), and a sign that forms and queries write otherwise.
    #[must_use]
    pub fn made_up() -> Option<Self> {
        let bytes = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new()).ok()?.expose();
        let digits = bytes.map(|byte| format!("{byte:02x}")).concat();
        let (first, rest) = digits.split_at(16);
        Some(Self::new("platform", &format!("{first}:{rest}+")))
    }

    pub(super) fn lets_pass(&self, headers: &HeaderMap) -> bool {
        headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == self.expected.as_bytes())
    }
}

/// What the distribution specification asks of a registry that wants credentials.
pub(super) fn challenge() -> Response {
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    let headers = [(header::WWW_AUTHENTICATE, "Basic realm=\"registry\""), (header::CONTENT_TYPE, "application/json")];
    (StatusCode::UNAUTHORIZED, headers, body).into_response()
}
