//! The registry as a target: run image published there, app image fetched from there.

use std::collections::BTreeMap;

use judge::digest::Digest;
use judge::evidence::{BaseImage, Export, Image, Target};
use judge::json::Json;
use judge::reference::Reference;

use super::Shared;
use super::export::{Before, ExportError, Seen, Store};
use crate::scenario::Scenario;
use crate::scenario::materialise::Places;
use crate::scenario::run_image::{MadeImage, architecture};

/// A scenario's repositories in the registry.
pub(super) struct RegistryStore<'a> {
    shared: &'a Shared,
    scenario: &'a Scenario,
    before: BTreeMap<String, Option<String>>,
}

impl<'a> RegistryStore<'a> {
    pub(super) fn new(shared: &'a Shared, scenario: &'a Scenario) -> Self {
        Self { shared, scenario, before: BTreeMap::new() }
    }

    /// Publishes an image under the run image's name; gives that name and the repository.
    pub(super) async fn publish_run_image(&self, image: &MadeImage) -> Result<(String, String), ExportError> {
        let (repository, tag) = self.split(&self.scenario.file.run_image.name);
        let observer = &self.shared.services.observer;
        for layer in &image.layers {
            observer.push_blob(&repository, &layer.blob).await?;
        }
        observer.push_blob(&repository, &image.config.bytes).await?;
        observer.push_manifest(&repository, image.manifest.digest.as_str(), &image.manifest).await?;
        observer.push_manifest(&repository, &tag, &image.manifest).await?;
        Ok((format!("{}/{repository}:{tag}", self.shared.services.host), repository))
    }

    /// `name[:tag]` of a scenario → repository in the registry, and tag.
    pub(super) fn split(&self, name: &str) -> (String, String) {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        (self.shared.services.repository(&self.scenario.name, repository), tag.to_owned())
    }

    pub(super) fn image_references(&self) -> Vec<String> {
        self.scenario
            .file
            .images
            .iter()
            .map(|image| {
                let (repository, tag) = self.split(image);
                format!("{}/{repository}:{tag}", self.shared.services.host)
            })
            .collect()
    }

    /// What lies under the annotation `base.digest`, fetched from the run image's repository.
    async fn base(&self, image: &Image) -> Result<Option<BaseImage>, ExportError> {
        let Some(value) = base_digest(image) else { return Ok(None) };
        let (repository, _) = self.split(&self.scenario.file.run_image.name);
        Ok(Some(self.shared.services.observer.base_image(&repository, &value, "linux", architecture()).await?))
    }
}

/// The value of `org.opencontainers.image.base.digest`, where it is a digest that can be asked for.
pub(super) fn base_digest(image: &Image) -> Option<String> {
    let manifest = Json::parse(&image.manifest.as_ref()?.bytes).ok()?;
    let value = manifest.at(&["annotations", "org.opencontainers.image.base.digest"])?.as_str()?.to_owned();
    Digest::parse(&value).ok().map(|_| value)
}

impl Store for RegistryStore<'_> {
    fn target(&self) -> Target {
        Target::Registry
    }

    fn service(&self) -> &'static str {
        "registry"
    }

    fn images(&self) -> Vec<String> {
        self.image_references()
    }

    async fn publish(&mut self, image: &MadeImage, _places: &Places) -> Result<(String, String), ExportError> {
        let (name, repository) = self.publish_run_image(image).await?;
        Ok((name, format!("{}/{repository}@{}", self.shared.services.host, image.manifest.digest)))
    }

    async fn move_tag(&mut self, image: &MadeImage, _places: &Places) -> Result<(), ExportError> {
        self.publish_run_image(image).await.map(|_| ())
    }

    fn previous_reference(&self, export: &Export, _places: &Places) -> Option<String> {
        let reference = Reference::parse(export.inputs.images.first()?).ok()?;
        Some(format!("{}/{}@{}", reference.registry, reference.repository, export.manifest_digest()?))
    }

    async fn tags(&mut self, _places: &Places) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let mut found = BTreeMap::new();
        for (reference, image) in self.image_references().into_iter().zip(&self.scenario.file.images) {
            let (repository, tag) = self.split(image);
            found.insert(
                reference.clone(),
                self.shared.services.observer.tag(&reference, &repository, &tag).await?.digest,
            );
        }
        self.before.clone_from(&found);
        self.shared.services.forget_wire(&self.scenario.name);
        Ok(found)
    }

    async fn observe(
        &mut self,
        _context: &Before<'_>,
        _run: &MadeImage,
        _places: &Places,
    ) -> Result<Seen, ExportError> {
        let observer = &self.shared.services.observer;
        let mut seen = Seen { wire: self.shared.services.wire(&self.scenario.name), ..Seen::default() };
        for (reference, image) in self.image_references().into_iter().zip(&self.scenario.file.images) {
            let (repository, tag) = self.split(image);
            let found = observer.tag(&reference, &repository, &tag).await?;
            if let Some(digest) = &found.digest
                && let Some(trouble) = observer.serves_the_same(&repository, digest, &found).await?
            {
                seen.troubles.push(trouble);
            }
            seen.tags.push(found);
        }
        let (repository, tag) = self.split(&self.scenario.file.images[0]);
        if seen.tags.first().is_some_and(|tag| tag.digest.is_some()) {
            let image = observer.image(&repository, &tag).await?;
            seen.base = self.base(&image).await?;
            seen.image = Some(image);
        }
        if let Some(Some(digest)) = self.before.values().next() {
            seen.previous_after = Some(observer.fetch_manifest(&repository, digest).await?);
        }
        Ok(seen)
    }

    async fn clean_up(&mut self) {
        if self.shared.services.cleans_up() {
            for name in self.scenario.file.images.iter().chain([&self.scenario.file.run_image.name]) {
                let (repository, tag) = self.split(name);
                self.shared.services.delete(&repository, &tag).await;
            }
        }
    }
}
