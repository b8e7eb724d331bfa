//! Those who give credentials: token servers that fail, and helpers.

use bounded::Bounded as _;

use crate::support::build::exporter;
use crate::support::http::Answer;
use crate::support::server::{Server, Wanted, app, build_on, two_layers};

#[test]
fn a_token_server_that_fails_is_named_and_not_taken_for_the_registry() {
    for (status, words) in [(401, "401"), (500, "500"), (307, "307")] {
        let tokens = Server::start(move |_| Wanted::Answer(Answer::status(status)));
        let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"", tokens.host);
        let server =
            Server::start(move |_| Wanted::Answer(Answer::status(401).with("WWW-Authenticate", challenge.clone())));
        let build = build_on(&server, &two_layers());
        let output = build.to_registry(&server.host, &[&app(&server)]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        let told = ["get a token for", words, &format!("token server {}", tokens.host)];
        assert!(told.iter().all(|word| stderr.contains(word)), "{told:?}: {stderr}");
        assert!(!stderr.contains("fetch the manifest"), "{stderr}");
    }
}

#[test]
fn a_credential_helper_is_asked_once_in_an_export() {
    let wanted = "Basic dXNlcjpzZWNyZXQ=";
    let server = Server::start(move |asked| {
        if asked.authorization.as_deref() == Some(wanted) {
            return Wanted::Usual;
        }
        Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\""))
    });
    let build = build_on(&server, &two_layers());
    build.write("docker/config.json", &format!(r#"{{"credHelpers":{{"{}":"counts"}}}}"#, server.host));
    let told = build.path("asked");
    let answer = r#"{"ServerURL":"x","Username":"user","Secret":"secret"}"#;
    // It does not read what it is asked for.
    let script = format!("#!/bin/sh\necho x >>{}\necho '{answer}'\n", told.display());
    build.program("bin/docker-credential-counts", &script);
    let path = format!("{}:{}", build.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = build.command(exporter());
    command.env("DOCKER_CONFIG", build.path("docker")).env("PATH", path);
    let output = command.args(["-insecure-registry", &server.host, &app(&server)]).output_in_time().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(&told).unwrap().lines().count(), 1);
}

/// On a disk of its own, in a namespace of its own.
#[test]
fn a_report_for_which_there_is_no_room_is_not_there() {
    let server = Server::start(|_| Wanted::Usual);
    let build = build_on(&server, &two_layers());
    let full = build.path("full");
    std::fs::create_dir(&full).unwrap();
    let script = "mount -t tmpfs -o size=4k,nr_inodes=8 tmpfs \"$1\" && head -c 4096 /dev/zero >\"$1/filler\" || exit 99\n\
                  folder=$1; shift; \"$@\"; code=$?; ls \"$folder\"; exit $code";
    let mut command = build.command(exporter());
    command.arg("-report").arg(full.join("report.toml")).args(["-insecure-registry", &server.host, &app(&server)]);
    let mut inside = std::process::Command::new("unshare");
    inside.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]).arg(&full).arg(command.get_program());
    inside.args(command.get_args()).env("CNB_PLATFORM_API", "0.15").env("TMPDIR", build.path("temporary"));
    let output = inside.output_in_time().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains("No space left on device") && stderr.contains("report.toml"), "{stderr}");
    assert!(stdout.contains("filler") && !stdout.lines().any(|name| name.contains("report")), "{stdout}");
}
