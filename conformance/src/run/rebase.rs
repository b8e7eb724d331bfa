//! One rebase: app image and run image put in place, what the store holds observed, the rebaser run, what it left
//! observed, all kept as evidence before anything is judged.

use std::path::PathBuf;

use judge::evidence::{Export, MadeBy, Rebase};

use super::context::{RunContext, StepBuild};
use super::error::{ExportError, disk};
use super::export::{keep_inputs, lay_out, run_image_facts, salt};
use super::inputs::owner;
use super::invoke::{stand_in, with_certificates};
use super::ready::Ready;
use super::run_image::{MOVED_ON, Published};
use super::store::{StepContext, Store};
use crate::exporter::{CallPlaces, Invocation, RebaseCall, Rebaser, platform_api, rebase_invocation, rebase_unsayable};
use crate::scenario::app_image::{self, Base};
use crate::scenario::materialise::{self, BuildDir};
use crate::scenario::run_image::{self, MadeImage};
use crate::scenario::{RebaseStep, RegistryEndpoint, RunImageFile, Scenario, Step};

/// A rebase that is ready to be run.
struct Prepared {
    name: String,
    build_dir: BuildDir,
    new: MadeImage,
    published: Published,
    file: RunImageFile,
    made_by: MadeBy,
    kept: Option<PathBuf>,
}

/// What a rebase is asked to be.
struct Asked<'a> {
    shared: &'a RunContext,
    scenario: &'a Scenario,
    rebaser: &'a Rebaser,
    step: &'a Step,
    rebase: &'a RebaseStep,
}

/// Makes one rebase.
pub(super) async fn run<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    store: &mut S,
    context: &StepContext<'_>,
) -> Result<Export, ExportError> {
    let step = context.step;
    let (Some(rebaser), Some(rebase)) = (&shared.options.exporter.rebaser, &step.rebase) else {
        return Err(ExportError::Skipped("no rebaser is described".to_owned()));
    };
    let asked = Asked { shared, scenario, rebaser, step, rebase };
    if let Some(reason) = asked.unsayable(store) {
        return Err(ExportError::Skipped(reason));
    }
    let prepared = asked.prepare(store, context.id).await?;
    let Prepared { name, build_dir, new, published, file, made_by, kept } = prepared;
    let images = store.images(step);
    let before = asked.app_before(store, &build_dir).await?;
    let is_same_run_image = before.image.as_ref().is_some_and(|app| stands_upon(app, &new));
    let run_image = rebase.name_run_image.then(|| published.name.clone());
    let given =
        RebaseCall { run_image: run_image.as_deref(), previous_image: before.given.as_deref(), force: rebase.force };
    let call = asked.call(store, given, &images, &build_dir);
    let platform_api = asked.platform_api();
    let ready =
        Ready { shared, scenario, context, name: &name, build_dir: &build_dir, images: &images, call, platform_api };
    let called = ready.call(store).await?;
    let after = before.tag(store).await?;
    let mut facts = run_image_facts(&file, new.index.as_ref(), &new, published, None);
    if let Some(index) = &facts.index {
        // What a tag names is what a rebaser finds first.
        facts.digest = index.digest.clone();
    }
    let mut export = ready.observe(store, called, &new, facts).await?;
    export.rebase = Some(Rebase {
        made_by: if before.image.is_some() { made_by } else { MadeBy::Nobody },
        previous_tag: before.name.is_some().then(|| (before.tag.clone(), after)),
        app: before.image,
        previous_image: before.given,
        run_image,
        force: rebase.force,
        is_same_run_image,
    });
    shared.evidence.add(&export, kept.as_deref())?;
    Ok(export)
}

/// Whether the image is based on the run image already: its label's last layer of the run image is that one's.
fn stands_upon(app: &judge::evidence::Image, run: &MadeImage) -> bool {
    let label = judge::view::lifecycle_label(app);
    let top = label.as_ref().and_then(|label| label.at(&["runImage", "topLayer"])?.as_str());
    let ids: Vec<String> = run.diff_ids().iter().map(ToString::to_string).collect();
    top.is_some()
        && top == ids.last().map(String::as_str)
        && judge::view::diff_ids(app.config.as_ref()).starts_with(&ids)
}

/// The app image before the rebase.
struct App {
    image: Option<judge::evidence::Image>,
    /// `-previous-image`, as it is given.
    given: Option<String>,
    /// Its name in the scenario, where it is given by a tag.
    name: Option<String>,
    /// What that tag named.
    tag: Option<String>,
}

impl App {
    /// What its tag names now.
    async fn tag<S: Store>(&self, store: &mut S) -> Result<Option<String>, ExportError> {
        match &self.name {
            Some(name) => store.app_tag(name).await,
            None => Ok(None),
        }
    }
}

impl Asked<'_> {
    /// Why the rebaser cannot be told what the step asks, judged before the names of the images are known.
    fn unsayable<S: Store>(&self, store: &S) -> Option<String> {
        let told = RebaseCall {
            run_image: self.rebase.name_run_image.then_some("run"),
            previous_image: self.rebase.previous_image.as_deref(),
            force: self.rebase.force,
        };
        self.with_call_places(store, &stand_in(), |call| {
            rebase_unsayable(self.rebaser, &self.scenario.file, self.step, told, call)
        })
    }

    /// The name of the app image in the scenario, before the rebase.
    fn app_name(&self) -> Option<&String> {
        self.rebase.previous_image.as_ref().or(self.scenario.file.images_of(self.step).first())
    }

    async fn app_before<S: Store>(&self, store: &mut S, build_dir: &BuildDir) -> Result<App, ExportError> {
        let rebase = self.rebase;
        let Some(name) = self.app_name() else {
            return Ok(App { image: None, given: None, name: None, tag: None });
        };
        let found = store.app(name, build_dir).await?;
        let (image, tag) = found.map_or((None, None), |(image, id)| (Some(image), Some(id)));
        if rebase.previous_image.is_none() {
            return Ok(App { image, given: None, name: None, tag });
        }
        let given = if rebase.previous_by_digest { store.by_digest(name, tag.as_deref()) } else { store.by_tag(name) };
        Ok(App { image, given: Some(given), name: (!rebase.previous_by_digest).then(|| name.clone()), tag })
    }

    /// Puts the app image, and the run image that it is to be rebased on, where the rebaser finds them.
    async fn prepare<S: Store>(&self, store: &mut S, id: &str) -> Result<Prepared, ExportError> {
        let Self { shared, scenario, step, rebase, .. } = *self;
        let name = format!("{}-{}", shared.services.names.project(&scenario.name), store.service().replace(':', "-"));
        let build_dir = shared.workspace.build_dir(&name)?;
        let own_salt = salt(&shared.services.names, scenario);
        let make = |file: &RunImageFile, salt: &str| {
            run_image::make(file, salt).map_err(|source| disk("make the run image", source))
        };
        let old = make(&scenario.file.run_image, &own_salt)?;
        store.run_image_becomes(&scenario.file.run_image);
        let published = store.publish(&old, &build_dir).await?;
        let mut made_by = MadeBy::Exporter;
        if let Some(recorded) = &rebase.recorded {
            let base = Base {
                name: &published.listed,
                mirrors: &published.mirrors,
                reference: &published.reference,
                digest: &old.analysed().digest,
            };
            let app = app_image::make(recorded, &old, &base).map_err(|source| disk("make the app image", source))?;
            if let Some(put) = self.app_name() {
                store.put_app(&app, put).await?;
            }
            made_by = MadeBy::Suite;
        }
        let analysis = published.analysis(None);
        let build = StepBuild { shared, scenario, step, build_dir: &build_dir };
        lay_out(build, &analysis)?;
        materialise::hand_over(scenario, step, &build_dir)?;
        let kept = keep_inputs(build, &analysis, id)?;
        let (file, new, published) = match &rebase.run_image {
            None => (scenario.file.run_image.clone(), old, published),
            Some(file) => {
                let new = make(file, &format!("{MOVED_ON}{own_salt}"))?;
                store.run_image_becomes(file);
                let published = if rebase.run_image_gone {
                    store.not_published(&new)
                } else {
                    store.publish(&new, &build_dir).await?
                };
                (file.clone(), new, published)
            }
        };
        Ok(Prepared { name, build_dir, new, published, file, made_by, kept })
    }

    /// The Platform API that the rebaser is told: the command line's, else its own, else the exporter's.
    fn platform_api(&self) -> &str {
        let options = &self.shared.options;
        let own = self.rebaser.platform_api.as_ref().filter(|_| options.exporter.asked_platform_api.is_none());
        platform_api(&self.scenario.file, self.step, own.unwrap_or(&options.platform_api))
    }

    fn call<S: Store>(&self, store: &S, given: RebaseCall<'_>, images: &[String], build_dir: &BuildDir) -> Invocation {
        let Self { shared, scenario, rebaser, step, .. } = *self;
        let made = self.with_call_places(store, build_dir, |call| {
            rebase_invocation(rebaser, &scenario.file, step, images, given, call)
        });
        with_certificates(StepBuild { shared, scenario, step, build_dir }, made)
    }

    /// What `ask` makes of the surroundings of a call.
    fn with_call_places<S: Store, T>(
        &self,
        store: &S,
        build_dir: &BuildDir,
        ask: impl FnOnce(&CallPlaces<'_>) -> T,
    ) -> T {
        let Self { shared, scenario, step, rebase, .. } = *self;
        let file = &scenario.file;
        let run_image = rebase.run_image.as_ref().map(|run_image| &run_image.name);
        let names = file.images_of(step).iter().chain([&file.run_image.name]).chain(&file.run_image.chosen_mirror);
        let in_use: Vec<RegistryEndpoint> =
            names.chain(run_image).chain(&rebase.previous_image).map(|name| RegistryEndpoint::split(name).0).collect();
        ask(&CallPlaces {
            build_dir,
            target: store.target(),
            insecure_registries: &shared.services.insecure_hosts(&in_use),
            docker_host: store.docker_host(),
            platform_api: self.platform_api(),
            owner: owner(step),
        })
    }
}
