//! OCI image layouts in temporary folders: whole, partial, lying.

use std::fs;
use std::path::Path;

use conformance::observe::{
    BlobStore, LayerReader, Limits, layout_base_image, layout_document, layout_facts, layout_tag_state,
    list_layout_folders, mapped_path,
};
use judge::digest::Digest;
use judge::evidence::EntryKind;

fn reader(folder: &Path) -> LayerReader {
    LayerReader::new(BlobStore::open(folder).unwrap(), Limits::default())
}

fn blob(root: &Path, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    fs::write(root.join("blobs/sha256").join(digest.encoded()), bytes).unwrap();
    digest
}

fn tar_of(name: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, std::io::empty()).unwrap();
    tar.into_inner().unwrap()
}

/// A layout of one image with a layer that is there and one that is not; the manifest's digest.
fn lay_out(root: &Path) -> Digest {
    let (config, layer) = (blob(root, br#"{"os":"linux"}"#), blob(root, &tar_of("x")));
    let run = Digest::of(b"the run image's");
    let manifest = format!(
        r#"{{"config":{{"digest":"{config}"}},"layers":[{{"digest":"{run}"}},{{"digest":"{layer}"}},{{"digest":"sha256:../../x"}}]}}"#
    );
    let manifest = blob(root, manifest.as_bytes());
    fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(root.join("index.json"), format!(r#"{{"manifests":[{{"digest":"{manifest}"}}]}}"#)).unwrap();
    manifest
}

#[test]
fn references_are_mapped_as_the_specification_says() {
    let digest = Digest::of(b"");
    for (reference, path) in [
        ("app", "index.docker.io/library/app/latest".to_owned()),
        ("docker.io/bar/app:v1", "index.docker.io/bar/app/v1".to_owned()),
        ("host.example/a/b:v1", "host.example/a/b/v1".to_owned()),
        ("localhost:5000/a", "localhost:5000/a/latest".to_owned()),
        (&format!("host.example/a@{digest}"), format!("host.example/a/sha256/{}", digest.encoded())),
        (&format!("host.example/a:v1@{digest}"), format!("host.example/a/sha256/{}", digest.encoded())),
    ] {
        assert_eq!(mapped_path(reference), Some(path), "{reference}");
    }
    assert_eq!((mapped_path("../x"), mapped_path("A//b"), mapped_path("")), (None, None, None));
}

#[tokio::test]
async fn an_export_is_told_with_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (layout, evidence) = (folder.path().join("layout"), folder.path().join("evidence"));
    let images = ["host.example/app:v1".to_owned(), "host.example/app:v2".to_owned()];
    let run = layout.join("host.example/run/latest");
    lay_out(&run);
    let before = list_layout_folders(&layout).unwrap();
    assert_eq!(before, ["host.example/run/latest"]);
    assert_eq!(layout_tag_state(&layout, &images[0]).unwrap(), None);
    let manifest = lay_out(&layout.join("host.example/app/v1"));
    let loose =
        [blob(&layout.join("host.example/app/v1"), b"{\"x\":1}"), blob(&layout.join("host.example/app/v1"), b"x")];
    assert_eq!(layout_tag_state(&layout, &images[0]).unwrap().as_deref(), Some(manifest.as_str()));
    let seen = layout_facts(&layout, &images, &before, &reader(&evidence)).await.unwrap();
    assert_eq!(seen.facts.folders, ["host.example/app/v1"]);
    let [first, second] = &seen.facts.roots[..] else { panic!("two images") };
    assert_eq!((first.path.as_str(), first.present, first.blobs.len()), ("host.example/app/v1", true, 5));
    assert!(first.blobs.iter().all(|blob| blob.path == format!("blobs/sha256/{}", blob.digest.encoded())));
    let name = |path: &str| path.trim_start_matches("blobs/sha256/").to_owned();
    let told = first.loose.iter().flatten().map(|one| (name(&one.path), one.document.is_some()));
    let mut found: Vec<_> = told.collect();
    let mut expected =
        [(&loose[0], true), (&loose[1], false)].map(|(digest, json)| (digest.encoded().to_owned(), json));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(first.oci_layout.is_some() && first.index.is_some());
    assert_eq!((second.present, &second.index), (false, &None));
    assert_eq!((seen.tags[0].digest.as_deref(), seen.tags[1].digest.as_deref()), (Some(manifest.as_str()), None));
    let image = seen.image.unwrap();
    assert_eq!((image.manifest.unwrap().digest, image.config.unwrap().bytes.len()), (manifest, 14));
    let [run, app, odd] = &image.layers[..] else { panic!("three layers") };
    assert_eq!((run.left_out, &run.blob, &run.problem), (true, &None, &None));
    assert_eq!((app.left_out, app.blob.as_ref().unwrap().entries[0].kind), (false, EntryKind::File));
    assert_eq!((odd.left_out, odd.problem.is_some()), (false, true));
}

#[tokio::test]
async fn an_index_that_is_too_large_is_told_with_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let root = layout.join("host.example/app/v1");
    lay_out(&root);
    let size = (16 << 20) + 1;
    fs::File::create(root.join("index.json")).unwrap().set_len(size).unwrap();
    let images = ["host.example/app:v1".to_owned()];
    let seen = layout_facts(&layout, &images, &[], &reader(&folder.path().join("evidence"))).await.unwrap();
    assert_eq!(seen.facts.roots[0].unread, [("index.json".to_owned(), size)]);
    assert_eq!((&seen.facts.roots[0].index, seen.image), (&None, None));
}

#[tokio::test]
async fn a_layout_that_lies_or_leads_out_is_told_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout/host.example/app/v1");
    let manifest = lay_out(&root);
    let named = root.join("blobs/sha256").join(manifest.encoded());
    fs::write(&named, "{}").unwrap();
    fs::write(folder.path().join("secret"), "{}").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), root.join("blobs/link")).unwrap();
    fs::remove_file(root.join("oci-layout")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), root.join("oci-layout")).unwrap();
    let images = ["host.example/app:v1".to_owned(), "UPPER".to_owned()];
    let layers = reader(&folder.path().join("evidence"));
    let seen = layout_facts(&folder.path().join("layout"), &images, &[], &layers).await.unwrap();
    assert_eq!(seen.image.unwrap().manifest.unwrap().digest, Digest::of(b"{}"));
    assert_eq!(seen.tags[0].digest.as_deref(), Some(manifest.as_str()));
    let [first, second] = &seen.facts.roots[..] else { panic!("two images") };
    assert_eq!((first.blobs.len(), &first.oci_layout), (3, &None));
    assert_eq!((second.path.as_str(), second.present), ("", false));
}

#[test]
fn documents_and_the_base_are_read_by_digest_only() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = lay_out(folder.path());
    let base = layout_base_image(folder.path(), manifest.as_str(), "linux", "amd64").unwrap();
    assert_eq!((base.fetched.status, base.config.unwrap().digest), (200, Digest::of(br#"{"os":"linux"}"#)));
    for asked in ["sha256:../index.json", Digest::of(b"gone").as_str()] {
        let fetched = layout_document(folder.path(), asked).unwrap();
        assert_eq!((fetched.status, fetched.document), (404, None));
    }
    assert_eq!(list_layout_folders(&folder.path().join("none")).unwrap(), Vec::<String>::new());
}
