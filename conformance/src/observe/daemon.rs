//! What a Docker-compatible daemon shows of an image: its inspection, its IDs, and the archive that it saves. Whether
//! a push is allowed at all, and what the registry then serves, is left to others.

use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::{StreamExt as _, TryStreamExt as _};
use judge::evidence::{DaemonFacts, Document, Image, StoreKind, Tag, TagId};
use judge::json::Json;
use judge::reference::Reference;
use reqwest::Client;

use super::access::{AccessError, Credentials, body_within, client_trusting, refused};
use super::archive::{Archive, ArchiveError};
use super::layer::{LayerError, LayerReader};
use super::registry::MAX_DOCUMENT;
use super::told;

/// Why a daemon could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// There is no HTTP client for its socket.
    #[error("speak to the daemon at '{host}'")]
    Client {
        /// The daemon's address.
        host: String,
        /// Why.
        source: AccessError,
    },
    /// It does not answer an inspection.
    #[error("inspect '{reference}'")]
    Inspect {
        /// The image.
        reference: String,
        /// Why.
        source: AccessError,
    },
    /// It does not answer an inspection over TLS or SSH.
    #[error("inspect '{reference}'")]
    InspectIndirectly {
        /// The image.
        reference: String,
        /// Why.
        source: bollard::errors::Error,
    },
    /// Its answer is not one.
    #[error("inspect '{reference}': the daemon's answer has no Id")]
    NoId {
        /// The image.
        reference: String,
    },
}

/// Why a push from a daemon failed, and what it said until then.
#[derive(Debug, thiserror::Error)]
#[error("push '{reference}' from the daemon: {reason}")]
pub struct PushError {
    /// What was pushed.
    pub reference: String,
    /// The daemon's words, or those of the broken connection.
    pub reason: String,
    /// The log up to there.
    pub log: String,
}

/// An image in a daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedInDaemon {
    /// The facts; what a push would yield is left open.
    pub facts: DaemonFacts,
    /// The image under the first reference, as the daemon saves it.
    pub image: Option<Image>,
    /// What every reference names: the daemon's IDs.
    pub tags: Vec<Tag>,
    /// Why the daemon, which has the image, does not save it: a broken image can be the reason as well as a broken
    /// daemon.
    pub save_problem: Option<String>,
    /// What the daemon or the harness did not deliver.
    pub troubles: Vec<String>,
}

/// Observes one daemon.
#[derive(Debug, Clone)]
pub struct DaemonObserver {
    docker: Docker,
    direct: Option<(Client, String)>,
    store: StoreKind,
    engine: String,
}

impl DaemonObserver {
    /// An observer of the daemon that `docker` is connected to. `host` is its address as in `DOCKER_HOST`: at
    /// `unix://`, and at `tcp://` without TLS, inspections are kept as raw bytes; elsewhere they are not kept.
    ///
    /// # Errors
    /// [`DaemonError::Client`] when no HTTP client can be made for `host`.
    pub fn new(docker: Docker, host: &str, store: StoreKind, engine: String) -> Result<Self, DaemonError> {
        let direct = direct(host).map_err(|source| DaemonError::Client { host: host.to_owned(), source })?;
        Ok(Self { docker, direct, store, engine })
    }

    /// The daemon's ID under every reference, in their order.
    ///
    /// # Errors
    /// [`DaemonError`] when the daemon answers neither an image nor that there is none.
    pub async fn tag_ids(&self, references: &[String]) -> Result<Vec<TagId>, DaemonError> {
        let mut ids = Vec::new();
        for reference in references {
            let id = self.inspect(reference).await?.map(|(id, _)| id);
            ids.push(TagId { reference: reference.clone(), id });
        }
        Ok(ids)
    }

    /// Everything that the daemon shows of the image under the first of `references`, and the IDs under all of them.
    /// Layers are kept and read by `layers`.
    ///
    /// # Errors
    /// [`DaemonError`] when the daemon does not even answer inspections.
    pub async fn image(&self, references: &[String], layers: &LayerReader) -> Result<ObservedInDaemon, DaemonError> {
        let tag_ids = self.tag_ids(references).await?;
        let tags = tag_ids.iter().map(tag).collect();
        let facts = DaemonFacts {
            store: self.store,
            engine: self.engine.clone(),
            inspect: None,
            tag_ids,
            had_image: false,
            saved: Vec::new(),
            archive_manifest: None,
            archive_index: None,
            pushed: None,
            push_problem: None,
            pulled_back: None,
            pull_problem: None,
            engine_end: None,
        };
        let mut seen = ObservedInDaemon { facts, image: None, tags, save_problem: None, troubles: Vec::new() };
        let Some(reference) = references.first() else { return Ok(seen) };
        let Some((_, inspection)) = self.inspect(reference).await? else { return Ok(seen) };
        seen.facts.inspect = inspection;
        match self.save(reference, layers).await {
            Ok(archive) => self.read(&archive, reference, layers, &mut seen).await,
            Err(error) if error.is_own() => seen.troubles.push(told(&error)),
            Err(error) => seen.save_problem = Some(format!("the daemon does not save {reference}: {}", told(&error))),
        }
        Ok(seen)
    }

    /// Pushes an image; the daemon's log. The registry's credentials are handed to the daemon.
    ///
    /// # Errors
    /// [`PushError`] when the daemon says so or its connection breaks, which is how a daemon ends that crashes.
    pub async fn push(&self, reference: &str, credentials: Option<&Credentials>) -> Result<String, PushError> {
        let failed = |reason, log| PushError { reference: reference.to_owned(), reason, log };
        let (name, tag) = match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (reference, "latest"),
        };
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let mut answers = self.docker.push_image(name, Some(options), credentials.map(docker_credentials)).boxed();
        let mut log = String::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(line) => {
                    if let Some(status) = line.status.filter(|_| log.len() < MAX_LOG) {
                        log.push_str(&status);
                        log.push('\n');
                    }
                }
                Err(error) => return Err(failed(told(&error), log)),
            }
        }
        Ok(log)
    }

    async fn read(&self, archive: &Archive, reference: &str, layers: &LayerReader, seen: &mut ObservedInDaemon) {
        seen.facts.saved.clone_from(&archive.files);
        for (path, place) in
            [("manifest.json", &mut seen.facts.archive_manifest), ("index.json", &mut seen.facts.archive_index)]
        {
            match archive.document(layers.store(), path) {
                Ok(document) => *place = document,
                Err(error) => seen.troubles.push(told(&error)),
            }
        }
        let Ok(parsed) = Reference::parse(reference) else { return };
        // A classic store has no manifests: those that newer engines write into the archive are made up for it.
        let index = seen.facts.archive_index.as_ref().filter(|_| self.store != StoreKind::Classic);
        let mut image = match index {
            Some(index) => archive.oci_image(index, &parsed, layers).await,
            None => Ok(None),
        };
        if self.store == StoreKind::Podman {
            image = self.kept_by_podman(reference, &parsed, layers).await;
        }
        if let (Ok(None), Some(manifest)) = (&image, &seen.facts.archive_manifest) {
            image = archive.docker_image(manifest, &parsed, layers).await.map(Some);
        }
        match image {
            Ok(image) => seen.image = image,
            Err(error) => seen.troubles.push(told(&error)),
        }
    }

    /// The image with its manifest, which podman saves in its own API alone: none where its store has no OCI manifest of
    /// it, because one of another type would be converted, and its config with it.
    async fn kept_by_podman(
        &self,
        reference: &str,
        parsed: &Reference,
        layers: &LayerReader,
    ) -> Result<Option<Image>, LayerError> {
        let Some((client, base)) = &self.direct else { return Ok(None) };
        let url = format!("{base}/v4.0.0/libpod/images/{reference}");
        let answer = async |url: String| client.get(&url).send().await.ok().filter(|answer| answer.status() == 200);
        let Some(inspection) = answer(format!("{url}/json")).await else { return Ok(None) };
        let inspection = body_within(inspection, MAX_DOCUMENT).await.ok().and_then(|bytes| Json::parse(&bytes).ok());
        let media_type = inspection.as_ref().and_then(|json| json.get("ManifestType")).and_then(Json::as_str);
        if media_type != Some(OCI_MANIFEST) {
            return Ok(None);
        }
        let Some(saved) = answer(format!("{url}/get?format=oci-archive")).await else { return Ok(None) };
        let Ok(archive) = Archive::receive(saved.bytes_stream().map_err(io::Error::other), layers.store()).await else {
            return Ok(None);
        };
        match archive.document(layers.store(), "index.json") {
            Ok(Some(index)) => archive.oci_image(&index, parsed, layers).await,
            _ => Ok(None),
        }
    }

    async fn save(&self, reference: &str, layers: &LayerReader) -> Result<Archive, ArchiveError> {
        let archive = self.docker.export_image(reference).map_err(io::Error::other);
        Archive::receive(archive, layers.store()).await
    }

    /// The daemon's ID for the image and, where it can be had raw, its whole answer; none where it has no such image.
    async fn inspect(&self, reference: &str) -> Result<Option<(String, Option<Document>)>, DaemonError> {
        // What is no reference must not be put into a path; and no daemon has it.
        if Reference::parse(reference).is_err() {
            return Ok(None);
        }
        let no_id = || DaemonError::NoId { reference: reference.to_owned() };
        let Some((client, base)) = &self.direct else {
            return match self.docker.inspect_image(reference).await {
                Ok(image) => Ok(Some((image.id.ok_or_else(no_id)?, None))),
                Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                Err(source) => Err(DaemonError::InspectIndirectly { reference: reference.to_owned(), source }),
            };
        };
        let failed = |source| DaemonError::Inspect { reference: reference.to_owned(), source };
        let url = format!("{base}/images/{reference}/json");
        let sent = client.get(&url).send().await;
        let response = sent.map_err(|source| failed(AccessError::Request { url, source: source.without_url() }))?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(failed(refused(&response))),
        }
        let document = Document::new(body_within(response, MAX_DOCUMENT).await.map_err(failed)?, None);
        let json = Json::parse(&document.bytes).ok();
        let id = json.as_ref().and_then(|json| json.get("Id")).and_then(Json::as_str).ok_or_else(no_id)?;
        Ok(Some((id.to_owned(), Some(document))))
    }
}

/// The media type of an OCI manifest.
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Most bytes that are kept of a push's log.
const MAX_LOG: usize = 64 * 1024;

fn tag(id: &TagId) -> Tag {
    Tag { reference: id.reference.clone(), digest: id.id.clone(), status: 0, content_type: None }
}

fn docker_credentials(credentials: &Credentials) -> DockerCredentials {
    match credentials.clone() {
        Credentials::Password { user, password } => {
            DockerCredentials { username: Some(user), password: Some(password), ..DockerCredentials::default() }
        }
        Credentials::IdentityToken(token) => {
            DockerCredentials { identitytoken: Some(token), ..DockerCredentials::default() }
        }
    }
}

/// A client for a daemon's plain socket and what its URLs begin with; none for TLS and SSH.
fn direct(host: &str) -> Result<Option<(Client, String)>, AccessError> {
    let builder = client_trusting(rustls::RootCertStore::empty())?.no_proxy().read_timeout(Duration::from_mins(1));
    let (builder, base) = if let Some(socket) = host.strip_prefix("unix://") {
        (builder.unix_socket(socket), "http://docker".to_owned())
    } else if let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
        if std::env::var_os("DOCKER_TLS_VERIFY").is_some() {
            return Ok(None);
        }
        (builder, format!("http://{}", address.trim_end_matches('/')))
    } else {
        return Ok(None);
    };
    Ok(Some((builder.build().map_err(|source| AccessError::Client { source })?, base)))
}
