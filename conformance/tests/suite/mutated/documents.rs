//! What an exporter writes, as it was observed: its manifest, config and report are judged whatever they are.

use std::time::Duration;

use bounded::Bounded as _;
use conformance::evidence::bundle;
use conformance::evidence::reader::Stored;
use judge::evidence::{Document, Export, Target};
use judge::profile::Profile;
use tempfile::TempDir;

use super::bytes::tried;
use crate::support::{conformance, program};

/// A folder with the evidence of a run of the reference exporter of the same build.
pub(super) fn stored_run() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = conformance()
        .args(["run", "--registry", "embedded", "--scenario", "minimal", "--target", "registry", "--target", "layout"])
        .arg("--exporter")
        .arg(program("reference-exporter"))
        .arg("--evidence")
        .arg(folder.path().join("evidence"))
        .output_in_time()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    folder
}

/// Judges the run with one document of the registry export in place of what it was.
fn judged(what: &str, of: impl Fn(&mut Export) -> Option<&mut Document>) {
    let run = stored_run();
    let Stored { facts, mut scenarios } = bundle::read(&run.path().join("evidence")).unwrap();
    let at = scenarios[0].exports.iter().position(|export| export.target == Target::Registry).unwrap();
    let good = of(&mut scenarios[0].exports[at]).unwrap().bytes.clone();
    tried(what, &[good], Duration::from_secs(20), |_, bytes| {
        let document = of(&mut scenarios[0].exports[at]).unwrap();
        *document = Document::new(bytes.to_vec(), document.content_type.clone());
        let report = facts.judge(&scenarios, &Profile::Strict);
        assert!(!report.verdicts.is_empty());
    });
}

#[test]
fn manifests() {
    judged("manifest", |export| export.image.as_mut()?.manifest.as_mut());
}

#[test]
fn configs() {
    judged("config", |export| export.image.as_mut()?.config.as_mut());
}

#[test]
fn reports() {
    judged("report.toml", |export| export.report.as_mut());
}
