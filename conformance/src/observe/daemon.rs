//! What a Docker-compatible daemon shows of an image: its inspection, its IDs, and the archive that it saves. Whether
//! a push is allowed at all, and what the registry then serves, is left to others.

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::StreamExt as _;
use judge::evidence::{DaemonFacts, Document, Image, StoreKind, Tag, TagId};
use judge::json::Json;
use judge::reference::Reference;
use oci_spec::image::MediaType;

use super::archive::{Archive, ArchiveError};
use super::credentials::Credentials;
use super::http::{AccessError, body_within};
use super::inspection::Inspections;
use super::layer::LayerReader;
use super::registry::MAX_DOCUMENT;
use crate::error::chain;
use crate::limits::{Overdue, Patience, Waits, overdue};

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
    /// It is silent.
    #[error(transparent)]
    Silent {
        /// Who, and for how long.
        overdue: Overdue,
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
    /// Where the daemon was silent: neither the image nor the daemon's words are to blame.
    pub silence: Option<Overdue>,
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
    direct: Option<Inspections>,
    store: StoreKind,
    engine: String,
    waits: Waits,
}

impl DaemonObserver {
    /// An observer of the daemon that `docker` is connected to. `host` is its address as in `DOCKER_HOST`: at
    /// `unix://`, and at `tcp://` without TLS, inspections are kept as raw bytes; elsewhere they are not kept.
    ///
    /// # Errors
    /// [`DaemonError::Client`] when no HTTP client can be made for `host`.
    pub fn new(docker: Docker, host: &str, store: StoreKind, engine: String) -> Result<Self, DaemonError> {
        let direct = Inspections::of(host).map_err(|source| DaemonError::Client { host: host.to_owned(), source })?;
        let waits = Patience::default().with(format!("the daemon at {host}"));
        Ok(Self { docker, direct, store, engine, waits })
    }

    /// Waits for the daemon as `waits` say.
    #[must_use]
    pub fn waiting(self, waits: Waits) -> Self {
        Self { waits, ..self }
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
            ran: None,
        };
        let mut seen = ObservedInDaemon { facts, image: None, tags, save_problem: None, troubles: Vec::new() };
        let Some(reference) = references.first() else { return Ok(seen) };
        let Some((_, inspection)) = self.inspect(reference).await? else { return Ok(seen) };
        seen.facts.inspect = inspection;
        match self.save(reference, layers).await {
            Ok(archive) => {
                let read = self.read(&archive, reference, layers, &mut seen).await;
                read.map_err(|overdue| DaemonError::Silent { overdue })?;
            }
            Err(SaveError::Silent(overdue)) => return Err(DaemonError::Silent { overdue }),
            Err(SaveError::Archive(error)) if error.is_own() => seen.troubles.push(chain(&error)),
            Err(SaveError::Archive(error)) => {
                seen.save_problem = Some(format!("the daemon does not save {reference}: {}", chain(&error)));
            }
        }
        Ok(seen)
    }

    /// Pushes an image; the daemon's log. The registry's credentials are handed to the daemon.
    ///
    /// # Errors
    /// [`PushError`] when the daemon says so or its connection breaks, which is how a daemon ends that crashes.
    pub async fn push(&self, reference: &str, credentials: Option<&Credentials>) -> Result<String, PushError> {
        let failed = |reason, log, silence| PushError { reference: reference.to_owned(), reason, log, silence };
        let (name, tag) = match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (reference, "latest"),
        };
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let credentials = credentials.map(docker_credentials);
        let answers = self.docker.push_image(name, Some(options), credentials);
        let mut answers = self.waits.stream(&format!("push {reference}"), answers).boxed();
        let mut log = String::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Err(overdue) => return Err(failed(overdue.to_string(), log, Some(overdue))),
                Ok(Ok(line)) => {
                    if let Some(status) = line.status.filter(|_| log.len() < MAX_LOG) {
                        log.push_str(&status);
                        log.push('\n');
                    }
                }
                Ok(Err(error)) => return Err(failed(chain(&error), log, None)),
            }
        }
        Ok(log)
    }

    async fn read(
        &self,
        archive: &Archive,
        reference: &str,
        layers: &LayerReader,
        seen: &mut ObservedInDaemon,
    ) -> Result<(), Overdue> {
        seen.facts.saved.clone_from(&archive.files);
        for (path, place) in
            [("manifest.json", &mut seen.facts.archive_manifest), ("index.json", &mut seen.facts.archive_index)]
        {
            match archive.document(layers.store(), path) {
                Ok(document) => *place = document,
                Err(error) => seen.troubles.push(chain(&error)),
            }
        }
        let Ok(parsed) = Reference::parse(reference) else { return Ok(()) };
        // A classic store has no manifests: those that newer engines write into the archive are made up for it.
        let index = seen.facts.archive_index.as_ref().filter(|_| self.store != StoreKind::Classic);
        let mut image = match index {
            Some(index) => archive.oci_image(index, &parsed, layers).await,
            None => Ok(None),
        };
        if self.store == StoreKind::Podman {
            image = match self.saved_by_podman(reference, layers).await? {
                Some((archive, index)) => archive.oci_image(&index, &parsed, layers).await,
                None => Ok(None),
            };
        }
        if let (Ok(None), Some(manifest)) = (&image, &seen.facts.archive_manifest) {
            image = archive.docker_image(manifest, &parsed, layers).await.map(Some);
        }
        match image {
            Ok(image) => seen.image = image,
            Err(error) => seen.troubles.push(chain(&error)),
        }
        Ok(())
    }

    /// The archive with the image's manifest, which podman saves in its own API alone, and its index: none where its
    /// store has no OCI manifest of it, because one of another type would be converted, and its config with it.
    async fn saved_by_podman(
        &self,
        reference: &str,
        layers: &LayerReader,
    ) -> Result<Option<(Archive, Document)>, Overdue> {
        let Some(Inspections { client, base }) = &self.direct else { return Ok(None) };
        let url = format!("{base}/v4.0.0/libpod/images/{reference}");
        let answer = async |url: String| {
            let asked = self.waits.answer(&format!("save {reference}"), client.get(&url).send()).await?;
            Ok(asked.ok().filter(|answer| answer.status() == 200))
        };
        let Some(inspection) = answer(format!("{url}/json")).await? else { return Ok(None) };
        let inspection = match body_within(&self.waits, inspection, MAX_DOCUMENT).await {
            Ok(bytes) => Json::parse(&bytes).ok(),
            Err(AccessError::Silent { overdue }) => return Err(overdue),
            Err(_) => None,
        };
        let media_type = inspection.as_ref().and_then(|json| json.get("ManifestType")).and_then(Json::as_str);
        if media_type != Some(MediaType::ImageManifest.as_ref()) {
            return Ok(None);
        }
        let Some(saved) = answer(format!("{url}/get?format=oci-archive")).await? else { return Ok(None) };
        let archive = match self.receive(reference, saved.bytes_stream(), layers).await {
            Ok(archive) => archive,
            Err(SaveError::Silent(overdue)) => return Err(overdue),
            Err(SaveError::Archive(_)) => return Ok(None),
        };
        let index = archive.document(layers.store(), "index.json").ok().flatten();
        Ok(index.map(|index| (archive, index)))
    }

    async fn save(&self, reference: &str, layers: &LayerReader) -> Result<Archive, SaveError> {
        self.receive(reference, self.docker.export_image(reference), layers).await
    }

    async fn receive<S, E>(&self, reference: &str, archive: S, layers: &LayerReader) -> Result<Archive, SaveError>
    where
        S: futures_util::Stream<Item = Result<bytes::Bytes, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let archive = self.waits.bytes(&format!("save {reference}"), archive);
        Archive::receive(archive, layers.store()).await.map_err(|error| match overdue(&error) {
            Some(overdue) => SaveError::Silent(overdue),
            None => SaveError::Archive(error),
        })
    }

    /// The daemon's ID for the image and, where it can be had raw, its whole answer; none where it has no such image.
    async fn inspect(&self, reference: &str) -> Result<Option<(String, Option<Document>)>, DaemonError> {
        // What is not a reference must not be put into a path; and no daemon has it.
        if Reference::parse(reference).is_err() {
            return Ok(None);
        }
        let no_id = || DaemonError::NoId { reference: reference.to_owned() };
        let Some(direct) = &self.direct else {
            let doing = format!("inspect {reference}");
            let answer = self.waits.answer(&doing, self.docker.inspect_image(reference)).await;
            return match answer.map_err(|overdue| DaemonError::Silent { overdue })? {
                Ok(image) => Ok(Some((image.id.ok_or_else(no_id)?, None))),
                Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                Err(source) => Err(DaemonError::InspectIndirectly { reference: reference.to_owned(), source }),
            };
        };
        let answer = direct.image(&self.waits, reference).await;
        let answer = answer.map_err(|source| DaemonError::Inspect { reference: reference.to_owned(), source })?;
        let Some(bytes) = answer else { return Ok(None) };
        let document = Document::new(bytes, None);
        let json = Json::parse(&document.bytes).ok();
        let id = json.as_ref().and_then(|json| json.get("Id")).and_then(Json::as_str).ok_or_else(no_id)?;
        Ok(Some((id.to_owned(), Some(document))))
    }
}

/// Why a daemon's archive was not taken in.
enum SaveError {
    Silent(Overdue),
    Archive(ArchiveError),
}

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
