//! Runs the suite on scenarios that a test writes, with an exporter that is a script.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bounded::Bounded as _;
use serde_json::Value;

use crate::support::conformance;

/// Folders of one test; others may read them, because steps run as others.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
}

pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) stderr: String,
    evidence: PathBuf,
}

/// Functions that scripts may use: one HTTP request by bash alone, which prints the status line.
const FUNCTIONS: &str = r#"
get() {
  exec 3<>"/dev/tcp/${1%:*}/${1#*:}" || { echo refused; return; }
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\nAccept: */*\r\n\r\n' "$2" "$1" >&3
  timeout 1 head -n "${3:-1}" <&3 | tr -d '\r' || echo silent
  exec 3>&-
}
for image; do :; done
layers=${layers:-$(pwd)/../layers}
"#;

impl Rig {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rig = Self { folder };
        open(rig.folder.path(), 0o755);
        rig.folder("tmp", 0o777);
        rig.folder("scenarios", 0o755);
        rig
    }

    fn folder(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        open(&path, mode);
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A scenario on the built-in `minimal` one.
    pub(crate) fn scenario(&self, name: &str, text: &str) {
        let folder = self.folder("scenarios", 0o755).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("why = 'A test.'\nbase = 'minimal'\n{text}");
        std::fs::write(folder.join("scenario.toml"), text).unwrap();
    }

    pub(crate) fn exporter(&self, script: &str) {
        let path = self.path("exporter");
        std::fs::write(&path, format!("#!/bin/bash\n{FUNCTIONS}\n{script}\n")).unwrap();
        open(&path, 0o755);
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = conformance();
        command
            .env("TMPDIR", self.path("tmp"))
            .args(["run", "--registry", "embedded", "--exporter"])
            .arg(self.path("exporter"))
            .arg("--scenarios")
            .arg(self.path("scenarios"));
        command
    }

    /// Runs all of it; nothing may be left of it in the temporary folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let (report, evidence) = (self.path("report.json"), self.path("evidence"));
        let mut command = self.command();
        command.arg("--report").arg(format!("json={}", report.display())).arg("--evidence").arg(&evidence);
        let output = command.args(arguments).output_in_time().unwrap();
        assert_eq!(self.left(), Vec::<PathBuf>::new());
        Run {
            code: output.status.code(),
            report: conformance::report::json::plain(&std::fs::read(&report).unwrap_or_default()).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            evidence,
        }
    }

    /// What is in the temporary folder.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Run {
    /// The evidence of one export.
    pub(crate) fn export(&self, id: &str) -> Value {
        let file = self.evidence.join(id).join("export.json");
        let bytes =
            std::fs::read(&file).unwrap_or_else(|error| panic!("{id}: {error}: {}\n{}", self.stderr, self.report));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The word that stood for the scenario in names of images.
    pub(crate) fn project(&self, id: &str) -> String {
        self.export(id)["inputs"]["project"].as_str().unwrap().to_owned()
    }

    /// What the exporter printed as `name=value`.
    pub(crate) fn printed(&self, id: &str, name: &str) -> String {
        let export = self.export(id);
        let text = export["outcome"]["stdout"].as_str().unwrap().to_owned();
        let prefix = format!("{name}=");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("{id}: no {name} in {text}{}", export["outcome"]["stderr"])).to_owned()
    }

    /// Why a scenario was skipped at a service.
    pub(crate) fn skipped(&self, scenario: &str) -> Option<String> {
        let verdicts = self.report["verdicts"].as_array()?;
        let skipped = verdicts.iter().find(|entry| entry["scenario"] == scenario && entry["verdict"] == "skipped")?;
        skipped["message"].as_str().map(str::to_owned)
    }
}

pub(crate) fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
