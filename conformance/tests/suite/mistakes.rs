//! Mistakes that users make: each is told on stderr with what was to be done, on what, why not, and what to do, in the
//! suite's one way of telling an error. What differs from machine to machine is masked.

use bounded::Bounded as _;
use std::fmt::Write as _;
use std::path::Path;

use super::support::{conformance, program};

/// Lays out what the mistakes are made with.
fn lay_out(folder: &Path) {
    let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
    write("broken.toml", b"name = 'x\n");
    write("level.toml", b"name = 'ours'\nextends = 'core'\n[levels]\n'annotations.[' = 'MUST'\n");
    write("text.json", b"not JSON\n");
    write("other.json", b"{\"schema\": 9}\n");
    write("object.json", b"{}");
    write("list.json", b"[]\n");
    write("binary.toml", b"\xff\xfe");
    write("empty.pem", b"");
    write("plain.txt", b"plain\n");
    write("known.toml", b"[[known]]\nrequirement = 'annotations.title'\nreason = ''\n");
    std::fs::create_dir_all(folder.join("bad-scenario")).unwrap();
    write("bad-scenario/scenario.toml", b"description = 'x'\ntagret = 'registry'\n");
    std::fs::create_dir_all(folder.join("evidence")).unwrap();
    write("evidence/index.json", b"{");
}

#[test]
fn each_is_told_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let (exporter, faulty) = (program("reference-exporter"), program("faulty-exporter"));
    let (exporter, faulty) = (exporter.display().to_string(), faulty.display().to_string());
    let run = |words: &str| format!("run --scenario minimal --registry embedded --exporter {exporter} {words}");
    let mistakes = [
        run("--profile missing.toml"),
        run("--profile broken.toml"),
        run("--profile level.toml"),
        run("--profile binary.toml"),
        run("--profile bad-scenario"),
        run("--baseline missing.toml"),
        run("--baseline broken.toml"),
        run("--baseline known.toml"),
        run("--registry-ca missing.pem"),
        run("--registry-ca empty.pem"),
        run("--scenarios missing"),
        run("--scenarios bad-scenario"),
        run("--report json=missing/report.json"),
        run("--evidence plain.txt/evidence"),
        run("--evidence bad-scenario"),
        run("--evidence plain.txt"),
        run("--keep plain.txt"),
        run("--keep plain.txt/kept"),
        run("--keep bad-scenario"),
        run("--rebaser missing"),
        run("--rebaser plain.txt"),
        run("--report json=twice --report junit=./twice"),
        run("--report json --report markdown"),
        run("--report json=bad-scenario"),
        run("--only-failed text.json"),
        run("--scenario minmal"),
        run("--requirement annotations.["),
        run("--requirement base.pair --requirement base.digets-present"),
        run("--daemon tcp://127.0.0.1:1 --target daemon"),
        run("--daemon unix:///nonexistent/docker.sock --target daemon"),
        format!("run --scenario minimal --exporter {exporter} --registry http://{closed}"),
        "run --exporter missing".to_owned(),
        "run --exporter plain.txt".to_owned(),
        "run --exporter-file missing.toml".to_owned(),
        "run --exporter-file broken.toml".to_owned(),
        "run --config missing.toml".to_owned(),
        "run --config broken.toml".to_owned(),
        "judge missing".to_owned(),
        "judge plain.txt".to_owned(),
        "judge evidence".to_owned(),
        "bundle missing --output bundle.tar.zst".to_owned(),
        "bundle plain.txt --output bundle.tar.zst".to_owned(),
        "bundle evidence --output plain.txt".to_owned(),
        "bundle evidence --output missing/bundle.tar.zst".to_owned(),
        "show object.json".to_owned(),
        "show list.json".to_owned(),
        "site object.json --output site".to_owned(),
        "explain none".to_owned(),
        "doctor --write bad-scenario".to_owned(),
        "base-status ::".to_owned(),
        "init -".to_owned(),
        "merge missing.json".to_owned(),
        "merge text.json".to_owned(),
        "merge other.json".to_owned(),
        "baseline update known.toml missing.json".to_owned(),
        "compare missing.json text.json".to_owned(),
        "check missing".to_owned(),
        "check bad-scenario".to_owned(),
        "check broken.toml".to_owned(),
        "questions missing.json".to_owned(),
        "questions text.json".to_owned(),
        "stores text.json".to_owned(),
        "figures missing.json".to_owned(),
        "proposal text.json".to_owned(),
        "site other.json --output site".to_owned(),
        "man missing".to_owned(),
        format!("self-test --faulty missing --exporter {exporter}"),
        format!("self-test --faulty plain.txt --exporter {exporter}"),
        format!("self-test --faulty {faulty} --fault no-such-fault --exporter {exporter}"),
        format!(
            "self-test --faulty {faulty} --fault base-digest-dropped --fault base-digest-droped --exporter {exporter}"
        ),
    ];
    let mut told = String::new();
    for words in mistakes {
        let output = conformance()
            .args(words.split(' '))
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .output_in_time()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let text = format!("$ conformance {words}\n{stderr}exit {}\n\n", output.status.code().unwrap_or(-1));
        assert!(!stderr.contains("panicked"), "{text}");
        assert_ne!(output.status.code(), Some(0), "{text}");
        let masked = text
            .replace(&folder.path().display().to_string(), "FOLDER")
            .replace(&exporter, "EXPORTER")
            .replace(&faulty, "FAULTY")
            .replace(&closed.to_string(), "127.0.0.1:PORT");
        let _ = write!(told, "{masked}");
    }
    insta::assert_snapshot!("told", told);
}

/// What a call says on both streams, and its exit code.
fn said(folder: &Path, variables: &[(&str, &str)], words: &[&std::ffi::OsStr]) -> (Option<i32>, String) {
    let mut call = conformance();
    // Other programs' runs share the usual folder of temporary files.
    call.args(words).current_dir(folder).env("TMPDIR", folder).envs(variables.iter().copied());
    let output = call.output_in_time().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("panicked"), "{text}");
    (output.status.code(), text)
}

fn words(line: &str) -> Vec<&std::ffi::OsStr> {
    line.split(' ').map(std::ffi::OsStr::new).collect()
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_run_and_by_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = program("reference-exporter").display().to_string();
    let evidence = folder.path().join("evidence");
    std::fs::create_dir(&evidence).unwrap();
    for line in [
        format!("run --exporter {exporter} --scenario minimal --target layout --report json=/proc/report.json"),
        format!("doctor --exporter {exporter} --write /proc/exporter.toml"),
        format!("bundle {} --output /proc/bundle.tar.zst", evidence.display()),
    ] {
        let (code, text) = said(folder.path(), &[], &words(&line));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("/proc/") && !text.contains(".incoming") && !text.contains("/proc/.tmp"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_name_that_is_not_utf8_is_told_with_its_flag() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let exporter = program("reference-exporter").display().to_string();
    for flag in ["--evidence", "--keep"] {
        let line = format!("run --exporter {exporter} --scenario minimal --target layout {flag}");
        let mut all = words(&line);
        all.push(std::ffi::OsStr::from_bytes(b"new-\xff"));
        let (code, text) = said(folder.path(), &[], &all);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("is not UTF-8") && text.contains(flag), "{text}");
    }
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.as_bytes().starts_with(b"new-")).count(), 0);
}

#[test]
fn the_folder_of_temporary_files_may_be_named_relatively_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("scratch")).unwrap();
    let exporter = program("reference-exporter").display().to_string();
    let line = format!("run --exporter {exporter} --scenario minimal --target layout");
    let (code, text) = said(folder.path(), &[("TMPDIR", "scratch")], &words(&line));
    assert_eq!(code, Some(0), "{text}");
    // In a folder in which nothing can be made.
    let (code, text) = said(Path::new("/proc"), &[("TMPDIR", "")], &words("base-status layout:/nonexistent"));
    assert!(code == Some(3) && text.contains("/nonexistent"), "{text}");
    assert!(!text.contains("make a temporary folder"), "{text}");
    let (code, text) = said(folder.path(), &[("TMPDIR", "/proc")], &words(&line));
    assert!(code == Some(3) && text.contains("/proc/cnb-") && text.contains("No such file"), "{text}");
    let (code, text) = said(folder.path(), &[("TMPDIR", "missing")], &words(&line));
    assert!(code == Some(2) && text.contains("TMPDIR names"), "{text}");
}

#[test]
fn a_daemon_s_address_in_the_environment_is_read_as_that_of_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = program("reference-exporter").display().to_string();
    let line = format!("run --exporter {exporter} --scenario minimal --target daemon");
    for host in ["ssh://host.example", "garbage"] {
        let (_, text) = said(folder.path(), &[("DOCKER_HOST", host)], &words(&line));
        assert!(text.contains("unix:///path/of/docker.sock or tcp://host:port"), "{text}");
    }
}

#[test]
fn what_is_near_to_what_is_taken_is_taken_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = program("reference-exporter").display().to_string();
    let line = format!("run --exporter {exporter} --scenario minimal --target layout --report json=report.json");
    assert_eq!(said(folder.path(), &[], &words(&line)).0, Some(0));
    let (code, text) = said(folder.path(), &[], &words("judge report.json"));
    assert!(code == Some(2) && text.contains("it is a JSON report") && text.contains("conformance show"), "{text}");
    for (line, named) in [
        ("explain base", "base.digest-is-run-image"),
        ("explain base.*", "base.digest-is-run-image"),
        ("check lifecycle", "the built-in exporter description"),
    ] {
        let (code, text) = said(folder.path(), &[], &words(line));
        assert!(code == Some(0) && text.contains(named), "{line}: {text}");
    }
}
