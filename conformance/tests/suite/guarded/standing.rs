//! Registries with what stands before them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::limits::Patience;
use conformance::rig::proxy::{Guard, RecordingProxy};
use conformance::rig::registry::{Registry, RegistryChoice};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

pub(super) const USER: &str = "somebody";

pub(super) const PASSWORD: &str = "open-sesame-317";

pub(super) const TOKEN: &str = "a-token-of-the-realm";

/// Credentials for another registry, which concern nobody here.
pub(super) const FOREIGN: &str = "of-another-registry-853";

pub(super) fn pair() -> String {
    STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

/// A registry, and what stands before it.
pub(super) struct Standing {
    pub(super) url: String,
    pub(super) host: String,
    _registry: Registry,
    _guard: Option<RecordingProxy>,
}

pub(super) async fn behind_a_password() -> Standing {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let guard = Guard::new(USER, PASSWORD);
    let guard = RecordingProxy::start_guarded(registry.base_url(), guard, &Patience::default()).await.unwrap();
    let host = guard.host().to_owned();
    Standing { url: format!("http://{host}"), host, _registry: registry, _guard: Some(guard) }
}

struct Realm {
    host: String,
    upstream: String,
    client: reqwest::Client,
}

/// Gives a token for the password, and lets nothing pass without a token.
async fn realm(State(realm): State<Arc<Realm>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if parts.uri.path() == "/token" {
        let right = given == format!("Basic {}", pair());
        let answer = if right { json!({ "token": TOKEN }).to_string() } else { String::new() };
        let status = if right { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        return Response::builder().status(status).body(answer.into()).unwrap();
    }
    if given != format!("Bearer {TOKEN}") {
        let challenge = format!(r#"Bearer realm="http://{}/token",service="here""#, realm.host);
        let answer = Response::builder().status(StatusCode::UNAUTHORIZED).header(header::WWW_AUTHENTICATE, challenge);
        return answer.body(Body::empty()).unwrap();
    }
    let url = format!("{}{}", realm.upstream, parts.uri.path_and_query().unwrap().as_str());
    let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let mut headers = parts.headers;
    headers.remove(header::AUTHORIZATION);
    headers.remove(header::HOST);
    let found = realm.client.request(parts.method, url).headers(headers).body(bytes).send().await.unwrap();
    let mut answer = Response::builder().status(found.status());
    answer.headers_mut().unwrap().extend(found.headers().clone());
    answer.body(Body::from_stream(found.bytes_stream())).unwrap()
}

pub(super) async fn behind_a_token_server() -> Standing {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    let state = Realm { host: host.clone(), upstream: registry.base_url().to_owned(), client };
    let app = Router::new().fallback(realm).with_state(Arc::new(state));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Standing { url: format!("http://{host}"), host, _registry: registry, _guard: None }
}

pub(super) fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/certificates").join(name)
}

pub(super) async fn behind_tls() -> Standing {
    let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
    let chain = vec![CertificateDer::from_pem_file(certificates("registry.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificates("registry.key")).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let upstream = registry.host().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            tokio::spawn(async move {
                let (Ok(mut ours), Ok(mut theirs)) =
                    (acceptor.accept(stream).await, TcpStream::connect(upstream).await)
                else {
                    return;
                };
                let _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs).await;
            });
        }
    });
    Standing { url: format!("https://{host}"), host, _registry: registry, _guard: None }
}
