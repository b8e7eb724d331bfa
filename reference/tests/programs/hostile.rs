//! Registries that lie, stumble, lose what they were sent or lead elsewhere, and layouts that were tampered with.

use bounded::Bounded as _;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use reference::digest::Digest;
use serde_json::Value;

use crate::support::build::{Build, exporter};
use crate::support::http::{Answer, Asked};
use crate::support::server::{Server, Wanted, app, build_on, two_layers};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The first so many requests of a kind do something else.
fn at_first(count: usize, is_it: fn(&Asked) -> bool, what: fn(&Asked) -> Wanted) -> Server {
    let seen = AtomicUsize::new(0);
    Server::start(move |asked| {
        if is_it(asked) && seen.fetch_add(1, Ordering::Relaxed) < count { what(asked) } else { Wanted::Usual }
    })
}

fn is_blob_put(asked: &Asked) -> bool {
    asked.method == "PUT" && asked.target.contains("/blobs/uploads/")
}

fn is_mount(asked: &Asked) -> bool {
    asked.target.contains("mount=")
}

fn exported(server: &Server) -> (Build, Output) {
    let build = build_on(server, &two_layers());
    let output = build.to_registry(&server.host, &[&app(server)]);
    (build, output)
}

/// It failed with words that hold these, and left neither tag nor report.
fn refused(server: &Server, words: &[&str]) {
    let (build, output) = exported(server);
    let stderr = said(&output);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(words.iter().all(|word| stderr.contains(word)), "{words:?}: {stderr}");
    assert!(build.report().is_none() && build.left_over().is_empty(), "{stderr}");
}

#[test]
fn a_lost_upload_session_is_begun_anew_and_a_refused_mount_is_sent() {
    let lost = at_first(2, is_blob_put, |_| Wanted::Answer(Answer::status(404)));
    let failing = at_first(usize::MAX, is_mount, |_| Wanted::Answer(Answer::status(500)));
    let closing = at_first(usize::MAX, is_mount, |_| Wanted::Closed);
    for server in [lost, failing, closing] {
        let (_build, output) = exported(&server);
        assert!(output.status.success(), "{}", said(&output));
        assert!(server.manifest("app", "1").is_some());
        assert!(two_layers().layers.iter().all(|layer| server.has("app", layer)));
    }
}

#[test]
fn one_answer_that_does_not_come_is_asked_for_again() {
    let silent = |asked: &Asked| asked.method == "GET" && asked.target.contains("/run/manifests/");
    let server = at_first(1, silent, |_| Wanted::Silence(Duration::from_secs(11)));
    let (_build, output) = exported(&server);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn an_upload_that_is_given_up_is_cancelled_and_the_message_names_its_blob() {
    let server = at_first(usize::MAX, is_blob_put, |_| Wanted::Answer(Answer::status(403)));
    refused(&server, &["blob sha256:", "403", "/app:1"]);
    let asked = server.asked();
    let ended: Vec<&str> = asked.iter().filter(|one| one.method == "DELETE").map(|one| one.target.as_str()).collect();
    assert!(!ended.is_empty() && ended.iter().all(|target| target.contains("/blobs/uploads/")), "{ended:?}");
}

#[test]
fn what_a_registry_says_that_it_took_is_there_or_the_export_fails() {
    let is_manifest = |asked: &Asked| asked.method == "PUT" && asked.target.contains("/manifests/");
    let page = |_: &Asked| Wanted::Answer(Answer::text(200, "<html>welcome</html>"));
    refused(&at_first(usize::MAX, is_manifest, page), &["/app:1", "404"]);
    refused(&at_first(usize::MAX, is_manifest, |_| Wanted::Answer(Answer::status(201))), &["/app:1", "404"]);
    refused(
        &at_first(usize::MAX, is_blob_put, |_| Wanted::Answer(Answer::status(201))),
        &["does not have it", "blob sha256:"],
    );
    // A page that says yes to every question is not a blob.
    let is_head = |asked: &Asked| asked.method == "HEAD";
    refused(&at_first(usize::MAX, is_head, page), &["does not have it"]);
}

#[test]
fn a_tag_that_serves_something_else_is_no_success() {
    let is_read = |asked: &Asked| asked.method == "GET" && asked.target.ends_with("/app/manifests/1");
    refused(&at_first(usize::MAX, is_read, |_| Wanted::Answer(Answer::text(200, "{}"))), &["under 1 ", "/app:1"]);
}

#[test]
fn a_manifest_whose_answer_was_lost_is_there_all_the_same() {
    let server = Arc::new(std::sync::Mutex::new(None::<Arc<Server>>));
    let inside = server.clone();
    let started = Arc::new(Server::start(move |asked| {
        if asked.method == "PUT" && asked.target.contains("/manifests/") {
            let server: Option<Arc<Server>> = inside.lock().unwrap().clone();
            let server = server.unwrap();
            server.tag("app", "1", &asked.body);
            server.put_manifest("app", &asked.body);
            return Wanted::Closed;
        }
        Wanted::Usual
    }));
    *server.lock().unwrap() = Some(started.clone());
    let (build, output) = exported(&started);
    assert!(output.status.success() && build.report().is_some(), "{}", said(&output));
    *server.lock().unwrap() = None;
}

#[test]
fn no_document_writes_requests() {
    let server = Server::start(|_| Wanted::Usual);
    let run = two_layers();
    let hex = "ab".repeat(32);
    for bad in [format!("sha256:{hex}&from=secret/private&x="), "sha256:x/../../../../v2/admin/all?y=".to_owned()] {
        let mut manifest: Value = serde_json::from_slice(run.blobs.last().unwrap()).unwrap();
        manifest["layers"][0]["digest"] = bad.into();
        let bytes = manifest.to_string().into_bytes();
        let build = build_on(&server, &run);
        let digest = server.put_manifest("run", &bytes);
        build.analyzed(&format!("{}/run:1", server.host), &format!("{}/run@{digest}", server.host));
        let output = build.to_registry(&server.host, &[&app(&server)]);
        assert_eq!(output.status.code(), Some(62), "{}", said(&output));
        assert!(said(&output).contains("a digest is"), "{}", said(&output));
    }
    let asked = server.asked();
    assert!(asked.iter().all(|one| !one.target.contains("secret") && !one.target.contains("admin")), "{asked:?}");
}

#[test]
fn tls_is_never_left_for_a_blob() {
    let plain =
        Arc::new(Server::start(|asked| Wanted::Answer(Answer::status(if asked.method == "PUT" { 201 } else { 404 }))));
    let elsewhere = plain.host.clone();
    let server = Server::start_tls(move |asked| match (asked.method.as_str(), is_mount(asked)) {
        ("POST", true) => Wanted::Answer(Answer::status(404)),
        ("POST", false) => Wanted::Answer(Answer::status(202).with("Location", format!("http://{elsewhere}/up?x=y"))),
        _ => Wanted::Usual,
    });
    let build = build_on(&server, &two_layers());
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/certificates/authority.pem");
    let mut command: Command = build.command(exporter());
    let output = command.env("SSL_CERT_FILE", authority).arg(app(&server)).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(62), "{}", said(&output));
    assert!(said(&output).contains("without TLS") && plain.asked().is_empty(), "{}", said(&output));
}

#[test]
fn a_download_ends_where_its_descriptor_says_and_is_not_begun_too_often() {
    let run = two_layers();
    let (far, near) = (
        Server::start(|asked| {
            if asked.method == "GET" && asked.target.ends_with(&two_layers().layers[0]) {
                // Sent as long as it is taken.
                return Wanted::Endless;
            }
            Wanted::Usual
        }),
        Server::start(|_| Wanted::Usual),
    );
    far.publish("run", &run);
    let build = Build::new();
    build.analyzed(&format!("{}/run:1", far.host), &format!("{}/run@{}", far.host, run.manifest));
    let begun = Instant::now();
    let mut command = build.command(exporter());
    let both = format!("{},{}", far.host, near.host);
    let output = command.env("CNB_INSECURE_REGISTRIES", both).arg(app(&near)).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(62), "{}", said(&output));
    assert!(said(&output).contains("more bytes than its size says"), "{}", said(&output));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    let failing = Server::start(|asked| {
        let is_layer = asked.method == "GET" && asked.target.ends_with(&two_layers().layers[0]);
        if is_layer { Wanted::Answer(Answer::status(503)) } else { Wanted::Usual }
    });
    failing.publish("run", &run);
    build.analyzed(&format!("{}/run:1", failing.host), &format!("{}/run@{}", failing.host, run.manifest));
    let both = format!("{},{}", failing.host, near.host);
    let mut command = build.command(exporter());
    let output = command.env("CNB_INSECURE_REGISTRIES", both).arg(app(&near)).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(62), "{}", said(&output));
    let asked = failing.asked().into_iter().filter(|one| one.method == "GET" && one.target.ends_with(&run.layers[0]));
    assert_eq!(asked.count(), 4);
}

#[test]
fn a_server_s_words_reach_no_terminal_as_they_are_and_echo_no_credential() {
    let server = Server::start(|asked| {
        let echo = asked.authorization.clone().unwrap_or_default();
        let message = format!("\\u001b[2J no\\n{echo} {}", "x".repeat(5000));
        Wanted::Answer(Answer::text(403, format!(r#"{{"errors":[{{"message":"{message}"}}]}}"#)))
    });
    let build = build_on(&server, &two_layers());
    let pair = base64::engine::general_purpose::STANDARD.encode("me:open-sesame");
    let mut command = build.command(exporter());
    command.env("CNB_REGISTRY_AUTH", format!(r#"{{"{}":"Basic {pair}"}}"#, server.host));
    let output = command.args(["-insecure-registry", &server.host, &app(&server)]).output_in_time().unwrap();
    let stderr = said(&output);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(!stderr.contains('\u{1b}') && !stderr.contains(&pair) && stderr.len() < 2000, "{stderr:?}");
}

/// Whether a process is there, and not only its exit code.
fn runs(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// An exporter whose credential helper does this.
fn hanging(build: &Build, server: &Server, script: &str) -> std::process::Child {
    build.write("docker/config.json", &format!(r#"{{"credHelpers":{{"{}":"hangs"}}}}"#, server.host));
    build.program("bin/docker-credential-hangs", &format!("#!/bin/sh\n{script}"));
    let path = format!("{}:{}", build.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = build.command(exporter());
    command.env("DOCKER_CONFIG", build.path("docker")).env("PATH", path);
    command.args(["-insecure-registry", &server.host, &app(server)]).stderr(std::process::Stdio::null());
    command.spawn().unwrap()
}

/// What a helper wrote of the processes that it is.
fn process_told(told: &std::path::Path) -> String {
    for _ in 0..400 {
        if told.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    std::fs::read_to_string(told).unwrap().trim().to_owned()
}

#[test]
fn a_credential_helper_that_hangs_ends_with_the_exporter_that_a_signal_ends() {
    let challenge = || Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\""));
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(move |_| challenge());
        let build = build_on(&server, &two_layers());
        let told = build.path("processes");
        let script = format!("sleep 40 &\necho $$ $! >{0}.new\nmv {0}.new {0}\nwait\n", told.display());
        let mut child = hanging(&build, &server, &script);
        let processes = process_told(&told);
        assert!(processes.split_whitespace().all(runs), "{processes}");
        let begun = Instant::now();
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(62));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(300));
        let left: Vec<_> = processes.split_whitespace().filter(|process| runs(process)).collect();
        assert!(left.is_empty(), "{signal}: {left:?}");
    }
}

#[test]
fn a_credential_helper_ends_with_an_exporter_that_is_killed() {
    let server = Server::start(|_| Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\"")));
    let build = build_on(&server, &two_layers());
    let told = build.path("processes");
    let mut child =
        hanging(&build, &server, &format!("echo $$ >{0}.new\nmv {0}.new {0}\nexec sleep 40\n", told.display()));
    let helper = process_told(&told);
    assert!(runs(&helper));
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    while runs(&helper) && begun.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!runs(&helper), "process {helper}");
}

#[test]
fn tls_that_fails_names_its_remedy() {
    let other = tempfile::NamedTempFile::new().unwrap();
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/certificates");
    std::fs::copy(format!("{certificate}/authority.pem"), other.path()).unwrap();
    let (with_tls, plain) = (Server::start_tls(|_| Wanted::Usual), Server::start(|_| Wanted::Usual));
    let missing = std::path::Path::new("/nonexistent/authority.pem");
    // The machine's authorities have not signed it.
    for (server, trusted, words) in [
        (&with_tls, None, &["UnknownIssuer", "SSL_CERT_FILE", "SSL_CERT_DIR"][..]),
        (&plain, Some(other.path()), &["-insecure-registry", "no TLS"]),
        (&plain, Some(missing), &["SSL_CERT_FILE names /nonexistent/authority.pem", "No such file"]),
    ] {
        let build = build_on(server, &two_layers());
        let mut command = build.command(exporter());
        command.env_remove("CNB_INSECURE_REGISTRIES");
        if let Some(file) = trusted {
            command.env("SSL_CERT_FILE", file);
        }
        let output = command.arg(app(server)).output_in_time().unwrap();
        let stderr = said(&output);
        assert!(!output.status.success(), "{stderr}");
        // A machine without any authorities cannot tell the first apart.
        if stderr.contains("No CA certificates") && trusted.is_none() {
            continue;
        }
        assert!(words.iter().all(|word| stderr.contains(word)), "{words:?}: {stderr}");
        assert!(!stderr.contains("named with the right host"), "{stderr}");
    }
}

#[test]
fn credentials_that_cannot_be_used_are_said_and_never_shown() {
    let server = Server::start(|_| Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\"")));
    let host = &server.host;
    for (config, words) in [
        (format!(r#"{{"credHelpers":{{"{host}":"is-not-there"}}}}"#), "docker-credential-is-not-there"),
        (format!(r#"{{"credsStore":"is-not-there","auths":{{"{host}":{{}}}}}}"#), "docker-credential-is-not-there"),
        (format!(r#"{{"auths":{{"{host}":{{"auth":"hunter2!"}}}}}}"#), "not base64 of user:password"),
        (r#"{"auths": hunter2"#.to_owned(), "not JSON"),
    ] {
        let build = build_on(&server, &two_layers());
        build.write("docker/config.json", &config);
        let mut command = build.command(exporter());
        command.env("DOCKER_CONFIG", build.path("docker")).args(["-insecure-registry", host, &app(&server)]);
        let output = command.output_in_time().unwrap();
        let stderr = said(&output);
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        let file = build.path("docker/config.json").display().to_string();
        let all = ["Warning: ", words, &file, host];
        assert!(all.iter().all(|word| stderr.contains(word)), "{all:?}: {stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn a_run_image_s_config_that_is_not_what_it_is_said_to_be_is_refused() {
    let server = Server::start(|_| Wanted::Usual);
    let many = vec!["A=b"; 200_000];
    for (env, more, words) in [
        (serde_json::json!(["A=b", 1]), 0, "Env is not a list of strings"),
        (serde_json::json!({ "A": "b" }), 0, "Env is not a list of strings"),
        (serde_json::json!(many), 0, "Env has more than 100000 entries"),
        (serde_json::json!(["A=b"]), 1, "and the manifest says"),
    ] {
        let mut run = two_layers();
        let build = build_on(&server, &run);
        let mut config: Value = serde_json::from_slice(&run.blobs[0]).unwrap();
        assert!(config["rootfs"].is_object());
        config["config"]["Env"] = env;
        let config = config.to_string().into_bytes();
        let mut manifest: Value = serde_json::from_slice(&run.blobs.pop().unwrap()).unwrap();
        manifest["config"]["digest"] = server.put_blob("run", &config).to_string().into();
        manifest["config"]["size"] = (config.len() + more).into();
        let digest = server.put_manifest("run", manifest.to_string().as_bytes());
        build.analyzed(&format!("{}/run:1", server.host), &format!("{}/run@{digest}", server.host));
        let output = build.to_registry(&server.host, &[&app(&server)]);
        assert!(!output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(words) && build.report().is_none(), "{words}: {}", said(&output));
    }
}

#[test]
fn a_layer_of_a_layout_that_is_not_what_it_is_called_is_refused() {
    let tampered: [fn(&std::path::Path); 3] = [
        |blob| std::fs::write(blob, b"something else").unwrap(),
        |blob| {
            let elsewhere = blob.with_file_name("elsewhere");
            std::fs::rename(blob, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, blob).unwrap();
        },
        |blob| {
            std::fs::remove_file(blob).unwrap();
            assert!(Command::new("mkfifo").arg(blob).status().unwrap().success());
        },
    ];
    for tamper in tampered {
        let build = Build::with_layout();
        let run = two_layers();
        build.publish(&run);
        let place = build.path("layout/run.example/run");
        build.analyzed("run.example/run:1", &format!("{}@{}", place.display(), run.manifest));
        let layer = Digest::parse(&run.layers[1]).unwrap();
        tamper(&place.join("blobs/sha256").join(layer.hex()));
        let output = build.to_layout(exporter(), &["app.example/app:1"]);
        assert!(!output.status.success() && build.report().is_none(), "{}", said(&output));
        assert!(said(&output).contains(layer.hex()), "{}", said(&output));
    }
}
