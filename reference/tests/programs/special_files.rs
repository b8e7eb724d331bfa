//! Inputs that have no end, or none in sight: each ends the export at once, with its name, a cause and what to do.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bounded::Bounded as _;

use crate::support::build::{Build, exporter, run_image};
use crate::support::http::Answer;
use crate::support::server::{Server, Wanted, app, build_on, two_layers};

/// What an error says is wrong, and what makes it so.
type Tamper = (&'static str, fn(&Path));

const TAMPERS: [Tamper; 3] = [
    ("named pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("device", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
    ("more than 8388608 bytes", |path| File::create(path).unwrap().set_len(10 << 30).unwrap()),
];

fn spoiled(build: &Build, name: &str, tamper: fn(&Path)) {
    let path = build.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&path);
    tamper(&path);
}

#[test]
fn no_input_without_an_end_is_waited_for() {
    let run = run_image(&[&[0; 1024]]);
    let in_layout = |digest: &str| format!("layout/run.example/run/blobs/sha256/{}", digest.split_once(':').unwrap().1);
    for (name, code) in [
        ("layers/group.toml".to_owned(), 3),
        ("layers/analyzed.toml".to_owned(), 3),
        ("layers/config/metadata.toml".to_owned(), 3),
        ("layers/project-metadata.toml".to_owned(), 3),
        ("layers/b/runtime.toml".to_owned(), 62),
        ("lifecycle/launcher.sbom.cdx.json".to_owned(), 62),
        ("lifecycle/lifecycle.sbom.cdx.json".to_owned(), 62),
        (in_layout(&run.manifest), 62),
        (in_layout(&run.config), 62),
    ] {
        for (cause, tamper) in TAMPERS {
            let build = Build::with_layout();
            spoiled(&build, &name, tamper);
            let begun = Instant::now();
            let output = build.to_layout(exporter(), &["app.example/app:1"]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}, {cause}: {:?}", begun.elapsed());
            assert_eq!(output.status.code(), Some(code), "{name}, {cause}: {stderr}");
            let told = [name.rsplit('/').next().unwrap(), cause];
            assert!(told.iter().all(|word| stderr.contains(word)), "{name}, {cause}: {stderr}");
            assert!(
                ["put a regular file there", "make sure that it is the right one"]
                    .iter()
                    .any(|remedy| stderr.contains(remedy))
            );
            assert_eq!(stderr.lines().filter(|line| line.contains("ERROR")).count(), 1, "{stderr}");
            assert!(build.report().is_none(), "{name}, {cause}");
        }
    }
}

#[test]
fn docker_s_config_without_an_end_gives_no_credentials_and_a_warning() {
    let server = Server::start(|_| Wanted::Answer(Answer::status(401).with("WWW-Authenticate", "Basic realm=\"r\"")));
    for (cause, tamper) in TAMPERS {
        let build = build_on(&server, &two_layers());
        spoiled(&build, "docker/config.json", tamper);
        let mut command = build.command(exporter());
        command.env("DOCKER_CONFIG", build.path("docker"));
        let output = command.args(["-insecure-registry", &server.host, &app(&server)]).output_in_time().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        assert!(["Warning: ", "config.json", cause].iter().all(|word| stderr.contains(word)), "{cause}: {stderr}");
    }
}
