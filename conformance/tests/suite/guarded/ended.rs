//! Suites that are killed or ended by a signal, and passwords on command lines: no credential stays or is printed.

use std::process::Command;

use bounded::Bounded as _;
use serde_json::json;

use super::standing::{PASSWORD, behind_a_password, pair};
use super::{holding, run};
use crate::support::{conformance, executable, program};

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_survives_a_suite_that_is_killed() {
    let (standing, folder) = (behind_a_password().await, tempfile::tempdir().unwrap());
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (temporary, config) = (folder.path().join("tmp"), folder.path().join("config"));
    std::fs::create_dir(&temporary).unwrap();
    std::fs::create_dir(&config).unwrap();
    let auths = json!({ "auths": { &standing.host: { "auth": pair() } } });
    std::fs::write(config.join("config.json"), auths.to_string()).unwrap();
    let waits =
        executable(folder.path(), "waits", "test -s $DOCKER_CONFIG/config.json && echo >&2 has it; exec sleep 60");
    let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .env("TMPDIR", &temporary)
        .env("DOCKER_CONFIG", &config)
        .args(["run", "--exporter", &waits, "--registry", &standing.url, "--scenario", "minimal"])
        .args(["--target", "registry"])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Its exporter runs when there is a description of what the supervisor is to do.
    let runs = || {
        walkdir::WalkDir::new(&temporary)
            .into_iter()
            .flatten()
            .any(|e| e.path().extension().is_some_and(|x| x == "spec"))
    };
    for _ in 0..600 {
        if runs() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(runs(), "the exporter was never started");
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let encoded = pair();
    let left = holding(&temporary, &[PASSWORD, &encoded]);
    assert!(left.is_empty(), "{left:?}");
    // The next run takes away what that one left.
    let reference = program("reference-exporter").display().to_string();
    let around = [("TMPDIR", temporary.to_str().unwrap())];
    let ran =
        run(Some(&standing.host), &reference, &["--registry", "embedded", "--scenario", "minimal"], &around).await;
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(ran.printed.contains("conformance: removed what killed runs had left: /"), "{}", ran.printed);
}

/// Whether a process is there, and not only its exit code.
fn runs(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_helper_that_hangs_ends_with_the_suite_that_a_signal_ends() {
    let standing = behind_a_password().await;
    // What is started next removes what a kill left.
    let asks_again = &["base-status", "layout:/nonexistent/app"][..];
    let runs_next = &["run", "--registry", "embedded", "--target", "registry", "--scenario", "minimal"][..];
    for (signal, arguments, next) in [
        ("-TERM", vec!["run".to_owned(), "--registry".to_owned(), standing.url.clone()], &[][..]),
        ("-INT", vec!["base-status".to_owned(), format!("{}/app:1", standing.host)], &[]),
        ("-KILL", vec!["base-status".to_owned(), format!("{}/app:1", standing.host)], asks_again),
        ("-KILL", vec!["base-status".to_owned(), format!("{}/app:1", standing.host)], runs_next),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("processes");
        // Of one that is killed the helper itself is ended.
        let hangs = format!("say() {{ echo $* >{0}.new; mv {0}.new {0}; }}\n", told.display());
        let hangs = hangs + if signal == "-KILL" { "say $$\nexec sleep 40" } else { "sleep 40 &\nsay $$ $!\nwait" };
        executable(folder.path(), "docker-credential-hangs", &hangs);
        let config = json!({ "credHelpers": { &standing.host: "hangs" } });
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let left_there = || std::fs::read_dir(&temporary).unwrap().count();
        let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
            .env("DOCKER_CONFIG", folder.path())
            .env("TMPDIR", &temporary)
            .env("PATH", path)
            .args(&arguments)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..400 {
            if told.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        let processes = std::fs::read_to_string(&told).unwrap();
        assert!(processes.split_whitespace().all(runs), "{processes}");
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(!status.success(), "{status}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let left: Vec<_> = processes.split_whitespace().filter(|process| runs(process)).collect();
        assert!(left.is_empty(), "{signal}: {left:?}");
        if signal == "-KILL" {
            assert_ne!(left_there(), 0);
            conformance().env("TMPDIR", &temporary).args(next).output_in_time().unwrap();
        }
        assert_eq!(left_there(), 0, "{signal}");
    }
}

#[test]
fn a_password_on_the_command_line_is_never_repeated() {
    const URL: &str = "http://me:hunter2@host.example";
    let told = |arguments: &[&str], host: &str| {
        let output = conformance().env("DOCKER_HOST", host).args(arguments).output_in_time().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("hunter2"), "{arguments:?} {host}: {said}");
        (output.status.code(), said)
    };
    let nowhere = "unix:///nonexistent/docker.sock";
    for (option, value) in [
        ("--registry", URL),
        ("--registry", "ftp://me:hunter2@host.example"),
        ("--daemon", "ssh://me:hunter2@host.example"),
        ("--daemon", "tcp://me:hunter2@host.example:1"),
        ("--report", URL),
        ("--scenario", URL),
        ("--scenarios", URL),
        ("--requirement", URL),
        ("--profile", URL),
        ("--exporter", URL),
        ("--exporter-file", URL),
        ("--baseline", URL),
        ("--config", URL),
        ("--registry-ca", URL),
        ("--require", URL),
    ] {
        let (code, said) = told(&["run", option, value], nowhere);
        assert_eq!(code, Some(2), "{option}: {said}");
        assert!(said.contains("host.example"), "{option}: {said}");
    }
    for arguments in [
        &["judge", URL][..],
        &["bundle", URL],
        &["compare", URL, URL],
        &["merge", URL],
        &["show", URL],
        &["check", URL],
        &["explain", URL],
        &["docs", URL],
        &["questions", URL],
        &["stores", URL],
        &["figures", URL],
        &["proposal", URL],
        &["site", URL, "--output", "/nonexistent/site"],
        &["man", URL],
        &["init", "/nonexistent/x", "--exporter", URL],
        &["base-status", URL],
        &["base-status", "me:hunter2@host.example/app"],
        &["base-status", "daemon:app", "--daemon", "tcp://me:hunter2@host.example:1"],
        &["demo", "--daemon", "tcp://me:hunter2@127.0.0.1:1"],
    ] {
        assert_ne!(told(arguments, nowhere).0, Some(0), "{arguments:?}");
    }
    let named = "tcp://me:hunter2@127.0.0.1:1";
    told(&["run", "--registry", "embedded", "--scenario", "minimal", "-v"], named);
    told(&["doctor"], named);
    told(&["base-status", "daemon:app"], named);
}
