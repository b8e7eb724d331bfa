//! Immutability: digests that are true, reports that agree with what is served, and the same inputs giving the same.

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use std::collections::BTreeSet;

use super::annotating::{Annotating, is_run_image_s};
use crate::digest::Digest;
use crate::evidence::{Compression, Document, End, EntryKind, Export, Image, Inputs, Layer, Stream, Target};
use crate::json::Json;
use crate::requirement::{
    Case, Needs, REGISTRY, Requirement, Source, UNSEEN, WITH_MANIFEST, holds_when, not_applicable, violated,
};
use crate::verdict::{Finding, Level};
use crate::view;

const REPORT: Source = Source::platform("report.toml");
const REPRODUCIBLE: Source = Source::platform("Build Reproducibility");
const OUTPUTS: Source = Source::platform("exporter, Outputs");
const ADDRESSING: Source = Source::oci_descriptor("Digests");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "digest.report-agrees",
        "report.toml has the digest of the bytes served",
        REPORT,
        |case| case.each_image(the_report_has_the_digest_served),
    )
    .because("platforms take the digest from the report to sign, deploy or scan the image")
    .looks_like(
        "report.toml has another digest than the tag serves, often one from before the last change of the manifest",
    )
    .fix("take the digest from the bytes that were sent")
    .on(REGISTRY),
    Requirement::new(
        Level::Must,
        "digest.report-manifest-size",
        "report.toml has the manifest's length in bytes",
        REPORT,
        |case| case.each_image(the_report_has_the_manifest_s_size),
    )
    .because("together with the digest the size makes a descriptor, which is refused when one of them is wrong")
    .looks_like("image.manifest-size is missing or not the length of the bytes served")
    .fix("count the bytes that were sent")
    .on(REGISTRY),
    Requirement::new(Level::Must, "digest.report-tags", "report.toml lists every tag and no other", REPORT, |case| {
        case.each(the_report_lists_every_tag)
    })
    .because("platforms learn from the report what was written")
    .looks_like("a tag is missing in image.tags, or one is there that was not asked for")
    .fix("list every <image> that was written")
    // RFC 0119 refers to an image in a layout by its path, and nothing says which of the two its `tags` are.
    .on(&[Target::Registry, Target::Daemon])
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "digest.descriptors-true",
        "each descriptor's size, digest and packing are those of the blob served",
        ADDRESSING,
        |case| case.each_image(descriptors_are_true),
    )
    .because("everything below a manifest is found by these digests and sizes")
    .looks_like(
        "a descriptor's digest or size is not that of the blob under it, or its media type names another packing",
    )
    .fix("compute both from the bytes that are sent, and name the packing that they have")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "digest.diff-ids-true",
        "layer i decompresses to bytes whose sha256 is diff_ids[i], and there are as many of both",
        Source::oci_config("Properties, rootfs"),
        |case| case.each_image(layers_are_those_of_the_config),
    )
    .because("runtimes check every layer against its diffID and refuse the image otherwise")
    .looks_like("a layer decompresses to other bytes than diff_ids says, or counts differ")
    .fix("keep layers and diffIDs in one list"),
    Requirement::new(
        Level::Should,
        "digest.history-true",
        "a history's non-empty entries number the layers",
        Source::oci_config("Properties, history"),
        |case| case.each_image(the_history_numbers_the_layers),
    )
    .because("tools match history and layers by counting; a wrong count shows each layer under another's line")
    .looks_like("the entries without empty_layer are more or fewer than the layers")
    .fix("append one entry for each layer added")
    .when("there is a history, and the run image's own numbers its layers"),
    Requirement::new(
        Level::Must,
        "digest.all-tags-same",
        "every image reference serves the same digest",
        OUTPUTS,
        |case| case.each(every_tag_is_the_same_image),
    )
    .because("all references of one export are the same app image")
    .looks_like("one <image> serves another digest, or nothing")
    .fix("make the manifest once and put it under every tag")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "digest.same-inputs-same-digest",
        "two exports of identical inputs at the same paths have one manifest digest",
        REPRODUCIBLE,
        |case| repeats_agree(case, "manifest digest", |export| export.manifest_digest().map(ToString::to_string)),
    )
    .because("a digest that changes with nothing cannot be compared or cached")
    .looks_like("two exports of one build have different manifest digests")
    .fix("look for times, random order and temporary paths in manifest and config")
    .when("the same build was exported more than once")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "digest.same-inputs-same-image-id",
        "two exports of identical inputs at the same paths have one imageID",
        REPRODUCIBLE,
        |case| repeats_agree(case, "imageID", |export| export.image_id().map(ToString::to_string)),
    )
    .because(
        "the imageID covers the config and, by the diffIDs, all content; it has to be the same when they \
are",
    )
    .looks_like("two exports of one build have different configs")
    .fix("look for times, random order and temporary paths in config and layers")
    .when("the same build was exported more than once"),
    Requirement::new(
        Level::Should,
        "digest.environment-independent",
        "other surroundings of the exporter's process and of its input files give the same image",
        REPRODUCIBLE,
        surroundings_change_nothing,
    )
    .because("a build that depends on the machine around it cannot be reproduced elsewhere")
    .looks_like("another time zone, umask, locale, folder, host name or file order gives another digest")
    .fix("set modes, times, owners and order explicitly when layers are written, and print times in UTC")
    .when("the same build was exported in other surroundings, and a repeat in the same ones does not differ already"),
    Requirement::new(
        Level::Should,
        "digest.source-date-epoch",
        "created is SOURCE_DATE_EPOCH, or a constant without it",
        OUTPUTS,
        |case| case.each_image(|export, image| created_is_given_or_constant(case, export, image)),
    )
    .because("the variable lets a platform say when, and without it a constant keeps images comparable")
    .looks_like("created is the time of the export, or ignores SOURCE_DATE_EPOCH")
    .fix("use SOURCE_DATE_EPOCH where it is set, else one constant"),
    Requirement::new(
        Level::Should,
        "digest.mtimes-constant",
        "all entries of new layers have one modification time",
        OUTPUTS,
        |case| case.each_image(entries_have_one_time),
    )
    .because("times of files differ from checkout to checkout, and would make every layer a new one")
    .looks_like("entries of new layers have different modification times")
    .fix("set one constant time on every entry"),
    Requirement::new(
        Level::Must,
        "digest.annotations-change-manifest",
        "other annotations give another manifest digest",
        ADDRESSING,
        other_annotations_are_another_manifest,
    )
    .because("annotations are part of the manifest's bytes, so other annotations are another digest")
    .looks_like("two manifests with different annotations are named by one digest")
    .fix("compute the digest after the annotations are set")
    .when("two exports of one build differ in their annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "digest.annotations-keep-layers",
        "other project metadata gives the same layer digests and diffIDs",
        REPRODUCIBLE,
        other_project_metadata_keeps_the_layers,
    )
    .because("what is said about an image is not a part of its content, and layers have to stay shareable")
    .looks_like("another project-metadata.toml gives other layers")
    .fix("keep project metadata in manifest and label, out of every layer")
    .when("two exports differ in nothing but project-metadata.toml, and a repeat does not differ already"),
    Requirement::new(
        Level::Must,
        "digest.old-digest-untouched",
        "the exporter deletes nothing and puts nothing else under an existing digest",
        ADDRESSING,
        |case| case.each(|export| nothing_old_is_touched(case, export)),
    )
    .because("whoever deployed by digest relies on it; an export moves tags and destroys nothing")
    .looks_like("a DELETE, or a PUT of other bytes under a digest that was there already")
    .fix("write new manifests and move tags, nothing else")
    .when("a recorder stood between exporter and registry, and the build was accepted")
    .on(REGISTRY)
    .needing(Needs::Process),
];

/// The table `image` of the report.
pub(super) fn report(export: &Export) -> Option<toml::Table> {
    let table: toml::Table = export.report.as_ref()?.text()?.parse().ok()?;
    table.get("image")?.as_table().cloned()
}

fn in_report(export: &Export, key: &str) -> Option<toml::Value> {
    report(export)?.get(key).cloned()
}

fn shown(value: Option<&toml::Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| view::cut(&value.to_string()))
}

pub(super) fn the_report_has_the_digest_served(export: &Export, _: &Image) -> Finding {
    let served = export.manifest_digest().map(ToString::to_string).unwrap_or_default();
    let found = in_report(export, "digest");
    holds_when(found.as_ref().and_then(toml::Value::as_str) == Some(&served), || {
        violated(
            "the report's digest is not that of the manifest served",
            served,
            shown(found.as_ref()),
            export.at("report.toml#image.digest"),
        )
    })
}

pub(super) fn the_report_has_the_manifest_s_size(export: &Export, image: &Image) -> Finding {
    let size = image.manifest.as_ref().map_or(0, |manifest| manifest.bytes.len());
    let found = in_report(export, "manifest-size");
    let is_it = match &found {
        Some(toml::Value::Integer(number)) => usize::try_from(*number) == Ok(size),
        Some(toml::Value::String(text)) => *text == size.to_string(),
        _ => false,
    };
    holds_when(is_it, || {
        violated(
            "the report's manifest size is not that of the bytes served",
            size,
            shown(found.as_ref()),
            export.at("report.toml#image.manifest-size"),
        )
    })
}

pub(super) fn the_report_lists_every_tag(export: &Export) -> Finding {
    let qualified =
        |text: &str| crate::reference::Reference::parse(text).map_or_else(|_| text.to_owned(), |r| r.to_string());
    let mut expected: Vec<String> = export.inputs.images.iter().map(|image| qualified(image)).collect();
    let listed = in_report(export, "tags");
    let tags = listed.as_ref().and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<String> = tags.iter().filter_map(toml::Value::as_str).map(qualified).collect();
    expected.sort();
    expected.dedup();
    found.sort();
    found.dedup();
    holds_when(expected == found && tags.iter().all(toml::Value::is_str), || {
        violated(
            "the report's tags are not those exported to",
            expected.join(", "),
            shown(listed.as_ref()),
            export.at("report.toml#image.tags"),
        )
    })
}

fn descriptors_are_true(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return violated("the manifest is not JSON", "JSON", "something else", export.at("manifest.json"));
    };
    let place = |pointer: &str| export.at(&format!("manifest.json#{pointer}"));
    let named = |descriptor: Option<&Json>| {
        let digest = descriptor.and_then(|one| one.get("digest")?.as_str()).unwrap_or("none").to_owned();
        (digest, descriptor.and_then(|one| one.get("size")?.as_u64()))
    };
    let told = |(digest, size): &(String, Option<u64>)| {
        format!("{digest}, {} bytes", size.map_or_else(|| "no".to_owned(), |size| size.to_string()))
    };
    let (claimed, config) = (named(manifest.get("config")), image.config.as_ref());
    // A digest is held against one of its own algorithm.
    let likewise = |document: &Document| match Digest::parse(&claimed.0) {
        Ok(name) => name.likewise(&document.bytes).to_string(),
        Err(_) => document.digest.to_string(),
    };
    let found = config.map_or(("nothing".to_owned(), None), |c| (likewise(c), Some(c.bytes.len() as u64)));
    // A credential in it is left out of what is kept, so that it cannot be hashed any more.
    let is_kept = !export.outcome.credentials_printed.iter().flatten().any(|place| *place == Stream::Config);
    if is_kept && claimed != found {
        return violated("the config's descriptor is not true", told(&claimed), told(&found), place("/config"));
    }
    let Some(layers) = manifest.get("layers").and_then(Json::items) else {
        return violated("the manifest has no list of layers", "an array", "something else", place("/layers"));
    };
    let mut unverified = None;
    for (index, descriptor) in layers.iter().enumerate() {
        let layer = image.layers.get(index);
        let blob = layer.and_then(|layer| layer.blob.as_ref());
        // What is to be fetched elsewhere need not be served, but what is served has to be true.
        let is_elsewhere = blob.is_none() && descriptor.get("urls").is_some();
        if layer.is_some_and(|layer| layer.left_out) || is_elsewhere {
            continue;
        }
        let claimed = named(Some(descriptor));
        let name = Digest::parse(&claimed.0).ok();
        let is_other = name.as_ref().is_some_and(|name| name.algorithm() != "sha256");
        let of_the_blob = blob.map(|blob| if is_other { blob.named.clone() } else { Some(blob.digest.clone()) });
        if let (Some(None), Some(name)) = (&of_the_blob, &name) {
            unverified.get_or_insert_with(|| format!("layer {index} was not hashed by {}", name.algorithm()));
        }
        let size = blob.map(|blob| blob.size);
        let found = match of_the_blob {
            Some(Some(digest)) => (digest.to_string(), size),
            // Its size can be wrong all the same.
            Some(None) => (claimed.0.clone(), size),
            None => ("nothing".to_owned(), None),
        };
        if claimed != found {
            return violated(
                format!("the descriptor of layer {index} is not true"),
                told(&claimed),
                told(&found),
                place(&format!("/layers/{index}")),
            );
        }
        let media_type = descriptor.get("mediaType").and_then(Json::as_str).unwrap_or_default();
        // No bytes at all are packed in no way.
        let is_packed = blob.filter(|blob| blob.size > 0).map(|blob| blob.compression);
        if is_packed.is_some() && packing(media_type).is_some_and(|named| Some(named) != is_packed) {
            let message = format!("layer {index} is not packed as its media type says");
            return violated(
                message,
                media_type,
                match is_packed {
                    Some(Compression::Gzip) => "gzip",
                    Some(Compression::Zstd) => "zstd",
                    _ => "a plain tar",
                },
                place(&format!("/layers/{index}/mediaType")),
            );
        }
    }
    unverified.map_or(Finding::Holds, Finding::Skipped)
}

/// How a layer of this media type is packed, where it is one of the OCI's or Docker's.
fn packing(media_type: &str) -> Option<Compression> {
    let is_layer = media_type.starts_with("application/vnd.oci.image.layer.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.");
    let ends = [(".tar", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
    ends.into_iter().find(|(end, _)| is_layer && media_type.ends_with(end)).map(|(_, packing)| packing)
}

fn layers_are_those_of_the_config(export: &Export, image: &Image) -> Finding {
    let ids = view::diff_ids(image.config.as_ref());
    let place = export.at("config.json#/rootfs/diff_ids");
    if ids.len() != image.layers.len() {
        let expected = format!("{} diff_ids", image.layers.len());
        return violated("the config has not as many diffIDs as there are layers", expected, ids.len(), place);
    }
    for (index, (id, layer)) in ids.iter().zip(&image.layers).enumerate() {
        if layer.left_out {
            continue;
        }
        if layer.whole_diff_id().is_some_and(|found| found.as_str() == id) {
            continue;
        }
        let problem = layer.problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
        let found =
            layer.blob.as_ref().map_or_else(|| "nothing".to_owned(), |blob| blob.diff_id.to_string()) + &problem;
        return violated(format!("layer {index} is not what diff_ids[{index}] says"), id, found, place);
    }
    Finding::Holds
}

/// Non-empty entries of a history; none where there is no history.
fn non_empty(config: Option<&crate::evidence::Document>) -> Option<usize> {
    let config = view::json(config)?;
    let history = config.get("history")?.items()?;
    let is_empty = |entry: &&Json| matches!(entry.get("empty_layer"), Some(Json::Bool(true)));
    Some(history.iter().filter(|entry| !is_empty(entry)).count())
}

fn the_history_numbers_the_layers(export: &Export, image: &Image) -> Finding {
    let base = non_empty(Some(export.run_image.base_config()));
    if base.is_some_and(|count| count != view::base_count(export)) {
        return not_applicable("the run image's own history does not number its layers");
    }
    let Some(found) = non_empty(image.config.as_ref()) else { return not_applicable("there is no history") };
    let expected = view::diff_ids(image.config.as_ref()).len();
    holds_when(found == expected, || {
        violated("the history does not number the layers", expected, found, export.at("config.json#/history"))
    })
}

pub(super) fn every_tag_is_the_same_image(export: &Export) -> Finding {
    let first = export.tags.first().and_then(|tag| tag.digest.clone());
    if let Some(image) = export.inputs.images.iter().find(|image| export.tags.iter().all(|t| t.reference != **image)) {
        return violated(format!("{image} is not there"), "a manifest", "nothing", export.at("tags.json"));
    }
    for tag in &export.tags {
        if tag.digest.is_none() {
            let found = match tag.status {
                200 => "a document of more bytes than are read of one".to_owned(),
                status => format!("status {status}"),
            };
            return violated(format!("{} is not there", tag.reference), "a manifest", found, export.at("tags.json"));
        }
        if tag.digest != first {
            let (expected, found) = (first.unwrap_or_default(), tag.digest.clone().unwrap_or_default());
            return violated(
                format!("{} is another image than the first tag", tag.reference),
                expected,
                found,
                export.at("tags.json"),
            );
        }
    }
    holds_when(!export.tags.is_empty(), || {
        violated("no tag was written", "one at least", "none", export.at("tags.json"))
    })
}

fn repeats_agree(case: &Case<'_>, what: &str, of: impl Fn(&Export) -> Option<String>) -> Finding {
    let pairs = case.repeats();
    if pairs.is_empty() {
        return not_applicable("no build was exported twice with the same inputs");
    }
    for (first, second) in pairs {
        if let (Some(expected), Some(found)) = (of(first), of(second))
            && expected != found
        {
            return violated(format!("the same inputs gave another {what}"), expected, found, second.at("export.json"));
        }
    }
    Finding::Holds
}

/// Whether a repeat of one build differs already, so that nothing that rests on repetition can be judged.
pub(super) fn a_repeat_differs(case: &Case<'_>) -> bool {
    let image_id = |export: &Export| export.image_id().cloned();
    case.repeats().into_iter().any(|(first, second)| image_id(first) != image_id(second))
}

/// What is the same when an export is the same: the manifest's digest on a registry, elsewhere the imageID.
fn identity(export: &Export) -> Option<&crate::digest::Digest> {
    if export.target == Target::Registry { export.manifest_digest() } else { export.image_id() }
}

fn surroundings_change_nothing(case: &Case<'_>) -> Finding {
    if case.repeats().into_iter().any(|(first, second)| identity(first) != identity(second)) {
        return not_applicable("an identical repeat differs already");
    }
    let pairs = case.pairs_that_differ_in(|differences| differences == ["surroundings"]);
    if pairs.is_empty() {
        return not_applicable("no build was exported in other surroundings");
    }
    // Of all pairs that differ, the one with the fewest other surroundings says best which made the difference.
    let differing = pairs.into_iter().filter(|(first, second)| identity(first) != identity(second));
    let worst = differing.min_by_key(|(first, second)| other_surroundings(&first.inputs, &second.inputs).len());
    let Some((first, second)) = worst else { return Finding::Holds };
    let shown = |export: &Export| identity(export).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let names = other_surroundings(&first.inputs, &second.inputs).join(", ");
    violated(
        format!("the same build came out other with other surroundings: {names}"),
        shown(first),
        shown(second),
        second.at("export.json#/inputs/surroundings"),
    )
}

/// Names of the surroundings in which two exports differ.
fn other_surroundings(one: &Inputs, two: &Inputs) -> Vec<String> {
    let names: BTreeSet<&String> = one.surroundings.keys().chain(two.surroundings.keys()).collect();
    let mut found: Vec<String> =
        names.into_iter().filter(|name| one.surroundings.get(*name) != two.surroundings.get(*name)).cloned().collect();
    if found.is_empty() {
        // Told by the environment alone.
        found.extend(
            ["TZ", "LC_ALL", "LANG", "TMPDIR", "HOME"]
                .into_iter()
                .filter(|name| one.environment.get(*name) != two.environment.get(*name))
                .map(str::to_owned),
        );
    }
    found
}

fn created(image: &Image) -> Option<String> {
    Some(view::json(image.config.as_ref())?.get("created")?.as_str()?.to_owned())
}

fn created_is_given_or_constant(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let place = export.at("config.json#/created");
    let Some(found) = created(image) else {
        // An absent time is as constant as any; one that was asked for is missing.
        return holds_when(export.inputs.source_date_epoch.is_none(), || {
            violated("created is missing", "SOURCE_DATE_EPOCH", "nothing", place)
        });
    };
    let seconds = found.parse::<jiff::Timestamp>().ok();
    if let Some(epoch) = export.inputs.source_date_epoch {
        let is_it = seconds.is_some_and(|time| time.as_second() == epoch && time.subsec_nanosecond() == 0);
        return holds_when(is_it, || violated("created is not SOURCE_DATE_EPOCH", epoch, &found, place));
    }
    for other in case.good().filter(|other| other.inputs.source_date_epoch.is_none()) {
        if let Some(expected) = other.image.as_ref().and_then(created).filter(|created| *created != found) {
            return violated("created differs from one export to the next", expected, &found, place);
        }
    }
    // No constant is of the day on which the exporter happened to run.
    let is_now = seconds.is_some_and(|time| (time.as_second() - export.outcome.started).abs() < DAY);
    holds_when(!is_now, || violated("created is the time of the export", "a constant", &found, place))
}

/// Seconds of a day.
const DAY: i64 = 86_400;

fn entries_have_one_time(export: &Export, image: &Image) -> Finding {
    let mut first: Option<(i64, &str)> = None;
    for (index, layer) in view::new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries).filter(|entry| entry.kind != EntryKind::Other) {
            match first {
                None => first = Some((entry.mtime, &entry.path)),
                Some((time, path)) if time != entry.mtime => {
                    return violated(
                        "entries of new layers have different modification times",
                        format!("{time}, as {path}"),
                        format!("{} of {} in layer {index}", entry.mtime, entry.path),
                        export.at("export.json#/image/layers"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    Finding::Holds
}

fn other_annotations_are_another_manifest(case: &Case<'_>) -> Finding {
    let annotated = |export: &Export| export.image.as_ref().map(view::annotations).unwrap_or_default();
    let mut result = not_applicable("no two exports of one build differ in their annotations");
    let good: Vec<&Export> = case.good().collect();
    for (index, first) in good.iter().enumerate() {
        for second in &good[index + 1..] {
            if annotated(first) == annotated(second) || annotated(first).is_empty() && annotated(second).is_empty() {
                continue;
            }
            let (one, two) = (served(first), served(second));
            if one.is_some() && one == two {
                let place = second.at("tags.json");
                return violated(
                    "other annotations under the same digest",
                    "another digest",
                    two.unwrap_or_default(),
                    place,
                );
            }
            result = Finding::Holds;
        }
    }
    result
}

/// What the tag was said to name: the registry's word, not the hash of the bytes, which cannot be the same.
fn served(export: &Export) -> Option<String> {
    export.tags.first()?.digest.clone()
}

fn other_project_metadata_keeps_the_layers(case: &Case<'_>) -> Finding {
    if a_repeat_differs(case) {
        return not_applicable("an identical repeat differs already");
    }
    let only_project_metadata = |differences: &[String]| {
        case.exports.first().is_some_and(|export| differences == [export.inputs.project_metadata.clone()])
    };
    let pairs = case.pairs_that_differ_in(only_project_metadata);
    if pairs.is_empty() {
        return not_applicable("no two exports differ in project-metadata.toml alone");
    }
    let layers = |export: &Export| -> Vec<String> {
        let image = export.image.as_ref();
        // A daemon's names of layers are its own; the hash of what it saves is the layer's.
        let digest = |layer: &Layer| layer.blob.as_ref().map_or(layer.name.clone(), |blob| blob.digest.to_string());
        let names = image.into_iter().flat_map(|image| image.layers.iter().map(digest));
        names.chain(view::diff_ids(image.and_then(|image| image.config.as_ref()))).collect()
    };
    for (first, second) in pairs {
        let (expected, found) = (layers(first), layers(second));
        if expected != found {
            let index = expected.iter().zip(&found).position(|(one, two)| one != two).unwrap_or(0);
            let at = |list: &[String]| list.get(index).cloned().unwrap_or_default();
            return violated(
                "other project metadata changed the layers",
                at(&expected),
                at(&found),
                second.at("manifest.json#/layers"),
            );
        }
    }
    Finding::Holds
}

fn nothing_old_is_touched(case: &Case<'_>, export: &Export) -> Finding {
    if matches!(export.outcome.end, End::TimedOut(_)) {
        return not_applicable("the exporter was ended");
    }
    let Some(wire) = &export.wire else {
        return Finding::Skipped(UNSEEN.to_owned());
    };
    let place = |sequence: u64| export.at(&format!("export.json#/wire/{sequence}"));
    for record in wire {
        let path = record.path();
        if record.method == "DELETE" && !path.contains("/blobs/uploads/") {
            return violated("the exporter deletes", "no DELETE", &record.target, place(record.sequence));
        }
        let by_digest = path.rsplit_once("/manifests/").is_some_and(|(_, reference)| reference.contains(':'));
        let existed = export.tags_before.values().flatten().find(|digest| path.ends_with(digest.as_str()));
        let Some(digest) = existed.filter(|_| record.method == "PUT" && by_digest) else { continue };
        if let Some(became) = what_became_of(export, digest, record.status) {
            let message = "the exporter puts other bytes under a digest that existed";
            return violated(message, digest, format!("{became} ({})", record.target), place(record.sequence));
        }
    }
    // Who refuses whatever comes touches nothing: that says something of an exporter that accepts this build.
    if !export.outcome.succeeded() && !case.good().any(|other| other.outcome.succeeded()) {
        let reason = "the export failed, and no other of this scenario was accepted";
        return Finding::skipped_after(reason, &["platform.exit-zero"]);
    }
    Finding::Holds
}

/// What a PUT under a digest that existed made of it: nothing where the bytes were the same, which it names.
fn what_became_of(export: &Export, digest: &str, status: u16) -> Option<String> {
    // A registry refuses bytes that do not hash to the digest.
    if status == 400 {
        return Some("bytes that the registry refused".to_owned());
    }
    let after = export.previous_after.as_ref().filter(|after| after.asked == digest)?;
    match &after.document {
        Some(document) if document.digest.as_str() == digest => None,
        Some(document) => Some(document.digest.to_string()),
        None => Some("nothing is there any more".to_owned()),
    }
}

/// Where an annotation `created` comes from; what a buildpack contributed is not the exporter's choice.
fn annotated_created(export: &Export, image: &Image) -> &'static str {
    const KEY: &str = "org.opencontainers.image.created";
    let found = view::annotation(image, KEY).filter(|text| !is_run_image_s(export, text));
    let is_contributed =
        |text: &String| super::contributed_annotations(export).iter().any(|(key, value)| key == KEY && value == text);
    match found {
        None => "none",
        Some(text) if is_contributed(&text) => "a buildpack's",
        Some(text) if created(image).as_ref() == Some(&text) => "the config's",
        Some(_) => "another time than the config's",
    }
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = &export.image else { continue };
        if let Some(time) = created(image) {
            let answer =
                if export.inputs.source_date_epoch.is_some() { "SOURCE_DATE_EPOCH".to_owned() } else { time.clone() };
            see(export, "created-of-the-config", answer, "config.json#/created");
        }
        if annotating.answers() && image.manifest.is_some() {
            let answer = annotated_created(export, image);
            see(export, "created-as-annotation", answer.to_owned(), "manifest.json#/annotations");
        }
        if let (Target::Registry, Some(old)) = (export.target, &export.previous_after) {
            let answer = if old.document.is_some() { "still served" } else { "gone" };
            see(export, "the-previous-digest", answer.to_owned(), "export.json#/previous_after");
        }
    }
}
