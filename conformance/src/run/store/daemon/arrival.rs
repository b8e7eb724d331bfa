//! How a run image comes into a daemon: loaded, pulled or made there, and as what the daemon then knows it.

use judge::evidence::{Document, RunImageInDaemon, StoreKind};

use super::super::Store as _;
use super::super::registry::RegistryStore;
use super::DaemonStore;
use crate::run::error::{ExportError, disk, service};
use crate::run::services::daemon::Transfers;
use crate::run::services::reference::ResolvedReference;
use crate::scenario::run_image::MadeImage;
use crate::scenario::{Arrival, ImageFormat};

/// By which name a daemon pulls the run image.
#[derive(Clone, Copy)]
enum PulledBy {
    Tag,
    Digest,
}

impl DaemonStore<'_> {
    /// Loads the image of this platform under every name of the run image; a daemon keeps no index. A store that keeps
    /// manifests gets an OCI archive, so that it has the registry's digest, as after a pull.
    pub(super) async fn load(&mut self, image: &MadeImage) -> Result<(), ExportError> {
        let is_plain = self.file.in_daemon == Some(Arrival::Loaded);
        let keeps = match self.service.daemon.store() {
            StoreKind::Classic => false,
            StoreKind::Containerd => true,
            // Podman takes no Docker manifest in an OCI archive.
            StoreKind::Podman => self.file.format == ImageFormat::Oci,
        };
        let names: Vec<String> = self.run_image.all().map(ResolvedReference::tagged).collect();
        for name in names {
            let archive = if keeps && !is_plain { image.oci_archive(&name) } else { image.docker_archive(&name) };
            let archive = archive.map_err(|source| disk("write the run image's archive", source))?;
            self.remember(name);
            let loaded = self.service.daemon.load_archive(archive).await;
            loaded.map_err(|error| self.failed("load the run image", error))?;
        }
        Ok(())
    }

    /// Has the daemon pull the run image from the registry; gives the name by which it has it then.
    async fn pull(&mut self, image: &MadeImage, by: PulledBy) -> Result<String, ExportError> {
        if self.service.transfers == Transfers::NotAllowed {
            let reason = "the suite did not start this daemon; --allow-push-from-daemon lets it push and pull";
            return Err(ExportError::Skipped(reason.to_owned()));
        }
        let mut registry = RegistryStore::new(self.shared, self.scenario);
        registry.run_image_becomes(&self.file);
        let published = registry.publish_run_image(image).await;
        self.published = Some(registry);
        published?;
        let own = self.run_image.own.clone();
        let name = match by {
            PulledBy::Digest => own.at(&image.analysed().digest),
            PulledBy::Tag => own.tagged(),
        };
        self.remember(name.clone());
        let pulled = self.service.daemon.pull(&name).await;
        pulled.map_err(|error| self.failed("pull the run image", error))?;
        Ok(name)
    }

    /// Brings the run image into the daemon; gives the name by which it is there.
    pub(super) async fn bring(&mut self, image: &MadeImage) -> Result<String, ExportError> {
        let name = self.run_image.own.tagged();
        match self.file.in_daemon {
            None | Some(Arrival::Loaded) => self.load(image).await?,
            Some(Arrival::PulledByTag) => drop(self.pull(image, PulledBy::Tag).await?),
            Some(Arrival::PulledByDigest) => return self.pull(image, PulledBy::Digest).await,
            Some(Arrival::Made) => {
                let tar = image.flattened().map_err(|source| disk("gather the run image's files", source))?;
                self.remember(name.clone());
                let made = self.service.daemon.make(tar, &name).await;
                made.map_err(|error| self.failed("make the run image", error))?;
            }
        }
        Ok(name)
    }

    /// The daemon's ID of the run image, and the digests by which it has it.
    pub(super) async fn run_image_in_daemon(&self, name: &str) -> Result<RunImageInDaemon, ExportError> {
        let fail = |error| self.failed("inspect the run image", error);
        let id = self.service.daemon.image_id(name).await.map_err(fail)?;
        let id =
            id.ok_or_else(|| self.failed("inspect the run image", "it is missing after it was loaded or pulled"))?;
        self.service.remember(&id);
        let repo_digests = self.service.daemon.repo_digests(name).await.map_err(fail)?;
        let arrival = self.file.in_daemon.map_or(judge::evidence::Arrival::Usual, Arrival::in_evidence);
        Ok(RunImageInDaemon { arrival, id, repo_digests })
    }

    /// Config and manifest of a run image that the daemon made.
    pub(super) async fn made(&self, name: &str) -> Result<(Document, Document), ExportError> {
        let found = self.service.observer.image(&[name.to_owned()], &self.shared.services.layers).await;
        let found = found.map_err(|error| service("observe the run image in the daemon", error))?;
        let image = found.image.and_then(|image| Some((image.config?, image.manifest)));
        let (config, manifest) = image.ok_or_else(|| self.failed("save the run image", "it has no config there"))?;
        Ok((config, manifest.unwrap_or_else(|| Document::new(Vec::new(), None))))
    }
}
