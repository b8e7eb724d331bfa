//! The catalogue as a whole: what has to be in it, and that every row has been seen to fail.

use std::collections::BTreeSet;

use super::trials::{goods, trials};
use super::*;
use crate::harmless::HARMLESS;
use crate::sample::{self, find};
use crate::trial::{Trial, Wanted};
use crate::verdict::Finding;

/// The slugs of the shared catalogue that are judged; those of the seven keys and of errors are below.
const EXPECTED: &str = "
    annotations: string-map unique-keys reserved-namespace reverse-domain-keys descriptor-rules oci-manifest
        oci-descriptors ref-name-only-in-index created-rfc3339 licenses-spdx url-values not-inherited stable-order
        no-label-substitute
    base: digest-present digest-is-run-image digest-resolves digest-not-image-id digest-pinned name-present
        name-is-run-image-name name-fully-qualified name-is-tag agrees-with-label shares-layers pair
    source: non-string
    buildpack: annotations-present last-definition-wins same-on-every-target manifest-only
    digest: report-agrees report-manifest-size report-tags descriptors-true diff-ids-true history-true all-tags-same
        same-inputs-same-digest same-inputs-same-image-id environment-independent source-date-epoch mtimes-constant
        annotations-change-manifest annotations-keep-layers old-digest-untouched tag-moves-last failed-export-reported
        failed-export-moves-nothing
    wire: content-type no-reupload mount retry-transient verifies-content
    manifest: schema media-type-present descriptor-types descriptor-data descriptor-fields image-under-tag
    manifest: descriptors-whole nothing-else
    config: required
    labels: string-map unique-keys
    layer: no-duplicate-paths no-sparse-files tar-whole
    report: run-image-true
    daemon: export-succeeds annotations-not-labels says-so report-image-id all-tags image-true same-diff-ids
        same-config same-labels image-id-difference-explained round-trip-content differences-known
        containerd-keeps-digest annotations-kept round-trip-digest round-trip-annotations reference-not-image-id
        base-digest-known
    layout: path valid app-blobs-present all-tags report-tags same-annotations differences-known experimental-gate
    platform: exit-zero report-written base-layers-preserved base-config-preserved launch-layers no-other-layers
        app-files-once empty-slice-accepted launcher-layer process-symlinks config-layer sbom-paths build-sbom-on-disk
        entrypoint env env-exact working-dir label-project-metadata label-build-metadata label-launcher label-run-image
        label-stack-agrees layer-metadata-stored store-kept label-rebasable buildpack-labels layer-reuse flags-over-env
        nothing-else-written nothing-left api-checked-first lifecycle-sbom-on-disk
    errors: special-file run-image-form on-stderr codes-kept codes-of-the-table
    works: launcher-executable paths-open metadata-meant base-visible starts process-started environment user working-dir
        files-there
    layer: nothing-else attributes-kept
    labels: nothing-else base-kept process-fields
    config: nothing-else rare-fields-kept env-entries-kept history-kept
    registry: nothing-else uploads-ended blobs-named
    layout: nothing-else
    report: nothing-else
    image: no-export-time no-machine
    config: field-types
    manifest: artifact-type descriptor-urls
    layer: distributable
    labels: process-exec-env
    layout: index-fields index-media-type platform-present ref-name ref-name-form
    registry: plain-content-type
    inputs: untouched
    rebase: exit-zero annotations-kept base-name base-digest base-agrees-with-label annotations-not-inherited
        annotations-added media-types-agree oci-kept descriptors-true diff-ids-true run-layers-replaced app-layers-reused
        layers-not-sent label-updated label-names label-rest-kept base-labels other-labels-kept rest-identical target-data
        history-true created-constant same-inputs-same-digest same-run-image all-tags report-agrees previous-untouched
        old-digest-there nothing-else-written tag-moves-last not-rebasable-refused unlisted-run-image-refused
        target-mismatch-refused digest-as-tag-refused two-registries-refused no-image-refused app-image-gone
        run-image-gone unreachable-registry unauthorized platform-api-refused refusal-codes refusal-explained
";
const KEYS: [&str; 7] = ["source", "revision", "authors", "version", "documentation", "title", "licenses"];
const ERRORS: &str = "no-image digest-as-tag malformed-reference two-registries missing-analyzed malformed-analyzed
    malformed-project-metadata malformed-group malformed-metadata missing-run-image run-image-digest-gone
    reused-layer-missing unknown-process-type platform-api buildpack-api unreachable-registry unauthorized
    report-unwritable daemon-down daemon-full daemon-ends layout-and-daemon unreadable-file";

fn expected() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut theme = "";
    for word in EXPECTED.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => theme = name,
            None => drop(found.insert(format!("{theme}.{word}"))),
        }
    }
    for key in KEYS {
        found.extend(["present", "verbatim", "not-invented"].map(|what| format!("source.{key}.{what}")));
    }
    for error in ERRORS.split_whitespace() {
        found.extend([format!("errors.{error}"), format!("errors.{error}.message")]);
    }
    found
}

#[test]
fn the_catalogue_has_every_slug_once_and_no_other() {
    let slugs: Vec<String> = all().map(|row| row.id.to_owned()).collect();
    let found: BTreeSet<String> = slugs.iter().cloned().collect();
    assert_eq!(slugs.len(), found.len(), "a slug is there twice");
    assert_eq!(found, expected());
}

#[test]
fn every_row_says_what_why_where_and_what_to_do() {
    for row in all() {
        let texts = [("asks", row.asks), ("why", row.why), ("violation", row.violation), ("remedy", row.remedy)];
        for (what, text) in texts {
            assert!(text.len() > 10, "{} has no {what}: {text:?}", row.id);
            assert!(!text.ends_with('.') && !text.contains("  "), "{} has a blemish in {what}: {text:?}", row.id);
        }
        assert!(!row.source.section.is_empty() && !row.targets.is_empty(), "{}", row.id);
    }
}

#[test]
fn every_row_rejects_its_mutations_and_no_near_miss() {
    let trials: Vec<Trial> = trials().into_iter().flat_map(|(_, trials)| trials).collect();
    let with = |is_it: &dyn Fn(Wanted) -> bool| -> BTreeSet<&str> {
        trials.iter().filter(|trial| is_it(trial.wanted)).map(|trial| trial.slug.as_str()).collect()
    };
    let (mutated, missed) = (with(&|wanted| wanted == Wanted::Rejected), with(&|wanted| !wanted.is_mutation()));
    let mut complaints: Vec<String> = Vec::new();
    for row in all() {
        for (what, of) in [("mutation", &mutated), ("near miss", &missed)] {
            if !of.contains(row.id) {
                complaints.push(format!("{} has no {what}; add one to the theme's trials", row.id));
            }
        }
    }
    complaints.extend(trials.iter().flat_map(Trial::complaints));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn in_core_an_exporter_that_annotates_nothing_and_is_otherwise_right_is_conformant() {
    let mut failing: BTreeSet<String> = BTreeSet::new();
    let mut judged = 0;
    for (good, _) in goods() {
        let mut evidence = good.clone();
        for export in evidence.exports.iter_mut().filter(|export| export.image.is_some()) {
            if export.image.as_ref().is_some_and(|image| image.manifest.is_some()) {
                sample::edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().remove("annotations")));
            }
            sample::push(export);
        }
        let selection = crate::Selection {
            phase: None,
            profile: crate::profile::Profile::Core,
            requirements: None,
            exporter_argument: String::new(),
            scenario_folders: std::collections::BTreeMap::new(),
            conditions: Vec::new(),
        };
        let fails = |evidence: &crate::evidence::ScenarioEvidence| -> BTreeSet<String> {
            let verdicts = crate::judge(std::slice::from_ref(evidence), &selection).verdicts.into_iter();
            verdicts.filter(|one| one.verdict == crate::verdict::Answer::Fail).map(|one| one.id).collect()
        };
        judged += 1;
        failing.extend(fails(&evidence).difference(&fails(&good)).cloned());
    }
    assert!(judged > 5 && failing.is_empty(), "{failing:?}");
}

#[test]
fn no_row_rejects_what_every_specification_allows() {
    let mut alarms = Vec::new();
    for (good, tried) in goods() {
        let held: Vec<_> = tried.iter().filter(|(slug, on)| find(&good, slug, *on) == Finding::Holds).collect();
        for (name, change) in HARMLESS {
            let mut evidence = good.clone();
            evidence.exports.iter_mut().for_each(change);
            evidence.exports.iter_mut().filter(|export| export.image.is_some()).for_each(crate::sample::push);
            for (slug, target) in &held {
                let after = find(&evidence, slug, *target);
                if !matches!(after, Finding::Holds | Finding::NotApplicable(_)) {
                    alarms.push(format!("{slug} on {target} rejects the harmless '{name}': {after:?}"));
                }
            }
        }
    }
    assert!(alarms.is_empty(), "{} false alarms:\n{}", alarms.len(), alarms.join("\n"));
}
