//! The registry as a target: run image published there, app image fetched from there.

use std::collections::BTreeMap;

use bytes::Bytes;
use judge::digest::Digest;
use judge::evidence::{BaseImage, Export, Image, Target};
use judge::json::Json;
use judge::reference::Reference;

use super::Shared;
use super::export::{Before, ExportError, Seen, Store, unobserved};
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
        let client = &self.shared.services.client;
        let fail = |error| unobserved("publish the run image", &error);
        for blob in image.layers.iter().map(|layer| &layer.blob).chain([&image.config.bytes]) {
            client.push_blob(&repository, Bytes::copy_from_slice(blob)).await.map_err(fail)?;
        }
        let media_type = image.manifest.content_type.as_deref().unwrap_or_default();
        for reference in [image.manifest.digest.as_str(), &tag] {
            let bytes = Bytes::copy_from_slice(&image.manifest.bytes);
            client.push_manifest(&repository, reference, media_type, bytes).await.map_err(fail)?;
        }
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
        let fetched = self.shared.services.observer.base_image(&repository, &value, "linux", architecture()).await;
        fetched.map(Some).map_err(|error| unobserved("fetch the base image", &error))
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
        for reference in self.image_references() {
            let digest = self.shared.services.observer.tag_state(&reference).await;
            let digest = digest.map_err(|error| unobserved("ask for a tag", &error))?;
            found.insert(reference, digest.map(|digest| digest.to_string()));
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
        let fail = |error| unobserved("observe the image in the registry", &error);
        let (repository, _) = self.split(&self.scenario.file.images[0]);
        let references = self.image_references();
        for reference in &references {
            let found = observer.tag(reference).await.map_err(fail)?;
            seen.troubles.extend(found.trouble);
            seen.tags.push(found.tag);
            if let Some(manifest) = found.manifest.filter(|_| seen.tags.len() == 1) {
                let image = observer.image_of(&repository, manifest).await;
                seen.troubles.extend(image.troubles);
                seen.image = Some(image.image);
            }
        }
        if let Some(image) = &seen.image {
            seen.base = self.base(image).await?;
        }
        if let Some(Some(digest)) = references.first().and_then(|first| self.before.get(first)) {
            seen.previous_after = Some(observer.fetch_manifest(&repository, digest).await.map_err(fail)?);
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
