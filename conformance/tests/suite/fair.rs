//! Scenarios that ask nothing unfair: who owns files, what may be written, which flags a Platform API has.

use std::os::unix::fs::PermissionsExt;

use super::support::{executable, program, run};

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t0"))
}

#[test]
fn a_step_of_another_user_is_a_build_of_that_user() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // It insists on what a platform gives: flags of the user it runs as, files of that user, folders to write in.
    let script = format!(
        "all=\"$*\"\n\
         while [ $# -gt 0 ]; do case $1 in -uid) uid=$2;; -gid) gid=$2;; -layers) layers=$2;; -app) app=$2;; \
         -report) report=$2;; esac; shift; done\n\
         [ $uid = $(id -u) ] && [ $gid = $(id -g) ] || exit 91\n\
         [ -z \"$(find $layers $app ! -user $uid)\" ] || exit 92\n\
         mkdir -p $layers/sbom/of-the-exporter && rmdir $layers/sbom/of-the-exporter || exit 93\n\
         touch $(dirname $report)/another || exit 94\n\
         exec {:?} $all",
        program("reference-exporter")
    );
    let exporter = executable(folder.path(), "insists", &script);
    let arguments =
        ["--exporter", &exporter, "--scenario", "unreadable-file", "--target", "registry", "--target", "layout"];
    let judged = run(&arguments);
    let skipped = judged.report["totals"]["skipped"].as_u64().unwrap();
    if is_root() && skipped == 0 {
        assert_eq!(judged.code, Some(0), "{} {}", judged.stderr, judged.report["verdicts"]);
    } else {
        // Where the program cannot be reached by another user, or the suite is not root.
        assert_eq!(judged.code, Some(4), "{}", judged.stderr);
    }
}

#[test]
fn flags_follow_the_platform_api() {
    let folder = tempfile::tempdir().unwrap();
    let script = "for word; do case $word in -insecure-registry|-parallel) exit 2;; esac; done";
    let script = format!("{script}\nexec {:?} \"$@\"", program("reference-exporter"));
    let exporter = executable(folder.path(), "of-0.12", &script);
    let with = |api: &str| {
        run(&["--exporter", &exporter, "--platform-api", api, "--scenario", "other-surroundings", "--target", "layout"])
    };
    let old = with("0.12");
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    let new = with("0.13");
    assert_eq!(new.code, Some(1), "{}", new.stderr);
}

#[test]
fn a_registry_that_no_flag_makes_reachable_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["--platform-api", "0.12", "--scenario", "minimal", "--target", "registry"];
    // The reference speaks TLS to whatever registry is not named by the flag, which 0.12 does not have.
    let judged = run(&few);
    assert_eq!(judged.code, Some(4), "{}", judged.stderr);
    let reason = judged.report["verdicts"][0]["message"].as_str().unwrap();
    assert!(reason.contains("the registry has no TLS") && reason.contains("-insecure-registry"), "{reason}");
    // One that fails with the flag too is judged.
    let refuses = executable(folder.path(), "refuses", "echo see https://refuses.example; exit 3");
    let judged = run(&[&few[..], &["--exporter", &refuses]].concat());
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
}

#[test]
fn what_is_kept_of_a_layout_export_has_its_run_image() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let judged = run(&["--scenario", "minimal", "--target", "layout", "--keep", kept.to_str().unwrap()]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    let analyzed = std::fs::read_to_string(kept.join("minimal/layout/1/layers/analyzed.toml")).unwrap();
    let analyzed: toml::Table = analyzed.parse().unwrap();
    let reference = analyzed["run-image"]["reference"].as_str().unwrap();
    let (path, _) = reference.split_once('@').unwrap();
    let (_, below) = path.split_once("/build/").unwrap();
    let index = kept.join("minimal/layout/1").join(below).join("index.json");
    assert!(index.is_file(), "{}", index.display());
}
