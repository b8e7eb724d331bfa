//! Registries as they are in the world: behind a password, behind a token server, behind TLS of a private authority.
//! The verdicts are those of a registry without any of it, and no credential goes where it is not needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bounded::Bounded as _;
use serde_json::{Value, json};

use self::standing::{
    FOREIGN, PASSWORD, TOKEN, USER, behind_a_password, behind_a_token_server, behind_tls, certificates, pair,
};
use super::support::{conformance, executable, program, requirements};

mod ended;
mod standing;

/// Builds of every kind: a first one, one after another, several tags, what a registry of its own needs, and registries
/// that fail, want credentials or lead elsewhere.
const SCENARIOS: [&str; 9] = [
    "all-project-metadata",
    "errors-registry",
    "minimal",
    "rebuilt-layers-re-used",
    "registry-fails-for-a-moment",
    "registry-leads-elsewhere",
    "run-image-behind-index",
    "run-image-on-another-registry",
    "three-tags",
];

/// A run and all that it left.
struct Ran {
    code: Option<i32>,
    report: Value,
    printed: String,
    folder: tempfile::TempDir,
}

/// Runs the suite with a `config.json` that has these credentials for `host`, and others.
async fn run(host: Option<&str>, exporter: &str, arguments: &[&str], around: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config = folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    let mut auths = json!({ "registry.example": { "auth": STANDARD.encode(format!("{USER}:{FOREIGN}")) } });
    if let Some(host) = host {
        auths[host] = json!({ "auth": pair() });
    }
    std::fs::write(config.join("config.json"), json!({ "auths": auths }).to_string()).unwrap();
    let (report, evidence) = (folder.path().join("report.json"), folder.path().join("evidence"));
    let mut command = conformance();
    command
        .env("DOCKER_CONFIG", &config)
        .envs(around.iter().copied())
        .args(["run", "--exporter", exporter, "--target", "registry", "--evidence"])
        .arg(&evidence)
        .args(["--report", &format!("json={}", report.display()), "--report", "terminal"])
        .args(arguments);
    for scenario in SCENARIOS.iter().filter(|_| !arguments.contains(&"--scenario")) {
        command.args(["--scenario", scenario]);
    }
    let output = tokio::task::spawn_blocking(move || command.output_in_time().unwrap()).await.unwrap();
    std::fs::remove_dir_all(&config).unwrap();
    let printed = [output.stdout, output.stderr].concat();
    Ran {
        code: output.status.code(),
        report: conformance::report::json::plain(&std::fs::read(&report).unwrap_or_default()).unwrap_or_default(),
        printed: String::from_utf8_lossy(&printed).into_owned(),
        folder,
    }
}

/// Verdict by scenario and requirement.
fn verdicts(ran: &Ran) -> BTreeMap<(String, String), String> {
    let all = ran.report["verdicts"].as_array().unwrap_or_else(|| panic!("no report: {}", ran.printed));
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    all.iter().map(|one| ((text(one, "scenario"), text(one, "requirement")), text(one, "verdict"))).collect()
}

fn different(one: &Ran, other: &Ran) -> Vec<String> {
    let (one, other) = (verdicts(one), verdicts(other));
    let all: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let changed = all.into_iter().filter(|key| one.get(key) != other.get(key));
    changed.map(|key| format!("{key:?}: {:?}, then {:?}", one.get(key), other.get(key))).collect()
}

/// Every file below a folder that holds one of these.
fn holding(folder: &Path, secrets: &[&str]) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        secrets.iter().any(|secret| text.contains(secret))
    };
    files.map(|entry| entry.path().to_owned()).filter(|path| holds(path)).collect()
}

fn seen_no_credential(ran: &Ran) {
    let encoded = pair();
    let secrets = [PASSWORD, &encoded, TOKEN, FOREIGN];
    assert!(secrets.iter().all(|secret| !ran.printed.contains(secret)), "{}", ran.printed);
    let left = holding(ran.folder.path(), &secrets);
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_the_same_behind_a_password_a_token_server_and_a_private_authority() {
    let reference = program("reference-exporter").display().to_string();
    let plain = run(None, &reference, &["--registry", "embedded"], &[]).await;
    assert_eq!(plain.code, Some(0), "{}", plain.printed);
    assert!(requirements(&plain.report, "pass").len() > 60);
    for standing in [behind_a_password().await, behind_a_token_server().await] {
        let ran = run(Some(&standing.host), &reference, &["--registry", &standing.url], &[]).await;
        // No one is let in where such a registry leads: that host wants the credentials too, which must not go there.
        let mut other = different(&plain, &ran);
        other.retain(|line| !line.contains("\"registry-leads-elsewhere\""));
        // What an exporter tells of its credentials can be judged where it has some.
        let with_credentials = ["wire.credentials-not-printed", "wire.no-credential-leak", "wire.gives-up-on-401"];
        other.retain(|line| !is_told_here_alone(line, &with_credentials));
        assert_eq!(other, [""; 0], "{}", ran.printed);
        assert_eq!(ran.code, Some(0), "{}", ran.printed);
        seen_no_credential(&ran);
    }
    let standing = behind_a_password().await;
    let variable = json!({ standing.host.clone(): format!("Basic {}", pair()) }).to_string();
    let around = [("CNB_REGISTRY_AUTH", variable.as_str())];
    let ran = run(None, &reference, &["--registry", &standing.url, "--scenario", "minimal"], &around).await;
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    seen_no_credential(&ran);
    let standing = behind_tls().await;
    let authority = certificates("authority.pem").display().to_string();
    for (arguments, around) in
        [(vec![], vec![("SSL_CERT_FILE", authority.as_str())]), (vec!["--registry-ca", authority.as_str()], vec![])]
    {
        let arguments = [vec!["--registry", standing.url.as_str()], arguments].concat();
        let ran = run(None, &reference, &arguments, &around).await;
        assert_eq!(ran.code, Some(0), "{}", ran.printed);
        // What is sent in the clear can be told of a registry with TLS alone; all else is the same.
        let mut other = different(&plain, &ran);
        other.retain(|line| !is_told_here_alone(line, &UNDER_TLS));
        assert_eq!(other, [""; 0], "{}", ran.printed);
        let held = requirements(&ran.report, "pass");
        assert!(UNDER_TLS.iter().all(|id| held.contains(*id)), "{held:?}");
        assert!(held.contains("wire.no-credential-leak") && held.contains("wire.content-type"), "{held:?}");
    }
}

/// Whether a difference is that one of these requirements could not be judged before, and holds now.
fn is_told_here_alone(line: &str, requirements: &[&str]) -> bool {
    let is_of_one = requirements.iter().any(|id| line.contains(&format!("\"{id}\")")));
    is_of_one && line.ends_with(r#"Some("n/a"), then Some("pass")"#)
}

/// What is judged where a registry has TLS.
const UNDER_TLS: [&str; 2] = ["wire.keeps-tls", "wire.plaintext"];

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_that_does_not_accept_the_recorder_s_certificate_is_judged_without_it() {
    let (standing, folder) = (behind_tls().await, tempfile::tempdir().unwrap());
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let authority = certificates("authority.pem").display().to_string();
    let reference = program("reference-exporter");
    let few = ["--scenario", "minimal", "--scenario", "registry-with-tls", "--scenario", "registry-fails-for-a-moment"];
    // It trusts the registry's authority, whatever SSL_CERT_FILE names.
    let own = folder.path().join("own.pem");
    std::fs::copy(&authority, &own).unwrap();
    let script = format!("SSL_CERT_FILE={} exec {} \"$@\"", own.display(), reference.display());
    let stubborn = executable(folder.path(), "stubborn", &script);
    let arguments = [&["--registry", &standing.url, "--registry-ca", &authority][..], &few].concat();
    let ran = run(None, &stubborn, &arguments, &[]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    assert!(ran.printed.contains("not recorded: the exporter exports to the registry itself"), "{}", ran.printed);
    assert!(requirements(&ran.report, "pass").contains("platform.exit-zero"), "{}", ran.printed);
    let unseen = requirements(&ran.report, "skipped");
    assert!(unseen.contains("wire.content-type") && unseen.contains("wire.retry-transient"), "{unseen:?}");
    let note = ran.report["services"].as_array().unwrap().iter().find(|one| one["name"] == "registry").unwrap();
    assert!(note["note"].as_str().unwrap().starts_with("what is sent to it is not recorded: "), "{note}");
    // One that trusts nobody is failed for nothing before a registry without TLS.
    let script = format!("unset SSL_CERT_FILE; exec {} \"$@\"", reference.display());
    let nobody = executable(folder.path(), "nobody", &script);
    let ran = run(None, &nobody, &[&["--registry", "embedded"][..], &few].concat(), &[]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    let all = ran.report["verdicts"].as_array().unwrap();
    let under_tls: Vec<_> = all.iter().filter(|one| one["scenario"] == "registry-with-tls").collect();
    let is_skipped = |one: &&Value| {
        one["verdict"] == "skipped"
            && one["message"].as_str().unwrap().contains("accepts no certificate of an authority")
    };
    assert!(!under_tls.is_empty() && under_tls.iter().all(is_skipped), "{under_tls:?}");
    assert!(requirements(&ran.report, "pass").contains("wire.retry-transient"), "{}", ran.printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_gets_what_it_needs_of_the_credentials_and_what_it_prints_of_them_is_not_kept() {
    let (standing, folder) = (behind_a_password().await, tempfile::tempdir().unwrap());
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let reference = program("reference-exporter");
    let script = format!(
        "ls -l $DOCKER_CONFIG >&2; tr '{{}}' '<>' <$DOCKER_CONFIG/config.json; cat $DOCKER_CONFIG/config.json >&2\n\
         sed 's/.*\"auth\":\"//; s/\".*//' $DOCKER_CONFIG/config.json | base64 -d >&2; exec {} \"$@\"",
        reference.display()
    );
    let spy = executable(folder.path(), "spy", &script);
    let arguments = ["--registry", &standing.url, "--scenario", "minimal"];
    let ran = run(Some(&standing.host), &spy, &arguments, &[]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    seen_no_credential(&ran);
    let stderr = std::fs::read_to_string(ran.folder.path().join("evidence/minimal/registry/1/stderr.txt")).unwrap();
    assert!(stderr.contains(r#"{"auths":{"127.0.0.1:"#) && stderr.contains(USER), "{stderr}");
    assert!(!stderr.contains("registry.example"), "{stderr}");
    // Where no service needs any, it gets none.
    let ran = run(Some(&standing.host), &spy, &["--registry", "embedded", "--scenario", "minimal"], &[]).await;
    let stderr = std::fs::read_to_string(ran.folder.path().join("evidence/minimal/registry/1/stderr.txt")).unwrap();
    assert!(stderr.contains("total 0") && !stderr.contains("auths"), "{stderr}");
}
