//! What an exporter sees of the suite, what it can reach, and what it leaves: on the machine, not in the image.

use std::path::Path;

use super::support::{executable, faulty, program, requirements, run, set};

#[test]
fn a_defeat_device_comes_through_no_run() {
    for by in ["arguments", "names-of-images", "parents", "all-processes", "mounts", "run-image", "files-of-the-build"]
    {
        let (_folder, file) = faulty(&format!("defeat-by-{by}"), "\"registry\", \"layout\"");
        let judged = run(&["--exporter-file", &file, "--scenario", "all-project-metadata", "--target", "layout"]);
        let failed = requirements(&judged.report, "fail");
        let warned = requirements(&judged.report, "warn");
        assert!(failed.contains("base.pair") || warned.contains("base.digest-present"), "{by}: {failed:?} {warned:?}");
    }
}

#[test]
fn what_of_the_machine_is_in_an_image_is_found() {
    for (fault, scenario) in [
        ("host-name-in-an-annotation", "minimal"),
        ("kernel-in-the-history", "minimal"),
        // Its exporter is another user than root, whose name tells nothing.
        ("user-as-author", "unreadable-file"),
        ("build-folder-in-a-label", "minimal"),
    ] {
        let (_folder, file) = faulty(fault, "\"registry\", \"layout\"");
        let judged =
            run(&["--exporter-file", &file, "--profile", "strict", "--scenario", scenario, "--target", "registry"]);
        assert_eq!(requirements(&judged.report, "fail"), set(&["image.no-machine"]), "{fault}");
    }
}

#[test]
fn root_reaches_neither_evidence_nor_other_processes_and_what_it_leaves_is_told() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("kept");
    let script = format!(
        "ls -R {evidence} /tmp/cnb-0/runs > \"$TMPDIR/seen\" 2>/dev/null; cat \"$TMPDIR/seen\" >&2\n\
         umount /tmp 2>/dev/null && echo 'umounted' >&2\nkill -9 $PPID 2>/dev/null\n\
         echo processes: /proc/[0-9]* >&2\necho left > /tmp/left-by-exporter\n",
        evidence = evidence.display()
    );
    let reference = program("reference-exporter");
    let exporter = executable(folder.path(), "exporter", &format!("{script}exec {} \"$@\"", reference.display()));
    let judged = run(&[
        "--exporter",
        &exporter,
        "--profile",
        "strict",
        "--scenario",
        "minimal",
        "--target",
        "layout",
        "--evidence",
        &evidence.display().to_string(),
    ]);
    assert_eq!(requirements(&judged.report, "fail"), set(&["platform.nothing-left"]), "{}", judged.stderr);
    let text = std::fs::read_to_string(evidence.join("minimal/layout/1/export.json")).unwrap();
    assert!(text.contains("/tmp/left-by-exporter") && !Path::new("/tmp/left-by-exporter").exists());
    let export: serde_json::Value = serde_json::from_str(&text).unwrap();
    let said = export["outcome"]["stderr"].as_str().unwrap();
    for word in ["run.json", "job-", "umounted"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
    let processes = said.lines().find(|line| line.starts_with("processes:")).unwrap();
    assert!(processes.split_whitespace().count() <= 4, "{processes}");
}
