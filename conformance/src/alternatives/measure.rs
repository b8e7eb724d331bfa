//! Measures every way: one source is built by each, exported, exported again with another commit and nothing else
//! changed, and once more without any change, to a registry and a layout, and judged.

use std::path::Path;

use judge::evidence::{Export, ScenarioEvidence, Target, WireRecord};
use judge::profile::Profile;
use judge::view::{PREFIX, RFC_KEYS};
use serde_json::Value;

use super::record::{Change, Record, Times, WayFacts};
use crate::pipeline::judged::Judging;
use crate::pipeline::programs::Programs;
use crate::pipeline::source::Source;
use crate::pipeline::way::{Prepared, Way, prepare};
use crate::pipeline::{PipelineError, scenario};
use crate::report::Report;
use crate::report::headline;
use crate::scenario::from_folder;

/// The file whose layer a buildpack's contributions are in.
const METADATA: &str = "config/metadata.toml";

/// Measures, in `folder`, which is new or empty.
///
/// # Errors
/// [`PipelineError`].
pub async fn measure(programs: &Programs, judging: &Judging, folder: &Path) -> Result<Record, PipelineError> {
    let source = Source::make(&folder.join("source"), &folder.join("home")).await?;
    let first = source.commit("First").await?;
    let mut builds = Vec::new();
    for way in Way::ALL {
        builds
            .push((way, prepare(way, programs, &folder.join("first").join(way.name()), &source.folder, &first).await?));
    }
    let second = source.commit("Second").await?;
    let scenarios = folder.join("scenarios");
    for (way, build) in &builds {
        let next = prepare(*way, programs, &folder.join("second").join(way.name()), &source.folder, &second).await?;
        let inputs = scenario::Inputs { app: &build.folders.app, layers: &build.folders.layers };
        let later = scenario::Later { name: "second", layers: &next.folders.layers };
        let why = format!("One source by the way {}, and another commit of it.", way.name());
        scenario::make(&scenarios.join(way.name()), &why, &inputs, Some(&later))?;
    }
    let (report, evidence) = judging.judged(from_folder(&scenarios)?).await?;
    let ways = builds.iter().map(|(way, build)| facts(*way, build, &report, &evidence)).collect::<Result<_, _>>()?;
    Ok(Record { exporter: report.exporter.name, ways })
}

fn facts(
    way: Way,
    build: &Prepared,
    report: &Report,
    evidence: &[ScenarioEvidence],
) -> Result<WayFacts, PipelineError> {
    let wrong = |reason: &str| PipelineError::Program {
        program: report.exporter.path.clone(),
        source: format!("measured on the way {}: {reason}", way.name()).into(),
    };
    let found = evidence.iter().find(|found| found.scenario == way.name()).ok_or_else(|| wrong("nothing was run"))?;
    let of = |target: Target| found.exports.iter().filter(|export| export.target == target).collect::<Vec<_>>();
    let (registry, layout) = (of(Target::Registry), of(Target::Layout));
    let [first, second, third] = registry.as_slice() else { return Err(wrong("three exports were not made")) };
    if let Some(failed) = found.exports.iter().find(|export| !export.outcome.succeeded()) {
        return Err(wrong(&format!("the export {} failed: {}", failed.id, failed.outcome.stderr.trim())));
    }
    let whole = "an image was not observed whole";
    let own: Vec<_> = report.verdicts.iter().filter(|verdict| verdict.scenario == way.name()).cloned().collect();
    let answers = headline::headlines(&own, &report.targets, &Profile::Rfc196, headline::Extent::Full);
    Ok(WayFacts {
        way: way.name().to_owned(),
        annotations: found
            .exports
            .iter()
            .filter(|export| export.step == 1)
            .map(|export| (export.service.clone(), manifest(export).map(|manifest| nine_of(&manifest["annotations"]))))
            .collect(),
        labels: config(first).map(|config| nine_of(&config["config"]["Labels"])).unwrap_or_default(),
        manifest_bytes: size(first, true).ok_or_else(|| wrong(whole))?,
        config_bytes: size(first, false).ok_or_else(|| wrong(whole))?,
        metadata_layer_bytes: metadata_layer(first).ok_or_else(|| wrong(whole))?,
        other_commit: change(first, second),
        reproducible: second.manifest_digest().is_some() && second.manifest_digest() == third.manifest_digest(),
        layout_has_the_digest: layout.first().is_some_and(|layout| layout.manifest_digest() == first.manifest_digest()),
        answers: answers.into_iter().map(|headline| (headline.profile, headline.text)).collect(),
        times: Times {
            project_metadata: build.metadata.as_ref().map(|(_, ran)| ran.milliseconds),
            buildpack: build.buildpack_milliseconds(),
            export: first.outcome.milliseconds,
        },
    })
}

fn manifest(export: &Export) -> Option<Value> {
    serde_json::from_slice(&export.image.as_ref()?.manifest.as_ref()?.bytes).ok()
}

fn config(export: &Export) -> Option<Value> {
    serde_json::from_slice(&export.image.as_ref()?.config.as_ref()?.bytes).ok()
}

fn size(export: &Export, is_manifest: bool) -> Option<usize> {
    let image = export.image.as_ref()?;
    let document = if is_manifest { &image.manifest } else { &image.config };
    document.as_ref().map(|document| document.bytes.len())
}

fn nine_of(map: &Value) -> usize {
    RFC_KEYS.iter().filter(|key| map.get(format!("{PREFIX}{key}")).is_some()).count()
}

/// Bytes of the layer with the file of buildpacks' contributions.
fn metadata_layer(export: &Export) -> Option<u64> {
    let layers = &export.image.as_ref()?.layers;
    let blobs = layers.iter().filter_map(|layer| layer.blob.as_ref());
    blobs.filter(|blob| blob.entries.iter().any(|entry| entry.path.ends_with(METADATA))).map(|blob| blob.size).next()
}

fn change(before: &Export, after: &Export) -> Change {
    let layers = |export: &Export| -> Vec<Value> {
        manifest(export).and_then(|manifest| manifest["layers"].as_array().cloned()).unwrap_or_default()
    };
    let (old, new) = (layers(before), layers(after));
    let sent = after.wire.iter().flatten().filter(|record| is_upload(record)).collect::<Vec<_>>();
    Change {
        layers: new.iter().filter(|layer| !old.contains(layer)).count(),
        of_layers: new.len(),
        config: before.image_id() != after.image_id(),
        manifest: before.manifest_digest() != after.manifest_digest(),
        sent_blobs: sent.iter().filter(|record| record.method == "PUT" && record.status == 201).count(),
        sent_bytes: sent.iter().map(|record| record.request_bytes).sum(),
    }
}

fn is_upload(record: &WireRecord) -> bool {
    record.target.contains("/blobs/uploads/") && matches!(record.method.as_str(), "PUT" | "PATCH" | "POST")
}
