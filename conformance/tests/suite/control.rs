//! The control export before a run: what keeps an exporter from being judged is said in one sentence, and a refusal of
//! any other kind is left to the verdicts.

use bounded::{Bounded as _, write_program};
use std::path::Path;

use super::support::{Judged, conformance, executable, program, requirements, run, set};

/// A script that may refuse, and else is the reference.
fn before_the_reference(folder: &Path, name: &str, script: &str) -> String {
    executable(folder, name, &format!("{script}\nexec {:?} \"$@\"", program("reference-exporter")))
}

/// A script that ends with exit 2 on a flag, in a parser's words.
fn without_flag(folder: &Path, flag: &str, words: &str) -> String {
    let script = format!("for word; do if [ \"$word\" = {flag} ]; then echo \"{words}\" >&2; exit 2; fi; done");
    before_the_reference(folder, "without-a-flag", &script)
}

/// One sentence on standard error, and no report.
fn stopped(judged: &Judged, code: i32, named: &[&str]) {
    assert_eq!(judged.code, Some(code), "{}", judged.stderr);
    assert!(judged.report.is_null(), "{}", judged.stderr);
    assert_eq!(judged.stderr.lines().count(), 1, "{}", judged.stderr);
    for word in named {
        assert!(judged.stderr.contains(word), "{word}: {}", judged.stderr);
    }
}

/// It was judged, and what fails is that it exports nothing.
fn judged_as_failing(judged: &Judged) {
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    assert!(requirements(&judged.report, "fail").contains("platform.exit-zero"), "{}", judged.report);
}

#[test]
fn a_program_that_never_starts_is_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, named) in [
        ("no-interpreter", "#!/nonexistent/interpreter\n", "its interpreter /nonexistent/interpreter is missing"),
        ("no-command", "#!/usr/bin/env program-of-nobody\n", "its interpreter program-of-nobody is not on PATH"),
        ("no-format", "exit 0\n", "exec format error"),
    ] {
        let path = folder.path().join(name);
        write_program(&path, text).unwrap();
        stopped(&run(&["--exporter", path.to_str().unwrap()]), 2, &[named, name]);
    }
}

#[test]
fn an_unknown_platform_api_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let none = executable(folder.path(), "none", "echo platform API $CNB_PLATFORM_API is incompatible; exit 11");
    let words = ["none: it does not speak Platform API 0.15", "platform API 0.15 is incompatible", "--platform-api"];
    stopped(&run(&["--exporter", &none]), 4, &words);
    stopped(&run(&["--exporter", &none, "--target", "layout"]), 4, &words);
    stopped(&run(&["--exporter", &none, "--platform-api", "0.11"]), 4, &["0.11", "--platform-api 0.12 or newer"]);
    let other = before_the_reference(folder.path(), "other", "[ $CNB_PLATFORM_API = 0.13 ] || exit 11");
    stopped(&run(&["--exporter", &other]), 4, &["Platform API 0.15 (exit 11, no output)", "give --platform-api 0.13"]);
    let words = "[ $CNB_PLATFORM_API = 0.13 ] || { echo Platform API 0.15 is not supported >&2; exit 1; }";
    let in_words = before_the_reference(folder.path(), "in-words", words);
    stopped(&run(&["--exporter", &in_words]), 4, &["does not speak Platform API 0.15", "give --platform-api 0.13"]);
}

#[test]
fn the_first_platform_api_of_a_description_that_is_not_refused_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let other = before_the_reference(folder.path(), "other", "[ $CNB_PLATFORM_API = 0.13 ] || exit 11");
    let few = ["--scenario", "minimal", "--target", "registry", "--target", "layout"];
    let with = |more: &[&str]| {
        let first = ["--exporter", &other, "--exporter-file", "lifecycle"];
        run(&[&first[..], &few[..], more].concat())
    };
    let judged = with(&[]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    assert_eq!(judged.report["platform_api"], "0.13");
    assert_eq!(judged.report["exporter"]["name"], "lifecycle");
    assert_eq!(judged.report["exporter"]["path"], other.as_str());
    let repeat = judged.report["verdicts"][0]["repeat"].as_str().unwrap();
    assert!(repeat.contains(&format!("--exporter {other} --exporter-file lifecycle ")), "{repeat}");
    // A user who asks for one version gets no other.
    stopped(&with(&["--platform-api", "0.14"]), 4, &["0.14 (", "give --platform-api 0.13"]);
    let judged = with(&["--platform-api", "0.13"]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
}

#[test]
fn an_unknown_flag_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, words) in [
        ("-insecure-registry", "flag provided but not defined: -insecure-registry"),
        ("-insecure-registry", "error: unexpected argument '-i' found"),
        ("-launcher-sbom", "x.py: error: unrecognized arguments: -launcher-sbom"),
        ("-uid", "x: unrecognized option '-uid'"),
    ] {
        let exporter = without_flag(folder.path(), flag, words);
        stopped(&run(&["--exporter", &exporter]), 4, &[flag, words, "(exit 2)", "leave-out"]);
    }
    let two = "for word; do case $word in -gid|-run) echo unknown flag $word; exit 2;; esac; done";
    let two = before_the_reference(folder.path(), "two", two);
    stopped(&run(&["--exporter", &two]), 4, &["it does not take -run, -gid:"]);
}

#[test]
fn an_exporter_without_a_target_is_judged_on_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = without_flag(folder.path(), "-layout", "flag provided but not defined: -layout");
    let judged = run(&[
        "--exporter",
        &exporter,
        "--scenario",
        "minimal",
        "--scenario",
        "errors-command-line",
        "--target",
        "registry",
        "--target",
        "layout",
    ]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    assert!(judged.stderr.contains("layout is not run: the exporter does not take -layout"), "{}", judged.stderr);
    for verdict in judged.report["verdicts"].as_array().unwrap() {
        let is_skipped = verdict["verdict"] == "skipped";
        assert_eq!(is_skipped, verdict["target"] == "layout", "{verdict}");
        if is_skipped {
            let reason = verdict["message"].as_str().unwrap();
            assert!(reason.contains("targets = [\"registry\"]"), "{reason}");
        }
    }
    let alone = run(&["--exporter", &exporter, "--scenario", "minimal", "--target", "layout"]);
    assert_eq!(alone.code, Some(4), "{}", alone.stderr);
}

/// Runs with the reference, which refuses each of these flags, by a description that leaves them out.
fn run_left_out(folder: &Path, flags: &[&str], script: &str, arguments: &[&str]) -> Judged {
    let cases = flags.join("|");
    let refuse =
        format!("for word; do case \"$word\" in {cases}) echo \"unknown flag $word\" >&2; exit 2;; esac; done");
    let exporter = before_the_reference(folder, "leaves-out", &format!("{refuse}\n{script}"));
    let description = folder.join("leaves-out.toml");
    let text = format!("name = 'leaves out'\ncommand = [{exporter:?}]\nleave-out = {flags:?}\n");
    std::fs::write(&description, text).unwrap();
    run(&[&["--exporter-file", description.to_str().unwrap(), "--profile", "strict"], arguments].concat())
}

/// Why what was skipped of a scenario was.
fn skipped(judged: &Judged, scenario: &str) -> String {
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    let of_it = verdicts.iter().filter(|one| one["scenario"] == scenario && one["verdict"] == "skipped");
    of_it.map(|one| one["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_description_leaves_out_is_said_otherwise_or_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = [
        "several-buildpacks",
        "errors-command-line",
        "errors-report",
        "flags-over-variables",
        "called-with-every-flag",
        "called-by-variables-alone",
        "run-image-mirror",
    ];
    let asked: Vec<&str> = scenarios.iter().flat_map(|scenario| ["--scenario", scenario]).collect();
    let layout = [&asked[..], &["--target", "layout"]].concat();
    let flags =
        ["-process-type", "-report", "-run", "-group", "-analyzed", "-layers", "-app", "-uid", "-launcher-sbom"];
    let judged = run_left_out(folder.path(), &flags, "", &layout);
    assert_eq!(requirements(&judged.report, "fail"), set(&[]), "{}", judged.stderr);
    let passed = requirements(&judged.report, "pass");
    for asked in ["errors.unknown-process-type", "errors.report-unwritable", "platform.label-run-image"] {
        assert!(passed.contains(asked), "{asked}: {}", judged.stderr);
    }
    assert!(skipped(&judged, "flags-over-variables").contains("leaves out -"), "{}", judged.report);
    let launcher = ["--scenario", "minimal", "--target", "layout"];
    let judged = run_left_out(folder.path(), &["-launcher"], "", &launcher);
    assert!(skipped(&judged, "minimal").contains("leaves out -launcher, for which"), "{}", judged.report);
    let judged = run_left_out(
        folder.path(),
        &["-launcher-sbom"],
        "",
        &[&launcher[..], &["--scenario", "several-buildpacks"]].concat(),
    );
    assert!(requirements(&judged.report, "fail").is_empty(), "{}", judged.report);
    assert!(
        skipped(&judged, "several-buildpacks").contains("leaves out -launcher-sbom, for which"),
        "{}",
        judged.report
    );
    assert!(requirements(&judged.report, "pass").contains("platform.exit-zero"), "{}", judged.report);
}

#[test]
fn a_registry_without_tls_that_the_exporter_is_not_told_of_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["--scenario", "minimal", "--target", "registry", "--target", "layout", "--timeout", "8"];
    let judged = run_left_out(folder.path(), &["-insecure-registry"], "unset CNB_INSECURE_REGISTRIES", &few);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    assert!(skipped(&judged, "minimal").contains("the registry has no TLS, and the exporter"), "{}", judged.report);
    assert!(requirements(&judged.report, "pass").contains("platform.exit-zero"), "{}", judged.report);
    // One that reads the variable reaches it.
    let judged = run_left_out(folder.path(), &["-insecure-registry"], "", &few);
    assert_eq!((judged.code, skipped(&judged, "minimal").as_str()), (Some(0), ""), "{}", judged.stderr);
}

#[test]
fn any_other_refusal_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let usage = "usage: x [-layout] [-layout-dir DIR] [-insecure-registry HOST] IMAGE";
    for (name, script) in [
        ("refuses-all", "echo no; exit 3".to_owned()),
        ("prints-usage", format!("echo '{usage}' >&2; exit 2")),
        // The flag is not the cause: without it the same is said.
        ("always-of-a-flag", "echo unknown flag -layers; exit 2".to_owned()),
        ("of-another-flag", "echo 'flag provided but not defined: -verbose'; exit 2".to_owned()),
        ("banner", "echo Platform API $CNB_PLATFORM_API; echo failed to read group.toml; exit 1".to_owned()),
    ] {
        let exporter = executable(folder.path(), name, &script);
        let judged =
            run(&["--exporter", &exporter, "--scenario", "minimal", "--target", "registry", "--target", "layout"]);
        judged_as_failing(&judged);
    }
}

#[test]
fn self_test_and_fuzz_stop_likewise() {
    let folder = tempfile::tempdir().unwrap();
    let none = executable(folder.path(), "none", "exit 11");
    program("faulty-exporter");
    for command in [
        &["self-test", "--registry", "embedded", "--fault", "base-digest-dropped", "--target", "registry"][..],
        &["fuzz", "--cases", "2"],
    ] {
        let output = conformance()
            .current_dir(folder.path())
            .args(command)
            .args(["--exporter", &none])
            .output_in_time()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        assert!(stderr.contains("it does not speak Platform API 0.15") && output.stdout.is_empty(), "{stderr}");
    }
}

#[test]
fn the_doctor_says_the_same_in_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let doctor = |exporter: &str, more: &[&str]| {
        let output = conformance().args(["doctor", "--exporter", exporter]).args(more).output_in_time().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let other = before_the_reference(folder.path(), "other", "[ $CNB_PLATFORM_API = 0.13 ] || exit 11");
    let (code, text) = doctor(&other, &[]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("does not speak Platform API 0.15") && text.contains("--platform-api 0.13"), "{text}");
    let (code, text) = doctor(&other, &["--platform-api", "0.13"]);
    assert_eq!(code, Some(0), "{text}");
    let exporter = without_flag(folder.path(), "-layout", "flag provided but not defined: -layout");
    let (code, text) = doctor(&exporter, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("Not on layout: the exporter does not take -layout") && text.contains("targets = "),
        "{text}"
    );
    // The last error line, which is on standard output, and not the last line.
    let out = executable(folder.path(), "out", "echo 'ERROR: failed to read the stars'; echo 'Timer: 3 ms'; exit 62");
    let (code, text) = doctor(&out, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("exit 62; it said: ERROR: failed to read the stars"), "{text}");
    let missing = executable(folder.path(), "missing", "exit 0");
    std::fs::write(&missing, "#!/nonexistent/interpreter\n").unwrap();
    let (code, text) = doctor(&missing, &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("its interpreter /nonexistent/interpreter is missing"), "{text}");
}

#[test]
fn the_doctor_tries_what_it_finds_on_every_target_and_writes_a_description() {
    let folder = tempfile::tempdir().unwrap();
    let script = "[ $CNB_PLATFORM_API = 0.13 ] || exit 11\n\
                  for a in \"$@\"; do case \"$a\" in -parallel|-launcher-sbom) echo \"flag provided but not defined: $a\" >&2; exit 3;;\n\
                  -layout) echo broken >&2; exit 9;; esac; done";
    let exporter = before_the_reference(folder.path(), "odd", script);
    let file = folder.path().join("exporter.toml").display().to_string();
    let doctor = || conformance().args(["doctor", "--exporter", &exporter, "--write", &file]).output_in_time().unwrap();
    let output = doctor();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    for part in ["On registry: It ran", "On layout: It did not export", "exit 9", "platform-api = \"0.13\"", "core 1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("leave-out = [\"-launcher-sbom\"]") && written.contains("# targets = [\"registry\"]"),
        "{written}"
    );
    assert_eq!(doctor().status.code(), Some(2), "a file that is there stays");
    let judged = run(&["--exporter-file", &file, "--scenario", "minimal", "--target", "registry"]);
    assert_eq!((judged.code, &judged.report["platform_api"]), (Some(0), &"0.13".into()), "{}", judged.stderr);
}

#[test]
fn the_doctor_lists_as_targets_what_it_tried_and_says_how_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.toml").display().to_string();
    let doctor = |exporter: &str, more: &[&str]| {
        let output = conformance().args(["doctor", "--exporter", exporter]).args(more).output_in_time().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let exporter = without_flag(folder.path(), "-layout", "flag provided but not defined: -layout");
    let text = doctor(&exporter, &["--write", &file]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("targets = [\"registry\"]"), "{written}");
    assert!(written.starts_with("# daemon was not tried. Add it to targets if the exporter has it."), "{written}");
    assert!(text.contains("Not available: daemon: failed to reach a Docker daemon"), "{text}");
    let judged = run(&["--exporter-file", &file, "--scenario", "minimal"]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    // What the reference is spoiled by: a report that is gone, and a layer that nothing numbers.
    let silent = executable(
        folder.path(),
        "silent",
        &format!(
            "{:?} \"$@\" || exit $?\nfor word; do [ \"$last\" = -report ] && rm \"$word\"; last=$word; done; exit 0",
            program("reference-exporter")
        ),
    );
    let text = doctor(&silent, &[]);
    let wrong =
        "What is to be fixed:\n  wrong     platform.report-written on registry, layout: there is no report.toml";
    assert!(text.contains(wrong) && text.contains("fix       write <report> after the export"), "{text}");
    assert!(text.contains(&format!("conformance run --quick --exporter {silent} looks further")), "{text}");
}

#[test]
fn a_project_file_in_the_working_folder_is_read_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let said = |words: &[&str]| {
        let output = conformance().current_dir(folder.path()).args(words).output_in_time().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        (output.status.code(), text)
    };
    assert_eq!(said(&["init", "--exporter", "/bin/false"]).0, Some(0));
    let (code, text) = said(&["init"]);
    assert!(code == Some(2) && text.contains("--force"), "{text}");
    let (code, text) = said(&["doctor"]);
    assert!(
        code == Some(1) && text.contains("/bin/false") && text.contains("conformance.toml of this folder is read"),
        "{text}"
    );
    let (code, text) = said(&["doctor", "--no-config", "--exporter", "/nonexistent"]);
    assert!(code == Some(2) && !text.contains("is read"), "{text}");
    assert_eq!(said(&["check", "conformance.toml"]).0, Some(0));
    std::fs::write(folder.path().join("conformance.toml"), "exportr = 'x'\n").unwrap();
    let (code, text) = said(&["run"]);
    assert!(code == Some(2) && text.contains("did you mean exporter?"), "{text}");
}

#[test]
fn built_in_descriptions_are_named_where_there_is_no_such_one() {
    stopped(&run(&["--exporter-file", "nope"]), 2, &["nope", "built in are reference and lifecycle"]);
}
