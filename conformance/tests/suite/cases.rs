//! Verdicts on the reference, on exporters with a fault and on one that fails.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::support::{faulty, program, requirements, run, set};

#[test]
fn the_reference_meets_the_strict_profile_and_the_report_its_schema() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence").display().to_string();
    let targets = ["--target", "registry", "--target", "layout"];
    let file = folder.path().join("packed.json");
    let packed = format!("json={}", file.display());
    let judged = run(&[&["--profile", "strict", "--evidence", &evidence, "--report", &packed], &targets[..]].concat());
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    super::shown::hold_a_full_run(&judged.report, Path::new(&evidence));
    let totals = &judged.report["totals"];
    assert_eq!(
        (&totals["fail"], &totals["warn"], &totals["error"], &totals["skipped"]),
        (&0.into(), &0.into(), &0.into(), &0.into())
    );
    assert!(totals["pass"].as_u64().unwrap() > 1000, "{totals}");
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let packed: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for report in [&packed, &judged.report] {
        let errors: Vec<String> = validator.iter_errors(report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert!(std::fs::metadata(&file).unwrap().len() < 3 << 20, "texts are there once");
    let ids: BTreeSet<&str> =
        judged.report["verdicts"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), judged.report["verdicts"].as_array().unwrap().len(), "ids are unique");
}

#[test]
fn a_fault_trips_exactly_the_requirements_that_speak_of_it() {
    for (fault, expected) in [
        ("base-digest-dropped", &["base.digest-present", "base.pair"][..]),
        (
            "base-digest-is-image-id",
            &["base.digest-is-run-image", "base.digest-resolves", "base.digest-not-image-id", "base.agrees-with-label"],
        ),
        ("title-altered", &["source.title.verbatim"]),
        ("layers-swapped", &["digest.diff-ids-true"]),
        ("undefined-reserved-key", &["annotations.reserved-namespace"]),
        ("file-left-in-the-app", &["platform.nothing-else-written"]),
        ("file-left-in-the-layers", &["platform.nothing-else-written"]),
        ("file-left-in-the-working-folder", &["platform.nothing-else-written"]),
        ("input-rewritten", &["inputs.untouched"]),
        ("input-removed", &["inputs.untouched"]),
    ] {
        let (_folder, file) = faulty(fault, "\"registry\"");
        let judged = run(&[
            "--exporter-file",
            &file,
            "--profile",
            "strict",
            "--scenario",
            "all-project-metadata",
            "--target",
            "registry",
        ]);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}

#[test]
fn a_fault_on_another_target_or_scenario_trips_exactly_what_speaks_of_it() {
    for (fault, target, scenario, expected) in [
        ("report-of-layout-paths", "layout", "three-tags", &["layout.report-tags"][..]),
        ("experimental-warning-with-silent", "layout", "layout-gate", &["layout.experimental-gate"]),
        ("no-experimental-warning", "layout", "layout-gate", &["layout.experimental-gate"]),
        ("layout-without-a-tag", "layout", "three-tags", &["layout.path"]),
        (
            "docker-descriptors-without-annotations",
            "registry",
            "no-project-metadata",
            &["manifest.descriptor-types", "base.digest-present", "base.name-present"],
        ),
    ] {
        let (_folder, file) = faulty(fault, &format!("\"{target}\""));
        let of = ["--exporter-file", &file, "--profile", "strict", "--scenario", scenario, "--target", target];
        let judged = run(&of);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}

#[test]
fn in_core_an_exporter_that_annotates_nothing_and_is_otherwise_right_is_conformant() {
    let (_folder, file) = faulty("annotates-nothing", "\"registry\", \"layout\"");
    let both = ["--target", "registry", "--target", "layout"];
    let judged = run(&[&["--exporter-file", &file, "--profile", "core"][..], &both].concat());
    assert_eq!(judged.code, Some(0), "{:?}\n{}", requirements(&judged.report, "fail"), judged.stderr);
    let warned = requirements(&judged.report, "warn");
    assert!(warned.is_empty(), "{warned:?}");
    assert!(judged.report["totals"]["pass"].as_u64().unwrap() > 1000);
    // The same exporter is not conformant where the RFC decides.
    let judged = run(&["--exporter-file", &file, "--profile", "rfc-196", "--scenario", "minimal"]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
}

#[test]
fn an_exporter_that_fails_is_told_so_in_every_scenario() {
    let judged = run(&["--exporter", "/bin/false", "--target", "registry", "--target", "layout"]);
    assert_eq!(judged.code, Some(1));
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    // Scenarios in which nothing has to succeed, and those of daemons alone.
    let without_good_build = [
        "daemon-ends-during-push",
        "daemon-restarted",
        "docker-run-image-of-mixed-layers",
        "errors-daemon-down",
        "errors-daemon-ends",
        "errors-daemon-full",
        "image-started",
        "other-surroundings-daemon",
        "rebuilt-without-launch-cache",
        "run-image-index-nested",
        "run-image-made-in-daemon",
        "socket-in-app",
    ];
    for scenario in judged.report["scenarios"].as_array().unwrap() {
        let name = scenario.as_str().unwrap();
        // No rebaser was named, and nothing says that it has extensions.
        if without_good_build.contains(&name) || name.starts_with("rebase-") || name.starts_with("run-image-extended") {
            continue;
        }
        let of_it: Vec<&Value> = verdicts.iter().filter(|entry| entry["scenario"] == *scenario).collect();
        let exit = of_it.iter().find(|entry| entry["requirement"] == "platform.exit-zero");
        let exit = exit.unwrap_or_else(|| panic!("{scenario} has no good build"));
        assert_eq!(exit["verdict"], "fail", "{scenario}");
        assert!(exit["found"].as_str().unwrap().starts_with("exit 1"), "{exit}");
        assert!(of_it.iter().any(|entry| entry["follows_from"] == exit["id"]), "{scenario}");
    }
    // It refuses whatever it is given, so that a refusal says nothing.
    let passed = requirements(&judged.report, "pass");
    assert!(passed.is_empty(), "{passed:?}");
    let failed = requirements(&judged.report, "fail");
    assert_eq!(failed.iter().map(String::as_str).collect::<Vec<_>>(), ["platform.exit-zero"]);
}

#[test]
fn evidence_is_indexed_and_inputs_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (evidence, keep) = (folder.path().join("evidence"), folder.path().join("keep"));
    let judged = run(&[
        "--scenario",
        "minimal",
        "--evidence",
        &evidence.display().to_string(),
        "--keep",
        &keep.display().to_string(),
    ]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    let index: Value = serde_json::from_slice(&std::fs::read(evidence.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["version"], 2);
    let hex = |path: &Path| -> String { judge::digest::Digest::of(&std::fs::read(path).unwrap()).encoded().to_owned() };
    for export in index["exports"].as_array().unwrap() {
        for file in export["files"].as_array().unwrap() {
            let path = evidence.join(export["folder"].as_str().unwrap()).join(file["path"].as_str().unwrap());
            assert_eq!(file["sha256"], hex(&path), "{}", path.display());
        }
    }
    let listings = index["listings"].as_array().unwrap();
    assert!(!listings.is_empty());
    for listing in listings {
        let hash = listing["sha256"].as_str().unwrap();
        assert_eq!(hex(&evidence.join("listings").join(hash).with_extension("json")), hash);
    }
    for blob in index["blobs"].as_array().unwrap() {
        let name = blob["digest"].as_str().unwrap().trim_start_matches("sha256:");
        assert_eq!(hex(&evidence.join("blobs/sha256").join(name)), name);
    }
    assert!(keep.join("minimal/registry/1/layers/group.toml").is_file());
    let again = run(&["--scenario", "minimal", "--evidence", &evidence.display().to_string()]);
    assert_eq!(again.code, Some(2), "evidence is never overwritten");
}
