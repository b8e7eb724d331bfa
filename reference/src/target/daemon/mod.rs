//! A Docker daemon as a target, by the Engine API: a docker-archive is streamed into it, layers uncompressed, one after
//! another, never the whole archive in memory. The run image's layers come from the daemon itself, which saves them to
//! temporary disk; none is left out, because not every store survives that.

mod archive;
mod saved;

use std::io::{self, Write};

use bollard::Docker;
use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{NewLayer, Outcome, StoredImage};
use crate::digest::Digest;
use crate::image_name::ImageName;
use archive::{Chunks, Parts};
use saved::Part;

/// Seconds without an answer after which the daemon has failed.
const PATIENCE: u64 = 120;

/// Why a daemon could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nothing answers there.
    #[error("reach the Docker daemon: {0}; is it running, and does DOCKER_HOST name it?")]
    Unreachable(String),
    /// It refused.
    #[error("{doing} {what}: the daemon says: {reason}")]
    Refused {
        /// What was done.
        doing: &'static str,
        /// Of what.
        what: String,
        /// What it said.
        reason: String,
    },
    /// What it saved is not an image.
    #[error("read the run image {name} from the daemon: {reason}")]
    Content {
        /// The image.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The temporary disk.
    #[error("spool the run image to temporary disk: {0}; TMPDIR chooses the disk")]
    Spool(io::Error),
}

/// A daemon.
pub struct Daemon {
    api: Docker,
    base: Vec<Part>,
    previous: Vec<Part>,
}

impl Daemon {
    /// The daemon at `host`, else the default one.
    ///
    /// # Errors
    /// [`DaemonError::Unreachable`].
    pub async fn open(host: Option<&str>) -> Result<Self, DaemonError> {
        let host = host.unwrap_or("unix:///var/run/docker.sock");
        let fail = |error: bollard::errors::Error| DaemonError::Unreachable(format!("{host}: {error}"));
        let version = bollard::API_DEFAULT_VERSION;
        let api = if host.starts_with("unix://") {
            Docker::connect_with_unix(host, PATIENCE, version)
        } else {
            Docker::connect_with_http(host, PATIENCE, version)
        };
        let negotiated = api.map_err(fail)?.negotiate_version();
        let api = tokio::time::timeout(std::time::Duration::from_secs(20), negotiated).await;
        let api = api.map_err(|_| DaemonError::Unreachable(format!("{host}: no answer within 20 s")))?.map_err(fail)?;
        Ok(Self { api, base: Vec::new(), previous: Vec::new() })
    }

    /// The run image that the daemon has under `reference`, its image ID or a name.
    ///
    /// # Errors
    /// [`DaemonError`] naming the image.
    pub async fn base(&mut self, reference: &str) -> Result<StoredImage, DaemonError> {
        let (config, parts) = self.saved(reference).await?;
        self.base = parts;
        Ok(StoredImage { config, layers: Vec::new() })
    }

    /// The config and the layers of an image, spooled.
    async fn saved(&self, reference: &str) -> Result<(Value, Vec<Part>), DaemonError> {
        let refused = |error: bollard::errors::Error| DaemonError::Refused {
            doing: "save",
            what: reference.to_owned(),
            reason: error.to_string(),
        };
        let mut spool = tempfile::tempfile().map_err(DaemonError::Spool)?;
        let mut chunks = self.api.export_image(reference);
        while let Some(chunk) = chunks.next().await {
            spool.write_all(&chunk.map_err(refused)?).map_err(DaemonError::Spool)?;
        }
        let image = saved::image(&mut spool).map_err(DaemonError::Spool)?;
        image.map_err(|reason| DaemonError::Content { name: reference.to_owned(), reason })
    }

    /// The previous image under its ID; none where it is not there any more. Its layers are spooled too, so that one
    /// of them can be part of the new image.
    ///
    /// # Errors
    /// [`DaemonError`] naming the image.
    pub async fn previous(&mut self, reference: &str) -> Result<Option<StoredImage>, DaemonError> {
        match self.api.inspect_image(reference).await {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(error) => {
                let what = reference.to_owned();
                return Err(DaemonError::Refused { doing: "inspect", what, reason: error.to_string() });
            }
            Ok(_) => {}
        }
        let (config, parts) = self.saved(reference).await?;
        self.previous = parts;
        Ok(Some(StoredImage { config, layers: Vec::new() }))
    }

    /// Loads the image under every tag.
    ///
    /// # Errors
    /// [`DaemonError`], or the [`LayerError`](crate::layer::LayerError) of a file that changed.
    pub async fn write(
        self,
        images: &[ImageName],
        config: Vec<u8>,
        layers: Vec<NewLayer>,
    ) -> Result<Outcome, super::TargetError> {
        let image_id = Digest::of(&config);
        let tags: Vec<String> = images.iter().map(familiar).collect();
        let first = tags.first().cloned().unwrap_or_default();
        let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(4);
        let parts = Parts { base: self.base, previous: self.previous };
        let writer =
            tokio::task::spawn_blocking(move || archive::write(&parts, &tags, &config, layers, Chunks { sender }));
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        let mut answers = self.api.import_image(ImportImageOptions::default(), bollard::body_try_stream(stream), None);
        let mut refusal = None;
        while let Some(answer) = answers.next().await {
            if let Err(error) = answer {
                refusal.get_or_insert(error.to_string());
            }
        }
        drop(answers);
        // A file that could not be read is the cause of a load that broke off.
        writer.await.map_err(|error| DaemonError::Spool(io::Error::other(error)))??;
        let refused = |reason: String| DaemonError::Refused { doing: "load", what: first.clone(), reason };
        if let Some(reason) = refusal {
            return Err(refused(reason).into());
        }
        let loaded = self.api.inspect_image(&first).await.map_err(|error| refused(error.to_string()))?;
        Ok(Outcome { digest: None, image_id: loaded.id.unwrap_or_else(|| image_id.to_string()), manifest_size: None })
    }
}

/// The name by which a daemon keeps an image: Docker Hub's host is not part of it.
fn familiar(image: &ImageName) -> String {
    let full = image.to_string();
    full.strip_prefix("index.docker.io/").map_or(full.clone(), str::to_owned)
}
