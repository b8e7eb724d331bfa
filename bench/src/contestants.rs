//! What is compared, and how each is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Failure;
use super::data::{Build, METADATA, NO_METADATA};
use super::measure::{self, Run};
use super::registry::Registry;

/// Something that is timed.
pub(super) struct Contestant {
    pub(super) name: String,
    kind: Kind,
}

enum Kind {
    /// This program.
    Bound(PathBuf),
    /// An exporter of the Platform API, and the project metadata that it is given.
    Exporter(PathBuf, &'static str),
    /// Lines for a shell, with `$BUILD`, `$HOST` and `$REPOSITORY`.
    Script(String),
}

impl Contestant {
    pub(super) fn bound(own: PathBuf) -> Self {
        Self { name: "bound".to_owned(), kind: Kind::Bound(own) }
    }

    pub(super) fn exporter(name: &str, program: PathBuf) -> Result<Self, Failure> {
        Self::with_metadata(name, program, NO_METADATA)
    }

    /// An exporter that finds a value for each of the seven keys of the project metadata.
    pub(super) fn annotating(name: &str, program: PathBuf) -> Result<Self, Failure> {
        Self::with_metadata(name, program, METADATA)
    }

    fn with_metadata(name: &str, program: PathBuf, metadata: &'static str) -> Result<Self, Failure> {
        if !program.is_file() {
            return Err(format!("{} is not there; build it with --release first", program.display()).into());
        }
        Ok(Self { name: name.to_owned(), kind: Kind::Exporter(program, metadata) })
    }

    /// One run, on a build, into a repository.
    pub(super) fn run(&self, build: &Build, registry: &Registry, repository: &str, api: &str) -> Result<Run, Failure> {
        let mut command = match &self.kind {
            Kind::Bound(own) => {
                let mut command = Command::new(own);
                command.arg("--bound").arg(build.path("")).arg(format!("{}/{repository}", registry.host));
                command
            }
            Kind::Exporter(program, metadata) => {
                build.with_previous(registry, repository)?;
                exporter(program, build, metadata, registry, repository, api)
            }
            Kind::Script(lines) => {
                let mut command = Command::new("bash");
                command.args(["-euo", "pipefail", "-c", lines]);
                command.env("HOST", &registry.host).env("REPOSITORY", repository).env("BUILD", build.path(""));
                command
            }
        };
        command.env("TMPDIR", build.path("temporary"));
        measure::run(&mut command)
    }
}

fn exporter(
    program: &Path,
    build: &Build,
    metadata: &str,
    registry: &Registry,
    repository: &str,
    api: &str,
) -> Command {
    let mut command = Command::new(program);
    command.env("CNB_PLATFORM_API", api).env("CNB_INSECURE_REGISTRIES", &registry.host);
    for (flag, name) in [
        ("-layers", "layers"),
        ("-app", "app"),
        ("-launcher", "lifecycle/launcher"),
        ("-launcher-sbom", "lifecycle"),
        ("-group", "layers/group.toml"),
        ("-analyzed", "layers/analyzed.toml"),
        ("-project-metadata", metadata),
        ("-run", "run.toml"),
        ("-report", "report.toml"),
    ] {
        command.arg(flag).arg(build.path(name));
    }
    command.args(["-uid", "1000", "-gid", "1000"]).arg(format!("{}/{repository}:1", registry.host));
    command
}

/// What Debian ships for parts of it, where it is installed: one blob of all launch layers, an image by umoci and
/// skopeo, and what the layers cost an exporter that is written in Go. What has to be built is built in `folder`.
pub(super) fn of_debian(folder: &Path) -> Result<Vec<Contestant>, Failure> {
    let mut found = Vec::new();
    if are_there(&["go"]) {
        found.push(go_layers(folder)?);
    }
    for (name, compress) in [("gzip-1", "gzip -1"), ("pigz-1", "pigz -1")] {
        if are_there(&[name.split('-').next().unwrap_or(name), "tar", "sha256sum", "curl"]) {
            found.push(script(name, &blob(compress)));
        }
    }
    if are_there(&["umoci", "skopeo"]) {
        found.push(script(
            "umoci-skopeo",
            "to=$TMPDIR/oci; rm -rf \"$to\"\n\
             umoci init --layout \"$to\"; umoci new --image \"$to:1\"\n\
             umoci insert --rootless --image \"$to:1\" \"$BUILD/layers/b\" /layers/b\n\
             skopeo --insecure-policy copy --dest-tls-verify=false \"oci:$to:1\" \"docker://$HOST/$REPOSITORY:1\"\n\
             rm -rf \"$to\"",
        ));
    }
    Ok(found)
}

fn go_layers(folder: &Path) -> Result<Contestant, Failure> {
    let (source, program) = (folder.join("go-layers.go"), folder.join("go-layers"));
    std::fs::write(&source, include_str!("../go/layers.go"))?;
    let cache = folder.join("go-cache");
    measure::run(Command::new("go").arg("build").arg("-o").arg(&program).arg(&source).env("GOCACHE", &cache))?;
    std::fs::remove_dir_all(cache)?;
    Ok(script("go-layers", &format!("exec '{}' \"$BUILD\" \"$HOST/$REPOSITORY\"", program.display())))
}

fn script(name: &str, lines: &str) -> Contestant {
    Contestant { name: name.to_owned(), kind: Kind::Script(lines.to_owned()) }
}

/// A tar, its digest, a compressed file, its digest, and that file sent.
fn blob(compress: &str) -> String {
    format!(
        "tar -C \"$BUILD/layers\" -cf - b | tee >(sha256sum >\"$TMPDIR/diff-id\") | {compress} >\"$TMPDIR/blob\"\n\
         digest=$(sha256sum <\"$TMPDIR/blob\" | cut -d' ' -f1)\n\
         place=$(curl -sS -X POST -o /dev/null -w '%header{{location}}' \"http://$HOST/v2/$REPOSITORY/blobs/uploads/\")\n\
         curl -sS --fail -o /dev/null -T \"$TMPDIR/blob\" -H 'Content-Type: application/octet-stream' \
         \"$place&digest=sha256:$digest\"\n\
         rm \"$TMPDIR/blob\""
    )
}

fn are_there(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    programs.iter().all(|program| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
