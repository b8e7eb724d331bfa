//! An OCI image layout on disk as a target.

use std::collections::BTreeMap;

use judge::evidence::{BaseImage, Document, Export, Fetched, Target};

use super::Shared;
use super::export::{Before, ExportError, Seen, Store, disk};
use super::registry_case::{RegistryStore, base_digest};
use crate::observe::layout;
use crate::scenario::Scenario;
use crate::scenario::materialise::{LAYOUT, Places};
use crate::scenario::run_image::MadeImage;

/// A scenario's layout folder.
pub(super) struct LayoutStore<'a> {
    shared: &'a Shared,
    scenario: &'a Scenario,
    names: RegistryStore<'a>,
    before: Vec<String>,
}

impl<'a> LayoutStore<'a> {
    pub(super) fn new(shared: &'a Shared, scenario: &'a Scenario) -> Self {
        Self { shared, scenario, names: RegistryStore::new(shared, scenario), before: Vec::new() }
    }

    /// Below `<layout-dir>`, where the analysis phase would have put the run image (RFC 0119). Its host has no port,
    /// because what a port becomes in a path is open.
    fn run_image_folder(&self, image: &MadeImage) -> String {
        let (repository, _) = self.names.split(&self.scenario.file.run_image.name);
        format!("run.example/{repository}/sha256/{}", image.manifest.digest.encoded())
    }

    async fn facts(&self, places: &Places) -> Result<layout::Observed, ExportError> {
        let store = self.shared.services.blobs.clone();
        Ok(layout::observe(&places.here(LAYOUT), &self.images(), &self.before, &store).await?)
    }

    /// What lies under the annotation `base.digest` in the layout of the run image.
    fn base(&self, value: &str, run: &MadeImage, places: &Places) -> BaseImage {
        let hex = value.strip_prefix("sha256:").unwrap_or(value);
        let blob = places.here(LAYOUT).join(self.run_image_folder(run)).join("blobs/sha256").join(hex);
        let document = std::fs::read(blob).ok().map(|bytes| Document::new(bytes, None));
        let status = if document.is_some() { 200 } else { 404 };
        let config = document.as_ref().filter(|found| found.digest == run.manifest.digest).map(|_| run.config.clone());
        BaseImage { fetched: Fetched { asked: value.to_owned(), status, document }, config }
    }
}

impl Store for LayoutStore<'_> {
    fn target(&self) -> Target {
        Target::Layout
    }

    fn service(&self) -> &'static str {
        "layout"
    }

    fn images(&self) -> Vec<String> {
        let name = &self.scenario.name;
        self.scenario.file.images.iter().map(|image| format!("app.example/{name}/{image}")).collect()
    }

    async fn publish(&mut self, image: &MadeImage, places: &Places) -> Result<(String, String), ExportError> {
        // The name is that of the registry export, so that annotations and labels can be compared.
        let (repository, tag) = self.names.split(&self.scenario.file.run_image.name);
        let folder = self.run_image_folder(image);
        let here = places.here(LAYOUT).join(&folder);
        image.write_layout(&here).map_err(|source| disk("write the run image's layout", source))?;
        let reference = format!("{}@{}", places.seen(&format!("{LAYOUT}/{folder}")), image.manifest.digest);
        Ok((format!("{}/{repository}:{tag}", self.shared.services.host), reference))
    }

    async fn move_tag(&mut self, _image: &MadeImage, _places: &Places) -> Result<(), ExportError> {
        // The analysed folder is named by its digest; no tag stands between.
        Ok(())
    }

    fn previous_reference(&self, export: &Export, places: &Places) -> Option<String> {
        let root = export.layout.as_ref()?.roots.first()?;
        Some(format!("{}@{}", places.seen(&format!("{LAYOUT}/{}", root.path)), export.manifest_digest()?))
    }

    async fn tags(&mut self, places: &Places) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        self.before = layout::folders(&places.here(LAYOUT))?;
        let seen = self.facts(places).await?;
        Ok(seen.tags.into_iter().map(|tag| (tag.reference, tag.digest)).collect())
    }

    async fn observe(&mut self, _context: &Before<'_>, run: &MadeImage, places: &Places) -> Result<Seen, ExportError> {
        let found = self.facts(places).await?;
        let base = found.image.as_ref().and_then(base_digest).map(|value| self.base(&value, run, places));
        Ok(Seen { tags: found.tags, image: found.image, base, layout: Some(found.facts), ..Seen::default() })
    }

    async fn clean_up(&mut self) {}
}
