//! An OCI image layout on disk as a target.

use std::collections::BTreeMap;

use judge::evidence::{Export, Target};

use super::Shared;
use super::export::{Before, ExportError, Seen, Store, disk, unobserved};
use super::registry_case::{RegistryStore, base_digest};
use crate::observe::{ObservedLayout, layout_base_image, layout_facts, layout_tag_state, list_layout_folders};
use crate::scenario::Scenario;
use crate::scenario::materialise::{LAYOUT, Places};
use crate::scenario::run_image::{MadeImage, architecture};

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

    async fn facts(&self, places: &Places) -> Result<ObservedLayout, ExportError> {
        let layers = &self.shared.services.layers;
        let facts = layout_facts(&places.here(LAYOUT), &self.images(), &self.before, layers).await;
        facts.map_err(|error| unobserved("observe the layout", &error))
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
        let fail = |error| unobserved("observe the layout", &error);
        let folder = places.here(LAYOUT);
        self.before = list_layout_folders(&folder).map_err(fail)?;
        let mut found = BTreeMap::new();
        for reference in self.images() {
            let state = layout_tag_state(&folder, &reference).map_err(fail)?;
            found.insert(reference, state);
        }
        Ok(found)
    }

    async fn observe(&mut self, _context: &Before<'_>, run: &MadeImage, places: &Places) -> Result<Seen, ExportError> {
        let found = self.facts(places).await?;
        let folder = places.here(LAYOUT).join(self.run_image_folder(run));
        let base = match found.image.as_ref().and_then(base_digest) {
            Some(value) => {
                let image = layout_base_image(&folder, &value, "linux", architecture());
                Some(image.map_err(|error| unobserved("read the base image", &error))?)
            }
            None => None,
        };
        Ok(Seen { tags: found.tags, image: found.image, base, layout: Some(found.facts), ..Seen::default() })
    }

    async fn clean_up(&mut self) {}
}
