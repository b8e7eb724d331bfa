//! The registry as a target: run image published there, app image fetched from there.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use judge::digest::Digest;
use judge::evidence::{BaseImage, Export, Image, Target};
use judge::reference::Reference;

use super::super::context::RunContext;
use super::super::error::{ExportError, service};
use super::super::run_image::{Published, RunImageNames};
use super::super::services::endpoints::Access;
use super::super::services::reference::ResolvedReference;
use super::{Observed, StepContext, Store, base_digest};
use crate::error::{Cause, chain};
use crate::observe::RegistryError;
use crate::scenario::materialise::BuildDir;
use crate::scenario::run_image::{MadeImage, architecture};
use crate::scenario::{RegistryEndpoint, RunImageFile, Scenario, Step};

/// A scenario's repositories in the registries.
pub(in crate::run) struct RegistryStore<'a> {
    shared: &'a RunContext,
    scenario: &'a Scenario,
    run_image: RunImageNames,
    /// Names that the run image had before.
    earlier: Vec<ResolvedReference>,
    before: BTreeMap<String, Option<String>>,
    /// What the run image's tag named at the analysis.
    analysed: Option<Digest>,
    /// Manifests that were put or seen in a registry that outlives the run.
    made: BTreeSet<(String, Digest)>,
}

impl<'a> RegistryStore<'a> {
    pub(in crate::run) fn new(shared: &'a RunContext, scenario: &'a Scenario) -> Self {
        let run_image = RunImageNames::new(&shared.services, scenario);
        Self {
            shared,
            scenario,
            run_image,
            earlier: Vec::new(),
            before: BTreeMap::new(),
            analysed: None,
            made: BTreeSet::new(),
        }
    }

    fn located(&self, step: &Step) -> Vec<ResolvedReference> {
        let names = self.scenario.file.images_of(step);
        names.iter().map(|name| self.shared.services.locate(&self.scenario.name, name)).collect()
    }

    /// How `image` can be asked for; none for what is not a tag, and where no one answers.
    fn access(&self, image: &ResolvedReference) -> Option<&'a Access> {
        self.shared.services.access(image.endpoint).filter(|_| image.is_tag())
    }

    fn remember(&mut self, place: RegistryEndpoint, repository: &str, digest: &Digest) {
        if self.shared.services.cleans_up(place) {
            self.made.insert((repository.to_owned(), digest.clone()));
        }
    }

    /// Publishes an image under every name of the run image that can be reached.
    pub(in crate::run) async fn publish_run_image(&mut self, image: &MadeImage) -> Result<(), ExportError> {
        let names: Vec<ResolvedReference> = self.run_image.all().cloned().collect();
        for name in names {
            self.put(image, &name).await.map_err(|error| service("publish the run image", error))?;
        }
        Ok(())
    }

    /// Puts an image under a name, where that is one that can be reached.
    async fn put(&mut self, image: &MadeImage, name: &ResolvedReference) -> Result<(), RegistryError> {
        let Some(access) = self.shared.services.access(name.endpoint) else { return Ok(()) };
        let (client, repository) = (&access.client, name.repository.as_str());
        for blob in image.blobs() {
            client.push_blob(repository, Bytes::copy_from_slice(blob)).await?;
        }
        let tagged = image.tagged();
        let documents = image.documents().into_iter().map(|document| (document.digest.as_str(), document));
        for (reference, document) in documents.chain([(name.tag(), tagged)]) {
            let media_type = document.content_type.as_deref().unwrap_or_default();
            let bytes = Bytes::copy_from_slice(&document.bytes);
            client.push_manifest(repository, reference, media_type, bytes).await?;
            self.remember(name.endpoint, repository, &document.digest);
        }
        Ok(())
    }

    fn at(&self, name: &str) -> ResolvedReference {
        self.shared.services.locate(&self.scenario.name, name)
    }

    /// What lies under the annotation `base.digest`, fetched from the run image's repository.
    async fn base(&self, image: &Image) -> Result<Option<BaseImage>, ExportError> {
        let Some(value) = base_digest(image) else { return Ok(None) };
        let name = self.run_image.analysed();
        let Some(access) = self.shared.services.access(name.endpoint) else { return Ok(None) };
        let fetched = access.observer.base_image(&name.repository, &value, "linux", architecture()).await;
        fetched.map(Some).map_err(|error| service("fetch the base image", error))
    }

    /// Deletes by digest, and makes sure that neither tag nor digest is there any more.
    async fn delete_everywhere(&self, image: &MadeImage) -> Result<(), ExportError> {
        let fail = |error| service("ask whether the run image is gone", error);
        for name in self.run_image.all() {
            let Some(access) = self.shared.services.access(name.endpoint) else { continue };
            for document in image.documents().into_iter().rev() {
                let deleted = access.client.delete(&name.repository, document.digest.as_str()).await;
                deleted.map_err(|error| self.not_deleted(error))?;
                let left = access.observer.fetch_manifest(&name.repository, document.digest.as_str()).await;
                if left.map_err(fail)?.status == 200 {
                    return Err(self.not_deleted("it still serves the manifest"));
                }
            }
            if access.observer.tag_state(&name.tagged()).await.map_err(fail)?.is_some() {
                return Err(self.not_deleted("it still serves the tag"));
            }
        }
        Ok(())
    }

    /// A registry that was given may refuse; one that was started must not.
    fn not_deleted(&self, cause: impl Into<Cause>) -> ExportError {
        let cause = cause.into();
        if self.shared.services.is_given() {
            let reason = format!("the registry does not let the run image be deleted: {}", chain(&*cause));
            return ExportError::Skipped(reason);
        }
        service("delete the run image", cause)
    }
}

impl Store for RegistryStore<'_> {
    fn target(&self) -> Target {
        Target::Registry
    }

    fn service(&self) -> &'static str {
        "registry"
    }

    fn images(&self, step: &Step) -> Vec<String> {
        self.located(step).iter().map(ResolvedReference::reference).collect()
    }

    async fn publish(&mut self, image: &MadeImage, _build_dir: &BuildDir) -> Result<Published, ExportError> {
        self.publish_run_image(image).await?;
        self.analysed = Some(image.tagged().digest.clone());
        let reference = self.run_image.analysed().at(&image.analysed().digest);
        Ok(self.run_image.published(self.scenario, reference))
    }

    async fn move_tag(&mut self, image: &MadeImage, _build_dir: &BuildDir) -> Result<(), ExportError> {
        self.publish_run_image(image).await
    }

    async fn delete_run_image(&mut self, image: &MadeImage, _build_dir: &BuildDir) -> Result<(), ExportError> {
        self.delete_everywhere(image).await
    }

    fn previous_reference(&self, export: &Export, _build_dir: &BuildDir) -> Option<String> {
        let reference = Reference::parse(export.inputs.images.first()?).ok()?;
        Some(format!("{}/{}@{}", reference.registry, reference.repository, export.manifest_digest()?))
    }

    async fn tags(
        &mut self,
        step: &Step,
        _build_dir: &BuildDir,
    ) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let mut found = BTreeMap::new();
        for image in self.located(step) {
            let Some(access) = self.access(&image) else { continue };
            let digest = access.observer.tag_state(&image.reference()).await;
            let digest = match digest {
                Err(error) if error.is_too_large() => None,
                digest => digest.map_err(|error| service("ask for a tag", error))?,
            };
            if let Some(digest) = &digest {
                self.remember(image.endpoint, &image.repository, digest);
            }
            found.insert(image.reference(), digest.map(|digest| digest.to_string()));
        }
        self.before.clone_from(&found);
        self.shared.services.forget_wire(self.scenario);
        Ok(found)
    }

    async fn before_export(
        &mut self,
        step: &Step,
        _tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        self.shared.services.arm(&self.scenario.name, &step.faults, self.analysed.as_ref());
        Ok(Vec::new())
    }

    async fn after_export(&mut self, _step: &Step) -> Result<Vec<String>, ExportError> {
        self.shared.services.arm(&self.scenario.name, &[], None);
        Ok(Vec::new())
    }

    async fn observe(
        &mut self,
        context: &StepContext<'_>,
        _run: &MadeImage,
        _build_dir: &BuildDir,
    ) -> Result<Observed, ExportError> {
        let mut seen = Observed { wire: self.shared.services.wire(self.scenario), ..Observed::default() };
        let fail = |error| service("observe the image in the registry", error);
        for (index, image) in self.located(context.step).iter().enumerate() {
            let Some(Access { observer, .. }) = self.access(image) else { continue };
            let found = observer.tag(&image.reference()).await.map_err(fail)?;
            seen.troubles.extend(found.trouble);
            seen.tags.push(found.tag);
            let Some(manifest) = found.manifest else { continue };
            self.remember(image.endpoint, &image.repository, &manifest.digest);
            if index == 0 {
                let observed = observer.image_of(&image.repository, manifest).await;
                seen.troubles.extend(observed.troubles);
                seen.image = Some(observed.image);
            }
        }
        if let Some(image) = &seen.image {
            seen.base = self.base(image).await?;
        }
        if let Some(first) = self.located(context.step).first()
            && let Some(access) = self.access(first)
            && let Some(Some(digest)) = self.before.get(&first.reference())
        {
            seen.previous_after = Some(access.observer.fetch_manifest(&first.repository, digest).await.map_err(fail)?);
        }
        Ok(seen)
    }

    fn run_image_becomes(&mut self, file: &RunImageFile) {
        self.earlier.extend(self.run_image.all().cloned());
        self.run_image = RunImageNames::of(&self.shared.services, self.scenario, file);
    }

    fn not_published(&self, image: &MadeImage) -> Published {
        self.run_image.published(self.scenario, self.run_image.analysed().at(&image.analysed().digest))
    }

    async fn put_app(&mut self, image: &MadeImage, name: &str) -> Result<(), ExportError> {
        let name = self.at(name);
        self.put(image, &name).await.map_err(|error| service("put the app image in place", error))
    }

    async fn put_previous(
        &mut self,
        image: &MadeImage,
        step: &Step,
        _build_dir: &BuildDir,
    ) -> Result<Option<String>, ExportError> {
        let Some(name) = self.scenario.file.images_of(step).first().cloned() else { return Ok(None) };
        self.put_app(image, &name).await?;
        Ok(Some(self.by_digest(&name, Some(image.manifest.digest.as_str()))))
    }

    async fn app(&mut self, name: &str, _build_dir: &BuildDir) -> Result<Option<(Image, String)>, ExportError> {
        let located = self.at(name);
        let Some(Access { observer, .. }) = self.access(&located) else { return Ok(None) };
        let fail = |error| service("observe the app image before the rebase", error);
        let found = observer.tag(&located.reference()).await.map_err(fail)?;
        let Some(manifest) = found.manifest else { return Ok(None) };
        let digest = manifest.digest.to_string();
        Ok(Some((observer.image_of(&located.repository, manifest).await.image, digest)))
    }

    async fn app_tag(&mut self, name: &str) -> Result<Option<String>, ExportError> {
        let located = self.at(name);
        let Some(access) = self.access(&located) else { return Ok(None) };
        let digest = access.observer.tag_state(&located.reference()).await;
        let digest = digest.map_err(|error| service("ask for the previous image's tag", error))?;
        Ok(digest.map(|digest| digest.to_string()))
    }

    fn by_tag(&self, name: &str) -> String {
        self.at(name).reference()
    }

    fn by_digest(&self, name: &str, digest: Option<&str>) -> String {
        let located = self.at(name);
        format!("{}/{}@{}", located.host, located.repository, digest.unwrap_or_default())
    }

    async fn clean_up(&mut self) {
        let services = &self.shared.services;
        let images = self.scenario.file.steps.iter().flat_map(|step| self.located(step));
        let locate = |name: &str| services.locate(&self.scenario.name, name);
        let caches = self.scenario.file.steps.iter().flat_map(Step::further_images).map(locate);
        let rebases = self.scenario.file.steps.iter().filter_map(|step| step.rebase.as_ref());
        let previous = rebases.filter_map(|rebase| rebase.previous_image.as_deref()).map(locate);
        let own = self.run_image.all().chain(&self.earlier).cloned();
        let names: BTreeSet<ResolvedReference> = images.chain(caches).chain(previous).chain(own).collect();
        for name in names.iter().filter(|name| services.cleans_up(name.endpoint) && name.is_tag()) {
            services.delete(&name.repository, name.tag()).await;
        }
        for (repository, digest) in std::mem::take(&mut self.made) {
            services.delete_digest(&repository, &digest).await;
        }
    }
}
