//! `conformance demo`: from a source folder to a verdict, in a terminal, for a reader who has never seen it. Every step
//! runs the real programs, and what the demo says of a result it has looked at.

mod place;
mod tell;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use judge::evidence::{Document, Export, ScenarioEvidence, Target};
use judge::profile::Profile;
use judge::view::{PREFIX, RFC_KEYS};
use serde_json::Value;

use crate::base_status::State;
use crate::pipeline::judged::Judging;
use crate::pipeline::program::Call;
use crate::pipeline::programs::Programs;
use crate::pipeline::source::{SECRET, Source};
use crate::pipeline::way::{Prepared, Way, prepare};
use crate::pipeline::{PipelineError, scenario, write};
use crate::report::Report;
use crate::report::headline::{self, TargetAnswer};
use crate::scenario::{Scenario, from_folder};
use place::{DemoRegistry, PlaceError};
pub use tell::Tell;

/// The two ways that are shown, and the profile under which each is judged.
const SHOWN: [(Way, Profile); 2] =
    [(Way::Platform, Profile::Rfc196), (Way::Annotations, Profile::BuildpackAnnotations)];

/// Why the demo did not come to its end. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The source did not become a build.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The demo's registry.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// What is needed.
pub struct DemoOptions {
    /// The programs.
    pub programs: Programs,
    /// How builds are exported and judged.
    pub judging: Judging,
    /// A new or empty folder, in which everything is kept.
    pub folder: PathBuf,
}

/// Runs the demo; true where everything is as the proposal wants it.
///
/// # Errors
/// [`DemoError`].
pub async fn demo(settings: &DemoOptions, tell: &mut Tell) -> Result<bool, DemoError> {
    let begun = Instant::now();
    let DemoOptions { programs, judging, folder } = settings;
    tell.title("From a source folder to a verdict: every step is run, and what is said of it was looked at.");
    let (source, commit) = shown_source(folder, tell).await?;
    let platform = prepare(Way::Platform, programs, &folder.join("platform"), &source.folder, &commit).await?;
    shown_metadata(&platform, tell)?;
    let annotations = prepare(Way::Annotations, programs, &folder.join("buildpack"), &source.folder, &commit).await?;
    shown_buildpacks(&annotations, tell);
    let builds = [(Way::Platform, &platform), (Way::Annotations, &annotations)];
    let scenarios = scenarios(folder, &builds)?;
    let (report, evidence) = judging.judged(scenarios.clone()).await?;
    let mut is_right = shown_exports(&report, &evidence, tell);
    let registry = DemoRegistry::start().await?;
    let rebased = Box::pin(shown_rebase(settings, &registry, &scenarios[0], tell)).await;
    registry.stop().await;
    is_right &= rebased?;
    if holds_the_secret(folder, &evidence) {
        tell.line("the password of the remote's address is in what was published");
        is_right = false;
    }
    shown_end(folder, is_right, tell);
    tell.line(&format!("{:.1} s", begun.elapsed().as_secs_f64()));
    Ok(is_right)
}

async fn shown_source(folder: &Path, tell: &mut Tell) -> Result<(Source, String), DemoError> {
    tell.step("a source: a git repository with a project descriptor");
    let source = Source::make(&folder.join("source"), &folder.join("home")).await?;
    tell.line("source/project.toml says who made it, under which licences, and where it is described:");
    tell.quoted(crate::pipeline::source::DESCRIPTOR);
    let commit = source.commit("Greet again").await?;
    tell.line(&format!(
        "commit {}, one after the tag v1.4.0; the remote's address has a password in it",
        short(&commit)
    ));
    Ok((source, commit))
}

fn shown_metadata(platform: &Prepared, tell: &mut Tell) -> Result<(), DemoError> {
    tell.step(
        "the proposal's way: the platform writes project-metadata.toml, and the exporter makes annotations of it",
    );
    let path = platform.project_metadata();
    let text = crate::given::text(&path).map_err(|source| PipelineError::File { doing: "read", path, source })?;
    tell.line("$ project-metadata --source source -o platform/layers/project-metadata.toml");
    if let Some((_, ran)) = &platform.metadata {
        tell.quoted(&ran.stderr);
    }
    tell.quoted(&text);
    Ok(())
}

fn shown_buildpacks(annotations: &Prepared, tell: &mut Tell) {
    tell.step(
        "the review's way: a buildpack contributes annotations, from project.toml and what the platform tells it",
    );
    let ids: Vec<&str> = annotations.group.iter().map(|buildpack| buildpack.id.as_str()).collect();
    tell.line(&format!("detect: {}", ids.join(", ")));
    for built in &annotations.built {
        tell.line(&format!("build with {}:", built.id));
        tell.quoted(&built.ran.stdout);
    }
    tell.line("they stand in buildpack/layers/config/metadata.toml, next to processes and labels");
}

/// A scenario for each build, kept on disk so that a reader can run it again.
fn scenarios(folder: &Path, builds: &[(Way, &Prepared)]) -> Result<Vec<Scenario>, DemoError> {
    let root = folder.join("scenarios");
    for (way, build) in builds {
        let inputs = scenario::Inputs { app: &build.folders.app, layers: &build.folders.layers };
        let why = format!("The demo's source, by the way of the {}.", way.name());
        scenario::make(&root.join(way.name()), &why, &inputs, None)?;
    }
    let mut found = from_folder(&root).map_err(PipelineError::from)?;
    // The proposal's way first.
    found.sort_by_key(|scenario| scenario.name != Way::Platform.name());
    Ok(found)
}

/// What is on the manifests, and the verdicts; whether all nine are wherever a store keeps annotations, and all is
/// conformant.
fn shown_exports(report: &Report, evidence: &[ScenarioEvidence], tell: &mut Tell) -> bool {
    tell.step("both are exported to every store available, and judged");
    let mut is_right = true;
    for (way, profile) in SHOWN {
        let Some(found) = evidence.iter().find(|found| found.scenario == way.name()) else { return false };
        tell.line(&format!("{}:", way.name()));
        for export in &found.exports {
            let (seen, is_whole) = shown_annotations(export);
            tell.line(&format!("  {:<18} {seen}", export.service));
            is_right &= export.outcome.succeeded() && is_whole;
        }
        for missing in &found.not_run {
            tell.line(&format!("  {:<18} not available", missing.service));
        }
        let own: Vec<_> = report.verdicts.iter().filter(|verdict| verdict.scenario == way.name()).cloned().collect();
        let headlines = headline::headlines(&own, &report.targets, &profile, headline::Extent::Full);
        if let Some(headline) = headlines.iter().find(|headline| headline.profile == profile.name()) {
            tell.line(&format!("  verdict under {}: {}", headline.profile, headline.text));
            is_right &= headline.targets.values().all(|standing| *standing != TargetAnswer::NotConformant);
        }
    }
    if let Some(export) = evidence.iter().flat_map(|found| &found.exports).find(|export| export.service == "registry") {
        tell.line("what a registry has of it:");
        tell.quoted(&listed(&annotations_of(export).0));
    }
    is_right
}

/// How many of the nine an export has, in words; and whether that is all that its store can have.
fn shown_annotations(export: &Export) -> (String, bool) {
    let (found, keeps) = annotations_of(export);
    if !keeps {
        return ("no manifest is kept here, so no annotations".to_owned(), export.target == Target::Daemon);
    }
    let has = |keys: &[&str]| keys.iter().filter(|key| found.contains_key(&format!("{PREFIX}{key}"))).count();
    let (base, all) = (has(&RFC_KEYS[..2]), has(&RFC_KEYS));
    let is_loaded = export.target == Target::Daemon && base == 0;
    let why = if is_loaded { ": of a run image that was loaded no digest is known" } else { "" };
    (format!("{all} of 9 annotations{why}"), all == RFC_KEYS.len() || (is_loaded && all == RFC_KEYS.len() - 2))
}

/// The annotations of an exported manifest, and whether its store keeps manifests.
fn annotations_of(export: &Export) -> (BTreeMap<String, String>, bool) {
    let Some(manifest) = export.image.as_ref().and_then(|image| image.manifest.as_ref()) else {
        return (BTreeMap::new(), false);
    };
    (annotations(&manifest.bytes), true)
}

fn annotations(manifest: &[u8]) -> BTreeMap<String, String> {
    let parsed: Value = serde_json::from_slice(manifest).unwrap_or_default();
    serde_json::from_value(parsed["annotations"].clone()).unwrap_or_default()
}

fn listed(annotations: &BTreeMap<String, String>) -> String {
    let lines = annotations.iter().map(|(key, value)| {
        let key = key.strip_prefix(PREFIX).unwrap_or(key);
        let value = if value.starts_with("sha256:") { short(value) } else { value.clone() };
        format!("{key:<14} {value}\n")
    });
    lines.collect()
}

/// An export to a registry that stays, a run image that moves on, and a rebase.
async fn shown_rebase(
    settings: &DemoOptions,
    registry: &DemoRegistry,
    scenario: &Scenario,
    tell: &mut Tell,
) -> Result<bool, DemoError> {
    tell.step("the run image moves on: is the image behind, and does a rebase keep what is said of the source?");
    let folder = &settings.folder;
    registry.publish(scenario, "").await?;
    let platform_api = registry.export(&settings.judging.exporter, scenario, &folder.join("export")).await?;
    tell.line(&format!("$ exporter … {}", registry.image()));
    let before = registry.manifest(&registry.image()).await?;
    keep(folder, "before-the-rebase.json", &before.bytes)?;
    let first = shown_status(registry, &before, tell).await?;
    registry.publish(scenario, "a security fix").await?;
    tell.line("the run image is published anew under the same tag");
    let second = shown_status(registry, &before, tell).await?;
    rebase(settings, registry, &platform_api).await?;
    tell.line(&format!("$ rebaser -force … {}", registry.image()));
    let after = registry.manifest(&registry.image()).await?;
    keep(folder, "after-the-rebase.json", &after.bytes)?;
    let third = shown_status(registry, &after, tell).await?;
    let (one, two) = (of_the_source(&before.bytes), of_the_source(&after.bytes));
    let stays = if one == two { "as they were" } else { "CHANGED" };
    tell.line(&format!("  the {} annotations of the source are {stays}", one.len()));
    let moved = (first, second, third) == (State::UpToDate, State::Newer, State::UpToDate);
    Ok(moved && one == two && one.len() == RFC_KEYS.len() - 2)
}

async fn shown_status(registry: &DemoRegistry, image: &Document, tell: &mut Tell) -> Result<State, DemoError> {
    let row = registry.base_status().await?;
    let now = short(row.current_digest.as_deref().unwrap_or_default());
    let status = match row.state {
        State::UpToDate => "its base is current: base.name means base.digest".to_owned(),
        State::Newer => format!("its base is behind: base.name means {now} by now"),
        _ => format!("its base is not known: {}", row.note),
    };
    tell.line(&format!("  {}, {status}", short(image.digest.as_str())));
    Ok(row.state)
}

/// Calls the rebaser; forced, because an exported image is not rebasable without (docs/rebase.md).
async fn rebase(settings: &DemoOptions, registry: &DemoRegistry, platform_api: &str) -> Result<(), DemoError> {
    let folder = &settings.folder;
    let rebaser = settings.programs.rebaser(&folder.join("bin"))?;
    let report = folder.join("rebase-report.toml").display().to_string();
    let (run_image, image) = (registry.run_image(), registry.image());
    let call = Call::new(&rebaser, folder)
        .variable("CNB_PLATFORM_API", platform_api)
        .variable("DOCKER_CONFIG", folder.join("home"))
        .with(["-force", "-insecure-registry", registry.host(), "-report", &report, "-run-image", &run_image, &image]);
    call.succeed().await?;
    Ok(())
}

/// The annotations of a manifest except for those of its base.
fn of_the_source(manifest: &[u8]) -> BTreeMap<String, String> {
    let mut found = annotations(manifest);
    found.retain(|key, _| !key.starts_with(&format!("{PREFIX}base.")));
    found
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), DemoError> {
    Ok(write(&folder.join(name), &String::from_utf8_lossy(bytes))?)
}

/// Whether the remote's password is in anything that was published or handed to an exporter.
fn holds_the_secret(folder: &Path, evidence: &[ScenarioEvidence]) -> bool {
    let documents = evidence.iter().flat_map(|found| &found.exports).filter_map(|export| export.image.as_ref());
    let documents = documents.flat_map(|image| image.manifest.iter().chain(&image.config));
    let published = documents.filter_map(Document::text).any(|text| text.contains(SECRET));
    let kept = walkdir::WalkDir::new(folder.join("scenarios")).into_iter().flatten();
    let files = kept.filter(|entry| entry.file_type().is_file());
    let is_secret = |bytes: Vec<u8>| bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    published || files.filter_map(|entry| std::fs::read(entry.path()).ok()).any(is_secret)
}

fn shown_end(folder: &Path, is_right: bool, tell: &mut Tell) {
    tell.step(if is_right { "all of it is as it should be" } else { "NOT all of it is as it should be: see above" });
    tell.line(&format!("everything is kept in {}", folder.display()));
    tell.line("  before-the-rebase.json, after-the-rebase.json   the manifests");
    tell.line("  platform/layers, buildpack/layers               what the exporter was given");
    tell.line("  scenarios                                       run them: conformance run --scenarios …/scenarios");
}

/// A digest or commit as far as a reader needs it.
fn short(digest: &str) -> String {
    let (algorithm, hash) = digest.split_once(':').map_or(("", digest), |(algorithm, hash)| (algorithm, hash));
    let colon = if algorithm.is_empty() { "" } else { ":" };
    format!("{algorithm}{colon}{}…", hash.get(..12).unwrap_or(hash))
}
