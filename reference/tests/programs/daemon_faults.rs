//! Daemons that fail: each is said in one line that names the daemon and what was under way, and nothing is left.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::{Duration, Instant};

use crate::daemon::{build_upon, prepare_again, two_layers};
use crate::support::archive::Archive;
use crate::support::build::{Build, exporter};
use crate::support::engine::{Engine, Wanted, path};
use crate::support::http::{Answer, Asked};
use crate::support::store::{KINDS, Kind};

const APP: &str = "app.example/team/app:1";

/// Exports, and gives what is said of the failure.
fn failure(build: &Build, address: &str, case: &str) -> String {
    build.write("report.toml", "[image]\ntags=['of an earlier export']\n");
    let begun = Instant::now();
    let output = build.to_daemon(address, &[APP]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(62), "{case}: {stderr}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{case}: {:?}", begun.elapsed());
    let lines = stderr.lines().filter(|line| !line.starts_with("Warning: "));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() == 1 && lines[0].starts_with("ERROR: failed to "), "{case}: {stderr}");
    assert!(lines[0].contains(address), "{case}: {stderr}");
    assert!(build.report().is_none(), "{case}");
    assert_eq!(build.left_over(), Vec::<String>::new(), "{case}");
    lines[0].to_owned()
}

/// Writes more than what is on its way at a time.
fn write_much(path: &Path) {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let next = |noise: &u64| Some(noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let numbers = std::iter::successors(Some(1), next).take(3 << 17);
        numbers.flat_map(u64::to_be_bytes).collect()
    });
    fs::write(path, &*NOISE).unwrap();
}

/// What a daemon does instead of what it should.
type Fault = fn() -> Wanted;

/// A build whose engine has this fault where it is asked for a path that ends so.
fn with_fault(kind: Kind, place: &str, fault: Fault) -> (Arc<Build>, Engine) {
    let place = place.to_owned();
    let (build, engine, _) =
        build_upon(kind, move |_, asked| if path(asked).0.ends_with(&place) { fault() } else { Wanted::Usual });
    (build, engine)
}

/// What a failing daemon has to be told of: each word in the message, and nothing changed.
fn check(kind: Kind, place: &str, fault: Fault, words: &[&str]) {
    let (build, engine) = with_fault(kind, place, fault);
    write_much(&build.path("app/large"));
    let case = format!("{kind:?}, {place}, {words:?}");
    let told = failure(&build, &engine.address, &case);
    assert!(words.iter().all(|word| told.contains(word)), "{case}: {told}");
    assert!(!told.to_lowercase().contains("hyper") && told.len() < 800, "{case}: {told}");
    assert!(engine.tags().is_empty(), "{case}");
}

fn closed() -> Wanted {
    Wanted::Closed { after: 0 }
}

fn early(status: u16, body: &str) -> Wanted {
    Wanted::Answer { after: 1 << 20, answer: Answer::text(status, body) }
}

const FULL: &str = "no space left on device";
const FULL_DETAIL: &str =
    "{\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"no space left on device\"}\r\n";
const FULL_MESSAGE: &str = "{\"message\":\"no space left on device\"}\n";

#[test]
fn a_daemon_that_cannot_be_spoken_to_is_told_by_its_address() {
    let cases: [(&str, Fault, &[&str]); 6] = [
        ("/version", closed, &["log"]),
        ("/version", || Wanted::text(200, "<html>hello</html>"), &["DOCKER_HOST"]),
        ("/version", || Wanted::text(200, "{\"ApiVersion\":\"x\"}"), &["DOCKER_HOST"]),
        ("/version", || Wanted::text(500, ""), &["500", "log"]),
        ("/info", closed, &["log"]),
        ("/info", || Wanted::text(200, "[1"), &["DOCKER_HOST"]),
    ];
    for (place, fault, words) in cases {
        check(Kind::Containerd, place, fault, words);
    }
    let build = Build::new();
    build.analyzed("run.example/run:1", "sha256:0123");
    let address = format!("unix://{}", build.path("no.sock").display());
    let told = failure(&build, &address, "no socket");
    assert!(told.contains("is it running") && told.contains("DOCKER_HOST"), "{told}");
    drop(std::os::unix::net::UnixListener::bind(build.path("no.sock")).unwrap());
    let told = failure(&build, &address, "no one listens");
    assert!(told.contains("is it running") && told.contains("refused"), "{told}");
}

#[test]
fn a_run_image_that_the_daemon_cannot_give_is_told_by_its_name() {
    let cases: [(&str, Fault, &[&str]); 9] = [
        ("/json", || Wanted::text(200, &" ".repeat(17 << 20)), &["inspect", "more than 16 MiB", "DOCKER_HOST"]),
        (
            "/json",
            || Wanted::text(500, "{\"message\":\"database is locked\"}"),
            &["inspect", "says: database is locked"],
        ),
        ("/json", || Wanted::text(200, "nonsense"), &["inspect", "DOCKER_HOST"]),
        ("/json", || Wanted::text(404, "{\"message\":\"No such image\"}"), &["no such image", "analyzer"]),
        ("/json", closed, &["inspect", "log"]),
        ("/get", closed, &["save", "log"]),
        ("/get", || Wanted::text(500, FULL_MESSAGE), &["save", "says: no space left on device"]),
        ("/get", || Wanted::text(200, &"not an archive".repeat(99)), &["archive"]),
        (
            "/get",
            || {
                let whole = Archive(vec![("x".to_owned(), vec![1; 4096])]).write();
                let half = Answer::text(200, &whole[..2048]).with("Content-Length", whole.len().to_string());
                Wanted::Answer { after: 0, answer: half }
            },
            &["save", "log"],
        ),
    ];
    for kind in KINDS {
        let run = two_layers();
        let id = if kind == Kind::Containerd { run.manifest } else { run.config };
        for (place, fault, words) in cases {
            check(kind, &format!("{id}{place}"), fault, &[words, &[id.as_str()]].concat());
        }
    }
}

#[test]
fn a_load_that_fails_is_told_in_the_daemon_s_words_and_by_the_image_s_name() {
    let cases: [(Fault, &[&str]); 12] = [
        (closed, &["log"]),
        (|| Wanted::Closed { after: 1 << 20 }, &["log"]),
        (|| Wanted::Closed { after: usize::MAX }, &["log"]),
        (|| Wanted::text(200, FULL_DETAIL), &["says", FULL]),
        (|| early(200, FULL_DETAIL), &["says", FULL]),
        (|| Wanted::text(500, FULL_MESSAGE), &["says", FULL]),
        (|| early(500, FULL_MESSAGE), &["says", FULL]),
        (|| Wanted::text(500, ""), &["500", "log"]),
        (|| Wanted::text(502, &"<p>bad\n".repeat(999)), &["says", "<p>bad"]),
        (|| Wanted::text(200, "<html>hello</html>"), &["DOCKER_HOST"]),
        (|| Wanted::text(200, "{\"error\":\"no space left on device\"}"), &["log"]),
        (|| Wanted::text(200, ""), &["has no image", "log"]),
    ];
    for kind in KINDS {
        for (fault, words) in cases {
            check(kind, "/images/load", fault, &[words, &["load", APP]].concat());
        }
    }
}

#[test]
fn a_tag_that_the_daemon_refuses_is_told_by_its_name() {
    for kind in KINDS {
        check(kind, "/tag", || Wanted::text(500, FULL_MESSAGE), &["tag", APP, "says: no space left on device"]);
    }
}

#[test]
fn an_engine_that_answers_early_and_keeps_the_connection_is_not_waited_for() {
    for kind in KINDS {
        check(
            kind,
            "/images/load",
            || Wanted::Kept { after: 1 << 20, answer: Answer::text(500, FULL_MESSAGE) },
            &["load", APP, "says: no space left on device"],
        );
    }
}

#[test]
fn an_archive_that_cannot_be_finished_is_broken_off_and_not_ended() {
    // Once all layers have been hashed, the app is gone.
    let (build, engine, _) = build_upon(Kind::Classic, |build: &Build, asked: &Asked| {
        if path(asked).0 == "/images/load" {
            fs::remove_file(build.path("app/main")).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        Wanted::Usual
    });
    write_much(&build.path("layers/b/runtime/large"));
    let output = build.to_daemon(&engine.address, &[APP]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains("app/main"), "{stderr}");
    assert!(engine.broken().is_some_and(|target| target.contains("/images/load")));
    assert!(engine.changes().is_empty() && build.report().is_none());
}

#[test]
fn a_signal_in_the_middle_of_a_load_breaks_it_off() {
    for kind in KINDS {
        let (begun, loads) = mpsc::channel();
        let (build, engine, _) = build_upon(kind, move |_, asked| {
            if path(asked).0 == "/images/load" {
                begun.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(500));
            }
            Wanted::Usual
        });
        write_much(&build.path("app/large"));
        let mut command = build.command(exporter());
        command.env("DOCKER_HOST", &engine.address).args(["-daemon", APP]).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        loads.recv_timeout(Duration::from_secs(20)).unwrap();
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(62), "{kind:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("SIGTERM"), "{kind:?}");
        assert!(engine.broken().is_some(), "{kind:?}");
        assert!(engine.changes().is_empty() && build.report().is_none(), "{kind:?}");
        assert_eq!(build.left_over(), Vec::<String>::new());
    }
}

#[test]
fn a_full_temporary_disk_is_not_told_as_the_daemon_s_words() {
    for kind in KINDS {
        let (build, engine, run) = build_upon(kind, |_, _| Wanted::Usual);
        if kind == Kind::Classic {
            // Its only file is the previous image.
            write_much(&build.path("layers/b/runtime/large"));
            prepare_again(&build, &engine, &run);
        } else {
            write_much(&build.path("app/large"));
        }
        let loads = engine.loads().len();
        let output = build.to_daemon_with(&small_disk(&build), &engine.address, &[APP]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(62), "{kind:?}: {stderr}");
        assert!(
            stderr.contains("TMPDIR") && !stderr.contains("says") && !stderr.contains("broke"),
            "{kind:?}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{kind:?}: {stderr}");
        assert_eq!(engine.loads().len(), loads, "{kind:?}");
        assert!(build.report().is_none() && build.left_over().is_empty(), "{kind:?}");
    }
}

/// The exporter, where no file may have more than 64 KiB.
fn small_disk(build: &Build) -> std::path::PathBuf {
    build.program(
        "small-disk",
        &format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 128\nexec {} \"$@\"\n", exporter().display()),
    )
}

#[test]
fn an_image_that_a_failing_load_left_without_a_name_is_removed() {
    let was_asked = AtomicBool::new(false);
    let run = two_layers().manifest;
    let (build, engine, _) = build_upon(Kind::Containerd, move |_, asked| match path(asked).0.as_str() {
        "/images/load" => Wanted::text(200, FULL_DETAIL),
        // Before the load it is not there.
        place if place.ends_with("/json") && !place.contains(&run) && was_asked.swap(true, Ordering::SeqCst) => {
            Wanted::text(200, "{\"Id\":\"sha256:0\"}")
        }
        _ => Wanted::Usual,
    });
    let told = failure(&build, &engine.address, "left");
    assert!(told.contains(FULL), "{told}");
    assert!(engine.changes().last().unwrap().starts_with("DELETE /images/sha256:"), "{:?}", engine.changes());
}
