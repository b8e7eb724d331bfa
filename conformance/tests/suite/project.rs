//! From a source folder to a verdict: sources of every kind, by the proposal's way and by the review's, exported by the
//! reference, judged. And a demo whose programs do wrong, which has to say so.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bounded::Bounded as _;
use conformance::pipeline::programs::Programs;
use conformance::pipeline::way::{Prepared, Way, prepare};
use conformance::pipeline::{scenario, write};

use super::support::{conformance, executable, program, requirements, run, set};

fn programs() -> Programs {
    let named = ["reference-exporter", "project-metadata", "project-annotations"].map(program);
    Programs::find(Some(&named[0]), Some(&named[1]), Some(&named[2])).unwrap()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let person = ["NAME", "EMAIL"].map(|what| [format!("GIT_AUTHOR_{what}"), format!("GIT_COMMITTER_{what}")]);
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.envs(person.into_iter().flatten().map(|name| (name, "x@example.com")));
    let output = command.args(arguments).output_in_time().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A source with this descriptor; with a repository where `remote` is given. Its commit.
fn source(folder: &Path, descriptor: &str, remote: Option<&str>) -> String {
    write(&folder.join("run.sh"), "#!/bin/sh\nexec hello world\n").unwrap();
    if !descriptor.is_empty() {
        write(&folder.join("project.toml"), descriptor).unwrap();
    }
    let Some(remote) = remote else { return String::new() };
    git(folder, &["init", "-q"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "x"]);
    git(folder, &["remote", "add", "origin", remote]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Builds a source by one way and makes a scenario of it in `folder`.
fn built(way: Way, folder: &Path, source: &Path, revision: &str) -> Prepared {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = folder.join(way.name());
    let prepared = runtime.block_on(prepare(way, &programs(), &work, source, revision)).unwrap();
    let inputs = scenario::Inputs { app: &prepared.folders.app, layers: &prepared.folders.layers };
    scenario::make(&folder.join("scenarios").join(way.name()), "A source.", &inputs, None).unwrap();
    prepared
}

/// Everything that a descriptor can say, with characters that need care.
const WHOLE: &str = "[_]\nschema-version='0.2'\nid='i'\nname='Gr\u{e9}eter \"x\" <&>'\nversion='1.0-rc.1+b'\nauthors=['Ann', 'Bob, Inc.']\n\
     documentation-url='https://d.example/?a=1#b'\nsource-url='https://s.example/x'\n[[_.licenses]]\ntype='MIT OR ISC'\n[[_.licenses]]\nuri='https://l.example/OWN'\n";
const OLD: &str = "[project]\nname='Old'\nversion='2'\n[[project.licenses]]\ntype='Apache-2.0'\n";
const SEVEN: [&str; 7] = ["source", "revision", "authors", "version", "documentation", "title", "licenses"];

/// Name, descriptor, remote, the annotations that the proposal's way gives, and those that the review's gives: the
/// buildpack has no remote.
type Case = (&'static str, &'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

const CASES: [Case; 6] = [
    ("whole", WHOLE, Some("git@g.example:a/b.git"), &SEVEN, &SEVEN),
    (
        "old schema",
        OLD,
        Some("https://u:secret@g.example/a.git"),
        &["source", "revision", "version", "title", "licenses"],
        &["revision", "version", "title", "licenses"],
    ),
    ("git alone", "", Some("https://g.example/a.git"), &["source", "revision"], &["revision"]),
    ("local remote", "", Some("/srv/git/a"), &["revision"], &["revision"]),
    ("descriptor alone", OLD, None, &["version", "title", "licenses"], &["version", "title", "licenses"]),
    ("builder's section alone", "[io.buildpacks]\nbuilder='b'\n", None, &[], &[]),
];

#[test]
fn sources_of_every_kind_give_what_they_have_by_both_ways_and_conform() {
    for (name, descriptor, remote, by_platform, by_buildpack) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("source");
        let commit = source(&place, descriptor, remote);
        built(Way::Platform, folder.path(), &place, &commit);
        let built = built(Way::Annotations, folder.path(), &place, &commit);
        let scenarios = folder.path().join("scenarios").display().to_string();
        let judged =
            run(&["--profile", "strict", "--target", "registry", "--target", "layout", "--scenarios", &scenarios]);
        assert_eq!(judged.code, Some(0), "{name}: {}", judged.stderr);
        let passed = requirements(&judged.report, "pass");
        let present: BTreeSet<&str> =
            SEVEN.into_iter().filter(|key| passed.contains(&format!("source.{key}.present"))).collect();
        assert_eq!(present, by_platform.iter().copied().collect(), "{name}, by the platform");
        assert!(passed.contains("base.digest-is-run-image") && passed.contains("base.name-present"), "{name}");
        let metadata: toml::Table =
            std::fs::read_to_string(built.folders.layers.join("config/metadata.toml")).unwrap().parse().unwrap();
        let pairs = metadata.get("annotations").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let keys: Vec<String> =
            pairs.iter().map(|pair| pair["key"].as_str().unwrap().replace("org.opencontainers.image.", "")).collect();
        assert_eq!(keys, by_buildpack, "{name}, by the buildpack");
        assert_eq!(passed.contains("buildpack.annotations-present"), !by_buildpack.is_empty(), "{name}");
    }
}

#[test]
fn an_exporter_that_drops_what_a_buildpack_contributes_fails_under_that_profile_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("source");
    let commit = source(&place, WHOLE, Some("https://g.example/a"));
    built(Way::Annotations, folder.path(), &place, &commit);
    let scenarios = folder.path().join("scenarios").display().to_string();
    let (_description, file) = super::support::faulty("title-dropped", "\"registry\"");
    let judged = |profile: &str| {
        run(&["--exporter-file", &file, "--profile", profile, "--target", "registry", "--scenarios", &scenarios])
    };
    let failed = judged("buildpack-annotations");
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert_eq!(requirements(&failed.report, "fail"), set(&["buildpack.annotations-present"]));
    assert_eq!(judged("core").code, Some(0));
}

/// The demo with these programs in place of the usual; its exit code and what it printed.
fn demo(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let output = conformance().args(["demo", "--keep"]).arg(kept).args(arguments).output_in_time().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_demo_whose_programs_do_wrong_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (reference, faulty) = (program("reference-exporter"), program("faulty-exporter"));
    let metadata = program("project-metadata");
    let idle = executable(
        folder.path(),
        "idle-rebaser",
        &format!(
            "case $0 in *rebaser) [ \"${{0##*/}}\" = idle-rebaser ] || exit 0;; esac\nexec {} \"$@\"",
            reference.display()
        ),
    );
    let dropping = executable(
        folder.path(),
        "dropping",
        &format!(
            "case $0 in */rebaser) exec {0} rebaser \"$@\";; esac\nexec {1} title-altered {0} \"$@\"",
            reference.display(),
            faulty.display()
        ),
    );
    let leaking = executable(
        folder.path(),
        "leaking",
        &format!(
            "{} \"$@\" || exit $?\nprintf 'remote = \"%s\"\\n' \"$(git -C \"$2\" config remote.origin.url)\" >>\"$4\"",
            metadata.display()
        ),
    );
    for (flag, program, line) in [
        ("--exporter", &idle, "base.name means sha256:"),
        ("--exporter", &dropping, "not conformant on registry"),
        ("--project-metadata", &leaking, "the password of the remote's address is in what was published"),
    ] {
        let (code, stdout, stderr) = demo(&[flag, program]);
        assert_eq!(code, Some(1), "{flag} {program}: {stdout}{stderr}");
        assert!(stdout.contains(line) && stdout.contains("NOT all of it is as it should be"), "{program}: {stdout}");
    }
}

#[test]
fn what_a_demo_cannot_begin_with_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("old"), "x").unwrap();
    let full = folder.path().display().to_string();
    for (arguments, code, reason) in [
        (&["demo", "--keep", &full][..], 2, "it is not empty"),
        (&["demo", "--project-metadata", "/nonexistent/x"], 2, "--project-metadata"),
        (&["demo", "--exporter", "/nonexistent/x"], 2, "--exporter"),
        (&["alternatives", "--project-annotations", "/nonexistent/x"], 2, "--project-annotations"),
        (&["alternatives", "--measured", "/nonexistent/x"], 2, "--measured /nonexistent/x"),
    ] {
        let output = conformance().args(arguments).output_in_time().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(code), 1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
}

#[test]
fn a_demo_that_cannot_be_shown_leaves_no_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let output = conformance()
        .args(["demo", "--daemon", "tcp://127.0.0.1:1"])
        .env("TMPDIR", temporary.path())
        .output_in_time()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("tcp://127.0.0.1:1"), "{stderr}");
    let left: Vec<_> = temporary.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
