//! Exporters that leave more than they were asked for, or an image of which no container starts: each is found by the
//! requirement that speaks of it, and by no other.

use super::support::{faulty, requirements, run, set};

#[test]
fn what_nobody_asked_for_is_found_by_its_own_requirement() {
    for (fault, scenario, target, expected) in [
        ("launcher-not-executable", "minimal", "registry", &["works.launcher-executable"][..]),
        ("app-folder-closed", "minimal", "layout", &["platform.app-files-once", "works.paths-open"]),
        ("metadata-of-another-build", "minimal", "registry", &["works.metadata-meant"]),
        ("run-image-hidden", "minimal", "registry", &["works.base-visible", "layer.nothing-else"]),
        ("foreign-file-in-the-app", "minimal", "layout", &["layer.nothing-else"]),
        ("link-for-no-process", "minimal", "registry", &["layer.nothing-else"]),
        ("invented-buildpack", "minimal", "registry", &["labels.nothing-else"]),
        ("store-of-another", "several-buildpacks", "layout", &["labels.nothing-else"]),
        ("distribution-lost", "run-image-labelled", "registry", &["labels.base-kept"]),
        ("process-without-buildpack", "minimal", "layout", &["labels.process-fields"]),
        ("invented-arguments", "minimal", "registry", &["config.nothing-else"]),
        ("run-image-s-tag-overwritten", "minimal", "registry", &["registry.nothing-else"]),
        ("tag-that-nobody-asked-for", "minimal", "registry", &["registry.nothing-else"]),
        ("second-manifest-in-the-index", "minimal", "layout", &["layout.nothing-else"]),
        ("layout-report-of-another-digest", "minimal", "layout", &["report.nothing-else"]),
        ("build-date-in-a-label", "minimal", "registry", &["image.no-export-time"]),
    ] {
        let (_folder, file) = faulty(fault, "\"registry\", \"layout\"");
        let judged =
            run(&["--exporter-file", &file, "--profile", "strict", "--scenario", scenario, "--target", target]);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}
