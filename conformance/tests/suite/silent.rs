//! Services that fall silent in the middle: a run ends within the limit, tells whose silence it was, and ends at once
//! when a signal comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bounded::Bounded as _;

use super::support::{conformance, executable, program};

/// How far a registry goes before it is silent.
#[derive(Clone, Copy, PartialEq)]
enum Registry {
    /// It says that it is one, and nothing more.
    Introduces,
    /// It opens uploads and does not take them.
    OpensUploads,
    /// It takes what is sent, and stops in the middle of what it sends.
    StopsInABody,
}

/// What is said to one request; none for silence.
fn said_by(registry: Registry, request: &str) -> Option<String> {
    let empty = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n");
    let words: Vec<&str> = request.split(' ').collect();
    let (method, path) = (words[0], words[1]);
    if path == "/v2/" {
        return Some(empty("200 OK", ""));
    }
    match (registry, method) {
        (Registry::Introduces, _) | (Registry::OpensUploads, "PUT" | "PATCH") => None,
        (_, "POST") => Some(empty("202 Accepted", &format!("Location: {path}one\r\n"))),
        (_, "PUT" | "PATCH") => Some(empty("201 Created", &format!("Location: {path}\r\n"))),
        (_, "GET") => Some("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned()),
        _ => Some(empty("404 Not Found", "")),
    }
}

/// What an engine says before it is silent.
fn said_by_an_engine(_: Registry, request: &str) -> Option<String> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let body = if path.ends_with("/_ping") {
        "OK"
    } else if path.ends_with("/version") {
        r#"{"Version":"26.1.5","ApiVersion":"1.41","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}"#
    } else if path.ends_with("/info") {
        r#"{"ServerVersion":"26.1.5","Driver":"overlay2","OSType":"linux","Architecture":"x86_64"}"#
    } else {
        return None;
    };
    Some(answer_of_an_engine(body))
}

/// What an engine says that tells of an image more than is read of one.
fn said_by_a_talkative_engine(registry: Registry, request: &str) -> Option<String> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let known = said_by_an_engine(registry, request);
    known.or_else(|| {
        let body = match path {
            list if list.contains("/images/json") => "[]".to_owned(),
            of_image if of_image.contains("/images/") && of_image.ends_with("/json") => " ".repeat(17 << 20),
            _ => "{}".to_owned(),
        };
        Some(answer_of_an_engine(&body))
    })
}

fn answer_of_an_engine(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Answers requests one after another, and holds the connection from the first on that gets no answer.
fn serve<S: Read + Write>(stream: S, registry: Registry, say: fn(Registry, &str) -> Option<String>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if stream.read_line(&mut first).ok()? == 0 {
            return None;
        }
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let answer = say(registry, first.trim_end());
        if answer.is_some() {
            std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).ok()?;
        }
        match answer {
            Some(answer) => stream.get_mut().write_all(answer.as_bytes()).ok()?,
            // Longer than any test waits.
            None => std::thread::sleep(Duration::from_mins(15)),
        }
    }
}

fn silent_registry(registry: Registry) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, registry, said_by));
        }
    });
    format!("http://{address}")
}

fn engine(folder: &Path, say: fn(Registry, &str) -> Option<String>) -> String {
    let socket = folder.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, Registry::Introduces, say));
        }
    });
    format!("unix://{}", socket.display())
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    fn report(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let mut command = conformance();
        command.env("TMPDIR", self.folder.path().join("tmp")).args(["run", "--scenario", "minimal"]);
        command.arg("--exporter").arg(program("reference-exporter"));
        command.arg("--report").arg(format!("json={}", self.report().display())).args(more);
        command
    }

    fn is_left_clean(&self) {
        let left: Vec<_> = std::fs::read_dir(self.folder.path().join("tmp")).unwrap().flatten().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// The run ends with the service's error, within a time that has nothing to do with how long the service is silent.
fn ends_in_its_limit(place: &Place, arguments: &[&str], silent: &str) {
    let begun = Instant::now();
    let limits = ["--service-limit", "1", "--timeout", "8"];
    let output = place.command(&[arguments, &limits].concat()).output_within(Duration::from_mins(2)).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = std::fs::read_to_string(place.report()).unwrap_or_default();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(begun.elapsed() < Duration::from_mins(1), "it took {} s", begun.elapsed().as_secs());
    let told = format!("{stderr}{report}");
    assert!(told.contains(silent) && told.contains("was silent for"), "{told}");
    place.is_left_clean();
}

#[test]
fn a_registry_that_falls_silent_ends_a_run_in_its_limit() {
    for registry in [Registry::Introduces, Registry::OpensUploads, Registry::StopsInABody] {
        let url = silent_registry(registry);
        let host = url.trim_start_matches("http://").to_owned();
        ends_in_its_limit(&Place::new(), &["--registry", &url, "--target", "registry"], &host);
    }
}

#[test]
fn a_daemon_that_falls_silent_ends_a_run_in_its_limit() {
    let place = Place::new();
    let engine = engine(place.folder.path(), said_by_an_engine);
    ends_in_its_limit(&place, &["--registry", "embedded", "--target", "daemon", "--daemon", &engine], &engine);
}

#[test]
fn a_daemon_that_tells_too_much_of_an_image_is_told_and_not_read_to_the_end() {
    let place = Place::new();
    let engine = engine(place.folder.path(), said_by_a_talkative_engine);
    let on_daemon = ["--registry", "embedded", "--target", "daemon", "--daemon", &engine];
    let output = place.command(&on_daemon).output_within(Duration::from_mins(2)).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = format!("{stderr}{}", std::fs::read_to_string(place.report()).unwrap_or_default());
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(told.contains("the daemon answers more than 16777216 bytes"), "{told}");
    place.is_left_clean();
}

#[test]
fn a_signal_ends_the_wait_for_a_silent_service_at_once() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::new();
        let engine = engine(place.folder.path(), said_by_an_engine);
        let registry = silent_registry(Registry::Introduces);
        let on_daemon = ["--registry", "embedded", "--target", "daemon", "--daemon", &engine];
        for arguments in [&["--registry", registry.as_str(), "--target", "registry"][..], &on_daemon] {
            let mut child = place.command(arguments).spawn().unwrap();
            std::thread::sleep(Duration::from_secs(3));
            assert!(child.try_wait().unwrap().is_none(), "it did not wait");
            let begun = Instant::now();
            assert!(
                std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success()
            );
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                if begun.elapsed() > Duration::from_secs(30) {
                    child.kill().unwrap();
                    panic!("{signal} did not end the wait: {arguments:?}");
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            assert_eq!(status.code(), Some(130), "{signal} {arguments:?}");
            assert!(begun.elapsed() < Duration::from_secs(12), "{signal} took {} s", begun.elapsed().as_secs());
            place.is_left_clean();
        }
    }
}

/// The reference, but that it never ends where it fails.
fn hangs_at_failures(folder: &Path) -> String {
    let script = format!("{} \"$@\" || exec sleep 900", program("reference-exporter").display());
    executable(folder, "exporter", &script)
}

/// An exporter that hangs at each failure is waited for once in a scenario, and what was left out after that is
/// skipped.
#[test]
fn an_exporter_that_hangs_on_a_fault_costs_its_limit_once_in_a_scenario() {
    let place = Place::new();
    let (exporter, evidence) = (hangs_at_failures(place.folder.path()), place.folder.path().join("evidence"));
    let mut command = conformance();
    command.env("TMPDIR", place.folder.path().join("tmp")).args([
        "run",
        "--registry",
        "embedded",
        "--target",
        "registry",
    ]);
    command.args(["--scenario", "registry-fails-for-good", "--unreachable-limit", "1", "--no-config"]);
    command.args(["--scenario", "registry-serves-other-bytes"]);
    command.arg("--exporter").arg(&exporter).arg("--evidence").arg(&evidence);
    let output = command.output_within(Duration::from_mins(4)).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for (scenario, left) in
        [("registry-fails-for-good", &[3, 4, 5, 6, 7][..]), ("registry-serves-other-bytes", &[3, 4, 5])]
    {
        let made = |step: usize| {
            let file = evidence.join(format!("{scenario}/registry/{step}/export.json"));
            std::fs::read(file).ok().map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap())
        };
        let steps: Vec<usize> = (1..=7).filter(|step| made(*step).is_some()).collect();
        assert_eq!(steps, [1, 2], "{scenario}: {stderr}");
        let hung = made(2).unwrap();
        assert_eq!(hung["outcome"]["end"], serde_json::json!({ "how": "timed-out", "code": 6 }));
        let told: Vec<_> =
            hung["left_out"].as_array().unwrap().iter().map(|one| one["step"].as_u64().unwrap()).collect();
        assert_eq!(told, left, "{scenario}");
    }
    place.is_left_clean();
}

/// Where it hung on a registry that does not answer, what would hang as long in other scenarios is left out, and said
/// to be.
#[test]
fn an_exporter_that_hangs_without_an_answer_costs_its_limit_once_in_a_run() {
    let place = Place::new();
    let exporter = hangs_at_failures(place.folder.path());
    let [evidence, scenarios] = ["evidence", "scenarios"].map(|name| place.folder.path().join(name));
    let head = "why = 'x'\nbase = 'minimal'\ntargets = ['registry']\n[[steps]]\n";
    // A repository of its own: what the step before put is not there.
    let closes = "[[steps]]\nimages = ['closed:latest']\nexpect-failure = 'digest.failed-export-reported'\n\
                  faults = [{ method = 'PUT', path = 'closed/manifests/*', kind = 'reset-before' }]\n";
    // The first of them needs longest, and so begins first.
    for (name, steps) in [("one", format!("{closes}[[steps]]\n[[steps]]\n")), ("two", closes.to_owned())] {
        std::fs::create_dir_all(scenarios.join(name)).unwrap();
        std::fs::write(scenarios.join(name).join("scenario.toml"), format!("{head}{steps}")).unwrap();
    }
    let mut command = conformance();
    command.env("TMPDIR", place.folder.path().join("tmp")).args(["run", "--registry", "embedded", "--jobs", "1"]);
    command.args(["--target", "registry", "--unreachable-limit", "1", "--no-config", "--scenarios"]).arg(&scenarios);
    command.arg("--exporter").arg(&exporter).arg("--evidence").arg(&evidence);
    let output = command.output_within(Duration::from_mins(4)).unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let left_out = |of: &str| {
        let file = std::fs::read(evidence.join(format!("{of}/export.json"))).unwrap_or_else(|_| panic!("{of}: {said}"));
        serde_json::from_slice::<serde_json::Value>(&file).unwrap()["left_out"].clone()
    };
    assert_eq!(left_out("one/registry/2"), serde_json::Value::Null);
    assert!(!evidence.join("two/registry/2").exists(), "{said}");
    let told = serde_json::json!([{
        "step": 2, "expected_failure": "digest.failed-export-reported", "hang": { "scenario": "one", "step": 2 },
    }]);
    assert_eq!(left_out("two/registry/1"), told);
    place.is_left_clean();
}
