//! An OCI image layout on disk as a target.

use std::collections::BTreeMap;

use judge::evidence::{Export, Image, Target};
use judge::reference::Reference;

use super::super::context::RunContext;
use super::super::error::{ExportError, disk, service};
use super::super::run_image::{Published, RunImageNames};
use super::{Observed, StepContext, Store, base_digest};
use crate::observe::{
    ObservedLayout, layout_base_image, layout_facts, layout_tag_state, list_layout_folders, mapped_path,
};
use crate::scenario::materialise::{BuildDir, LAYOUT};
use crate::scenario::run_image::{MadeImage, architecture};
use crate::scenario::{RegistryEndpoint, RunImageFile, Scenario, Step};

/// Why nothing is rebased in a layout.
const NO_LAYOUTS: &str = "the Platform API's rebaser has no layouts";

/// A scenario's layout folder.
pub(in crate::run) struct LayoutStore<'a> {
    shared: &'a RunContext,
    scenario: &'a Scenario,
    run_image: RunImageNames,
    before: Vec<String>,
}

impl<'a> LayoutStore<'a> {
    pub(in crate::run) fn new(shared: &'a RunContext, scenario: &'a Scenario) -> Self {
        let run_image = RunImageNames::new(&shared.services, scenario);
        Self { shared, scenario, run_image, before: Vec::new() }
    }

    /// Below `<layout-dir>`, where the analysis phase would have put the run image (RFC 0119).
    fn run_image_folder(&self, image: &MadeImage) -> String {
        let name = self.run_image.analysed();
        let host = if name.endpoint == RegistryEndpoint::Main { "base.internal" } else { name.endpoint.layout_host() };
        format!("{host}/{}/sha256/{}", name.repository, image.analysed().digest.encoded())
    }

    /// Every `<image>` that has a place of its own: digest references and what is not a reference have none.
    fn tags_of(&self, step: &Step) -> Vec<String> {
        let is_tag = |image: &String| Reference::parse(image).is_ok_and(|reference| reference.digest.is_none());
        self.images(step).into_iter().filter(is_tag).collect()
    }

    async fn facts(&self, step: &Step, build_dir: &BuildDir) -> Result<ObservedLayout, ExportError> {
        let layers = &self.shared.services.layers;
        let facts = layout_facts(&build_dir.on_host(LAYOUT), &self.tags_of(step), &self.before, layers).await;
        facts.map_err(|error| service("observe the layout", error))
    }
}

impl Store for LayoutStore<'_> {
    fn target(&self) -> Target {
        Target::Layout
    }

    fn service(&self) -> &'static str {
        "layout"
    }

    fn images(&self, step: &Step) -> Vec<String> {
        let image = |name: &String| {
            let (place, rest) = RegistryEndpoint::split(name);
            format!("{}/{}/{rest}", place.layout_host(), self.shared.services.names.project(&self.scenario.name))
        };
        self.scenario.file.images_of(step).iter().map(image).collect()
    }

    async fn publish(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<Published, ExportError> {
        let folder = self.run_image_folder(image);
        let here = build_dir.on_host(LAYOUT).join(&folder);
        image.write_layout(&here).map_err(|source| disk("write the run image's layout", source))?;
        let reference =
            format!("{}@{}", build_dir.for_exporter(&format!("{LAYOUT}/{folder}")), image.analysed().digest);
        // The name is that of the registry export, so that annotations and labels can be compared.
        Ok(self.run_image.published(self.scenario, reference))
    }

    async fn move_tag(&mut self, _image: &MadeImage, _build_dir: &BuildDir) -> Result<(), ExportError> {
        // The analysed folder is named by its digest; no tag stands between.
        Ok(())
    }

    async fn delete_run_image(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<(), ExportError> {
        let folder = build_dir.on_host(LAYOUT).join(self.run_image_folder(image));
        std::fs::remove_dir_all(folder).map_err(|source| disk("remove the run image's layout", source))
    }

    fn previous_reference(&self, export: &Export, build_dir: &BuildDir) -> Option<String> {
        let root = export.layout.as_ref()?.roots.first()?;
        Some(format!("{}@{}", build_dir.for_exporter(&format!("{LAYOUT}/{}", root.path)), export.manifest_digest()?))
    }

    async fn tags(
        &mut self,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let fail = |error| service("observe the layout", error);
        let folder = build_dir.on_host(LAYOUT);
        self.before = list_layout_folders(&folder).map_err(fail)?;
        let mut found = BTreeMap::new();
        for reference in self.tags_of(step) {
            let state = layout_tag_state(&folder, &reference).map_err(fail)?;
            found.insert(reference, state);
        }
        Ok(found)
    }

    async fn observe(
        &mut self,
        context: &StepContext<'_>,
        run: &MadeImage,
        build_dir: &BuildDir,
    ) -> Result<Observed, ExportError> {
        let found = self.facts(context.step, build_dir).await?;
        let folder = build_dir.on_host(LAYOUT).join(self.run_image_folder(run));
        let base = match found.image.as_ref().and_then(base_digest) {
            Some(value) => {
                let image = layout_base_image(&folder, &value, "linux", architecture());
                Some(image.map_err(|error| service("read the base image", error))?)
            }
            None => None,
        };
        Ok(Observed { tags: found.tags, image: found.image, base, layout: Some(found.facts), ..Observed::default() })
    }

    fn run_image_becomes(&mut self, file: &RunImageFile) {
        self.run_image = RunImageNames::of(&self.shared.services, self.scenario, file);
    }

    fn not_published(&self, _image: &MadeImage) -> Published {
        self.run_image.published(self.scenario, String::new())
    }

    async fn put_app(&mut self, _image: &MadeImage, _name: &str) -> Result<(), ExportError> {
        Err(ExportError::Skipped(NO_LAYOUTS.to_owned()))
    }

    async fn put_previous(
        &mut self,
        image: &MadeImage,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<Option<String>, ExportError> {
        let Some(path) = self.images(step).first().and_then(|name| mapped_path(name)) else { return Ok(None) };
        let here = build_dir.on_host(LAYOUT).join(&path);
        image.write_layout(&here).map_err(|source| disk("write the previous image's layout", source))?;
        let seen = build_dir.for_exporter(&format!("{LAYOUT}/{path}"));
        Ok(Some(format!("{seen}@{}", image.manifest.digest)))
    }

    async fn app(&mut self, _name: &str, _build_dir: &BuildDir) -> Result<Option<(Image, String)>, ExportError> {
        Err(ExportError::Skipped(NO_LAYOUTS.to_owned()))
    }

    async fn app_tag(&mut self, _name: &str) -> Result<Option<String>, ExportError> {
        Err(ExportError::Skipped(NO_LAYOUTS.to_owned()))
    }

    fn by_tag(&self, name: &str) -> String {
        name.to_owned()
    }

    fn by_digest(&self, name: &str, _digest: Option<&str>) -> String {
        name.to_owned()
    }

    async fn clean_up(&mut self) {}
}
