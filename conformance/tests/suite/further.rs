//! Exporters that change what was there before, leave what nothing names, or refuse with a code of another meaning:
//! each is found by the requirement that speaks of it; and nineteen faults at once are found each by its own.

use std::collections::BTreeSet;

use super::support::{faulty, requirements, run, set};

#[test]
fn what_was_there_before_and_what_is_sent_in_addition_is_found_by_its_own_requirement() {
    for (fault, scenario, target, expected) in [
        ("run-toml-rewritten", "minimal", "registry", &["inputs.untouched"][..]),
        ("launcher-s-mode-changed", "minimal", "layout", &["inputs.untouched"]),
        ("app-files-touched", "minimal", "registry", &["inputs.untouched"]),
        ("input-rewritten-at-the-same-length", "minimal", "layout", &["inputs.untouched"]),
        ("run-image-s-layout-rewritten", "minimal", "layout", &["inputs.untouched"]),
        ("file-left-beside-the-launcher", "minimal", "registry", &["platform.nothing-else-written"]),
        ("credentials-kept-on-disk", "minimal", "layout", &["platform.nothing-else-written"]),
        ("subject-of-another-image", "minimal", "registry", &["manifest.nothing-else"]),
        ("layer-for-half-a-platform", "minimal", "layout", &["manifest.descriptor-fields"]),
        ("history-made-up", "minimal", "registry", &["config.history-kept"]),
        ("history-of-another-time", "minimal", "layout", &["config.history-kept"]),
        ("upload-left-open", "minimal", "registry", &["registry.uploads-ended"]),
        ("blob-that-nothing-names", "minimal", "registry", &["registry.blobs-named"]),
        ("labels-of-the-previous-image-stay", "rebuilt-without-a-label", "layout", &["labels.nothing-else"]),
        ("exit-11-for-everything", "errors-report", "registry", &["errors.codes-kept"]),
        ("exit-255-for-everything-else", "errors-report", "layout", &["errors.codes-of-the-table"]),
    ] {
        let (_folder, file) = faulty(fault, "\"registry\", \"layout\"");
        let judged =
            run(&["--exporter-file", &file, "--profile", "strict", "--scenario", scenario, "--target", target]);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}

#[test]
fn each_of_nineteen_faults_at_once_is_found() {
    let (_folder, file) = faulty("nineteen-at-once", "\"registry\", \"layout\"");
    let mut arguments =
        vec!["--exporter-file", &file, "--profile", "strict", "--target", "registry", "--target", "layout"];
    for scenario in ["minimal", "several-buildpacks", "run-image-labelled", "errors-command-line", "errors-input-files"]
    {
        arguments.extend(["--scenario", scenario]);
    }
    let judged = run(&arguments);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    let found = requirements(&judged.report, "fail");
    // The requirement that finds it, and the faults of the nineteen that are its own.
    for (requirement, faults) in [
        ("works.launcher-executable", "the launcher is not executable"),
        ("works.metadata-meant", "metadata.toml of another build"),
        ("works.paths-open", "the app's folder is closed"),
        ("works.base-visible", "whiteouts hide the run image"),
        ("layer.nothing-else", "a foreign file, a link for no process"),
        ("labels.nothing-else", "an invented buildpack, process and layer, another's store"),
        ("labels.base-kept", "a label of the base is lost"),
        ("digest.source-date-epoch", "created is now, and the variable is ignored"),
        ("image.no-export-time", "today's date in a label"),
        ("registry.nothing-else", "the run image's tag overwritten, a tag more"),
        ("inputs.untouched", "an input rewritten"),
        ("errors.codes-kept", "exit 11 for every refusal"),
        ("layout.nothing-else", "a second image in the index"),
    ] {
        assert!(found.contains(requirement), "{requirement} does not find: {faults}; found {found:?}");
    }
    // It is optional in the folder that the suite gives.
    assert!(requirements(&judged.report, "absent").contains("platform.lifecycle-sbom-on-disk"));
    let passed: BTreeSet<String> = requirements(&judged.report, "pass");
    assert!(passed.len() > 20, "what is right stays so: {passed:?}");
}
