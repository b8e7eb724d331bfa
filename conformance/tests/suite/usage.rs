//! Calls that are refused, each with its exit code and what is wrong.

use bounded::Bounded as _;
use serde_json::Value;

use super::support::{conformance, run};

#[test]
fn what_cannot_be_run_is_the_caller_s_fault_and_no_verdict() {
    let not_executable = run(&["--exporter", "/etc/passwd"]);
    assert_eq!((not_executable.code, &not_executable.report), (Some(2), &Value::Null));
    let missing = run(&["--exporter", "/nonexistent"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("/nonexistent"), "{}", missing.stderr);
    assert_eq!(missing.stderr.lines().count(), 1, "{}", missing.stderr);
}

#[test]
fn wrong_usage_is_exit_2_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.toml");
    std::fs::write(&odd, "name = 'x'\ncommand = ['true']\ntimeuot = 3\n").unwrap();
    let odd = odd.display().to_string();
    for (arguments, named) in [
        (&["--profile", "lax"][..], "lax"),
        (&["--scenario", "no-such"], "--scenario"),
        (&["--requirement", "no-such"], "requirements"),
        (&["--requirement", "base.digest-presnt"], "did you mean base.digest-present?"),
        (&["--require", "foo"], "there is no such service"),
        (&["--require", "daemon", "--target", "registry"], "--target leaves it out"),
        (&["--daemon", "/nope.sock"], "unix:///"),
        (&["--scenarios", "/nonexistent/scenarios"], "/nonexistent/scenarios"),
        (&["--exporter-file", &odd], "timeuot"),
        (&["--report", "pdf"], "pdf"),
        (&["--platform-api", "new"], "new"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--evidence", "/etc"], "/etc"),
    ] {
        let judged = run(arguments);
        assert_eq!(judged.code, Some(2), "{arguments:?}: {}", judged.stderr);
        assert!(judged.stderr.contains(named), "{arguments:?}: {}", judged.stderr);
        assert!(!judged.stderr.contains("panicked"), "{}", judged.stderr);
    }
}

#[test]
fn nothing_judged_is_exit_4_and_a_missing_service_exit_3() {
    let nothing = run(&["--exporter", "/bin/false", "--target", "registry", "--requirement", "layout.*"]);
    assert_eq!(nothing.code, Some(4), "{}", nothing.stderr);
    let missing = run(&["--exporter", "/bin/false", "--scenario", "minimal", "--require", "daemon"]);
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
    assert!(missing.stderr.contains("--require daemon: none is available"), "{}", missing.stderr);
    assert!(missing.report.is_null(), "it is known before the first export");
}

#[test]
fn a_registry_that_is_none_is_found_before_the_first_export() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        }
    });
    let web = format!("http://127.0.0.1:{port}");
    let ask = || {
        let output =
            conformance().args(["run", "--exporter", "/bin/false", "--registry", &web]).output_in_time().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    let other = ask();
    assert!(other.contains("it answers 404"), "{other}");
    let _ = std::net::TcpStream::connect(("127.0.0.1", port));
    server.join().unwrap();
    let closed = ask();
    assert!(closed.contains("refused"), "{closed}");
}

#[test]
fn a_folder_of_temporary_files_that_is_not_there_is_refused_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere");
    let output =
        conformance().env("TMPDIR", &missing).args(["run", "--exporter", "/bin/false"]).output_in_time().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("TMPDIR") && said.contains("nowhere"), "{said}");
    assert!(said.lines().count() == 1 && !missing.exists(), "{said}");
}
