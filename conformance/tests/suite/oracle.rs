//! What the reference writes, read by a reader of another project: `oci-spec`'s types take every manifest, index,
//! config and layout of its exports, and agree with what the suite reads of the raw bytes.

use std::path::{Path, PathBuf};

use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest, OciLayout};

use super::support::{program, run};

/// Builds with and without annotations, on run images of both formats and behind indexes, with several layers and tags.
const SCENARIOS: [&str; 6] = [
    "all-project-metadata",
    "docker-run-image",
    "minimal",
    "run-image-behind-index",
    "several-buildpacks",
    "three-tags",
];

/// The folders of exports below `folder`: those that hold an export.
fn exports(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_name() == "export.json");
    files.map(|entry| entry.path().parent().unwrap().to_path_buf()).collect()
}

#[test]
fn another_project_reads_all_that_the_reference_writes() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence");
    let exporter = program("reference-exporter");
    let mut arguments = vec!["--exporter", exporter.to_str().unwrap(), "--evidence", evidence.to_str().unwrap()];
    arguments.extend(["--target", "registry", "--target", "layout"]);
    arguments.extend(SCENARIOS.iter().flat_map(|scenario| ["--scenario", scenario]));
    let judged = run(&arguments);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    let (mut images, mut indexes, mut annotated) = (0, 0, 0);
    for export in exports(&evidence) {
        let shown = export.display();
        let manifest =
            ImageManifest::from_file(export.join("manifest.json")).unwrap_or_else(|e| panic!("{shown}: {e}"));
        let config =
            ImageConfiguration::from_file(export.join("config.json")).unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert_eq!(manifest.layers().len(), config.rootfs().diff_ids().len(), "{shown}");
        let bytes = std::fs::read(export.join("config.json")).unwrap();
        let digest = judge::digest::Digest::of(&bytes);
        assert_eq!(manifest.config().digest().to_string(), digest.as_str(), "{shown}");
        assert_eq!(manifest.config().size(), bytes.len() as u64, "{shown}");
        images += 1;
        annotated += usize::from(manifest.annotations().as_ref().is_some_and(|found| !found.is_empty()));
        if export.join("oci-layout").exists() {
            let layout = OciLayout::from_file(export.join("oci-layout")).unwrap_or_else(|e| panic!("{shown}: {e}"));
            assert_eq!(layout.image_layout_version(), "1.0.0", "{shown}");
            let index = ImageIndex::from_file(export.join("index.json")).unwrap_or_else(|e| panic!("{shown}: {e}"));
            assert_eq!(index.manifests().len(), 1, "{shown}");
            indexes += 1;
        }
    }
    assert_eq!(judged.report["exports"].as_u64(), Some(images), "every export is read");
    assert!(images > 10 && indexes > 3 && annotated > 5, "{images} images, {indexes} layouts, {annotated} annotated");
}
