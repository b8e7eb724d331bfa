//! A registry in this process, on loopback: a small server of the OCI distribution specification
//! (`oci-distribution.md`, opencontainers/distribution-spec 967efdc), so that the main job runs on a machine with
//! nothing installed. Blobs lie in a temporary folder, manifests in memory; all are gone when it stops.
//!
//! `container-registry` mounts no blob from another repository, which exporters that re-use layers ask for.

mod answer;
mod blobs;
mod manifests;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::serve::ListenerExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{RegistryError, RegistryKind};
use answer::{Code, refusal};
use store::Store;

/// A running server; it ends when it is stopped or dropped.
pub struct Embedded {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Embedded {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// [`RegistryError::Start`].
    pub async fn start() -> Result<Self, RegistryError> {
        let fail = |error: std::io::Error| RegistryError::Start { kind: RegistryKind::Embedded, source: error.into() };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let store = Arc::new(Store::new().map_err(fail)?);
        let (end, ended) = oneshot::channel();
        let router = Router::new().fallback(serve).with_state(store);
        // Without this, small answers wait for more to send.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            let server = axum::serve(listener, router);
            tokio::select! {
                _ = server => {}
                _ = ended => {}
            }
        });
        Ok(Self { address, end: Some(end), task })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Ends it.
    pub async fn stop(mut self) {
        drop(self.end.take());
        let _ = (&mut self.task).await;
    }
}

/// What a path below `/v2/` names.
enum Route<'a> {
    Base,
    Blob { repository: &'a str, digest: &'a str },
    Uploads { repository: &'a str },
    Upload { repository: &'a str, id: &'a str },
    Manifest { repository: &'a str, reference: &'a str },
    Tags { repository: &'a str },
}

fn place(path: &str) -> Option<Route<'_>> {
    let rest = path.strip_prefix("/v2")?;
    if rest.is_empty() || rest == "/" {
        return Some(Route::Base);
    }
    let rest = rest.strip_prefix('/')?;
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        return Some(Route::Tags { repository });
    }
    if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
        return Some(Route::Manifest { repository, reference });
    }
    if let Some((repository, id)) = rest.rsplit_once("/blobs/uploads") {
        return match id.trim_start_matches('/') {
            "" => Some(Route::Uploads { repository }),
            id => Some(Route::Upload { repository, id }),
        };
    }
    let (repository, digest) = rest.rsplit_once("/blobs/")?;
    Some(Route::Blob { repository, digest })
}

async fn serve(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Some(place) = place(&path) else {
        return refusal(StatusCode::NOT_FOUND, Code::Unsupported, "there is nothing at this path");
    };
    if let Some(name) = place.repository()
        && !is_repository(name)
    {
        return refusal(StatusCode::BAD_REQUEST, Code::NameInvalid, "the repository's name is malformed");
    }
    match (place, &parts.method) {
        (Route::Base, &Method::GET | &Method::HEAD) => answer::base(),
        (Route::Blob { repository, digest }, &Method::GET | &Method::HEAD) => {
            blobs::get(&store, repository, digest, &parts).await
        }
        (Route::Blob { repository, digest }, &Method::DELETE) => blobs::delete(&store, repository, digest),
        (Route::Uploads { repository }, &Method::POST) => blobs::begin(&store, repository, &parts, body).await,
        (Route::Upload { repository, id }, &Method::PATCH) => blobs::append(&store, repository, id, &parts, body).await,
        (Route::Upload { repository, id }, &Method::PUT) => blobs::finish(&store, repository, id, &parts, body).await,
        (Route::Upload { repository, id }, &Method::GET) => blobs::status(&store, repository, id),
        (Route::Upload { id, .. }, &Method::DELETE) => blobs::cancel(&store, id),
        (Route::Manifest { repository, reference }, &Method::GET | &Method::HEAD) => {
            manifests::get(&store, repository, reference, &parts.method)
        }
        (Route::Manifest { repository, reference }, &Method::PUT) => {
            manifests::put(&store, repository, reference, &parts, body).await
        }
        (Route::Manifest { repository, reference }, &Method::DELETE) => {
            manifests::delete(&store, repository, reference)
        }
        (Route::Tags { repository }, &Method::GET) => manifests::tags(&store, repository, &parts),
        _ => refusal(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, "this method is not for this path"),
    }
}

impl Route<'_> {
    fn repository(&self) -> Option<&str> {
        match self {
            Self::Base => None,
            Self::Blob { repository, .. }
            | Self::Uploads { repository }
            | Self::Upload { repository, .. }
            | Self::Manifest { repository, .. }
            | Self::Tags { repository } => Some(repository),
        }
    }
}

/// The grammar of a repository is that of a reference's path.
fn is_repository(name: &str) -> bool {
    judge::reference::Reference::parse(&format!("host.example/{name}"))
        .is_ok_and(|reference| reference.repository == name && reference.tag.as_deref() == Some("latest"))
}
