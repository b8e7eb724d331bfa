//! A Docker daemon, or one that speaks its protocol, by the Engine API. Nothing is started here.

use std::collections::BTreeSet;
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptions, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
    TagImageOptionsBuilder,
};
use futures_util::StreamExt;
use judge::evidence::StoreKind;

use crate::error::{Cause, chain};
use crate::limits::{INTRODUCTION, Overdue, Patience, Waits};
use crate::masked::without_credentials;
use crate::observe::{AccessError, Inspections};

/// Seconds after which the client gives up by itself, which is never: [`Waits`] decide.
const NEVER: u64 = 7 * 24 * 60 * 60;

/// Why a daemon cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nothing answers there.
    #[error("reach a Docker daemon at {host}")]
    Unreachable {
        /// The address.
        host: String,
        /// What happened.
        source: Cause,
    },
    /// It refused, or broke off.
    #[error("{doing} {what}")]
    Refused {
        /// What was asked.
        doing: &'static str,
        /// Of what.
        what: String,
        /// What it said.
        source: Cause,
    },
    /// It is silent.
    #[error(transparent)]
    Silent {
        /// Who, and for how long.
        overdue: Overdue,
    },
}

/// A daemon.
pub struct Daemon {
    api: Docker,
    /// Where inspections are read without the library.
    inspections: Option<Inspections>,
    host: String,
    store: StoreKind,
    version: String,
    waits: Waits,
}

impl Daemon {
    /// Connects to `host`, else to `DOCKER_HOST`, else to the default socket, and asks what it is.
    ///
    /// # Errors
    /// [`DaemonError::Unreachable`], within a few seconds.
    pub async fn connect(host: Option<&str>) -> Result<Self, DaemonError> {
        Self::connect_patiently(host, &Patience::default()).await
    }

    /// As [`Self::connect`], and waits for the daemon as long as `patience` says from then on.
    ///
    /// # Errors
    /// [`DaemonError::Unreachable`], within a few seconds.
    pub async fn connect_patiently(host: Option<&str>, patience: &Patience) -> Result<Self, DaemonError> {
        let host = host
            .map(str::to_owned)
            .or_else(|| std::env::var("DOCKER_HOST").ok().filter(|value| !value.is_empty()))
            .unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let fail = |source: Cause| DaemonError::Unreachable { host: without_credentials(&host), source };
        if without_credentials(&host) != host {
            return Err(fail(
                "an address with a user or a password is not taken: leave out what stands before @".into(),
            ));
        }
        if !["unix://", "tcp://", "http://"].iter().any(|scheme| host.starts_with(scheme)) {
            return Err(fail("give DOCKER_HOST or --daemon as unix:///path/of/docker.sock or tcp://host:port".into()));
        }
        if let Some(path) = host.strip_prefix("unix://")
            && !Path::new(path).exists()
        {
            return Err(fail("there is no such socket".into()));
        }
        let version = bollard::API_DEFAULT_VERSION;
        let api = if host.starts_with("unix://") {
            Docker::connect_with_unix(&host, NEVER, version)
        } else {
            Docker::connect_with_http(&host, NEVER, version)
        };
        let api = api.map_err(|error| fail(in_short(&error).into()))?;
        let asked = tokio::time::timeout(INTRODUCTION, async {
            let api = api.negotiate_version().await?;
            let info = api.info().await?;
            Ok::<_, bollard::errors::Error>((api, info))
        });
        let (api, info) = match asked.await {
            Ok(answer) => answer.map_err(|error| fail(in_short(&error).into()))?,
            Err(_) => return Err(fail(format!("it does not answer within {} s", INTRODUCTION.as_secs()).into())),
        };
        let version = info.server_version.clone().unwrap_or_default();
        let waits = patience.with(format!("the daemon at {host}"));
        let inspections = Inspections::of(&host).map_err(|error| fail(error.into()))?;
        Ok(Self { api, inspections, host, store: store(&info), version, waits })
    }

    /// How it is waited for.
    #[must_use]
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The Engine API.
    #[must_use]
    pub fn api(&self) -> &Docker {
        &self.api
    }

    /// Its address, as `DOCKER_HOST` spells it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How it keeps images.
    #[must_use]
    pub fn store(&self) -> StoreKind {
        self.store
    }

    /// The engine's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// As `--require` names it.
    #[must_use]
    pub fn service_name(&self) -> String {
        format!("daemon:{}", self.store.name())
    }

    /// Waits for one answer about `what`.
    async fn asked<T>(
        &self,
        (doing, what): (&'static str, &str),
        answer: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, DaemonError> {
        let answer = self.waits.answer(&format!("{doing} {what}"), answer).await;
        answer.map_err(|overdue| DaemonError::Silent { overdue })?.map_err(|error| Self::refused(doing, what, error))
    }

    /// The inspection of an image; none where it has no such image.
    async fn inspected(&self, reference: &str) -> Result<Option<bollard::models::ImageInspect>, DaemonError> {
        if let Some(inspections) = &self.inspections {
            let refused = |source: Cause| DaemonError::Refused { doing: "inspect", what: reference.to_owned(), source };
            let answer = match inspections.image(&self.waits, reference).await {
                Err(AccessError::Silent { overdue }) => return Err(DaemonError::Silent { overdue }),
                Err(AccessError::TooLarge { limit, .. }) => {
                    return Err(refused(format!("the daemon answers more than {limit} bytes").into()));
                }
                answer => answer.map_err(|error| refused(error.into()))?,
            };
            let parsed = answer.map(|bytes| serde_json::from_slice(&bytes)).transpose();
            return parsed.map_err(|error| refused(error.into()));
        }
        let answer = async {
            match self.api.inspect_image(reference).await {
                Ok(image) => Ok(Some(image)),
                Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.asked(("inspect", reference), answer).await
    }

    fn refused(doing: &'static str, what: &str, error: impl Into<Cause>) -> DaemonError {
        DaemonError::Refused { doing, what: what.to_owned(), source: error.into() }
    }

    /// Loads an archive of images.
    ///
    /// # Errors
    /// [`DaemonError::Refused`] with what it said.
    pub async fn load_archive(&self, archive: Vec<u8>) -> Result<(), DaemonError> {
        let bytes = archive.len() as u64;
        let body = bollard::body_full(archive.into());
        let answers = self.api.import_image(ImportImageOptions::default(), body, None);
        let mut answers = self.waits.stream_to(bytes, "load an archive", answers).boxed();
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|overdue| DaemonError::Silent { overdue })?;
            answer.map_err(|error| Self::refused("load", "an archive", error))?;
        }
        Ok(())
    }

    /// Has the daemon pull an image by tag or by digest.
    ///
    /// # Errors
    /// [`DaemonError::Refused`] with what it said.
    pub async fn pull(&self, reference: &str) -> Result<(), DaemonError> {
        let options = CreateImageOptionsBuilder::default().from_image(reference).build();
        self.created(("pull", reference), options, None).await
    }

    /// Has the daemon make an image of one layer from a tar.
    ///
    /// # Errors
    /// [`DaemonError::Refused`] with what it said.
    pub async fn make(&self, tar: Vec<u8>, reference: &str) -> Result<(), DaemonError> {
        // Podman makes `latest` of it where the tag is given apart.
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(reference).build();
        self.created(("make", reference), options, Some(tar)).await
    }

    async fn created(
        &self,
        (doing, what): (&'static str, &str),
        options: bollard::query_parameters::CreateImageOptions,
        tar: Option<Vec<u8>>,
    ) -> Result<(), DaemonError> {
        let bytes = tar.as_ref().map_or(0, |tar| tar.len() as u64);
        let body = tar.map(|tar| bollard::body_full(tar.into()));
        let answers = self.api.create_image(Some(options), body, None);
        let mut answers = self.waits.stream_to(bytes, &format!("{doing} {what}"), answers).boxed();
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|overdue| DaemonError::Silent { overdue })?;
            let line = answer.map_err(|error| Self::refused(doing, what, error))?;
            if let Some(reason) = line.error_detail.and_then(|detail| detail.message) {
                let reason = bollard::errors::Error::DockerStreamError { error: reason };
                return Err(Self::refused(doing, what, reason));
            }
        }
        Ok(())
    }

    /// The digest references (`RepoDigests`) that it has for an image; none where it has no such image.
    ///
    /// # Errors
    /// [`DaemonError::Refused`].
    pub async fn repo_digests(&self, reference: &str) -> Result<Vec<String>, DaemonError> {
        let found = self.inspected(reference).await?;
        Ok(found.and_then(|image| image.repo_digests).unwrap_or_default())
    }

    /// Names of images, by tag and by digest, that begin with `prefix`.
    ///
    /// # Errors
    /// [`DaemonError::Refused`].
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, DaemonError> {
        let names =
            self.images().await?.into_iter().flat_map(|image| image.repo_tags.into_iter().chain(image.repo_digests));
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// The IDs of all images that it has.
    ///
    /// # Errors
    /// [`DaemonError::Refused`].
    pub async fn image_ids(&self) -> Result<BTreeSet<String>, DaemonError> {
        Ok(self.images().await?.into_iter().map(|image| image.id).collect())
    }

    async fn images(&self) -> Result<Vec<bollard::models::ImageSummary>, DaemonError> {
        let options = ListImagesOptionsBuilder::default().all(true).build();
        self.asked(("list", "images"), self.api.list_images(Some(options))).await
    }

    /// The daemon's own ID of an image; none where it has no such image.
    ///
    /// # Errors
    /// [`DaemonError::Refused`].
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>, DaemonError> {
        Ok(self.inspected(reference).await?.and_then(|image| image.id))
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// [`DaemonError::Refused`].
    pub async fn tag(&self, image: &str, reference: &str) -> Result<(), DaemonError> {
        let (repository, tag) = parted(reference);
        let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        self.asked(("tag", reference), self.api.tag_image(image, Some(options))).await
    }

    /// Removes the image of this ID where it has no name any more.
    pub async fn remove_untagged(&self, id: &str) {
        if matches!(self.inspected(id).await, Ok(Some(image)) if is_untagged(&image)) {
            let options = RemoveImageOptionsBuilder::default().build();
            let _ = self.asked(("remove", id), self.api.remove_image(id, Some(options), None)).await;
        }
    }

    /// Removes one name of an image, and the image with its last name. A missing one is not an error.
    pub async fn remove_image(&self, reference: &str) {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        let _ = self.asked(("remove", reference), self.api.remove_image(reference, Some(options), None)).await;
    }
}

/// An error with its causes in one line, which is cut: what answers may send a whole page.
fn in_short(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error;
    const LONGEST: usize = 300;
    let words = match error {
        Error::DockerResponseServerError { status_code, message } if message.trim_start().starts_with('<') => {
            format!("it answers {status_code} with a web page, so that it is not a Docker daemon")
        }
        other => chain(innermost(other)),
    };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > LONGEST { words.chars().take(LONGEST).chain(['…']).collect() } else { words }
}

/// The cause itself: what stands around it speaks of the client library.
fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// What has a name belongs to someone else.
fn is_untagged(image: &bollard::models::ImageInspect) -> bool {
    image.repo_tags.as_ref().is_none_or(|tags| tags.iter().all(|tag| tag.starts_with("<none>")))
}

fn parted(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

/// The store's kind, by what the engine says of itself.
fn store(info: &bollard::models::SystemInfo) -> StoreKind {
    let snapshotter = |pair: &Vec<String>| {
        pair.first().is_some_and(|key| key == "driver-type")
            && pair.get(1).is_some_and(|value| value.starts_with("io.containerd.snapshotter"))
    };
    let says_podman = info.operating_system.as_deref().is_some_and(|os| os.to_lowercase().contains("podman"))
        || info.product_license.as_deref().is_some_and(|license| license == "Apache-2.0");
    if info.driver_status.as_ref().is_some_and(|pairs| pairs.iter().any(snapshotter)) {
        StoreKind::Containerd
    } else if says_podman {
        StoreKind::Podman
    } else {
        StoreKind::Classic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_daemon_is_told_in_a_line_without_the_librarys_name() {
        let page = bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            message: "<!DOCTYPE HTML>\n<html>\n".to_owned(),
        };
        assert_eq!(in_short(&page), "it answers 404 with a web page, so that it is not a Docker daemon");
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = connect(&format!("tcp://127.0.0.1:{port}"));
        assert!(error.contains("Connection refused") && !error.contains("hyper"), "{error}");
        assert!(connect("unix:///nonexistent/docker.sock").ends_with("there is no such socket"));
    }

    fn connect(host: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { chain(&Daemon::connect(Some(host)).await.err().unwrap()) })
    }
}
