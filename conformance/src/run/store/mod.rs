//! What images are exported to: one interface, and the registry, daemons and layouts behind it.

pub(super) mod bounded;
pub(super) mod daemon;
pub(super) mod layout;
pub(super) mod registry;

use std::collections::BTreeMap;

use judge::digest::Digest;
use judge::evidence::{BaseImage, DaemonFacts, Export, Image, LayoutFacts, Tag, Target};
use judge::json::Json;
use oci_spec::image::ANNOTATION_BASE_IMAGE_DIGEST;

use super::error::ExportError;
use super::run_image::Published;
use crate::scenario::materialise::BuildDir;
use crate::scenario::run_image::MadeImage;
use crate::scenario::{RunImageFile, Step};

/// Where in a scenario an export stands.
pub(in crate::run) struct StepContext<'a> {
    /// Its step, from 1.
    pub(in crate::run) number: usize,
    /// What it asks for.
    pub(in crate::run) step: &'a Step,
    /// Its id.
    pub(in crate::run) id: &'a str,
    /// The export whose image the analysis may find: the one before where the step names no other.
    pub(in crate::run) previous: Option<&'a Export>,
    /// Later steps of which it is known that they are left out.
    pub(in crate::run) left_out: Vec<usize>,
}

/// What was seen of a store after an export.
#[derive(Default)]
pub(in crate::run) struct Observed {
    pub(in crate::run) tags: Vec<Tag>,
    pub(in crate::run) image: Option<Image>,
    pub(in crate::run) base: Option<BaseImage>,
    pub(in crate::run) daemon: Option<DaemonFacts>,
    pub(in crate::run) layout: Option<LayoutFacts>,
    pub(in crate::run) wire: Option<Vec<judge::evidence::WireRecord>>,
    pub(in crate::run) previous_after: Option<judge::evidence::Fetched>,
    pub(in crate::run) troubles: Vec<String>,
}

/// A target that images are exported to: how its run image gets there, and how it is observed.
pub(in crate::run) trait Store {
    /// The target.
    fn target(&self) -> Target;
    /// The service as `--require` names it.
    fn service(&self) -> &str;
    /// Every `<image>` of a step.
    fn images(&self, step: &Step) -> Vec<String>;
    /// `DOCKER_HOST` for the exporter.
    fn docker_host(&self) -> Option<&str> {
        None
    }
    /// Puts the run image where the analysis finds it.
    async fn publish(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<Published, ExportError>;
    /// Makes the run image's tag name another image.
    async fn move_tag(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<(), ExportError>;
    /// Takes the run image away, by tag and digest.
    async fn delete_run_image(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<(), ExportError>;
    /// How `analyzed.toml` refers to the image that an export left.
    fn previous_reference(&self, export: &Export, build_dir: &BuildDir) -> Option<String>;
    /// What every `<image>` names now that is a tag and can be asked for.
    async fn tags(
        &mut self,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<BTreeMap<String, Option<String>>, ExportError>;
    /// What happens to the store between the analysis and the exporter; what it did not do as it should.
    async fn before_export(
        &mut self,
        _step: &Step,
        _tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        Ok(Vec::new())
    }
    /// Makes sure that the store can be observed; what did not happen during the export as it should.
    async fn after_export(&mut self, _step: &Step) -> Result<Vec<String>, ExportError> {
        Ok(Vec::new())
    }
    /// Observes what an export left. The exporter may have failed.
    async fn observe(
        &mut self,
        context: &StepContext<'_>,
        run: &MadeImage,
        build_dir: &BuildDir,
    ) -> Result<Observed, ExportError>;
    /// The names that [`Store::publish`] gives from now on, and the form of what it publishes.
    fn run_image_becomes(&mut self, file: &RunImageFile);
    /// What the analysis would say of a run image that is not there.
    fn not_published(&self, image: &MadeImage) -> Published;
    /// Puts an app image under a name of the scenario.
    async fn put_app(&mut self, image: &MadeImage, name: &str) -> Result<(), ExportError>;
    /// Puts an image under the step's first `<image>`, and says how `analyzed.toml` refers to it.
    async fn put_previous(
        &mut self,
        image: &MadeImage,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<Option<String>, ExportError>;
    /// The app image under a name of the scenario, and what the name's tag names.
    async fn app(&mut self, name: &str, build_dir: &BuildDir) -> Result<Option<(Image, String)>, ExportError>;
    /// What a name of the scenario names now.
    async fn app_tag(&mut self, name: &str) -> Result<Option<String>, ExportError>;
    /// A name of the scenario as a reference by tag.
    fn by_tag(&self, name: &str) -> String;
    /// A name of the scenario as a reference by digest.
    fn by_digest(&self, name: &str, digest: Option<&str>) -> String;
    /// Removes what the suite put there.
    async fn clean_up(&mut self);
}

/// The value of `org.opencontainers.image.base.digest`, where it is a digest that can be asked for.
fn base_digest(image: &Image) -> Option<String> {
    let manifest = Json::parse(&image.manifest.as_ref()?.bytes).ok()?;
    let value = manifest.at(&["annotations", ANNOTATION_BASE_IMAGE_DIGEST])?.as_str()?.to_owned();
    Digest::parse(&value).ok().map(|_| value)
}
