//! To a registry.

use bounded::Bounded as _;
use std::collections::BTreeSet;
use std::process::Output;
use std::sync::{Arc, Mutex};

use base64::Engine;
use serde_json::Value;

use crate::support::build::{Build, exporter, index, run_image};
use crate::support::http::{Answer, Asked};
use crate::support::server::{Server, Wanted, app, build_on, two_layers};

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn manifest(server: &Server, repository: &str, tag: &str) -> Value {
    serde_json::from_slice(&server.manifest(repository, tag).unwrap()).unwrap()
}

#[test]
fn blobs_are_asked_for_before_they_are_sent_run_layers_are_mounted_and_manifests_come_last() {
    let server = Server::start(|_| Wanted::Usual);
    let build = build_on(&server, &two_layers());
    let images = [app(&server), format!("{}/app:2", server.host), format!("{}/second:1", server.host)];
    succeeded(&build.to_registry(&server.host, &images.each_ref().map(String::as_str)));
    let changes = server.changes();
    let mounts = |from: &str| changes.iter().filter(|change| change.ends_with(&format!("&from={from}"))).count();
    assert_eq!(mounts("run"), 4, "two layers into two repositories: {changes:#?}");
    assert!(mounts("app") >= 1, "what the first repository has is mounted: {changes:#?}");
    let first_manifest = changes.iter().position(|change| change.contains("/manifests/")).unwrap();
    assert_eq!(changes.len() - first_manifest, 3, "manifests last: {changes:#?}");
    let app = manifest(&server, "app", "1");
    for repository in ["app", "second"] {
        for layer in app["layers"].as_array().unwrap() {
            assert!(server.has(repository, layer["digest"].as_str().unwrap()));
        }
    }
    assert_eq!(server.manifest("app", "1"), server.manifest("second", "1"));
    // Once more: all is there.
    let before = server.changes().len();
    succeeded(&build.to_registry(&server.host, &[&images[0]]));
    assert_eq!(server.changes().len() - before, 1, "the manifest alone");
}

#[test]
fn a_registry_is_named_by_an_ipv6_address_in_brackets() {
    // Not every machine has one.
    let Some(server) = Server::start_at("[::1]:0") else { return };
    assert!(server.host.starts_with("[::1]:"), "{}", server.host);
    let build = build_on(&server, &two_layers());
    succeeded(&build.to_registry(&server.host, &[&app(&server)]));
    let manifest = manifest(&server, "app", "1");
    let name = format!("{}/run:1", server.host);
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.name"], name.as_str());
    let report = build.report().unwrap();
    assert_eq!(report["image"]["tags"].as_array().unwrap()[0].as_str(), Some(app(&server).as_str()));
    let bare = app(&server).replace(['[', ']'], "");
    let refused = build.to_registry(&server.host, &[&bare]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && stderr.lines().count() == 1 && stderr.contains(&bare), "{stderr}");
}

#[test]
fn a_registry_that_mounts_nothing_is_sent_the_layers() {
    for status in [202, 404, 405] {
        let server = Server::start(move |asked| match asked.target.split_once("?mount=") {
            Some((path, _)) if status == 202 => {
                Wanted::Answer(Answer::status(202).with("Location", format!("{path}u?a=b")))
            }
            Some(_) => Wanted::Answer(Answer::status(status)),
            None => Wanted::Usual,
        });
        let build = build_on(&server, &two_layers());
        succeeded(&build.to_registry(&server.host, &[&app(&server)]));
        for digest in two_layers().layers {
            assert!(server.has("app", &digest));
        }
    }
}

/// Fails each request the first time.
fn once(fail: impl Fn(&Asked) -> Wanted + Send + Sync + 'static) -> Server {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap_or_default();
        let key = format!("{} {path}", asked.method);
        if seen.lock().unwrap().insert(key) { fail(asked) } else { Wanted::Usual }
    })
}

#[test]
fn one_failure_of_each_request_does_not_fail_the_export() {
    for status in [0, 429, 500, 503] {
        let server = once(move |_| match status {
            0 => Wanted::Closed,
            429 => Wanted::Answer(Answer::status(429).with("Retry-After", "1")),
            status => Wanted::Answer(Answer::status(status)),
        });
        let build = build_on(&server, &run_image(&[&[0; 1024]]));
        succeeded(&build.to_registry(&server.host, &[&app(&server)]));
        assert!(server.manifest("app", "1").is_some());
    }
}

#[test]
fn what_fails_for_good_moves_no_tag_and_leaves_no_report() {
    for part in ["/blobs/uploads/", "/manifests/1"] {
        let server = Server::start(move |asked| {
            let is_write = asked.method == "PUT" || asked.method == "POST";
            if is_write && asked.target.contains(part) { Wanted::Answer(Answer::status(500)) } else { Wanted::Usual }
        });
        let build = build_on(&server, &two_layers());
        build.write("report.toml", "");
        let output = build.to_registry(&server.host, &[&app(&server)]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        assert!(stderr.contains(&server.host) && stderr.contains("500"), "{stderr}");
        assert!(server.manifest("app", "1").is_none() && build.report().is_none());
        assert_eq!(build.left_over(), Vec::<String>::new());
    }
}

#[test]
fn content_that_is_not_what_its_digest_says_is_refused() {
    let run = two_layers();
    for digest in run.layers.iter().chain([&run.manifest]) {
        let wrong = digest.clone();
        let server = Server::start(move |asked| {
            if asked.target.contains("mount=") {
                return Wanted::Answer(Answer::status(404));
            }
            if asked.method == "GET" && asked.target.ends_with(&wrong) {
                return Wanted::Answer(Answer { body: b"{}".to_vec(), ..Answer::status(200) });
            }
            Wanted::Usual
        });
        let build = build_on(&server, &run);
        let output = build.to_registry(&server.host, &[&app(&server)]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        assert!(stderr.contains(digest.as_str()), "{stderr}");
        assert!(server.manifest("app", "1").is_none());
    }
}

/// A registry with a token server of its own; the token says what it is for.
fn with_tokens() -> Server {
    Server::start(|asked| {
        if let Some((_, query)) = asked.target.split_once("/token?") {
            let is_known = asked.authorization.as_deref() == Some("Basic dXNlcjpzZWNyZXQ=");
            let token = query.replace("%3A", ":").replace("%2C", ",");
            let body = format!("{{\"token\":\"{token}\"}}").into_bytes();
            return Wanted::Answer(if is_known { Answer { body, ..Answer::status(200) } } else { Answer::status(401) });
        }
        let path = asked.target.strip_prefix("/v2/").unwrap_or_default();
        let repository = path.split('/').next().unwrap_or_default();
        let action = if matches!(asked.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
        let token = asked.authorization.clone().unwrap_or_default();
        let mut is_allowed = token.contains(&format!("scope=repository:{repository}:{action}"));
        if let Some((_, from)) = path.split_once("&from=") {
            is_allowed &= token.contains(&format!("scope=repository:{from}:pull"));
        }
        if is_allowed {
            return Wanted::Usual;
        }
        let host = asked.host();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        Wanted::Answer(Answer::status(401).with("WWW-Authenticate", challenge))
    })
}

#[test]
fn tokens_are_fetched_for_what_is_done_and_mounts_ask_for_both_repositories() {
    let server = with_tokens();
    let build = build_on(&server, &two_layers());
    let auth = format!("{{\"{}\":\"Basic {}\"}}", server.host, base64("user:secret"));
    let mut command = build.command(exporter());
    command.env("CNB_REGISTRY_AUTH", auth).args(["-insecure-registry", &server.host, &app(&server)]);
    let output = command.output_in_time().unwrap();
    succeeded(&output);
    for layer in two_layers().layers {
        assert!(server.has("app", &layer));
    }
    let gets = server.asked().into_iter().filter(|asked| asked.method == "GET" && asked.target.contains("/blobs/"));
    assert_eq!(gets.count(), 1, "the config alone: layers were mounted");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("secret") && !said.contains(&base64("user:secret")) && !said.contains("scope="));
}

#[test]
fn docker_s_credentials_are_used_where_the_platform_gives_none() {
    let wanted = format!("Basic {}", base64("user:secret"));
    let server = Server::start(move |asked| {
        if asked.authorization.as_ref() == Some(&wanted) {
            return Wanted::Usual;
        }
        Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\""))
    });
    let build = build_on(&server, &two_layers());
    let auths = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{}\"}}}}}}", server.host, base64("user:secret"));
    build.write("docker/config.json", &auths);
    let export = |auth: Option<&str>| {
        let mut command = build.command(exporter());
        command.env("DOCKER_CONFIG", build.path("docker"));
        command.envs(auth.map(|auth| ("CNB_REGISTRY_AUTH", auth)));
        command.args(["-insecure-registry", &server.host, &app(&server)]).output_in_time().unwrap()
    };
    assert!(!export(Some("{}")).status.success(), "what the platform gives replaces docker's file");
    assert!(server.manifest("app", "1").is_none());
    succeeded(&export(None));
}

#[test]
fn without_credentials_the_refusal_names_the_registry_and_what_to_do() {
    let server = Server::start(|_| Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\"")));
    let build = build_on(&server, &two_layers());
    let output = build.to_registry(&server.host, &[&app(&server)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(
        stderr.contains(&server.host) && stderr.contains("401") && stderr.contains("CNB_REGISTRY_AUTH"),
        "{stderr}"
    );
}

#[test]
fn credentials_go_to_no_other_host() {
    let elsewhere = Arc::new(Server::start(|asked| {
        Wanted::Answer(if asked.method == "PUT" { Answer::status(201) } else { Answer::status(404) })
    }));
    let host = elsewhere.host.clone();
    let server = Server::start(move |asked| {
        let is_upload = asked.method == "POST";
        if is_upload {
            return Wanted::Answer(Answer::status(202).with("Location", format!("http://{host}/upload?x=y")));
        }
        if asked.method == "GET" && asked.target.contains("/blobs/") {
            return Wanted::Answer(Answer::status(307).with("Location", format!("http://{host}{}", asked.target)));
        }
        Wanted::Usual
    });
    let run = two_layers();
    elsewhere.publish("run", &run);
    let build = build_on(&server, &run);
    let auth = format!("{{\"{}\":\"Basic secret\"}}", server.host);
    let mut command = build.command(exporter());
    command.env("CNB_REGISTRY_AUTH", auth).args(["-insecure-registry", &server.host, &app(&server)]);
    assert!(!command.output_in_time().unwrap().status.success(), "the config is not there");
    assert!(server.asked().iter().all(|asked| asked.authorization.as_deref() == Some("Basic secret")));
    assert!(!elsewhere.asked().is_empty());
    assert!(elsewhere.asked().iter().all(|asked| asked.authorization.is_none()));
}

#[test]
fn a_run_image_behind_an_index_on_another_registry_is_brought_over() {
    let (far, near) = (Server::start(|_| Wanted::Usual), Server::start(|_| Wanted::Usual));
    let run = run_image(&[&[0; 1024], &[0; 2048], &[0; 1024]]);
    far.publish("team/run", &run);
    let index = far.put_manifest("team/run", &index(&run));
    let build = Build::new();
    build.analyzed("run", &format!("{}/team/run@{index}", far.host));
    let mut command = build.command(exporter());
    command.env("CNB_INSECURE_REGISTRIES", format!("{},{}", far.host, near.host)).arg(app(&near));
    succeeded(&command.output_in_time().unwrap());
    let manifest = manifest(&near, "app", "1");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], index.to_string());
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.name"], "index.docker.io/library/run:latest");
    let digests: Vec<&str> =
        manifest["layers"].as_array().unwrap().iter().filter_map(|layer| layer["digest"].as_str()).collect();
    assert_eq!(digests[..3], run.layers.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(run.layers.iter().all(|layer| near.has("app", layer)));
    let gets = far.asked().into_iter().filter(|asked| asked.target.ends_with(&run.layers[0]));
    assert_eq!(gets.count(), 1, "two identical layers are one blob");
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}
